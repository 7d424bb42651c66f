"""Which promotion requests a reader may know of, and one of them."""

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
"""What a row of a list needs of a request."""


def visible_requests(actor: Actor) -> QuerySet[PromotionRequest]:
    """The promotion requests of the models the actor may see."""
    return PromotionRequest.objects.filter(model__in=access.visible_models(actor))


def get_request(actor: Actor, number: int) -> PromotionRequest:
    """A request the actor may see, with what its page needs joined. Raises NotFound; PermissionDeniedError for a token
    that was
    not issued for reading models, as the list of requests does."""
    access.require_scope(actor, "models:read")
    # Asked apart from the joins: together with them the planner takes longer than both queries.
    if not visible_requests(actor).filter(pk=number).exists():
        raise request_not_found(number)
    found = PromotionRequest.objects.select_related(*REQUEST_RELATED).prefetch_related("policies").get(pk=number)
    found.version.model = found.model
    return found


def get_request_status(actor: Actor, number: int) -> PromotionRequest:
    """A request the actor may see, with nothing joined: for whoever asks often, and only how it stands. To plan the
    thirteen joins of `get_request` costs PostgreSQL more than to carry them out. Raises as `get_request` does."""
    access.require_scope(actor, "models:read")
    found = visible_requests(actor).filter(pk=number).first()
    if found is None:
        raise request_not_found(number)
    return found


def request_not_found(number: int) -> NotFoundError:
    """The one answer for a request that is not there and for one that may not be seen."""
    return NotFoundError(f"There is no promotion request #{number} that you can see.")
