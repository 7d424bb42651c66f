"""Receipts: the proof of the event of an action, waited for a short time after its commit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings

from audit import proofs
from audit.models import Event
from governance import liveness
from governance.actions import PROMOTION_PROMOTED
from governance.models import PromotionRequest


@dataclass(frozen=True, slots=True)
class Receipt:
    """The event of an action, and its proof if it is sealed."""

    event_id: uuid.UUID
    proof: proofs.EventProof | None


def receipt_for(event_id: uuid.UUID) -> Receipt:
    """Return the receipt of a committed event; waits up to COUNTERSIGN_RECEIPT_SECONDS if a sequencer runs."""
    seconds = settings.COUNTERSIGN_RECEIPT_SECONDS
    state = liveness.sequencer() if seconds else None
    waits = state is not None and not state.get("halted")
    return Receipt(event_id, proofs.wait_for_proof(event_id, seconds if waits else 0.0))


def receipt_of_promotion(request: PromotionRequest) -> Receipt | None:
    """Return the receipt of the event that promoted a request; None if none did."""
    found = Event.objects.filter(
        action=PROMOTION_PROMOTED,
        touched__contains=[f"promotion:{request.uid}"],
        stream_id=f"model:{request.model.uid}",
    )
    event_id = found.order_by("-stream_seq").values_list("event_id", flat=True).first()
    return receipt_for(event_id) if event_id is not None else None
