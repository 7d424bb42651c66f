"""The doorbell: when a transaction commits, ring a task by its name. Imports no task and carries no letter.

What is due stands in the database; a ring only says "look now". So a ring that fails is logged and forgotten: beat
rings again for every row that should have moved and did not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction

from audit import context

log = logging.getLogger(__name__)

RUN_CHECK = "governance.tasks.run_check"
EXAMINE_UPLOAD = "governance.tasks.examine_upload"
COPY_SOURCE = "governance.tasks.copy_source"
SEND_WEBHOOKS = "governance.tasks.send_webhooks"
DELIVER_WEBHOOK = "governance.tasks.deliver_webhook"
DRAW_PDF = "governance.tasks.draw_pdf"
SETTLE_REQUEST = "governance.tasks.settle_request"
SWEEP_STORAGE = "governance.tasks.sweep_storage"
RECOGNISE_FORMATS = "governance.tasks.recognise_formats"
REQUEUE_DUE_WORK = "governance.tasks.requeue_due_work"
END_ACCESS = "governance.tasks.close_expired_access"
REMIND = "governance.tasks.send_review_reminders"
MAIL_LINK = "governance.tasks.mail_link"
MAIL_NOTICE = "governance.tasks.mail_notice"

_silent_until = 0.0
"""Once the broker did not answer, nothing is rung until beat rings again anyway: a page that commits ten changes must
not wait for it ten times."""

_muffled: ContextVar[bool] = ContextVar("dispatch_muffled", default=False)


@contextmanager
def suppress_enqueue() -> Iterator[None]:
    """Ring nothing inside the block, whatever commits in it: for whoever does what is due there and then."""
    token = _muffled.set(True)
    try:
        yield
    finally:
        _muffled.reset(token)


def enqueue_on_commit(task_name: str, *numbers: int) -> None:
    """Ring `task_name` with integers once the transaction in hand commits; at once where there is none.

    Never raises for a broker that is away, and waits for it no longer than one connection's time-out.
    """
    transaction.on_commit(partial(_send, task_name, numbers, context.current().request_id, None))


def enqueue_now(task_name: str, *numbers: int) -> None:
    """Ring at once, and only for as long as beat takes to ring once more: what waits in the queue then is old news."""
    _send(task_name, numbers, context.current().request_id, settings.COUNTERSIGN_RING_AGAIN_SECONDS)


def _send(task_name: str, numbers: tuple[int, ...], request_id: str, expires: float | None) -> None:
    global _silent_until  # noqa: PLW0603 - what one process knows of the broker
    if _muffled.get() or time.monotonic() < _silent_until:
        return
    try:
        current_app.send_task(
            task_name,
            args=list(numbers),
            headers={"request_id": request_id},
            expires=expires,
            retry=False,
            ignore_result=True,
        )
    except Exception as error:
        _silent_until = time.monotonic() + settings.COUNTERSIGN_RING_AGAIN_SECONDS
        log.warning("could not ring %s%r (%s); beat rings again", task_name, numbers, error)
