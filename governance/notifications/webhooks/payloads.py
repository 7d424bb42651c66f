"""Converts audit log events to MLflow's webhook events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from audit import selectors as log
from audit.models import Event
from governance.actions import ALIAS_REMOVED, PROMOTION_ADOPTED, PROMOTION_PROMOTED
from registry.actions import MODEL_REGISTERED, VERSION_REGISTERED, VERSION_UPDATED
from registry.models import ModelVersion, RegisteredModel

ACTIONS: Final = (
    MODEL_REGISTERED,
    VERSION_REGISTERED,
    VERSION_UPDATED,
    PROMOTION_PROMOTED,
    PROMOTION_ADOPTED,
    ALIAS_REMOVED,
)
"""Event actions that may produce a webhook event."""


@dataclass(frozen=True)
class WebhookEvent:
    """One webhook event; `facts` are the data contained in the audit log event."""

    entity: str
    action: str
    facts: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.entity}.{self.action}"


def webhook_events_for(events: Iterable[Event]) -> dict[UUID, list[WebhookEvent]]:
    """Return the webhook events of each audit log event, in a fixed order. Erased private values are left out."""
    events = list(events)
    opened = log.private_values_bulk(event for event in events if event.action == VERSION_UPDATED)
    return {event.event_id: list(_of(event, opened.get(event.event_id, {}))) for event in events}


def model_of(event: Event) -> RegisteredModel | None:
    """Return the model of an event, from its stream; None for another stream or a missing model."""
    kind, _, uid = str(event.stream_id).partition(":")
    return RegisteredModel.objects.filter(uid=uid).first() if kind == "model" else None


def data_of(event: Event, webhook_event: WebhookEvent, model: RegisteredModel) -> dict[str, Any] | None:
    """Return the data of a message: from the event, and for created objects from their current record.

    Args:
        event: the audit log event.
        news: the webhook event.
        model: the model of the event.

    Returns:
        The data; None if the version was deleted.
    """
    if webhook_event.entity == "registered_model":
        return {"name": model.display_name, "tags": model.tags, "description": model.description or None}
    version = _version_of(event)
    if version is None:
        return None
    named = {"name": model.display_name, "version": str(version.number)}
    if webhook_event.entity == "model_version":
        return named | {
            "source": version.source,
            "run_id": version.run_id or None,
            "tags": version.tags,
            "description": version.description or None,
        }
    if (webhook_event.entity, webhook_event.action) == ("model_version_alias", "deleted"):
        del named["version"]
    return named | dict(webhook_event.facts)


def example(name: str) -> dict[str, Any]:
    """Return the data of a test message, with the values that MLflow uses."""
    entity, _, action = name.partition(".")
    named: dict[str, Any] = {"name": "example_model"}
    tags = {"example_key": "example_value"}
    if entity == "registered_model":
        return {**named, "tags": tags, "description": "An example registered model"}
    if entity == "model_version":
        return {
            **named,
            "version": "1",
            "source": "models:/123",
            "run_id": "abcd1234abcd5678",
            "tags": tags,
            "description": "An example model version",
        }
    if entity == "model_version_alias":
        named["alias"] = "example_alias"
        return named | {"version": "1"} if action == "created" else named
    named |= {"version": "1", "key": "example_key"}
    return named | {"value": "example_value"} if action == "set" else named


def _of(event: Event, opened: Mapping[str, str]) -> Iterable[WebhookEvent]:
    if event.action == MODEL_REGISTERED:
        yield WebhookEvent("registered_model", "created", {})
    elif event.action == VERSION_REGISTERED:
        yield WebhookEvent("model_version", "created", {})
    elif event.action == VERSION_UPDATED:
        tags = json.loads(opened.get("/data/tag_changes", "{}"))
        for key, value in sorted(tags.get("set", {}).items()):
            yield WebhookEvent("model_version_tag", "set", {"key": key, "value": value})
        for key in tags.get("deleted", []):
            yield WebhookEvent("model_version_tag", "deleted", {"key": key})
    else:
        for change in event.body["changes"]:
            if change["field"] != "alias":
                continue
            if event.action == ALIAS_REMOVED:
                yield WebhookEvent("model_version_alias", "deleted", {"alias": change["from"]})
            else:
                yield WebhookEvent("model_version_alias", "created", {"alias": change["to"]})


def _version_of(event: Event) -> ModelVersion | None:
    objects = [event.body["object"], *event.body.get("related", [])]
    uid = next(reference["id"] for reference in objects if reference["type"] == "version")
    return ModelVersion.objects.filter(uid=uid).first()
