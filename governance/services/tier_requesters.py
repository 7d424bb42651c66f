"""The effect of a model's promotion requests on changes of its risk tier.

They decide who may not confirm a less strict tier, and whether one needs a second person.
"""

from collections.abc import Mapping

from django.db.models import Q

from governance.models import PromotionRequest
from registry.models import ModelVersion, RegisteredModel
from registry.selectors import participation
from registry.services import tier_lowering, tier_use

TIER_LOWERING = tier_lowering.TIER_LOWERING
"""The kind of change proposal; importing this module registers it."""


@tier_use.register_requesters
def requesters_of(model: RegisteredModel) -> Mapping[str, str]:
    """Return who requested a live promotion of a model, and who is behind the requesting token.

    Returns:
        Role in the request by uid.
    """
    live = PromotionRequest.objects.filter(model=model, state__in=PromotionRequest.LIVE).select_related("requested_by")
    found = {request.requested_by.uid: "requester" for request in live}
    parties = participation((request.pk, request.version_id, request.requested_with_id) for request in live)
    for party in parties.values():
        found |= dict.fromkeys(party.behind_request, "behind the token of a request")
    return found


@tier_use.register_requested
def was_requested(model: RegisteredModel, version: ModelVersion | None = None) -> bool:
    """Return whether a promotion was ever requested under a policy, in any state of the request.

    Args:
        model: the registered model.
        version: limit to requests for this version, or with it as champion.
    """
    governed = PromotionRequest.objects.filter(model=model, policy_revision__isnull=False)
    if version is not None:
        governed = governed.filter(Q(version=version) | Q(champion=version))
    return governed.exists()
