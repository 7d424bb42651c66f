"""Webhooks in MLflow's format. No response contains a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from audit.actor import Actor
from governance.interfaces.mlflow import filters
from governance.interfaces.mlflow.errors import invalid
from governance.interfaces.mlflow.request import RequestParams
from governance.models import Webhook
from governance.notifications.webhooks import sending
from governance.services import webhooks

Answer = dict[str, Any]

MAX_RESULTS = 1_000


def create(actor: Actor, given: RequestParams) -> Answer:
    """Create a webhook."""
    made = webhooks.create(
        actor=actor,
        name=given.text("name"),
        url=given.text("url"),
        events=[_named(event) for event in given.objects("events")],
        description=given.optional("description") or "",
        secret=given.optional("secret") or "",
        status=given.optional("status") or Webhook.Status.ACTIVE.value,
    )
    return {"webhook": _serialize(made)}


def listing(actor: Actor, given: RequestParams) -> Answer:
    """Return a page of webhooks, newest first."""
    limit = given.count("max_results", 100, MAX_RESULTS)
    offset = filters.offset_of(given.optional("page_token"))
    rows = list(webhooks.listing(actor)[offset : offset + limit + 1])
    answer: Answer = {"webhooks": [_serialize(row) for row in rows[:limit]]} if rows else {}
    if len(rows) > limit:
        answer["next_page_token"] = filters.token_for(offset + limit)
    return answer


def get(actor: Actor, given: RequestParams) -> Answer:
    """Return one webhook."""
    return {"webhook": _serialize(webhooks.get(actor, given.text("webhook_id")))}


def update(actor: Actor, given: RequestParams) -> Answer:
    """Change the fields that were sent."""
    changes: dict[str, Any] = {
        field: text for field in ("name", "url", "status") if (text := given.optional(field)) is not None
    }
    if (description := given.optional("description")) is not None:
        changes["description"] = description
    if events := given.objects("events"):
        changes["events"] = [_named(event) for event in events]
    changed = webhooks.update(
        actor=actor, webhook_id=given.text("webhook_id"), secret=given.optional("secret"), **changes
    )
    return {"webhook": _serialize(changed)}


def delete(actor: Actor, given: RequestParams) -> Answer:
    """Delete a webhook."""
    webhooks.delete(actor=actor, webhook_id=given.text("webhook_id"))
    return {}


def test(actor: Actor, given: RequestParams) -> Answer:
    """Send a test message now."""
    webhook = webhooks.get(actor, given.text("webhook_id"))
    event = given.object("event")
    event_type = _named(event) if event is not None else webhook.events[0]
    if event_type not in webhooks.EVENT_TYPES:
        raise invalid(f"There is no event {event_type[:100]} here. Events are: {', '.join(webhooks.EVENT_TYPES)}.")
    ended = sending.send_test(actor=actor, webhook=webhook, event_type=event_type)
    result: Answer = {"success": ended.success}
    if ended.status is not None:
        result |= {"response_status": ended.status, "response_body": ended.body}
    if ended.problem:
        result["error_message"] = ended.problem
    return {"result": result}


def _named(event: Any) -> str:
    entity, action = event.get("entity"), event.get("action")
    if not isinstance(entity, str) or not isinstance(action, str):
        raise invalid("Each event is an object with the strings entity and action.")
    return f"{entity.lower()}.{action.lower()}"


def _serialize(row: Webhook) -> Answer:
    shown: Answer = {
        "webhook_id": str(row.uid),
        "name": row.name,
        "url": row.url,
        "events": [dict(zip(("entity", "action"), name.upper().split("."), strict=True)) for name in row.events],
        "status": row.status,
        "creation_timestamp": _milliseconds(row.created_at),
        "last_updated_timestamp": _milliseconds(row.updated_at),
    }
    if row.description:
        shown["description"] = row.description
    return shown


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
