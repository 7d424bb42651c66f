"""Remind owners of periodic reviews: 30, 7 and 0 days before the due date, then weekly while overdue."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import process
from audit.recorder import ObjectRef
from registry.actions import REVIEW_REMINDED
from registry.models import RegisteredModel, ReviewReminder

REMINDER: Final = process("reminders")
AHEAD: Final = (0, 7, 30)
"""Days before the due date on which an owner is reminded."""
WEEK: Final = 7


def step_of(days_left: int) -> int | None:
    """Return the reminder step that is due; None before the first one.

    Only the latest step is returned, so missed steps are not sent later.

    Args:
        days_left: days until the due date, negative after it.

    Returns:
        Days before the due date (30, 7, 0), or a negative multiple of 7 after it.
    """
    if days_left <= -WEEK:
        return -WEEK * (-days_left // WEEK)
    return next((ahead for ahead in AHEAD if days_left <= ahead), None)


def due() -> list[int]:
    """Return the ids of active models with a review due within 30 days or overdue and an active owner."""
    today = clock.now().date()
    rows = RegisteredModel.objects.filter(
        status=RegisteredModel.Status.ACTIVE,
        next_review__lte=today + timedelta(days=max(AHEAD)),
        owner__is_active=True,
    )
    return list(rows.order_by("next_review", "pk").values_list("pk", flat=True))


def remind_all() -> int:
    """Issue all reminders that are due.

    Returns:
        The number of reminders.
    """
    return sum(remind(model_id) for model_id in due())


@transaction.atomic
def remind(model_id: int) -> bool:
    """Remind the owner of one model, if a step is due and was not issued.

    The reminder is an event; the owner is notified of it like of any other (`governance.notifications`).

    Args:
        model_id: primary key of the model.

    Returns:
        Whether a reminder was issued.
    """
    model = RegisteredModel.objects.get_for_update(model_id)
    owner = model.active_owner
    if model.next_review is None or owner is None:
        return False
    step = step_of((model.next_review - clock.now().date()).days)
    if step is None or ReviewReminder.objects.filter(model=model, due=model.next_review, step=step).exists():
        return False
    issued = ReviewReminder(
        uid=uuid4(), model=model, due=model.next_review, step=step, person=owner, sent_at=clock.now()
    )
    recorder.record_event(
        REVIEW_REMINDED,
        actor=REMINDER,
        target=ObjectRef("reminder", str(issued.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        data={"due": str(issued.due), "step": step, "person": owner.uid},
    )
    issued.save(force_insert=True)
    return True
