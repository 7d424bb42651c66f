"""Notifications: everyone has their own."""

from __future__ import annotations

from audit.actor import Actor
from governance.notifications import inbox
from registry import access
from tests.permission_matrix.actors import World, notify
from tests.permission_matrix.interfaces.service.interface import SERVICE


@SERVICE.at("open one's own notification")
def _(world: World, actor: Actor) -> None:
    inbox.open_notification(actor, notify(access.require_person(actor)).uid)


@SERVICE.at("open somebody's notification")
def _(world: World, actor: Actor) -> None:
    inbox.open_notification(actor, world.notification)


@SERVICE.at("mark one's notifications as read")
def _(world: World, actor: Actor) -> None:
    inbox.mark_read(actor, [notify(access.require_person(actor)).uid])
