"""Where a version's files come from, in one canonical form: the same text is checked, stored and resolved. Pure.

MLflow writes a registered version as `models:/name/3` or `models:/name@alias` and a logged model as `models:/m-<id>`;
its own reader accepts more spellings of the same (capitals in the scheme, further slashes, leading zeros). Each of them
has one canonical form here, and a `models:` address that has none is refused. Names are taken as written: MLflow does
not decode percent signs, so `zz%20a` and `zz a` are two names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_LOGGED_MODEL = re.compile(r"m-[0-9A-Za-z]+")
_MAX_DIGITS = 9
LATEST = "latest"
"""The alias that means the newest version (MLflow)."""


class SourceError(ValueError):
    """A source that has no canonical form. `code` is stable; the message names the rule and the remedy."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class NamedVersion:
    """A registered version as a source names it: by its model's MLflow name and a number, or an alias."""

    name: str
    number: int | None = None
    alias: str = ""

    def __str__(self) -> str:
        return f"models:/{self.name}@{self.alias}" if self.number is None else f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class SourceAddress:
    """A source in its canonical form; `version` is set where it names a registered version."""

    text: str
    version: NamedVersion | None = None


def read(text: str) -> SourceAddress:
    """Read a source.

    Args:
        text: what a client sent or what is stored.

    Returns:
        The canonical form, without surrounding space and with the scheme in lower case.

    Raises:
        SourceError: for a `models:` address that names neither a version nor a logged model, and for an address with
            a parent folder (`..`) in it.
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
        raise SourceError("parent_folder", "A source holds no “..”: write the address of the folder itself.")
    return address


def _not_a_version() -> SourceError:
    return SourceError(
        "source_form",
        "A models: address names a version by number (models:/name/3) or by alias (models:/name@champion), or a logged "
        "model (models:/m-…). A stage moves: name the version that is in it.",
    )
