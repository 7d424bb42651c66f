"""Notifications: everyone has their own."""

from __future__ import annotations

from audit.actor import Actor
from governance.notifications import channels, delivering, inbox, preferences
from registry import access
from tests.permission_matrix.actors import RECEIVER, World
from tests.permission_matrix.inputs import notify
from tests.permission_matrix.interfaces.service.interface import SERVICE


@SERVICE.at("open one's own notification")
def _(world: World, actor: Actor) -> None:
    inbox.open_notification(actor, notify(access.require_person(actor)).uid)


@SERVICE.at("open another person's notification")
def _(world: World, actor: Actor) -> None:
    inbox.open_notification(actor, world.notification)


@SERVICE.at("mark one's notifications as read")
def _(world: World, actor: Actor) -> None:
    inbox.mark_read(actor, [notify(access.require_person(actor)).uid])


@SERVICE.at("list one's notifications")
def _(world: World, actor: Actor) -> None:
    access.require_scope(actor, "models:read")
    list(inbox.notifications_of(actor))


@SERVICE.at("mark all notifications as read")
def _(world: World, actor: Actor) -> None:
    inbox.mark_all_read(actor)


@SERVICE.at("list everyone's deliveries")
def _(world: World, actor: Actor) -> None:
    access.require_scope(actor, "models:read")
    delivering.delivery_rows(actor, delivering.all_deliveries(actor))


@SERVICE.at("change one's notification settings")
def _(world: World, actor: Actor) -> None:
    preferences.save_preferences(actor=actor, choices={"mentioned": {"mail": "off"}})


@SERVICE.at("add a notification channel")
def _(world: World, actor: Actor) -> None:
    channels.add_channel(actor=actor, kind="slack", name="team", url=RECEIVER)


@SERVICE.at("remove another person's channel")
def _(world: World, actor: Actor) -> None:
    channels.remove_channel(actor=actor, uid=world.channel)


@SERVICE.at("send another person's delivery again")
def _(world: World, actor: Actor) -> None:
    delivering.send_again(actor=actor, uid=world.delivery)
