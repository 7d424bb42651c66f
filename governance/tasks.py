"""Celery tasks. They take primary keys, may run repeatedly or not at all, and have a time limit.

The database defines what is due, and the called services do the work.
"""

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
from governance import promotions, task_queue
from governance.checks import check_runs, format_detection, run_worker
from governance.documents import pdf_files
from governance.integrations.source_sync import copying
from governance.notifications import audit_problems, delivering, dispatching, scheduled
from governance.notifications.webhooks import outbox, sending
from governance.services import accounts, delegations, external_checks, impacts, policy_replays, reminders, waivers
from registry import access
from registry.services import access_requests, change_proposals, garbage_collection, sign_in_links, upload_processing

log = logging.getLogger(__name__)

T = TypeVar("T")

# A policy may give a check an hour; the rest is for copying its evidence. Shorter than the broker's visibility timeout.
CHECK_SOFT_LIMIT = 110 * 60
CHECK_HARD_LIMIT = 115 * 60

# A receiver has ten seconds. Shorter than the time after which a claim is invalid.
WEBHOOK_SOFT_LIMIT = 50
WEBHOOK_HARD_LIMIT = 60

# The longest card takes about twenty seconds. Shorter than the time after which a claim is invalid.
PDF_SOFT_LIMIT = 110
PDF_HARD_LIMIT = 120

# A completed run changes what the page of its request shows.
_settle = partial(promotions.reevaluate, bump_revision=True)


