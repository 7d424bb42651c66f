"""Keeps the text of a form that was not accepted, so that it can be read, copied and sent again.

A form is not accepted if its CSRF token is outdated, if the session has ended, or if a service rejects it. Passwords
and one-time codes are never kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from registry.json_text import JsonTextError, parse_json

KEPT = "kept_text"
"""Session key of the kept form."""
MAX_KEPT = 400_000
"""Maximum characters kept of one form; above the limit of a model card."""
MAX_FIELDS = 500
_NOT_KEPT = re.compile(r"password|secret|token|code\Z", re.IGNORECASE)
_SHORT = 80


@dataclass(frozen=True)
class KeptField:
    """A value of a form. `is_long`: shown in a text area."""

    name: str
    value: str

    @property
    def label(self) -> str:
        """The label of the field."""
        return self.name.rpartition("-")[2].replace("_", " ").capitalize()

    @property
    def is_long(self) -> bool:
        return len(self.value) > _SHORT or "\n" in self.value


@dataclass(frozen=True)
class KeptForm:
    """A form sent to `path`.

    `files`: names of file fields, whose files must be chosen again. `signs`: the form had a password; it cannot be sent
    from another page, because that page does not show what is signed.
    """

    path: str
    fields: tuple[KeptField, ...] = ()
    files: tuple[str, ...] = ()
    signs: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.files)

    @property
    def texts(self) -> tuple[KeptField, ...]:
        """The values a user wrote, without hidden values of the page."""
        return tuple(field for field in self.fields if field.is_long or " " in field.value.strip())

    def get(self, name: str) -> str:
        """The value of a field; empty if it was not sent."""
        return next((field.value for field in self.fields if field.name == name), "")

    def as_json(self) -> str:
        """Serialize for a hidden field or a session."""
        fields = [[field.name, field.value] for field in self.fields]
        return json.dumps({"path": self.path, "fields": fields, "files": self.files, "signs": self.signs})


def sent_with(request: HttpRequest) -> KeptForm:
    """Return the part of a POST request that may be kept."""
    if request.method != "POST":
        return KeptForm(request.path)
    pairs = ((name, value) for name, values in request.POST.lists() for value in values)
    return KeptForm(request.path, _within_limits(pairs), tuple(request.FILES), "password" in request.POST)


def read(text: str) -> KeptForm | None:
    """Parse the output of `KeptForm.as_json`; None for invalid text, and for a path that accepts no POST."""
    try:
        data: Any = parse_json(text)
        pairs = [(str(name), str(value)) for name, value in data["fields"]]
        form = KeptForm(str(data["path"]), _within_limits(pairs), tuple(map(str, data["files"])), data["signs"] is True)
    except (JsonTextError, ValueError, TypeError, KeyError):
        return None
    return form if takes_forms(form.path) else None


def keep(request: HttpRequest, kept: KeptForm) -> None:
    """Store a form in the session, replacing an earlier one."""
    request.session[KEPT] = kept.as_json()


def kept_for(request: HttpRequest, path: str) -> KeptForm | None:
    """Return the form kept in the session for `path`."""
    kept = read(str(request.session.get(KEPT, "")))
    return kept if kept is not None and kept.path == path else None


def take_kept(request: HttpRequest, path: str) -> KeptForm | None:
    """Return the form kept for `path` and remove it from the session."""
    kept = kept_for(request, path)
    if kept is not None:
        del request.session[KEPT]
    return kept


def takes_forms(path: str) -> bool:
    """Whether a page accepts POST at this path."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return "POST" in getattr(view, "methods", ())


def page_above(path: str) -> str:
    """Return the nearest parent path that shows a page, which has the form sent to `path`."""
    parts = path.rstrip("/").split("/")
    while len(parts) > 2:
        parts.pop()
        above = "/".join([*parts, ""])
        try:
            view = resolve(above).func
        except Resolver404:
            continue
        if "GET" in getattr(view, "methods", ()):
            return above
    return "/"


def is_from_own_page(request: HttpRequest) -> bool:
    """Whether the Origin header names this installation.

    Only then may a form with a new CSRF token be filled with the submitted values. Otherwise another site could have
    its text sent with one click.
    """
    origin = request.headers.get("Origin", "")
    return bool(origin) and origin in {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}


def _within_limits(pairs: Iterable[tuple[str, str]]) -> tuple[KeptField, ...]:
    kept: list[KeptField] = []
    left = MAX_KEPT
    for name, value in pairs:
        if _NOT_KEPT.search(name) or len(name) + len(value) > left or len(kept) >= MAX_FIELDS:
            continue
        left -= len(name) + len(value)
        kept.append(KeptField(name, value))
    return tuple(kept)
