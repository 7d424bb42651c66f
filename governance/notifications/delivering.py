"""Send notifications: claim a delivery, compose its message from what the recipient may still see, and send it.

No transaction is open while a mail server or a receiver is waited for. A delivery is sent at least once, and twice only
if its worker ends between sending and storing the result.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import DatabaseError
from django.db.models import QuerySet

from audit import clock
from audit.actor import Actor
from governance import task_queue
from governance.models import Finding, Notification, NotificationDelivery, NotificationMute, PromotionRequest
from governance.notifications import messages, reasons
from governance.notifications.posting import post_message, shortest_pause
from governance.outbound_http import ForbiddenAddressError, ServerFault, WebhookResponse
from governance.services import findings
from registry import access
from registry.exceptions import InvalidStateError, NotFoundError
from registry.models import Membership, RegisteredModel, User
from registry.services.claiming import Lease, WorkQueue

logger = logging.getLogger(__name__)

PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 300, 1800, 2 * 3600, 8 * 3600, 24 * 3600))
"""Pauses before each further attempt. Up to a tenth is added as jitter."""
LOST_AFTER: Final = timedelta(seconds=120)
"""Age after which a claim is invalid; longer than any delivery."""
_NOTHING_LEFT: Final = "Everything in it was read, is not visible to the recipient any more, or was settled."

QUEUE = WorkQueue(
    model=NotificationDelivery,
    waiting={"state": NotificationDelivery.State.WAITING},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=lambda: len(PAUSES) + 1,
    pause=lambda attempts: PAUSES[attempts - 1] * (1 + secrets.randbelow(101) / 1000),
)


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery in a list: the titles of its notifications that the reader may see, and how many they may not."""

    delivery: NotificationDelivery
    titles: tuple[str, ...]
    hidden: int


def due() -> list[int]:
    """Keys of the deliveries that a worker should have claimed by now. Ends those whose workers were lost too often."""
    QUEUE.finish_exhausted(
        state=NotificationDelivery.State.FAILED, problem="Every worker that sent it was lost.", finished_at=clock.now()
    )
    return QUEUE.claimable_ids()


def deliver(delivery_id: int) -> bool:
    """Send a delivery, if its row can be claimed. Returns whether it was claimed.

    Whatever fails while the message is composed or sent is a failed attempt, except a fault of the database.

    Args:
        delivery_id: primary key of the row.
    """
    lease = QUEUE.claim(delivery_id)
    if lease is None:
        return False
    row = NotificationDelivery.objects.select_related("person", "channel").get(pk=lease.pk)
    try:
        shown = _shown(row)
        if not shown:
            _finish(lease, state=NotificationDelivery.State.WITHHELD, problem=_NOTHING_LEFT)
            return True
        response = _send(row, shown)
    except (ServerFault, ForbiddenAddressError, OSError) as fault:  # OSError: a mail server, and smtplib
        _retry(row, lease, None, str(fault) or type(fault).__name__)
        return True
    except DatabaseError:
        raise  # the row cannot be written now; its worker counts as lost
    except Exception as error:
        logger.exception("notification delivery %s could not be composed", row.uid)
        _retry(row, lease, None, f"The message could not be composed here ({type(error).__name__}).")
        return True
    if response is not None and not 200 <= response.status < 300:
        _retry(row, lease, response, f"The receiver answered {response.status}.")
        return True
    answer = response.status if response is not None else None
    if _finish(lease, state=NotificationDelivery.State.DELIVERED, answer=answer, problem="") and row.channel is None:
        _record_mailed(shown)
    return True


def _record_mailed(items: list[Notification]) -> None:
    """Record for findings of production signals that their owners were notified by mail."""
    numbers = {item.subject_id: item.person for item in items if item.reason == reasons.HEALTH.slug}
    for finding in Finding.objects.filter(pk__in=map(int, numbers)).select_related("version"):
        person = numbers[str(finding.pk)]
        assert person is not None  # a group is notified of no finding
        findings.record_notified(finding, person)


def _shown(row: NotificationDelivery) -> list[Notification]:
    """Return the notifications that the recipient may still see and that are not settled."""
    items = list(row.notifications.order_by("pk").select_related("person"))
    if row.channel is not None and row.channel.deleted_at is not None:
        return []
    if row.person is not None and not row.person.is_active:
        return []
    if row.digest_at is not None:
        items = [item for item in items if item.read_at is None]
    muted = set(NotificationMute.objects.filter(person=row.person).values_list("subject_type", "subject_id"))
    uids = {item.model_uid for item in items if item.model_uid is not None}
    models = {model.uid: model for model in RegisteredModel.objects.filter(uid__in=uids)}
    readers = _readers(row)
    seen = {uid: _may_all_view(readers, model) for uid, model in models.items()}
    live = _live_requests(items)
    return [
        item
        for item in items
        if (item.model_uid is None or seen.get(item.model_uid, False))
        and ((item.subject_type, item.subject_id) not in muted or reasons.REASONS[item.reason].fixed)
        and (item.reason != reasons.REVIEW_REQUESTED.slug or item.subject_id in live)
    ]


