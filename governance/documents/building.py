"""Building the technical document of a version, as JSON.

The same facts give the same bytes, so a digest identifies a document. An answer is content of the registry or of the
model card, with its source. A question without an answer is listed as missing, with the place where it can be given.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from audit import canonical
from audit import selectors as log
from audit.models import Event
from governance.documents import annex_iv
from governance.documents.annex_iv import Point, RequiredItem
from governance.documents.sections import SectionBuilder
from governance.gate.gate_inputs import documents_in_force
from governance.models import PromotionRequest
from registry.models import ModelVersion
from registry.selectors import VersionContents

FORM = "countersign.document/1"


@dataclass(frozen=True)
class TechnicalDocument:
    """A document: its content, the canonical bytes (RFC 8785) and their SHA-256."""

    content: dict[str, Any]
    body: bytes
    digest: str


def build(
    version: ModelVersion,
    *,
    at: Event | None = None,
    promotion: PromotionRequest | None = None,
    contents: VersionContents | None = None,
) -> TechnicalDocument:
    """Build the technical document of a version from its current state.

    Args:
        version: with its model, its stage and its people joined.
        at: the event at which the document is true; by default the last event of the model.
        promotion: the request for whose promotion the document is frozen.
        contents: the contents of the version, if they were read already.

    Returns:
        The document.
    """
    known = SectionBuilder(version, documents_in_force(), contents)
    at = at or log.stream_events(f"model:{version.model.uid}").order_by("-stream_seq").first()
    points = [_point(known, point) for point in annex_iv.POINTS]
    content = {
        "form": FORM,
        "template": {
            "id": annex_iv.TEMPLATE,
            "edition": annex_iv.EDITION,
            "title": annex_iv.TITLE,
            "source": annex_iv.SOURCE,
        },
        "model": {"uid": str(version.model.uid), "slug": version.model.slug, "title": version.model.title},
        "version": {
            "uid": str(version.uid),
            "number": version.number,
            "fingerprint": version.fingerprint or None,
            "stage": version.stage.slug,
            "card": known.card.sha256 if known.card is not None else None,
        },
        "promotion": {"number": promotion.pk, "uid": str(promotion.uid), "to": promotion.target_name}
        if promotion is not None
        else None,
        "true_at": _position(at),
        "points": points,
        "answered": sum(p["state"] == "given" for p in points),
        "missing": sum(len(p["missing"]) for p in points),
    }
    body = canonical.dumps(content)
    return TechnicalDocument(content, body, hashlib.sha256(body).hexdigest())


def _position(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "event": str(event.event_id),
        "stream": event.stream_id,
        "number": event.stream_seq,
        "at": event.happened_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def _point(known: SectionBuilder, point: Point) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    missing = []
    for item in point.items:
        found = _answers(known, item)
        blocks += [block for block in found if block not in blocks]
        if not found:
            missing.append({"what": item.what, "where": item.place, "conditional": item.conditional})
    state = "given" if not missing else "partly" if blocks else "missing"
    group = point.clause.partition("(")[0]
    return {
        "clause": point.clause,
        "group": annex_iv.GROUPS.get(group, ""),
        "title": point.title,
        "state": state,
        "blocks": blocks,
        "missing": missing,
    }


def _answers(known: SectionBuilder, item: RequiredItem) -> list[dict[str, Any]]:
    found = [block for name in item.facts for block in known.answer(name)]
    return found + known.section(item.sections)
