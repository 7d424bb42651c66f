"""Freezing the technical document of a version when it enters a protected stage.

Called inside the transaction that moves the version, so that both are stored or neither is. Only JSON is stored; a PDF
file is rendered from it on request.
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
    """Store the document of `request.version` as it is at its promotion, and record its digest.

    Args:
        request: the request that is promoted.
        promoted: the event of the promotion, at which the document is true.
        actor: who promotes.
        contents: the contents of the version, if they were read under the same locks.

    Returns:
        The stored document.
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
