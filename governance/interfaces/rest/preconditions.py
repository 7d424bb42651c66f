"""Entity tags and the preconditions on them (RFC 9110 section 13, RFC 6585 section 3).

A tag is `"<id>-<revision>-<digest>"`. The digest is over the representation, so that what also depends on the reader or
the moment (who can fulfil a requirement, which check runs) is never answered with 304. `If-Match` is about the
revision alone: a write is not refused because a check began to run.
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
    """The tag of an object in the state that `representation` (JSON data) shows."""
    digest = hashlib.sha256(json.dumps(representation, sort_keys=True).encode()).hexdigest()[:12]
    return f'"{identity}-{revision}-{digest}"'


def matches_etag(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names this very representation (weak comparison)."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or tag.strip('"') in _TAG.findall(given)


def expected_revision(request: Request, identity: object) -> int | None:
    """The revision `If-Match` asks for; None for `*`, which means any. Asked when everything else is in order (RFC 9110
    section 13.2.1).

    Raises Problem: 428 without the header, 412 where it is not a tag of this object.
    """
    given = request.headers.get("If-Match")
    if given is None:
        raise Problem(
            428,
            "precondition_required",
            "Say which revision you mean: read it and send its ETag as If-Match.",
        )
    if given.strip() == "*":
        return None
    for tag in _TAG.findall(given):
        parts = re.fullmatch(rf"{re.escape(str(identity))}-([0-9]{{1,9}})(?:-[0-9a-f]{{12}})?", tag)
        if parts is not None:
            return int(parts[1])
    raise Problem(412, "stale_revision", "If-Match holds no ETag of this object: read it again and send that one.")


def known_revision(request: Request, identity: object) -> int | None:
    """The revision of the object the caller has, by `If-None-Match`; None where it does not say."""
    for tag in _TAG.findall(request.headers.get("If-None-Match", "")):
        parts = re.fullmatch(rf"{re.escape(str(identity))}-([0-9]{{1,9}})-[0-9a-f]{{12}}", tag)
        if parts is not None:
            return int(parts[1])
    return None
