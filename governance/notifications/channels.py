"""Addresses to which notifications are posted: of a person, or of a reviewer group. Each change has its event."""

from __future__ import annotations

import base64
import secrets
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor, ActorKind
from audit.recorder import Change, ObjectRef, PrivateValue
from governance.actions import NOTIFICATION_CHANNEL_ADDED, NOTIFICATION_CHANNEL_REMOVED
from governance.models import Notification, NotificationChannel
from governance.notifications import messages
from governance.notifications.posting import post_message
from governance.outbound_http import ForbiddenAddressError, ServerFault
from governance.services import webhooks
from registry import access
from registry.exceptions import NotFoundError
from registry.models import ReviewerGroup, User
from registry.validation import ErrorCollector

MOST: Final = 10
"""Maximum number of channels of a person, and of a group."""
KINDS: Final = NotificationChannel.Kind.choices
"""The kinds of channels with their labels."""
_SECRET_BYTES: Final = 32

_PERSON_ONLY: Final = access.Denied(
    lambda _: "Addresses for notifications are changed by a person, signed in to the pages.", code="person_required"
)


def own_channels(actor: Actor) -> QuerySet[NotificationChannel]:
    """Return the actor's channels, the oldest first."""
    return _live().filter(person=access.require_person(actor))


def group_channels(actor: Actor) -> QuerySet[NotificationChannel]:
    """Return the channels of all reviewer groups.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_GROUPS.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    return _live().filter(group__isnull=False).select_related("group", "created_by")


def changeable_groups(actor: Actor) -> list[ReviewerGroup]:
    """Return the reviewer groups whose channels the actor may change, by name."""
    if not access.check_org_permission(actor, access.OrgPermission.MANAGE_GROUPS):
        return []
    return list(ReviewerGroup.objects.order_by("name"))


def add_channel(
    *, actor: Actor, kind: str, name: str, url: str, group: ReviewerGroup | None = None
) -> NotificationChannel:
    """Add a channel of the actor, or of a reviewer group. Its host is resolved and must be allowed.

    A channel of the kind `webhook` gets a secret, which is returned with it and not shown again.

    Args:
        actor: the person, signed in; for a group they need MANAGE_GROUPS.
        kind: slack, teams or webhook.
        name: how settings name it.
        url: address of the receiver, under the rules of webhooks.
        group: the reviewer group; None for the actor.

    Raises:
        PermissionDeniedError: the actor is a token, or lacks MANAGE_GROUPS.
        ValidationFailedError: a field is invalid, the host is not allowed, or there are too many channels.
    """
    person = _require_right(actor, group)
    faults = ErrorCollector()
    if kind not in NotificationChannel.Kind.values:
        faults.add("/kind", "unknown_kind", "The kind of a channel is slack, teams or webhook.")
    name = faults.clean_line("/name", name, 63, required=True)
    webhooks.check_url(faults, url)
    faults.raise_if_any()
    with transaction.atomic():
        owner = {"group": group} if group is not None else {"person": person}
        # Two additions at once would both count the rows before the other's: the owner's row is locked.
        owned: type[ReviewerGroup | User] = ReviewerGroup if group is not None else User
        owned.objects.select_for_update(no_key=True, of=("self",)).get(pk=(group or person).pk)
        if _live().filter(**owner).count() >= MOST:
            faults.add("/name", "too_many", f"There are {MOST} channels already, which is the most: remove one first.")
            faults.raise_if_any()
        channel = NotificationChannel(
            uid=uuid4(),
            kind=kind,
            name=name,
            url=url,
            secret=_new_secret() if kind == NotificationChannel.Kind.WEBHOOK else "",
            created_by=person,
            created_at=clock.now(),
            **owner,
        )
        changes = [Change("kind", None, kind), Change("name", None, PrivateValue(name))]
        _record(NOTIFICATION_CHANNEL_ADDED, actor, channel, [*changes, Change("url", None, PrivateValue(url))])
        channel.save(force_insert=True)
    return channel


@transaction.atomic
def remove_channel(*, actor: Actor, uid: UUID) -> None:
    """Remove a channel; the row is kept without its secret. What waits for it is withheld.

    Args:
        actor: its person, or for a group who has MANAGE_GROUPS; signed in.
        uid: of the channel.

    Raises:
        NotFoundError: the actor has no such channel.
        PermissionDeniedError: the actor is a token.
    """
    channel = _changeable(actor, uid, lock=True)
    _record(NOTIFICATION_CHANNEL_REMOVED, actor, channel, [Change("state", "in use", "removed")])
    channel.deleted_at, channel.secret = clock.now(), ""
    channel.save(update_fields=["deleted_at", "secret"])


def send_test(*, actor: Actor, uid: UUID) -> str:
    """Post an example to a channel now. Call outside a transaction.

    Args:
        actor: as for `remove_channel`.
        uid: of the channel.

    Returns:
        The problem; empty where the receiver accepted the message.

    Raises:
        NotFoundError: the actor has no such channel.
        PermissionDeniedError: the actor is a token.
    """
    channel = _changeable(actor, uid)
    example = Notification(
        person=channel.person,
        group=channel.group,
        reason="mentioned",
        subject_type="test",
        subject_id="test",
        subject="Test",
        title="Test message of Countersign",
        because=f"A person who may change the channel {channel.name} sent it.",
        path="/notifications/",
        created_at=clock.now(),
    )
    body = messages.encode(messages.compose_body(channel, [example]))
    headers = messages.headers_of(channel, str(uuid4()), body)
    try:
        response = post_message(channel.url, body, headers)
    except (ServerFault, ForbiddenAddressError) as fault:
        return str(fault)
    return "" if 200 <= response.status < 300 else f"The receiver answered {response.status}."


def _live() -> QuerySet[NotificationChannel]:
    return NotificationChannel.objects.filter(deleted_at__isnull=True)


def _require_right(actor: Actor, group: ReviewerGroup | None) -> User:
    if actor.kind is not ActorKind.PERSON:
        raise _PERSON_ONLY.refusal()
    if group is not None:
        access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    return access.require_person(actor)


def _changeable(actor: Actor, uid: UUID, *, lock: bool = False) -> NotificationChannel:
    person = _require_right(actor, None)
    mine = Q(person=person)
    if access.check_org_permission(actor, access.OrgPermission.MANAGE_GROUPS):
        mine |= Q(group__isnull=False)
    rows = _live().select_for_update(no_key=True, of=("self",)) if lock else _live()
    found = rows.select_related("person", "group").filter(mine, uid=uid).first()
    if found is None:
        raise NotFoundError("You have no such channel.")
    return found


def _new_secret() -> str:
    return messages.SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _record(action: Action, actor: Actor, channel: NotificationChannel, changes: list[Change]) -> None:
    """Addresses and names may contain secrets or personal names: the event stores only commitments."""
    group = channel.group
    recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("notification_channel", str(channel.uid)),
        stream="organisation" if group is not None else f"person:{actor.person}",
        changes=changes,
        related_objects=[ObjectRef("group", str(group.uid))] if group is not None else [],
    )
