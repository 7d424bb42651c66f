"""A single version with the additions since its approval. Lists only indicate that there are some."""

from __future__ import annotations

from typing import Any, Final

from governance.gate.approvals import later_additions
from governance.interfaces.mlflow import serializers
from governance.selectors.compact_rows import CompactVersion

LONGEST: Final = 4_000
"""Maximum characters of the tag; MLflow limits the value of a tag to 5,000."""


def version(row: CompactVersion, reference: str = "") -> dict[str, Any]:
    """Serialize a ModelVersion. Runs one more query if the version deviates from what was approved.

    Args:
        row: the version.
        reference: the requested placement: an alias name after @; empty for a number.

    Returns:
        The JSON members of a ModelVersion.
    """
    return serializers.serialize_version(row, reference=reference, additions=_words(row))


def _words(row: CompactVersion) -> str:
    lines = []
    added = later_additions(row.approvals)
    for place in row.approvals:
        if not place.deviates:
            continue
        found = added[place.event]
        more = " and more" if found.more else ""
        lines.append(f"{place.name}, request #{place.request}: {len(found.items)}{more} since.")
        lines += [f"  - {a.kind} {a.what}, {a.at:%Y-%m-%d %H:%M} UTC, {a.by.name}" for a in found.items]
    text = "\n".join(lines)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
