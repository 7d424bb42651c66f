"""Reading frozen documents and comparing two documents."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from governance.documents.content_blocks import as_text
from governance.models import FrozenDocument
from registry.comparison import Effort, TextDiff, compare_texts
from registry.models import ModelVersion


@dataclass(frozen=True)
class PointChange:
    """A point that differs between two documents. `before` and `after` are its states."""

    clause: str
    title: str
    before: str
    after: str
    text: TextDiff


def frozen_documents(version: ModelVersion) -> list[FrozenDocument]:
    """Return the frozen documents of a version, newest first, without their bytes."""
    rows = FrozenDocument.objects.filter(version=version).select_related("request__target_stage")
    return list(rows.defer("body").order_by("-created_at", "-pk"))


def frozen_document(version: ModelVersion, number: int) -> FrozenDocument | None:
    """Return the document that was frozen for promotion request `number` of this version."""
    rows = FrozenDocument.objects.filter(version=version, request_id=number)
    return rows.select_related("request__target_stage").first()


def content_of(document: FrozenDocument) -> dict[str, Any]:
    """Return the content of a frozen document."""
    found: dict[str, Any] = json.loads(bytes(document.body))
    return found


def verify_digest(document: FrozenDocument) -> bool:
    """Return whether the bytes have the recorded digest."""
    return hashlib.sha256(bytes(document.body)).hexdigest() == document.digest


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[PointChange]:
    """Return the points that differ between two documents, in the order of the second."""
    old = {point["clause"]: point for point in before["points"]}
    new = {point["clause"]: point for point in after["points"]}
    found = []
    effort = Effort()
    for clause in [*new, *(c for c in old if c not in new)]:
        was, now = old.get(clause), new.get(clause)
        diff = compare_texts(_text(was), _text(now), effort=effort)
        if diff.changed or (was or {}).get("state") != (now or {}).get("state"):
            shown = now or was or {}
            states = ((was or {}).get("state", "missing"), (now or {}).get("state", "missing"))
            found.append(PointChange(clause, shown["title"], *states, diff))
    return found


def _text(point: dict[str, Any] | None) -> str:
    if point is None:
        return ""
    return "".join(f"{block['title']}\n{as_text(block)}\n\n" for block in point["blocks"])
