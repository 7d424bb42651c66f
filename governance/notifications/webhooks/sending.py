"""Deliver outbox rows: claim a row, build, sign and send its message, and store the result.

JSON and headers are those of MLflow, so that its receivers can verify messages. No transaction is open while waiting
for a receiver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import DatabaseError
from django.db.models import Q

from audit import clock
from audit import selectors as log
from audit.actor import Actor
from governance.models import Webhook, WebhookDelivery, WebhookSecret
from governance.notifications.posting import post_message, shortest_pause
from governance.notifications.webhooks import payloads
from governance.outbound_http import ForbiddenAddressError, ServerFault, WebhookResponse
from governance.services import webhooks
from registry import access
from registry.models import RegisteredModel
from registry.services.claiming import Lease, WorkQueue

logger = logging.getLogger(__name__)

PAUSES: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 4, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Pauses before each further attempt; the first three are MLflow's, which then gives up. Up to a tenth is added
as jitter.
"""
LOST_AFTER: Final = timedelta(seconds=120)
"""Age after which a claim is invalid; longer than any delivery."""
GONE: Final = 410
_WITHHELD: Final = "The webhook's creator may not see it, or it was deleted meanwhile."
SHOWN: Final = 2_000
"""Maximum characters of the response shown for a test message."""


@dataclass(frozen=True)
class TestDeliveryResult:
    """Result of a test message. `problem`: why there was no response."""

    success: bool
    status: int | None
    body: str
    problem: str


QUEUE = WorkQueue(
    model=WebhookDelivery,
    waiting={"state": WebhookDelivery.State.WAITING},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=lambda: len(PAUSES) + 1,
    pause=lambda attempts: PAUSES[attempts - 1] * (1 + secrets.randbelow(101) / 1000),
    eligible=lambda: Q(webhook__in=Webhook.objects.filter(status=Webhook.Status.ACTIVE, deleted_at__isnull=True)),
)


def due() -> list[int]:
    """Keys of the deliveries that a worker should have claimed by now. Ends those whose workers were lost too often."""
    QUEUE.finish_exhausted(
        state=WebhookDelivery.State.FAILED, problem="Every worker that sent it was lost.", finished_at=clock.now()
    )
    return QUEUE.claimable_ids()


def deliver(delivery_id: int) -> bool:
    """Send the message of a delivery, if its row can be claimed. Returns whether it was claimed.

    Whatever fails while the message is composed or sent is a failed attempt, except a fault of the database.
    """
    lease = QUEUE.claim(delivery_id)
    if lease is None:
        return False
    row = WebhookDelivery.objects.select_related("webhook__created_by").get(pk=delivery_id)
    try:
        body = _composed(row)
        if body is None:
            _finish(lease, state=WebhookDelivery.State.WITHHELD, problem=_WITHHELD)
            return True
        receipt = _send(row.webhook, row.uid, body)
    except (ServerFault, ForbiddenAddressError) as fault:
        _retry(row, lease, None, str(fault))
        return True
    except DatabaseError:
        raise  # the row cannot be written now; its worker counts as lost
    except Exception as error:
        logger.exception("webhook delivery %s could not be composed", row.uid)
        _retry(row, lease, None, f"The message could not be composed here ({type(error).__name__}).")
        return True
    if 200 <= receipt.status < 300:
        _finish(lease, state=WebhookDelivery.State.DELIVERED, answer=receipt.status, problem="")
    elif receipt.status == GONE:
        _finish(lease, state=WebhookDelivery.State.FAILED, answer=GONE, problem="The receiver responded with 410 Gone.")
        webhooks.disable_gone_webhook(row.webhook_id)
    else:
        _retry(row, lease, receipt, f"The receiver answered {receipt.status}.")
    return True


def send_test(*, actor: Actor, webhook: Webhook, event_type: str) -> TestDeliveryResult:
    """Send a test message now, whatever the webhook's status, and record that.

    Args:
        actor: who sends it; needs MANAGE_WEBHOOKS.
        webhook: the webhook.
        event_type: the event type, such as "model_version.created".

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    try:
        receipt = _send(webhook, uuid4(), _message(event_type, clock.now(), payloads.example(event_type)))
    except (ServerFault, ForbiddenAddressError) as fault:
        ended = TestDeliveryResult(False, None, "", str(fault))
    else:
        good = 200 <= receipt.status < 300
        body = receipt.body.decode(errors="replace").replace("\x00", "\ufffd")[:SHOWN]
        ended = TestDeliveryResult(good, receipt.status, body, "")
    webhooks.record_test(actor=actor, webhook=webhook, event_type=event_type, answer=ended.status)
    return ended


def signature(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """Return the X-MLflow-Signature header: HMAC-SHA256 over delivery id, timestamp and body, joined by full stops."""
    signed = b".".join((delivery_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def _composed(row: WebhookDelivery) -> bytes | None:
    """Return the message; None if it is not visible to the webhook's creator, its object was deleted, or no data
    is left.
    """
    event = log.get_event(row.event)
    if event is None:
        return None
    events, model = payloads.webhook_events_for([event])[event.event_id], payloads.model_of(event)
    if model is None or row.place >= len(events) or not _may_know(row.webhook, model):
        return None
    item = events[row.place]
    if (item.entity, item.action) != (row.entity, row.action):
        return None
    data = payloads.data_of(event, item, model)
    return _message(item.name, event.happened_at, data) if data is not None else None


def _may_know(webhook: Webhook, model: RegisteredModel) -> bool:
    creator = access.actor_for(webhook.created_by, auth="webhook")
    return bool(access.check_org_permission(creator, access.OrgPermission.MANAGE_WEBHOOKS)) and bool(
        access.check_permission(creator, access.Permission.VIEW, model)
    )


def _message(event_type: str, moment: datetime, data: Mapping[str, Any]) -> bytes:
    entity, _, action = event_type.partition(".")
    message = {"entity": entity, "action": action, "timestamp": moment.isoformat(), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _send(webhook: Webhook, delivery_id: UUID, body: bytes) -> WebhookResponse:
    timestamp = str(int(clock.now().timestamp()))
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": str(delivery_id),
        "X-MLflow-Timestamp": timestamp,
    }
    secret = WebhookSecret.objects.filter(webhook=webhook).values_list("value", flat=True).first()
    if secret:
        headers["X-MLflow-Signature"] = signature(secret, str(delivery_id), timestamp, body)
    return post_message(webhook.url, body, headers)


def _retry(row: WebhookDelivery, lease: Lease, receipt: WebhookResponse | None, problem: str) -> None:
    """Let another attempt be made after a pause, unless this was the last."""
    answer = receipt.status if receipt is not None else None
    if QUEUE.is_last_attempt(row.attempts):
        _finish(lease, state=WebhookDelivery.State.FAILED, answer=answer, problem=problem)
        return
    at_least = shortest_pause(receipt, PAUSES[-1])
    logger.info("webhook delivery %s waits and is tried again: %s", row.uid, problem)
    QUEUE.retry(lease, row.attempts, at_least=at_least, problem=problem, answer=answer)


def _finish(lease: Lease, *, state: str, problem: str, answer: int | None = None) -> None:
    QUEUE.finish(lease, state=state, problem=problem[:500], answer=answer, finished_at=clock.now())
