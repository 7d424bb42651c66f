"""The inbox of a person: their notifications, grouped by object, and what they do with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from audit import clock
from audit.actor import Actor
from audit.postgresql import prepared_statements
from governance.models import Notification, NotificationMute
from governance.notifications.reasons import REASONS, Reason
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.exceptions import NotFoundError
from registry.models import User

PAGE: Final = 50
MOST_COUNTED: Final = 100
"""The count of unread notifications is exact up to this number."""


@dataclass(frozen=True)
class InboxItem:
    """One notification with its reason."""

    row: Notification
    reason: Reason


@dataclass(frozen=True)
class SubjectGroup:
    """The notifications about one object on a page of the inbox, the newest first."""

    subject_type: str
    subject_id: str
    subject: str
    path: str
    muted: bool
    items: tuple[InboxItem, ...]

    @property
    def unread(self) -> int:
        return sum(item.row.read_at is None for item in self.items)


@dataclass(frozen=True)
class Inbox:
    """One page of an inbox. `older`: what `before` is for the next page; None on the last."""

    groups: tuple[SubjectGroup, ...]
    older: int | None


def notifications_of(actor: Actor, *, unread: bool = False, reason: str = "") -> QuerySet[Notification]:
    """Return the actor's notifications whose models they may see, the newest first.

    Args:
        actor: a person, or a token of a person.
        unread: whether to return only unread ones.
        reason: slug of a reason, to return only its notifications.

    Raises:
        PermissionDeniedError: the actor is not a person.
    """
    person = access.require_person(actor)
    seen = access.visible_models(actor).values("uid")
    found = Notification.objects.filter(Q(model_uid__isnull=True) | Q(model_uid__in=seen), person=person)
    if reason:
        found = found.filter(reason=reason)
    return found.filter(read_at__isnull=True) if unread else found


def inbox(actor: Actor, *, unread: bool = False, before: int | None = None) -> Inbox:
    """Return a page of the actor's inbox.

    Args:
        actor: the person.
        unread: whether to show only unread notifications.
        before: key of the last notification of the page before; None for the first page.
    """
    rows = notifications_of(actor, unread=unread)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    page = found[:PAGE]
    muted = set(_mutes(access.require_person(actor)).values_list("subject_type", "subject_id"))
    return Inbox(_grouped(page, muted), page[-1].pk if len(found) > PAGE else None)


def count_unread(actor: Actor, person: User) -> int:
    """Return the number of unread notifications, at most `MOST_COUNTED`. One prepared query; every page runs it.

    Args:
        actor: who reads.
        person: the account behind the actor.
    """
    seen = visibility_clause(actor)
    ((number,),) = prepared_statements.execute_prepared(
        f"""
        WITH {seen.tables} SELECT count(*) FROM (
            SELECT FROM governance_notification n WHERE n.person_id = %(person)s AND n.read_at IS NULL
               AND (n.model_uid IS NULL OR EXISTS (
                   SELECT FROM registry_registeredmodel m
                    WHERE m.uid = n.model_uid AND m.deleted_at IS NULL AND {seen.condition}))
             LIMIT {MOST_COUNTED}) unread""",  # noqa: S608 - text of ours
        {"person": person.pk, **seen.parameters},
    )
    return int(number)


def open_notification(actor: Actor, uid: UUID) -> Notification:
    """Mark a notification of the actor as read, and return it.

    Raises:
        NotFoundError: the actor has no such notification, or may not see its model any more.
    """
    row = notifications_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFoundError("You have no such notification.")
    if row.read_at is None:
        row.read_at = clock.now()
        row.save(update_fields=["read_at"])
    return row


def mark_read(actor: Actor, uids: Iterable[UUID]) -> int:
    """Mark some of the actor's notifications as read; those of others, and unknown ones, are left out.

    Returns:
        The number that was unread.

    Raises:
        PermissionDeniedError: a token without the scope `notifications:write`.
    """
    access.require_scope(actor, access.NOTIFICATION_SCOPE)
    rows = Notification.objects.filter(person=access.require_person(actor), uid__in=list(uids))
    return rows.filter(read_at__isnull=True).update(read_at=clock.now())


def mark_all_read(actor: Actor) -> int:
    """Mark all notifications of the actor as read, also those about models that they cannot see any more.

    Raises:
        PermissionDeniedError: a token without the scope `notifications:write`.
    """
    access.require_scope(actor, access.NOTIFICATION_SCOPE)
    rows = Notification.objects.filter(person=access.require_person(actor), read_at__isnull=True)
    return rows.update(read_at=clock.now())


def mute(actor: Actor, subject_type: str, subject_id: str) -> NotificationMute:
    """Stop notifications about an object, except those that cannot be muted, and mark its present ones as read.

    Args:
        actor: the person.
        subject_type: type of the object, as in a notification of the actor.
        subject_id: its key.

    Raises:
        NotFoundError: the actor has no notification about this object.
    """
    person = access.require_person(actor)
    about = notifications_of(actor).filter(subject_type=subject_type, subject_id=subject_id)
    newest = about.first()
    if newest is None:
        raise NotFoundError("You have no notification about this object.")
    row, _ = NotificationMute.objects.get_or_create(
        person=person,
        subject_type=subject_type,
        subject_id=subject_id,
        defaults={"subject": newest.subject, "created_at": clock.now()},
    )
    about.filter(read_at__isnull=True).update(read_at=clock.now())
    return row


def unmute(actor: Actor, subject_type: str, subject_id: str) -> None:
    """Allow notifications about an object again. Without effect where it is not muted."""
    _mutes(access.require_person(actor)).filter(subject_type=subject_type, subject_id=subject_id).delete()


def mutes(actor: Actor) -> QuerySet[NotificationMute]:
    """Return the objects that the actor muted, the newest first."""
    return _mutes(access.require_person(actor))


def _mutes(person: User) -> QuerySet[NotificationMute]:
    return NotificationMute.objects.filter(person=person)


def _grouped(rows: Sequence[Notification], muted: set[tuple[str, str]]) -> tuple[SubjectGroup, ...]:
    groups: dict[tuple[str, str], list[Notification]] = {}
    for row in rows:
        groups.setdefault((row.subject_type, row.subject_id), []).append(row)
    return tuple(
        SubjectGroup(
            kind,
            key,
            members[0].subject,
            members[0].path,
            (kind, key) in muted,
            tuple(InboxItem(row, REASONS[row.reason]) for row in members),
        )
        for (kind, key), members in groups.items()
    )
