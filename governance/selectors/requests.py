"""Visibility and lookup of promotion requests."""

from django.db.models import QuerySet

from audit.actor import Actor
from governance.models import PromotionRequest
from registry import access
from registry.exceptions import NotFoundError

REQUEST_RELATED = (
    "model__owner",
    "version__stage",
    "version__registered_by",
    "version__registered_with__person",
    "version__trained_by",
    "champion",
    "champion__registered_by",
    "source_stage",
    "target_stage",
    "policy_revision__policy",
    "requested_by",
    "requested_with__person",
)

ROW_RELATED = (
    "model",
    "version__registered_by",
    "version__registered_with__person",
    "version__trained_by",
    "target_stage",
    "policy_revision",
    "requested_by",
    "requested_with__person",
)
"""Relations that a list row needs."""


def visible_requests(actor: Actor) -> QuerySet[PromotionRequest]:
    """Return the promotion requests of the models visible to the actor."""
    return PromotionRequest.objects.filter(model__in=access.visible_models(actor))


def get_request(actor: Actor, number: int) -> PromotionRequest:
    """Return a request visible to the actor, with the joins of its page.

    Args:
        actor: who reads.
        number: number of the request.

    Raises:
        NotFoundError: there is no such request visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    # Two queries: planning visibility together with the joins takes longer than both.
    if not visible_requests(actor).filter(pk=number).exists():
        raise request_not_found(number)
    found = PromotionRequest.objects.select_related(*REQUEST_RELATED).prefetch_related("policies").get(pk=number)
    found.version.model = found.model
    return found


def get_request_status(actor: Actor, number: int) -> PromotionRequest:
    """Return a request visible to the actor without joins, for frequent polling.

    Planning the thirteen joins of `get_request` takes PostgreSQL longer than executing them. Same errors as
    `get_request`.
    """
    access.require_scope(actor, "models:read")
    found = visible_requests(actor).filter(pk=number).first()
    if found is None:
        raise request_not_found(number)
    return found


def request_not_found(number: int) -> NotFoundError:
    """Build the error for a request that does not exist or is not visible; both read the same."""
    return NotFoundError(f"There is no promotion request #{number} that you can see.")
