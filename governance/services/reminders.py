"""Remind owners of periodic reviews by mail: 30, 7 and 0 days before the due date, then weekly while overdue."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from audit import clock, recorder
from audit.actor import process
from audit.recorder import ObjectRef
from governance.models import ReminderMail
from registry.actions import REVIEW_REMINDED
from registry.models import RegisteredModel, ReviewReminder
from registry.services.claiming import Lease, WorkQueue

log = logging.getLogger(__name__)

REMINDER: Final = process("reminders")
AHEAD: Final = (0, 7, 30)
"""Days before the due date on which an owner is reminded."""
WEEK: Final = 7
LOST_AFTER: Final = timedelta(minutes=10)
"""A claim that is older is void. Longer than a mail server may take to answer."""


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


QUEUE = WorkQueue(
    model=ReminderMail,
    waiting={},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=None,
    pause=lambda attempts: timedelta(),  # the next run of the schedule is the retry
)


def remind(model_id: int) -> bool:
    """Remind the owner of one model, if a step is due and was not sent.

    Three steps: a transaction locks the model and stores what is to be sent; the mail is sent while nothing is locked;
    a second transaction records that it was sent. A worker that ends in between leaves the stored row, and a later run
    sends it. So a reminder is sent at least once, and twice only if a worker ends between sending and recording.

    Args:
        model_id: primary key of the model.

    Returns:
        Whether a mail was sent.

    Raises:
        OSError: the mail could not be sent.
    """
    mail_id = _store_due(model_id)
    lease = QUEUE.claim(mail_id) if mail_id is not None else None
    if lease is None:
        return False
    mail = ReminderMail.objects.select_related("model", "person").get(pk=lease.pk)
    try:
        _send(mail)
    except OSError as error:
        QUEUE.retry(lease, mail.attempts, problem=str(error))
        raise
    _record(lease)
    return True


@transaction.atomic
def _store_due(model_id: int) -> int | None:
    """Store the reminder that is due; None where none is, or it was sent. Returns the key of its row."""
    locked = RegisteredModel.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
    model = locked.get(pk=model_id)
    owner = model.active_owner
    if model.next_review is None or owner is None or not owner.email:
        return None
    step = step_of((model.next_review - clock.now().date()).days)
    if step is None or ReviewReminder.objects.filter(model=model, due=model.next_review, step=step).exists():
        return None
    facts = {"due": model.next_review, "step": step, "person": owner}
    row, created = ReminderMail.objects.get_or_create(model=model, defaults={**facts, "created_at": clock.now()})
    if not created:
        # An earlier step that was not sent is replaced, unless a worker sends it at this moment.
        QUEUE.claimable().filter(pk=row.pk).update(**facts)
    return row.pk


@transaction.atomic
def _record(lease: Lease) -> None:
    """Record that the mail was sent, and remove its row."""
    model_id = QUEUE.held(lease).values_list("model_id", flat=True).first()
    if model_id is None:
        return
    model = RegisteredModel.objects.get_for_update(model_id)
    mail = QUEUE.held(lease).select_for_update(of=("self",)).select_related("person").first()
    if mail is None or ReviewReminder.objects.filter(model=model, due=mail.due, step=mail.step).exists():
        return
    sent = ReviewReminder(
        uid=uuid4(), model=model, due=mail.due, step=mail.step, person=mail.person, sent_at=clock.now()
    )
    recorder.record_event(
        REVIEW_REMINDED,
        actor=REMINDER,
        target=ObjectRef("reminder", str(sent.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        data={"due": str(sent.due), "step": sent.step, "person": mail.person.uid},
    )
    sent.save(force_insert=True)
    mail.delete()


def _send(mail: ReminderMail) -> None:
    """Send a mail that only links to the page; no action is possible from the mail."""
    model, owner = mail.model, mail.person
    days = (mail.due - clock.now().date()).days
    when = f"was due {-days} days ago" if days < 0 else "is due today" if days == 0 else f"is due in {days} days"
    send_mail(
        subject=f"Review of {model.slug} {when}",
        message=(
            f"{owner.name},\n\nthe periodic review of {model.slug} {when}, on {mail.due.isoformat()}. You "
            "are on record as its owner. A validator other than the owner or developer must record the "
            f"review.\n\nOpen: {settings.PUBLIC_URL}/models/{model.slug}/reviews/\n"
        ),
        from_email=None,
        recipient_list=[owner.email],
    )
