"""A person approves what is under review, with their password."""

from __future__ import annotations

from governance import promotions
from governance.models import PromotionRequest
from registry import access
from registry.models import User
from tests import factories


def approve(person: User, request: PromotionRequest, comment: str = "Read the card and the numbers.") -> None:
    """Over the packet that `request` names, as it was read last."""
    promotions.decide(
        actor=access.actor_for(person),
        request=request,
        outcome="approve",
        packet_digest=request.packet_digest,
        comment=comment,
        signature=promotions.DecisionSignature(factories.PASSWORD),
    )
