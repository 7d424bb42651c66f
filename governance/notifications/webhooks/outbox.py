"""Copy events to the outbox: one row per webhook and webhook event, created once.

Events are read in order of their sequence, which is not the order of commits: an event with a lower number may be
committed later. So reading starts again at `WebhookPosition.arrival` each time, which advances only when no earlier
event can appear; a unique constraint ignores rows that exist already.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, transaction

from audit import clock
from audit import selectors as log
from audit.models import Event
from governance.models import Webhook, WebhookDelivery, WebhookPosition
from governance.notifications.webhooks import payloads

logger = logging.getLogger(__name__)

CHUNK: Final = 500
KEPT: Final = timedelta(days=30)
"""How long outbox rows are kept, delivered or not."""


@transaction.atomic
def enqueue_deliveries() -> None:
    """Add new events to the outbox. Does nothing while another worker does it."""
    WebhookPosition.objects.bulk_create([WebhookPosition(pk=1)], ignore_conflicts=True)
    position = WebhookPosition.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    if position is None:
        return
    hooks = list(Webhook.objects.filter(deleted_at__isnull=True, status=Webhook.Status.ACTIVE))
    if not hooks:
        return
    # Read before the events: transactions that ended by now are visible to the queries below.
    final = position.begun <= log.snapshot_xmin()
    newest = log.latest_event_pk()
    _walk(hooks, max(position.arrival, min(hook.since for hook in hooks)))
    if final:
        position.arrival = max(position.arrival, position.horizon)
        position.horizon, position.begun = newest, log.snapshot_xmax()
        position.save()


def prune() -> None:
    """Delete outbox rows that are older than `KEPT`."""
    WebhookDelivery.objects.filter(created_at__lt=clock.now() - KEPT).delete()


def _walk(hooks: list[Webhook], arrival: int) -> None:
    while events := log.events_after_pk(arrival, payloads.ACTIONS, CHUNK):
        arrival = events[-1].pk
        if not _enqueue(hooks, events):
            # One event that fails must not keep the others from their receivers.
            for event in events:
                _enqueue(hooks, [event])


def _enqueue(hooks: list[Webhook], events: list[Event]) -> bool:
    """Add the messages of some events, all or none. False where that failed; the error is logged."""
    now = clock.now()
    try:
        with transaction.atomic():
            told = payloads.webhook_events_for(events)
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
                    for event in events
                    for place, item in enumerate(told[event.event_id])
                    for hook in hooks
                    if event.pk > hook.since and item.name in hook.events
                ],
                ignore_conflicts=True,
            )
    except (OperationalError, InterfaceError):
        raise  # the database, and not an event, is at fault
    except Exception:
        logger.exception("the webhook messages of %d events from %s on failed", len(events), events[0].event_id)
        return False
    return True
