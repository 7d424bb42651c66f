"""Reminding owners of periodic reviews by mail: thirty, seven and no days before, then every week while overdue."""

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
"""Days before the due day on which an owner is reminded."""
WEEK: Final = 7


def step_of(days_left: int) -> int | None:
    """Which reminder is due so many days before the due day (negative after it); None where none is yet. Only the
    latest: whoever was away for a month is told once."""
    if days_left <= -WEEK:
        return -WEEK * (-days_left // WEEK)
    return next((ahead for ahead in AHEAD if days_left <= ahead), None)


def due() -> list[int]:
    """Ids of the models whose owner is to be reminded now, whether they were or not."""
    today = clock.now().date()
    rows = RegisteredModel.objects.filter(
        status=RegisteredModel.Status.ACTIVE,
        next_review__lte=today + timedelta(days=max(AHEAD)),
        owner__is_active=True,
    ).exclude(owner__email="")
    return list(rows.order_by("next_review", "pk").values_list("pk", flat=True))


def remind_all() -> int:
    """Send what is due; returns how many mails went out. One that cannot be sent is tried again the next time; where no
    mail server is set up, none is put on record as sent."""
    if settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        return 0
    sent = 0
    for model_id in due():
        try:
            sent += remind(model_id)
        except OSError as error:  # what a mail server that does not answer raises, and smtplib's own errors
            log.warning("a reminder of model %d could not be sent (%s); it is tried again", model_id, error)
    return sent


def remind(model_id: int) -> bool:
    """Remind the owner of one model, if that is due and was not done. The row is the claim: a second worker waits for
    the model's lock and then finds it taken. The mail leaves last; one that fails takes row and event with it."""
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
    """Put the reminder on record, unless it is."""
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
    """The mail only leads to the page: nothing is decided from a mail."""
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