def _readers(row: NotificationDelivery) -> list[User]:
    """Return who reads the message: the person, or every member of the group of the channel."""
    if row.person is not None:
        return [row.person]
    assert row.channel is not None
    held = Membership.effective(clock.now()).filter(group_id=row.channel.group_id, user__is_active=True)
    return [membership.user for membership in held.select_related("user")]


def _may_all_view(readers: list[User], model: RegisteredModel) -> bool:
    able = access.filter_users_with_permission(readers, access.Permission.VIEW, model)
    return bool(readers) and all(reader.pk in able for reader in readers)


def _live_requests(items: list[Notification]) -> set[str]:
    numbers = [int(item.subject_id) for item in items if item.reason == reasons.REVIEW_REQUESTED.slug]
    live = PromotionRequest.objects.filter(pk__in=numbers, state__in=PromotionRequest.LIVE)
    return {str(number) for number in live.values_list("pk", flat=True)}


def _send(row: NotificationDelivery, shown: list[Notification]) -> WebhookResponse | None:
    if row.channel is None:
        assert row.person is not None
        if not row.person.email:
            raise OSError("The account has no mail address any more.")
        messages.compose_mail(row.person.name, row.person.email, shown).send()
        return None
    body = messages.encode(messages.compose_body(row.channel, shown))
    return post_message(row.channel.url, body, messages.headers_of(row.channel, str(row.uid), body))


def _retry(row: NotificationDelivery, lease: Lease, response: WebhookResponse | None, problem: str) -> None:
    """Let another attempt be made after a pause, unless this was the last."""
    answer = response.status if response is not None else None
    logger.info("notification delivery %s failed: %s", row.uid, problem)
    if QUEUE.is_last_attempt(row.attempts):
        _finish(lease, state=NotificationDelivery.State.FAILED, answer=answer, problem=problem)
        return
    at_least = shortest_pause(response, PAUSES[-1])
    QUEUE.retry(lease, row.attempts, at_least=at_least, problem=problem, answer=answer)


def _finish(lease: Lease, *, state: str, problem: str, answer: int | None = None) -> bool:
    return QUEUE.finish(lease, state=state, problem=problem[:500], answer=answer, finished_at=clock.now())


def deliveries_of(actor: Actor) -> QuerySet[NotificationDelivery]:
    """Return the actor's deliveries with their notifications, the newest first."""
    return _with_contents().filter(person=access.require_person(actor))


def all_deliveries(actor: Actor) -> QuerySet[NotificationDelivery]:
    """Return all deliveries, the newest first.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    return _with_contents()


def in_state(deliveries: QuerySet[NotificationDelivery], state: str | None) -> QuerySet[NotificationDelivery]:
    """Return the deliveries in a state; all of them for None."""
    return deliveries if state is None else deliveries.filter(state=state)


def send_again(*, actor: Actor, uid: UUID) -> None:
    """Send a delivery that ended once more, with the attempts of a new one.

    Args:
        actor: its recipient, or who may manage webhooks.
        uid: of the delivery.

    Raises:
        NotFoundError: there is no such delivery of the actor.
        InvalidStateError: it waits already.
    """
    rows = NotificationDelivery.objects.filter(uid=uid)
    if not access.check_org_permission(actor, access.OrgPermission.MANAGE_WEBHOOKS):
        rows = rows.filter(person=access.require_person(actor))
    row = rows.first()
    if row is None:
        raise NotFoundError("You have no such delivery.")
    ended = rows.exclude(state=NotificationDelivery.State.WAITING)
    again = {"state": NotificationDelivery.State.WAITING, "attempts": 0, "problem": "", "answer": None}
    if not ended.update(**again, run_after=None, claim=None, finished_at=None):
        raise InvalidStateError("This delivery waits to be sent already.", code="delivery_waits")
    task_queue.enqueue_on_commit(task_queue.DELIVER_NOTIFICATION, row.pk)


def delivery_rows(actor: Actor, deliveries: Iterable[NotificationDelivery]) -> list[DeliveryRow]:
    """Return deliveries with the titles that a reader may see. One query.

    Args:
        actor: who reads; a notification about a model that they may not see is counted, not shown.
        deliveries: of `deliveries_of` or `all_deliveries`.
    """
    found = list(deliveries)
    uids = {item.model_uid for row in found for item in row.notifications.all() if item.model_uid is not None}
    seen = set(access.visible_models(actor).filter(uid__in=uids).values_list("uid", flat=True)) if uids else set()
    rows = []
    for row in found:
        items = list(row.notifications.all())
        titles = tuple(item.title for item in items if item.model_uid is None or item.model_uid in seen)
        rows.append(DeliveryRow(row, titles, len(items) - len(titles)))
    return rows


def _with_contents() -> QuerySet[NotificationDelivery]:
    return NotificationDelivery.objects.select_related("person", "channel").prefetch_related("notifications")
