"""Entity tags and preconditions (RFC 9110 section 13, RFC 6585 section 3).

A tag is `"<id>-<revision>-<digest>"`. The digest covers the representation, because parts of it depend on the reader or
on the time (who can fulfil a requirement, which check is running), and those changes must not be answered with 304.
`If-Match` compares the revision only: a write does not fail because a check started to run.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from rest_framework.request import Request

from governance.interfaces.rest.problem import Problem

_TAG = re.compile(r'"([^"]*)"')


def etag(identity: object, revision: int, representation: Any) -> str:
    """Return the entity tag of an object.

    Args:
        identity: identifier of the object.
        revision: its revision number.
        representation: the JSON data of the response.
    """
    digest = hashlib.sha256(json.dumps(representation, sort_keys=True).encode()).hexdigest()[:12]
    return f'"{identity}-{revision}-{digest}"'


def matches_etag(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` contains this tag (weak comparison)."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or tag.strip('"') in _TAG.findall(given)


def expected_revision(request: Request, identity: object) -> int | None:
    """Return the revision in `If-Match`; None for `*`, which matches any revision.

    Call it after every other check of the request (RFC 9110 section 13.2.1).

    Raises:
        Problem: 428 without the header, 412 if it contains no tag of this object.
    """
    given = request.headers.get("If-Match")
    if given is None:
        raise Problem(
            428,
            "precondition_required",
            "A revision is required: read the object and send its ETag as If-Match.",
        )
    if given.strip() == "*":
        return None
    for tag in _TAG.findall(given):
        parts = re.fullmatch(rf"{re.escape(str(identity))}-([0-9]{{1,9}})(?:-[0-9a-f]{{12}})?", tag)
        if parts is not None:
            return int(parts[1])
    raise Problem(412, "stale_revision", "If-Match contains no ETag of this object: read it again and send its ETag.")


def known_revision(request: Request, identity: object) -> int | None:
    """Return the revision the client has according to `If-None-Match`; None if it names none."""
    for tag in _TAG.findall(request.headers.get("If-None-Match", "")):
        parts = re.fullmatch(rf"{re.escape(str(identity))}-([0-9]{{1,9}})-[0-9a-f]{{12}}", tag)
        if parts is not None:
            return int(parts[1])
    return None
