"""Copy events to the outbox: one row per webhook and webhook event, created once. `log_reader` reads the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from audit import clock
from audit.models import Event
from governance.models import Webhook, WebhookDelivery
from governance.notifications.log_reader import LogReader
from governance.notifications.webhooks import payloads

KEPT: Final = timedelta(days=30)
"""How long outbox rows are kept, delivered or not."""


def enqueue_deliveries() -> None:
    """Add new events to the outbox. Does nothing while another worker does it."""
    hooks = _active()
    if hooks:
        READER.read_new(start=min(hook.since for hook in hooks))


def prune() -> None:
    """Delete outbox rows that are older than `KEPT`."""
    WebhookDelivery.objects.filter(created_at__lt=clock.now() - KEPT).delete()


def _active() -> list[Webhook]:
    return list(Webhook.objects.filter(deleted_at__isnull=True, status=Webhook.Status.ACTIVE))


def _enqueue(events: list[Event]) -> None:
    """Add the messages of some events. A unique constraint ignores rows that exist already."""
    now = clock.now()
    messages = payloads.webhook_events_for(events)
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                webhook=hook,
                event=event.event_id,
                place=place,
                entity=item.entity,
                action=item.action,
                created_at=now,
            )
            for hook in _active()
            for event in events
            for place, item in enumerate(messages[event.event_id])
            if event.pk > hook.since and item.name in hook.events
        ],
        ignore_conflicts=True,
    )


READER: Final = LogReader("webhooks", payloads.ACTIONS, _enqueue)
