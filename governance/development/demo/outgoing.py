"""A webhook whose receiver does not answer: its deliveries wait for their next attempt."""

from __future__ import annotations

from governance.development.demo.world import World
from governance.notifications import dispatching, scheduled
from governance.notifications.webhooks import outbox, sending
from governance.services import webhooks

RECEIVER = "http://127.0.0.1:9/countersign"
"""The discard port of this machine, where no program listens."""


def create(world: World) -> None:
    """Create the webhook, unless the operator limits the hosts to others."""
    if not webhooks.is_allowlisted_host(RECEIVER):
        return
    with world.acting("ada") as ada:
        webhooks.create(
            actor=ada,
            name="release-board",
            url=RECEIVER,
            events=["model_version.created", "model_version_alias.created"],
            description="Shows new versions on the release board of the platform team.",
        )


def notify() -> None:
    """Write the notifications of the last days, as a worker does. Mails are sent by the worker, if there is one."""
    dispatching.dispatch()
    scheduled.notify_of_dates()


def deliver_all() -> None:
    """Make the first attempt of every delivery, as a worker does, without a line in the log for each failure."""
    outbox.enqueue_deliveries()
    sending.logger.disabled = True
    try:
        for delivery_id in sending.due():
            sending.deliver(delivery_id)
    finally:
        sending.logger.disabled = False
