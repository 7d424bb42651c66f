"""Requests that could not be evaluated or promoted because of an unexpected error.

The request is blocked with the reason, which its page, the API and the lists of its requester and owner show. A task
retries it after growing pauses, and after the last of them only when the version's evidence or the model changes.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from audit import clock
from audit.recorder import Change
from governance.actions import PROMOTION_BLOCKED
from governance.models import PromotionRequest, SettlementFailure
from governance.promotions.executing import GATE
from governance.promotions.locks import lock_promotion
from governance.promotions.recording import record_promotion_event
from registry.exceptions import DomainError, InvalidStateError

log = logging.getLogger(__name__)

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""Time until the next attempt after each failure; after the last one there is no automatic retry."""
MAX_REASON = 500


@transaction.atomic
def record_failure(request_id: int, error: Exception) -> PromotionRequest:
    """Block a request with the error that stopped its evaluation.

    Call it from the error handler, after the transaction or savepoint of the attempt was rolled back.

    Args:
        request_id: the request's number.
        error: the exception.

    Returns:
        The request; unchanged if it is closed.

    Raises:
        NotFoundError: there is no such request.
    """
    log.error("request %s could not be settled", request_id, exc_info=error)
    locked = lock_promotion(request_id)
    request = locked.request
    if not request.is_live:
        return request
    row = SettlementFailure.objects.filter(request=request).first() or SettlementFailure(request=request)
    now = clock.now()
    row.failures += 1
    row.reason = reason_of(error)
    row.failed_at = now
    row.retry_at = now + PAUSES[row.failures - 1] if row.failures <= len(PAUSES) else None
    row.save()
    if request.state != PromotionRequest.State.BLOCKED:
        before, request.state = request.state, PromotionRequest.State.BLOCKED
        request.revision += 1
        record_promotion_event(
            locked,
            PROMOTION_BLOCKED,
            actor=GATE,
            changes=[Change("state", before, str(request.state))],
            data={"unmet": ["execution"]},
            reason=row.reason,
        )
        request.save(update_fields=["state", "revision"])
    return request


def clear_failure(request: PromotionRequest) -> None:
    """Delete the recorded failure of a request that was evaluated."""
    SettlementFailure.objects.filter(request=request).delete()


def reason_of(error: Exception) -> str:
    """Return the text of an error: the message of a domain error, else the exception class and its text, at most
    500 characters.
    """
    message = error.detail if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
    return "".join(character if character.isprintable() else " " for character in message)[:MAX_REASON]


def cannot_execute(request: PromotionRequest, error: Exception) -> InvalidStateError:
    """Build the error for a person whose action an unexpected exception stopped, and log the exception."""
    log.error("request %s could not be judged or executed", request.pk, exc_info=error)
    return InvalidStateError(
        f"Request #{request.pk} could not be judged or executed: {reason_of(error)}. Nothing was changed. Add "
        "corrected evidence, or ask an operator, who finds the error in the log.",
        code="not_executed",
    )


def failures_due() -> list[int]:
    """Return the numbers of the live requests due for a retry."""
    rows = SettlementFailure.objects.filter(retry_at__lte=clock.now(), request__state__in=PromotionRequest.LIVE)
    return list(rows.order_by("retry_at").values_list("request_id", flat=True))


def failures_waiting() -> frozenset[int]:
    """Return the numbers of the requests not to be tried now: their pause is not over or it was the last attempt,
    and their model has not changed since.
    """
    waiting = Q(retry_at__isnull=True) | Q(retry_at__gt=clock.now())
    rows = SettlementFailure.objects.filter(waiting, request__model__updated_at__lte=F("failed_at"))
    return frozenset(rows.values_list("request_id", flat=True))
