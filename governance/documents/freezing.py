"""Freezing a version's technical document at the moment it enters a protected stage.

Called inside the transaction that moves the version: either both are there or neither is. JSON only; paper is drawn
from the frozen bytes whenever somebody asks for it.
"""

from __future__ import annotations

from audit import clock, recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef
from governance.actions import DOCUMENT_FROZEN
from governance.documents import annex_iv
from governance.documents.building import build
from governance.models import FrozenDocument, PromotionRequest
from registry.selectors import VersionContents


def freeze_document(
    request: PromotionRequest, *, promoted: Event, actor: Actor, contents: VersionContents | None = None
) -> FrozenDocument:
    """Keep the document of `request.version` as it is at its promotion, and record its digest.

    Args:
        promoted: the event of the promotion: the document is true at it.
        contents: what the version consists of, where it was read under the same locks.
    """
    built = build(request.version, at=promoted, promotion=request, contents=contents)
    kept = FrozenDocument(
        version=request.version,
        request=request,
        template=annex_iv.TEMPLATE,
        digest=built.digest,
        body=built.body,
        missing=built.content["missing"],
        created_at=clock.now(),
    )
    event = recorder.record_event(
        DOCUMENT_FROZEN,
        actor=actor,
        target=ObjectRef("frozen_document", str(kept.uid)),
        stream=f"model:{request.model.uid}",
        related_objects=[
            ObjectRef("promotion", str(request.uid)),
            ObjectRef("version", str(request.version.uid)),
            ObjectRef("model", str(request.model.uid)),
        ],
        data={
            "number": request.pk,
            "template": kept.template,
            "sha256": kept.digest,
            "bytes": len(kept.body),
            "missing": kept.missing,
        },
    )
    kept.event = event.event_id
    kept.save(force_insert=True)
    return kept
