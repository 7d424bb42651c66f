"""Withdrawing a promotion request."""

from django.db import transaction

from audit.actor import Actor
from governance.actions import PROMOTION_WITHDRAWN
from governance.models import PromotionRequest
from governance.promotions.executing import close_request
from governance.promotions.locks import lock_promotion
from governance.promotions.recording import require_open, require_revision
from registry import access
from registry.exceptions import PermissionDeniedError
from registry.validation import ErrorCollector


@transaction.atomic
def withdraw(
    *, actor: Actor, request: PromotionRequest, reason: str, expected_revision: int | None = None
) -> PromotionRequest:
    """Withdraw a live request. The requester may, and anyone with EDIT on the model.

    Args:
        actor: who withdraws it.
        request: the promotion request.
        reason: why; recorded in the event.
        expected_revision: the revision the caller read; None to accept any.

    Returns:
        The request, closed.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is neither, or the token lacks the scope `promotions:write`.
        InvalidStateError: the request is closed.
        StaleRevisionError: the request is not in `expected_revision`.
        ValidationFailedError: the reason is empty.
    """
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    locked = lock_promotion(request.pk)
    access.require_permission(actor, access.Permission.VIEW, locked.model)
    access.require_scope(actor, "promotions:write")
    person = access.person_of(actor)
    opened_it = person is not None and person.pk == locked.request.requested_by_id
    if not opened_it and not access.check_permission(actor, access.Permission.EDIT, locked.model):
        raise PermissionDeniedError(
            "Only the requester and users who may edit the model can withdraw the request.",
            code="not_yours",
            who_can=(locked.request.requested_by.name,),
        )
    require_open(locked.request)
    require_revision(locked.request, expected_revision)
    close_request(locked, PromotionRequest.State.WITHDRAWN, PROMOTION_WITHDRAWN, actor=actor, reason=reason)
    return locked.request
