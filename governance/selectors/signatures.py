"""Decision signatures and the decision keys that attest them."""

from django.db.models import QuerySet

from audit.actor import Actor
from governance.gate import gate_inputs
from governance.models import Decision, DecisionKey
from governance.selectors.requests import get_request
from registry import access
from registry.exceptions import NotFoundError


def signed_decision(actor: Actor, number: int, key: int) -> Decision:
    """Return a decision on a request with its signature record, if it has one.

    Args:
        actor: who reads.
        number: number of the request.
        key: key of the decision.

    Raises:
        NotFoundError: there is no such request visible to the actor, or no such decision on it.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    request = get_request(actor, number)
    rows = Decision.objects.filter(pk=key, request=request)
    found = rows.select_related(*gate_inputs.SIGNERS, "signature_record__key").first()
    if found is None:
        raise NotFoundError(f"There is no such decision on request #{number}.")
    found.request = request
    return found


def decision_keys(actor: Actor) -> QuerySet[DecisionKey]:
    """Return the decision keys of the server, the newest first, replaced ones included.

    Raises:
        PermissionDeniedError: a token without the scope to read models.
    """
    access.require_scope(actor, "models:read")
    return DecisionKey.objects.order_by("-valid_from", "-pk")
