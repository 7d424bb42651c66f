"""What the log's events say in MLflow's words."""

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
"""The actions that may say something to a webhook."""


@dataclass(frozen=True)
class WebhookEvent:
    """One thing to tell: `facts` is what the event itself says of it."""

    entity: str
    action: str
    facts: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"{self.entity}.{self.action}"


def webhook_events_for(events: Iterable[Event]) -> dict[UUID, list[WebhookEvent]]:
    """What each event says, always in the same order; nothing of private values that were erased."""
    events = list(events)
    opened = log.private_values_bulk(event for event in events if event.action == VERSION_UPDATED)
    return {event.event_id: list(_of(event, opened.get(event.event_id, {}))) for event in events}


def model_of(event: Event) -> RegisteredModel | None:
    """The model an event is about."""
    kind, _, uid = str(event.stream_id).partition(":")
    return RegisteredModel.objects.filter(uid=uid).first() if kind == "model" else None


def data_of(event: Event, news: WebhookEvent, model: RegisteredModel) -> dict[str, Any] | None:
    """The data of a message: what the event says, and for what was created its record as it stands now; None where the
    version was deleted meanwhile."""
    if news.entity == "registered_model":
        return {"name": model.display_name, "tags": model.tags, "description": model.description or None}
    version = _version_of(event)
    if version is None:
        return None
    named = {"name": model.display_name, "version": str(version.number)}
    if news.entity == "model_version":
        return named | {
            "source": version.source,
            "run_id": version.run_id or None,
            "tags": version.tags,
            "description": version.description or None,
        }
    if (news.entity, news.action) == ("model_version_alias", "deleted"):
        del named["version"]
    return named | dict(news.facts)


def example(name: str) -> dict[str, Any]:
    """The data of a test message, which receivers that know MLflow's recognise."""
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
    things = [event.body["object"], *event.body.get("related", [])]
    uid = next(thing["id"] for thing in things if thing["type"] == "version")
    return ModelVersion.objects.filter(uid=uid).first()
