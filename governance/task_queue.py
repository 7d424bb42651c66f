"""Enqueue Celery tasks by name on commit. Arguments are primary keys only; task modules are not imported.

Due work is stored in the database, so an enqueue that fails is only logged: beat enqueues every due row again.
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
REPLAY_POLICY = "governance.tasks.replay_policy"
SETTLE_REQUEST = "governance.tasks.settle_request"
SWEEP_STORAGE = "governance.tasks.sweep_storage"
RECOGNISE_FORMATS = "governance.tasks.recognise_formats"
REQUEUE_DUE_WORK = "governance.tasks.requeue_due_work"
RECORD_IMPACTS = "governance.tasks.record_impacts"
END_ACCESS = "governance.tasks.close_expired_access"
ESCALATE = "governance.tasks.escalate_requests"
REPORT_AUDIT_PROBLEMS = "governance.tasks.report_audit_problems"
REMIND = "governance.tasks.send_review_reminders"
MAIL_LINK = "governance.tasks.mail_link"
DISPATCH_NOTIFICATIONS = "governance.tasks.dispatch_notifications"
DELIVER_NOTIFICATION = "governance.tasks.deliver_notification"
MAIL_NOTICE = "governance.tasks.mail_notice"

LARGE_CHECKS = "checks-large"
"""The queue of checks that read much: they do not delay the others where a worker of its own serves it."""

_silent_until = 0.0
"""After the broker failed, nothing is enqueued until beat runs again: a request that commits ten changes must not
wait ten times.
"""

_muffled: ContextVar[bool] = ContextVar("dispatch_muffled", default=False)


@contextmanager
def suppress_enqueue() -> Iterator[None]:
    """Enqueue nothing inside the block, for callers that do the due work themselves."""
    token = _muffled.set(True)
    try:
        yield
    finally:
        _muffled.reset(token)


def enqueue_on_commit(task_name: str, *numbers: int, queue: str | None = None) -> None:
    """Enqueue a task when the current transaction commits; at once without a transaction.

    Does not raise if the broker is unavailable, and waits at most one connection timeout for it.

    Args:
        task_name: one of the names above.
        numbers: primary keys.
        queue: the queue, if not that of the task.
    """
    transaction.on_commit(partial(_send, task_name, numbers, context.current().request_id, None, queue))


def enqueue_now(task_name: str, *numbers: int, queue: str | None = None) -> None:
    """Enqueue a task at once. It expires when beat would enqueue it again.

    Args:
        task_name: one of the names above.
        numbers: primary keys.
        queue: the queue, if not that of the task.
    """
    _send(task_name, numbers, context.current().request_id, settings.COUNTERSIGN_REQUEUE_SECONDS, queue)


def _send(task_name: str, numbers: tuple[int, ...], request_id: str, expires: float | None, queue: str | None) -> None:
    global _silent_until  # noqa: PLW0603 - the state of the broker as known to this process
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
            queue=queue,
        )
    except Exception as error:
        _silent_until = time.monotonic() + settings.COUNTERSIGN_REQUEUE_SECONDS
        log.warning("could not enqueue %s%r (%s); beat enqueues it again", task_name, numbers, error)