@shared_task(
    bind=True,
    name=task_queue.RUN_CHECK,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def run_check(self: Task[..., None], run_id: int) -> None:
    """Run a queued check, unless it is claimed already."""
    with _ambient(self):
        run_worker.run_claimed_check(run_id, settle=_settle)


@shared_task(
    bind=True,
    name=task_queue.EXAMINE_UPLOAD,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def examine_upload(self: Task[..., None], upload_id: int) -> None:
    """Verify a file that was uploaded to object storage, and store or refuse it, unless it is claimed already."""
    with _ambient(self):
        upload_processing.process_upload(upload_id)


@shared_task(
    bind=True,
    name=task_queue.COPY_SOURCE,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def copy_source(self: Task[..., None], copy_id: int) -> None:
    """Copy the files at a version's source, unless the row is claimed already."""
    with _ambient(self):
        copying.run_copy(copy_id)


@shared_task(
    bind=True,
    name=task_queue.REPLAY_POLICY,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=PDF_SOFT_LIMIT,
    time_limit=PDF_HARD_LIMIT,
)
def replay_policy(self: Task[..., None], replay_id: int) -> None:
    """Replay a draft of a policy, unless its row is claimed already."""
    with _ambient(self):
        policy_replays.run(replay_id)


@shared_task(
    bind=True,
    name=task_queue.DRAW_PDF,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=PDF_SOFT_LIMIT,
    time_limit=PDF_HARD_LIMIT,
)
def draw_pdf(self: Task[..., None], file_id: int) -> None:
    """Render a long PDF file, unless its row is claimed already."""
    with _ambient(self):
        pdf_files.draw(file_id)


@shared_task(bind=True, name=task_queue.SETTLE_REQUEST, acks_late=True, reject_on_worker_lost=True)
def settle_request(self: Task[..., None], request_id: int) -> None:
    """Evaluate a promotion request on current facts."""
    with _ambient(self):
        promotions.reevaluate(request_id)


@shared_task(bind=True, name=task_queue.REQUEUE_DUE_WORK, acks_late=True, reject_on_worker_lost=True)
def requeue_due_work(self: Task[..., None]) -> None:
    """Enqueue tasks for every row that is due, in case a message was lost. A failing step is logged; the others
    continue.
    """
    with _ambient(self):
        for prepare in (
            lambda: check_runs.fail_lost_runs(settle=_settle),
            copying.plan_recent,
            check_runs.enqueue_due_runs,
            external_checks.end_overdue,
            waivers.end_expired,
            promotions.settle_emergencies,
        ):
            _attempt(prepare)
        for task, find in _OVERDUE:
            for number in _attempt(find) or ():
                task_queue.enqueue_now(task, number)


_OVERDUE: tuple[tuple[str, Callable[[], Iterable[int]]], ...] = (
    (task_queue.EXAMINE_UPLOAD, upload_processing.due_upload_ids),
    (task_queue.COPY_SOURCE, copying.due),
    (task_queue.DRAW_PDF, pdf_files.due),
    (task_queue.REPLAY_POLICY, policy_replays.due),
    (task_queue.MAIL_LINK, sign_in_links.unmailed),
    (task_queue.SETTLE_REQUEST, lambda: promotions.to_settle(timedelta(minutes=2))),
)
"""Tasks and their due rows."""


def _attempt(step: Callable[[], T]) -> T | None:
    """Run a step; log an error and return None. Database errors are raised."""
    try:
        return step()
    except DatabaseError:
        raise
    except Exception:
        log.exception("a step of the sweep failed; it is tried again with the next one")
        return None


@shared_task(bind=True, name=task_queue.SEND_WEBHOOKS, acks_late=True, reject_on_worker_lost=True)
def send_webhooks(self: Task[..., None]) -> None:
    """Add new events to the outbox, and enqueue every delivery that is due."""
    with _ambient(self):
        outbox.enqueue_deliveries()
        for delivery_id in sending.due():
            task_queue.enqueue_now(task_queue.DELIVER_WEBHOOK, delivery_id)


@shared_task(
    bind=True,
    name=task_queue.DELIVER_WEBHOOK,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=WEBHOOK_SOFT_LIMIT,
    time_limit=WEBHOOK_HARD_LIMIT,
)
def deliver_webhook(self: Task[..., None], delivery_id: int) -> None:
    """Deliver one webhook message, unless its row is claimed already."""
    with _ambient(self):
        sending.deliver(delivery_id)


@shared_task(bind=True, name=task_queue.DISPATCH_NOTIFICATIONS, acks_late=True, reject_on_worker_lost=True)
def dispatch_notifications(self: Task[..., None]) -> None:
    """Write the notifications of new events, and enqueue every delivery that is due."""
    with _ambient(self):
        dispatching.dispatch()
        for delivery_id in delivering.due():
            task_queue.enqueue_now(task_queue.DELIVER_NOTIFICATION, delivery_id)


@shared_task(bind=True, name=task_queue.REPORT_AUDIT_PROBLEMS, acks_late=True, reject_on_worker_lost=True)
def report_audit_problems(self: Task[..., None]) -> None:
    """Notify the compliance officers of problems of the audit log and of its guards."""
    with _ambient(self):
        audit_problems.report_problems()


@shared_task(
    bind=True,
    name=task_queue.DELIVER_NOTIFICATION,
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=WEBHOOK_SOFT_LIMIT,
    time_limit=WEBHOOK_HARD_LIMIT,
)
def deliver_notification(self: Task[..., None], delivery_id: int) -> None:
    """Send one mail or message of a channel, unless its row is claimed already."""
    with _ambient(self):
        delivering.deliver(delivery_id)


@shared_task(bind=True, name=task_queue.RECORD_IMPACTS, acks_late=True, reject_on_worker_lost=True)
def record_impacts(self: Task[..., None]) -> None:
    """Record what concerns the approvals of versions in protected places, and follow what was recorded."""
    with _ambient(self):
        impacts.record_all()
        impacts.follow_all()


@shared_task(bind=True, name=task_queue.END_ACCESS, acks_late=True, reject_on_worker_lost=True)
def close_expired_access(self: Task[..., None]) -> None:
    """Close expired grants, delegations, access requests and change proposals, each in its own transaction."""
    with _ambient(self):
        for delegation_id in delegations.expired_delegation_ids():
            delegations.close_expired_delegation(delegation_id)
        for grant_id in access.expired_grant_ids():
            access.close_expired_grant(grant_id)
        for request_id in access_requests.overdue_ids():
            access_requests.expire(request_id)
        for proposal_id in change_proposals.expired():
            change_proposals.expire(proposal_id)


@shared_task(bind=True, name=task_queue.ESCALATE, acks_late=True, reject_on_worker_lost=True)
def escalate_requests(self: Task[..., None]) -> None:
    """Record the reminders and escalations that are due. A failing request is logged; the others continue."""
    with _ambient(self):
        for number in promotions.requests_to_escalate():
            _attempt(partial(promotions.take_due_steps, number))


@shared_task(
    bind=True,
    name=task_queue.RECOGNISE_FORMATS,
    acks_late=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def recognise_formats(self: Task[..., None]) -> None:
    """Detect the format of stored bytes without one; enqueue again while there are more."""
    with _ambient(self):
        if format_detection.detect_formats() == format_detection.AT_ONCE:
            task_queue.enqueue_now(task_queue.RECOGNISE_FORMATS)


@shared_task(
    bind=True,
    name=task_queue.SWEEP_STORAGE,
    acks_late=True,
    soft_time_limit=CHECK_SOFT_LIMIT,
    time_limit=CHECK_HARD_LIMIT,
)
def sweep_storage(self: Task[..., None]) -> None:
    """Delete leftovers of uploads, old PDF files and deliveries, and give up versions whose files were never
    uploaded.
    """
    with _ambient(self):
        garbage_collection.collect_garbage()
        pdf_files.sweep()
        policy_replays.sweep()
        outbox.prune()
        dispatching.prune()


@shared_task(bind=True, name=task_queue.REMIND, acks_late=True, reject_on_worker_lost=True)
def send_review_reminders(self: Task[..., None]) -> None:
    """Remind the owners of models whose periodic review is due, and notify of other dates."""
    with _ambient(self):
        reminders.remind_all()
        scheduled.notify_of_dates()


@shared_task(bind=True, name=task_queue.MAIL_LINK, acks_late=True, reject_on_worker_lost=True)
def mail_link(self: Task[..., None], link_id: int) -> None:
    """Mail a sign-in link, if it is still pending."""
    with _ambient(self):
        accounts.mail_link(link_id)


@shared_task(bind=True, name=task_queue.MAIL_NOTICE, acks_late=True, reject_on_worker_lost=True)
def mail_notice(self: Task[..., None], event_id: int) -> None:
    """Notify an account's holder, and the user who caused it, of a change of its sign-in."""
    with _ambient(self):
        accounts.mail_notice(event_id)


@contextmanager
def _ambient(task: Task[..., None]) -> Iterator[None]:
    """Bind the request id of the enqueuing process, so that log lines and events of both can be correlated."""
    request_id = (task.request.headers or {}).get("request_id", "")
    with context.bind_request_context(request_id=request_id, client="worker"):
        yield
