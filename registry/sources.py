"""Source addresses of a version's files, in one canonical form that is checked, stored and resolved. Pure.

MLflow writes a registered version as `models:/name/3` or `models:/name@alias` and a logged model as `models:/m-<id>`;
its own parser accepts more spellings of the same (capitals in the scheme, more slashes, leading zeros). Each of them
has one canonical form here, and a `models:` address without one is refused. Names are not decoded: MLflow does not
decode percent signs, so `zz%20a` and `zz a` are two names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_LOGGED_MODEL = re.compile(r"m-[0-9A-Za-z]+")
_MAX_DIGITS = 9
LATEST = "latest"
"""The alias for the newest version (MLflow)."""


class SourceError(ValueError):
    """A source has no canonical form. `code` is stable; the message has the rule and the remedy."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class NamedVersion:
    """A registered version named by a source: the MLflow name of its model, and a number or an alias."""

    name: str
    number: int | None = None
    alias: str = ""

    def __str__(self) -> str:
        return f"models:/{self.name}@{self.alias}" if self.number is None else f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class SourceAddress:
    """A source in its canonical form; `version` is set if it names a registered version."""

    text: str
    version: NamedVersion | None = None


def read(text: str) -> SourceAddress:
    """Parse a source.

    Args:
        text: a source from a client or from the database.

    Returns:
        The canonical form, stripped and with the scheme in lower case.

    Raises:
        SourceError: a `models:` address that names neither a version nor a logged model, or an address with a parent
            folder (`..`).
    """
    address = text.strip()
    scheme = _SCHEME.match(address)
    if scheme is None:
        return SourceAddress(_without_parent_folder(address))
    kind, rest = scheme[1].lower(), address[scheme.end() :]
    if kind != "models":
        return SourceAddress(_without_parent_folder(f"{kind}:{rest}"))
    return _models(rest)


def _models(rest: str) -> SourceAddress:
    if not rest.startswith("/") or (rest.startswith("//") and not rest.startswith("///")):
        raise _not_a_version()
    head, *inside = rest.lstrip("/").split("/")
    if not head.strip():
        raise _not_a_version()
    if not inside:
        name, at, alias = head.rpartition("@")
        if not at:
            if not _LOGGED_MODEL.fullmatch(head):
                raise _not_a_version()
            return SourceAddress(f"models:/{head}")
        if not name.strip() or not alias.strip():
            raise _not_a_version()
        return _version(NamedVersion(name, alias=LATEST if alias.casefold() == LATEST else alias))
    number = inside[0]
    if len(inside) == 1 and number.isascii() and number.isdecimal() and len(number) <= _MAX_DIGITS:
        return _version(NamedVersion(head, int(number)))
    if len(inside) == 1 and number.casefold() == LATEST:
        return _version(NamedVersion(head, alias=LATEST))
    if _LOGGED_MODEL.fullmatch(head):
        path = _without_parent_folder("/".join(part for part in inside if part))
        return SourceAddress(f"models:/{head}/{path}".rstrip("/"))
    raise _not_a_version()


def _version(named: NamedVersion) -> SourceAddress:
    return SourceAddress(str(named), named)


def _without_parent_folder(address: str) -> str:
    if ".." in re.split(r"[/\\]", unquote(address)):
        raise SourceError("parent_folder", "A source may not contain “..”: write the address of the folder itself.")
    return address


def _not_a_version() -> SourceError:
    return SourceError(
        "source_form",
        "A models: address names a version by number (models:/name/3) or by alias (models:/name@champion), or a logged "
        "model (models:/m-…). A stage moves: name the version that is in it.",
    )
