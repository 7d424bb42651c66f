"""OSV records: what of one is kept, whether it affects a version, and how severe it is. Pure.

Sources: https://ossf.github.io/osv-schema/ (fields, evaluation of ranges); PEP 440 (order of versions), by `packaging`.
What cannot be read of a record makes it affect more versions, never fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

from governance.checks.advisories.cvss import base_score
from registry.comparison.dependencies import normalize_name

ECOSYSTEM = "PyPI"
LEVELS = ("low", "medium", "high", "critical")
"""Severities in ascending order."""
UNKNOWN_IS = "high"
"""The severity of an advisory that states none that can be read."""
_LABELS = {"low": "low", "moderate": "medium", "medium": "medium", "high": "high", "critical": "critical"}
_MAX_TEXT = 300


class OsvRecordError(ValueError):
    """A record is no OSV record; the message names the field."""


def compact(record: Any) -> tuple[dict[str, Any], str] | None:
    """Return what of a record is kept, and when it was modified; None if it concerns no package of the ecosystem.

    Args:
        record: a record as JSON.

    Returns:
        Id, aliases, summary, withdrawn, severity (empty if unknown) and affected: by package name, a list of the ranges
        and versions; and the text of its date.

    Raises:
        OsvRecordError: a required field is missing or has another type.
    """
    if not isinstance(record, dict):
        raise OsvRecordError("it is no JSON object")
    name, modified = record.get("id"), record.get("modified")
    if not isinstance(name, str) or not 0 < len(name) <= 100:
        raise OsvRecordError("id is missing, or not a text of 1 to 100 characters")
    if not isinstance(modified, str):
        raise OsvRecordError(f"{name[:100]}: modified is missing")
    affected = record.get("affected", [])
    if not isinstance(affected, list):
        raise OsvRecordError(f"{name[:100]}: affected is not a list")
    packages: dict[str, list[dict[str, Any]]] = {}
    for part in affected:
        package = part.get("package") if isinstance(part, dict) else None
        if not isinstance(package, dict) or package.get("ecosystem") != ECOSYSTEM:
            continue
        if not isinstance(package.get("name"), str) or not package["name"]:
            raise OsvRecordError(f"{name[:100]}: a package has no name")
        packages.setdefault(normalize_name(package["name"])[:250], []).append(_affected(part))
    if not packages:
        return None
    kept = {
        "id": name,
        "aliases": sorted({a for a in _texts(record.get("aliases")) if len(a) <= 100})[:50],
        "summary": str(record.get("summary") or record.get("details") or "").split("\n")[0][:_MAX_TEXT],
        "withdrawn": bool(record.get("withdrawn")),
        "severity": _severity(record),
        "affected": packages,
    }
    return kept, modified


def affects(parts: Sequence[Mapping[str, Any]], version: str) -> bool:
    """Return whether a version is affected by what an advisory states for its package.

    Args:
        parts: as `compact` keeps them.
        version: as a lock has it.
    """
    return any(_is_in(part, version) for part in parts)


def group_aliases(advisories: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the advisories in groups that describe the same vulnerability: those that share an id or an alias."""
    groups: list[tuple[set[str], list[Mapping[str, Any]]]] = []
    for advisory in advisories:
        names, members = {advisory["id"], *advisory["aliases"]}, [advisory]
        kept = []
        for group in groups:
            if group[0] & names:
                names |= group[0]
                members = group[1] + members
            else:
                kept.append(group)
        groups = [*kept, (names, members)]
    return [members for _, members in groups]


def severity_of(group: Iterable[Mapping[str, Any]]) -> str:
    """Return the highest stated severity of a group; `UNKNOWN_IS` if none is stated."""
    stated = [advisory["severity"] for advisory in group if advisory["severity"] in LEVELS]
    return max(stated, key=LEVELS.index, default=UNKNOWN_IS)


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _affected(part: Mapping[str, Any]) -> dict[str, Any]:
    ranges = part.get("ranges")
    kept = []
    for one in ranges if isinstance(ranges, list) else []:
        if isinstance(one, dict) and one.get("type") in ("ECOSYSTEM", "SEMVER"):
            events = one.get("events")
            pairs = [
                [kind, value]
                for event in (events if isinstance(events, list) else [])
                if isinstance(event, dict)
                for kind, value in event.items()
                if isinstance(value, str)
            ]
            kept.append(pairs)
    return {"ranges": kept, "versions": _texts(part.get("versions"))}


def _severity(record: Mapping[str, Any]) -> str:
    found = []
    parts = record.get("affected")
    places = [record, *(part for part in parts if isinstance(part, dict))] if isinstance(parts, list) else [record]
    for place in places:
        specific = place.get("database_specific")
        label = specific.get("severity") if isinstance(specific, dict) else None
        if isinstance(label, str) and label.casefold() in _LABELS:
            found.append(_LABELS[label.casefold()])
        scores = place.get("severity")
        for score in scores if isinstance(scores, list) else []:
            vector = score.get("score") if isinstance(score, dict) and score.get("type") == "CVSS_V3" else None
            value = base_score(vector) if isinstance(vector, str) else None
            if value is not None:
                found.append(_level(value))
    return max(found, key=LEVELS.index, default="")


def _level(score: float) -> str:
    """Return the qualitative rating (CVSS 3.1, section 5); a score of 0 counts as low."""
    return "low" if score < 4 else "medium" if score < 7 else "high" if score < 9 else "critical"


def _parsed(version: str) -> Version | None:
    """Return a version without its local part, which only says how it was built; None if it is not of PEP 440."""
    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return None


def _is_in(part: Mapping[str, Any], version: str) -> bool:
    if not part["ranges"] and not part["versions"]:
        return True
    found = _parsed(version)
    if version in part["versions"]:
        return True
    if found is None:
        # It cannot be ordered, so a range cannot exclude it.
        return bool(part["ranges"])
    if any(_parsed(listed) == found for listed in part["versions"]):
        return True
    return any(_is_in_range(events, found) for events in part["ranges"])


def _is_in_range(events: Sequence[Sequence[str]], version: Version) -> bool:
    """Evaluate the events of a range in the order of their versions."""
    limits = [_parsed(value) for kind, value in events if kind == "limit" and value != "*"]
    if limits and all(limit is not None and version >= limit for limit in limits):
        return False
    lowest, ordered = Version("0.dev0"), []
    for kind, value in events:
        at = _parsed(value)
        if kind == "introduced":
            ordered.append((at if at is not None and value != "0" else lowest, 2, kind))
        elif at is not None and kind in ("fixed", "last_affected"):
            ordered.append((at, {"last_affected": 0, "fixed": 1}[kind], kind))
    if not any(kind == "introduced" for _, _, kind in ordered):
        ordered.append((lowest, 2, "introduced"))
    affected = False
    for at, _, kind in sorted(ordered):
        if kind == "introduced" and (version >= at or at == lowest):
            affected = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            affected = False
    return affected
