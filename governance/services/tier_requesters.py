"""What a model's promotion requests mean for its risk tier: who does not confirm a less strict one, and whether one
needs a second person."""

from collections.abc import Mapping

from django.db.models import Q

from governance.models import PromotionRequest
from registry.models import ModelVersion, RegisteredModel
from registry.selectors import participation
from registry.services import tier_lowering, tier_use

TIER_LOWERING = tier_lowering.TIER_LOWERING
"""The kind of change, which is registered wherever this module is imported."""


@tier_use.register_requesters
def requesters_of(model: RegisteredModel) -> Mapping[str, str]:
    """Return who asked for a live promotion request of a model, and who is behind the token that asked."""
    live = PromotionRequest.objects.filter(model=model, state__in=PromotionRequest.LIVE).select_related("requested_by")
    found = {request.requested_by.uid: "requester" for request in live}
    parties = participation((request.pk, request.version_id, request.requested_with_id) for request in live)
    for party in parties.values():
        found |= dict.fromkeys(party.behind_request, "behind the token of a request")
    return found


@tier_use.register_requested
def was_requested(model: RegisteredModel, version: ModelVersion | None = None) -> bool:
    """Return whether a promotion of the model was ever requested under a policy, in any state of the request; or one of
    the version, or one that compared another version with it."""
    governed = PromotionRequest.objects.filter(model=model, policy_revision__isnull=False)
    if version is not None:
        governed = governed.filter(Q(version=version) | Q(champion=version))
    return governed.exists()
