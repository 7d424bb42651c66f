"""What a ring sets off. Tasks take integers, may be delivered twice or not at all, and have a time limit; the database
says what is to be done, and the services below do it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar

from celery import Task, shared_task
from django.db import DatabaseError

from audit import context
from governance import dispatch, promotions
from governance.checks import execution, performing, recognising
from governance.copies import copying
from governance.documents import pdf_files
from governance.services import accounts, reminders
from governance.webhooks import outbox, sending
from registry import access
from registry.services import access_requests, change_proposals, examining, sign_in_links, sweeping

log = logging.getLogger(__name__)

T = TypeVar("T")

# A policy may give a check an hour; the rest is for copying its evidence. Shorter than the broker's patience.
CHECK_SOFT_LIMIT = 110 * 60
CHECK_HARD_LIMIT = 115 * 60

# A receiver has ten seconds. Shorter than the time after which a claim is free to take.
WEBHOOK_SOFT_LIMIT = 50
WEBHOOK_HARD_LIMIT = 60

# A file of the longest card takes about twenty seconds. Shorter than the time after which a claim is free to take.
PDF_SOFT_LIMIT = 110
PDF_HARD_LIMIT = 120

# A run that completed is news for whoever looks at its request.
_settle = partial(promotions.settle, touched=True)


@shared_task(
    bind=True,
    name=dispatch.RUN_CHECK,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def run_check(self: Task[..., None], run_id: int) -> None:
    """Carry out a queued check run, if it is still there to take."""
    with _ambient(self):
        performing.perform(run_id, settle=_settle)


@shared_task(
    bind=True,
    name=dispatch.EXAMINE_UPLOAD,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def examine_upload(self: Task[..., None], upload_id: int) -> None:
    """Read a file that was sent to the bucket, and store or refuse it, if it is still there to take."""
    with _ambient(self):
        examining.examine(upload_id)


@shared_task(
    bind=True,
    name=dispatch.COPY_SOURCE,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def copy_source(self: Task[..., None], copy_id: int) -> None:
    """Copy what lies at a version's source, if the row is still there to take."""
    with _ambient(self):
        copying.carry_out(copy_id)


@shared_task(
    bind=True,
    name=dispatch.DRAW_PDF,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=PDF_SOFT_LIMIT,
    time_limit=PDF_HARD_LIMIT,
)
def draw_pdf(self: Task[..., None], file_id: int) -> None:
    """Draw a long PDF, if its row is still there to take."""
    with _ambient(self):
        pdf_files.draw(file_id)


@shared_task(bind=True, name=dispatch.SETTLE_REQUEST, acks_late=True, reject_on_worker_lost=True)
def settle_request(self: Task[..., None], request_id: int) -> None:
    """Judge a promotion request again on the facts of this moment."""
    with _ambient(self):
        promotions.settle(request_id)


@shared_task(bind=True, name=dispatch.RING_AGAIN, acks_late=True, reject_on_worker_lost=True)
def ring_again(self: Task[..., None]) -> None:
    """Ring for every row that should have moved and did not: a bell may have been lost with its broker. A step that
    fails is logged and leaves the others to be done."""
    with _ambient(self):
        for prepare in (lambda: execution.reap(settle=_settle), copying.plan_lately):
            _attempt(prepare)
        for task, find in _OVERDUE:
            for number in _attempt(find) or ():
                dispatch.ring_for_now(task, number)


_OVERDUE: tuple[tuple[str, Callable[[], Iterable[int]]], ...] = (
    (dispatch.RUN_CHECK, execution.due_runs),
    (dispatch.EXAMINE_UPLOAD, examining.due),
    (dispatch.COPY_SOURCE, copying.due),
    (dispatch.DRAW_PDF, pdf_files.due),
    (dispatch.MAIL_LINK, sign_in_links.unmailed),
    (dispatch.SETTLE_REQUEST, lambda: promotions.to_settle(timedelta(minutes=2))),
)
"""What is enqueued again: the task, and the rows it is due for."""


def _attempt(step: Callable[[], T]) -> T | None:
    """Carry out a step; None where it failed for another reason than the database."""
    try:
        return step()
    except DatabaseError:
        raise
    except Exception:
        log.exception("a step of the sweep failed; it is tried again with the next one")
        return None


@shared_task(bind=True, name=dispatch.SEND_WEBHOOKS, acks_late=True, reject_on_worker_lost=True)
def send_webhooks(self: Task[..., None]) -> None:
    """Put into the outbox what happened, and ring for every row that is due, the first time or again."""
    with _ambient(self):
        outbox.fill()
        for delivery_id in sending.due():
            dispatch.ring_for_now(dispatch.DELIVER_WEBHOOK, delivery_id)


@shared_task(
    bind=True,
    name=dispatch.DELIVER_WEBHOOK,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=WEBHOOK_SOFT_LIMIT,
    time_limit=WEBHOOK_HARD_LIMIT,
)
def deliver_webhook(self: Task[..., None], delivery_id: int) -> None:
    """Send one message, if its row is still there to take."""
    with _ambient(self):
        sending.deliver(delivery_id)


@shared_task(bind=True, name=dispatch.END_ACCESS, acks_late=True, reject_on_worker_lost=True)
def end_access(self: Task[..., None]) -> None:
    """Close grants, access requests and change proposals whose time is over, each in its own transaction."""
    with _ambient(self):
        for grant_id in access.ended_grants():
            access.close_ended(grant_id)
        for request_id in access_requests.unanswered():
            access_requests.lapse(request_id)
        for proposal_id in change_proposals.expired():
            change_proposals.expire(proposal_id)


@shared_task(
    bind=True,
    name=dispatch.RECOGNISE_FORMATS,
    acks_late=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def recognise_formats(self: Task[..., None]) -> None:
    """Say of stored bytes that nobody looked at yet what they are; rings again while there are more."""
    with _ambient(self):
        if recognising.recognise() == recognising.AT_ONCE:
            dispatch.ring_for_now(dispatch.RECOGNISE_FORMATS)


@shared_task(
    bind=True,
    name=dispatch.SWEEP_STORAGE,
    acks_late=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def sweep_storage(self: Task[..., None]) -> None:
    """Remove what uploads left behind, and give up versions whose files never came."""
    with _ambient(self):
        sweeping.sweep()
        pdf_files.sweep()
        outbox.forget()


@shared_task(bind=True, name=dispatch.REMIND, acks_late=True, reject_on_worker_lost=True)
def remind(self: Task[..., None]) -> None:
    """Remind the owners of models whose periodic review is due."""
    with _ambient(self):
        reminders.remind_all()


@shared_task(bind=True, name=dispatch.MAIL_LINK, acks_late=True, reject_on_worker_lost=True)
def mail_link(self: Task[..., None], link_id: int) -> None:
    """Mail a sign-in link, if it still waits for that."""
    with _ambient(self):
        accounts.mail_link(link_id)


@shared_task(bind=True, name=dispatch.MAIL_NOTICE, acks_late=True, reject_on_worker_lost=True)
def mail_notice(self: Task[..., None], event_id: int) -> None:
    """Tell the holder of an account, and who changed how it signs in, of that change."""
    with _ambient(self):
        accounts.mail_notice(event_id)


@contextmanager
def _ambient(task: Task[..., None]) -> Iterator[None]:
    """The request id of whoever rang, so that log lines and events of both processes can be put together."""
    request_id = (task.request.headers or {}).get("request_id", "")
    with context.bind(request_id=request_id, client="worker"):
        yield
