"""Text that was sent with a form and was not taken: kept, so that it can be read, copied and sent again.

A form is not taken where its CSRF token is out of date, where the session ended meanwhile, and where a service refuses.
Passwords and one-time codes are never kept.
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
"""Session key of a form that was not taken."""
MAX_KEPT = 400_000
"""Characters kept of one form: more than a model card may have."""
MAX_FIELDS = 500
_NOT_KEPT = re.compile(r"password|secret|token|code\Z", re.IGNORECASE)
_SHORT = 80


@dataclass(frozen=True)
class KeptField:
    """One value of a form. `is_long`: it needs a text area."""

    name: str
    value: str

    @property
    def label(self) -> str:
        """The name of the field in words."""
        return self.name.rpartition("-")[2].replace("_", " ").capitalize()

    @property
    def is_long(self) -> bool:
        return len(self.value) > _SHORT or "\n" in self.value


@dataclass(frozen=True)
class KeptForm:
    """What was sent to `path`. `files`: names of the file fields, whose files have to be chosen again; `signs`: the
    form had a password: it is not sent again from another page, which does not show what is signed."""

    path: str
    fields: tuple[KeptField, ...] = ()
    files: tuple[str, ...] = ()
    signs: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.files)

    @property
    def texts(self) -> tuple[KeptField, ...]:
        """What somebody wrote, and not what the page put into the form."""
        return tuple(field for field in self.fields if field.is_long or " " in field.value.strip())

    def get(self, name: str) -> str:
        """The value of a field, empty where it was not sent."""
        return next((field.value for field in self.fields if field.name == name), "")

    def as_json(self) -> str:
        """The form in a hidden field of another one, or in a session."""
        fields = [[field.name, field.value] for field in self.fields]
        return json.dumps({"path": self.path, "fields": fields, "files": self.files, "signs": self.signs})


def sent_with(request: HttpRequest) -> KeptForm:
    """Return what a POST request carries that may be kept."""
    if request.method != "POST":
        return KeptForm(request.path)
    pairs = ((name, value) for name, values in request.POST.lists() for value in values)
    return KeptForm(request.path, _within_limits(pairs), tuple(request.FILES), "password" in request.POST)


def read(text: str) -> KeptForm | None:
    """Return the form that `KeptForm.as_json` wrote; None for any other text, and for one that was sent to no page."""
    try:
        data: Any = parse_json(text)
        pairs = [(str(name), str(value)) for name, value in data["fields"]]
        form = KeptForm(str(data["path"]), _within_limits(pairs), tuple(map(str, data["files"])), data["signs"] is True)
    except (JsonTextError, ValueError, TypeError, KeyError):
        return None
    return form if takes_forms(form.path) else None


def keep(request: HttpRequest, kept: KeptForm) -> None:
    """Put a form into the session, in place of one that is there."""
    request.session[KEPT] = kept.as_json()


def kept_for(request: HttpRequest, path: str) -> KeptForm | None:
    """Return what the session keeps of a form that was sent to `path`."""
    kept = read(str(request.session.get(KEPT, "")))
    return kept if kept is not None and kept.path == path else None


def take_kept(request: HttpRequest, path: str) -> KeptForm | None:
    """Return the same, once: for a page that fills its own form with it."""
    kept = kept_for(request, path)
    if kept is not None:
        del request.session[KEPT]
    return kept


def takes_forms(path: str) -> bool:
    """Whether a page of the product takes POST at this address."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return "POST" in getattr(view, "methods", ())


def page_above(path: str) -> str:
    """Return the nearest address above `path` that shows a page: the one with the form that is sent to `path`."""
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
    """Whether the browser says that a page of this installation sent the request. Only then may a form with a new CSRF
    token be filled with what it carries: another site must not have its text sent by one click."""
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
