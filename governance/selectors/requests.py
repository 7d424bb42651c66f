"""Visibility and lookup of promotion requests."""

from django.db import models
from django.db.models import QuerySet

from audit.actor import Actor
from governance.models import PromotionRequest
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.exceptions import NotFoundError
from registry.models.joined_rows import JoinedRows

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

_BARE = JoinedRows(PromotionRequest, "r")
_WHOLE = JoinedRows(PromotionRequest, "r", REQUEST_RELATED)


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
    found = _seen(actor, number, _WHOLE)
    models.prefetch_related_objects([found], "policies")
    found.version.model = found.model
    return found


def _seen(actor: Actor, number: int, rows: JoinedRows[PromotionRequest]) -> PromotionRequest:
    """Return the request with this number if the actor may see its model. One prepared query.

    Raises:
        NotFoundError: there is no such request, or the actor may not see it.
    """
    seen = visibility_clause(actor)
    found = rows.fetch(
        f"r.id = %(number)s AND EXISTS (SELECT FROM registry_registeredmodel m"
        f" WHERE m.id = r.model_id AND {seen.condition})",
        {"number": number, **seen.parameters},
        beginning=f"WITH {seen.tables}",
    )
    if not found:
        raise request_not_found(number)
    return found[0]


def get_request_status(actor: Actor, number: int) -> PromotionRequest:
    """Return a request visible to the actor without joins, for frequent polling. Same errors as `get_request`."""
    access.require_scope(actor, "models:read")
    return _seen(actor, number, _BARE)


def request_not_found(number: int) -> NotFoundError:
    """Build the error for a request that does not exist or is not visible; both read the same."""
    return NotFoundError(f"There is no promotion request #{number} that you can see.")
