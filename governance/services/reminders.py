"""Remind owners of periodic reviews by mail: 30, 7 and 0 days before the due date, then weekly while overdue."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from audit import clock, recorder
from audit.actor import process
from audit.recorder import ObjectRef
from registry.actions import REVIEW_REMINDED
from registry.models import RegisteredModel, ReviewReminder, User

log = logging.getLogger(__name__)

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
    """Return the ids of active models with a review due within 30 days or overdue and an owner with an address."""
    today = clock.now().date()
    rows = RegisteredModel.objects.filter(
        status=RegisteredModel.Status.ACTIVE,
        next_review__lte=today + timedelta(days=max(AHEAD)),
        owner__is_active=True,
    ).exclude(owner__email="")
    return list(rows.order_by("next_review", "pk").values_list("pk", flat=True))


def remind_all() -> int:
    """Send all reminders that are due. A failed one is retried at the next run.

    Without a mail server nothing is sent and nothing is recorded.

    Returns:
        The number of mails sent.
    """
    if settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        return 0
    sent = 0
    for model_id in due():
        try:
            sent += remind(model_id)
        except OSError as error:  # raised for a mail server that does not respond, and by smtplib
            log.warning("a reminder of model %d could not be sent (%s); it is tried again", model_id, error)
    return sent


def remind(model_id: int) -> bool:
    """Remind the owner of one model, if a step is due and was not sent.

    The reminder row is the claim: a second worker waits for the model's lock and then finds the row. The mail is sent
    last, so a failure rolls back row and event.

    Args:
        model_id: primary key of the model.

    Returns:
        Whether a mail was sent.

    Raises:
        OSError: the mail could not be sent.
    """
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
        model = locked.get(pk=model_id)
        owner = model.active_owner
        if model.next_review is None or owner is None or not owner.email:
            return False
        days = (model.next_review - clock.now().date()).days
        step = step_of(days)
        if step is None or not _claimed(model, model.next_review, step, owner):
            return False
        _send(model, owner, days)
        return True


def _claimed(model: RegisteredModel, day: date, step: int, owner: User) -> bool:
    """Record the reminder; False if it is recorded already."""
    claim = ReviewReminder(uid=uuid4(), model=model, due=day, step=step, person=owner, sent_at=clock.now())
    if ReviewReminder.objects.filter(model=model, due=day, step=step).exists():
        return False
    recorder.record_event(
        REVIEW_REMINDED,
        actor=REMINDER,
        target=ObjectRef("reminder", str(claim.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        data={"due": str(day), "step": step, "person": owner.uid},
    )
    claim.save(force_insert=True)
    return True


def _send(model: RegisteredModel, owner: User, days: int) -> None:
    """Send a mail that only links to the page; no action is possible from the mail."""
    when = f"was due {-days} days ago" if days < 0 else "is due today" if days == 0 else f"is due in {days} days"
    assert model.next_review is not None
    send_mail(
        subject=f"Review of {model.slug} {when}",
        message=(
            f"{owner.name},\n\nthe periodic review of {model.slug} {when}, on {model.next_review.isoformat()}. You "
            "are on record as its owner. A validator other than the owner or developer must record the "
            f"review.\n\nOpen: {settings.PUBLIC_URL}/models/{model.slug}/reviews/\n"
        ),
        from_email=None,
        recipient_list=[owner.email],
    )
