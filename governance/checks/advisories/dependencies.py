"""The packages of a version as its evidence lists them: an environment lock, or a CycloneDX bill of materials. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from governance.checks.base import BOM, ENVIRONMENT_LOCK
from governance.checks.locked_packages import LockUnreadableError, Pin, read_locked_packages
from registry.json_text import JsonTextError, parse_json

KINDS = (ENVIRONMENT_LOCK, BOM)
MAX_BOM = 32 << 20
MAX_COMPONENTS = 50_000
_PURL = re.compile(r"pkg:(?P<type>[A-Za-z][A-Za-z0-9.+-]*)/(?P<path>[^@?#]+)(?:@(?P<version>[^?#]+))?")
_PROGRAMS = ("library", "framework", "application")


class DependenciesUnreadableError(ValueError):
    """The evidence lists no packages that can be read; the message names the rule."""


@dataclass(frozen=True)
class Dependencies:
    """Pinned packages of Python, faults as (code, message, place), and the number of packages of other kinds."""

    pins: tuple[Pin, ...]
    faults: tuple[tuple[str, str, str], ...]
    others: int = 0


def read_dependencies(kind: str, raw: bytes) -> Dependencies:
    """Read the packages that a piece of evidence lists.

    Args:
        kind: one of `KINDS`.
        raw: the content.

    Raises:
        DependenciesUnreadableError: it cannot be read, or lists nothing.
    """
    if kind == BOM:
        return _of_bom(raw)
    try:
        lock = read_locked_packages(raw)
    except LockUnreadableError as error:
        raise DependenciesUnreadableError(str(error)) from error
    return Dependencies(lock.pins, tuple((fault.code, fault.message, fault.line) for fault in lock.faults))


def _of_bom(raw: bytes) -> Dependencies:
    if len(raw) > MAX_BOM:
        raise DependenciesUnreadableError(f"it has {len(raw):,} bytes; at most {MAX_BOM:,} are read")
    try:
        document = parse_json(raw.decode("utf-8-sig"), levels=64)
    except (JsonTextError, UnicodeDecodeError) as error:
        raise DependenciesUnreadableError(str(error)) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise DependenciesUnreadableError("it is no CycloneDX document in JSON")
    pins: list[Pin] = []
    faults: list[tuple[str, str, str]] = []
    others = 0
    for number, component in enumerate(_components(document.get("components")), 1):
        if number > MAX_COMPONENTS:
            raise DependenciesUnreadableError(f"it has more than {MAX_COMPONENTS:,} components")
        found = _component(component)
        if isinstance(found, Pin):
            pins.append(found)
        elif found is not None:
            faults.append(found)
        elif component.get("type") in _PROGRAMS:
            others += 1
    if not pins and not faults:
        raise DependenciesUnreadableError("it lists no package of Python (a component with a purl pkg:pypi/…)")
    return Dependencies(tuple(pins), tuple(faults), others)


def _components(given: Any) -> Iterator[dict[str, Any]]:
    waiting = list(given) if isinstance(given, list) else []
    while waiting:
        component = waiting.pop(0)
        if isinstance(component, dict):
            yield component
            inner = component.get("components")
            waiting += inner if isinstance(inner, list) else []


def _component(component: dict[str, Any]) -> Pin | tuple[str, str, str] | None:
    """Return the package of a component, a fault, or None for a component that is no package of Python."""
    name = str(component.get("name") or "")[:200]
    purl = component.get("purl")
    match = _PURL.match(purl) if isinstance(purl, str) else None
    if match is None:
        if component.get("type") in _PROGRAMS:
            return "unpinned", f"The component {name} has no purl, so it cannot be compared with advisories.", name
        return None
    if match["type"].lower() != "pypi":
        return None
    version = unquote(match["version"]) if match["version"] else str(component.get("version") or "")
    if not version:
        return "unpinned", f"The component {name} has no version.", name
    return Pin(unquote(match["path"]), version)
