"""Write notifications and their deliveries for new events, each once for a recipient, a reason and a key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from audit import clock
from audit import selectors as log
from audit.models import Event
from governance import task_queue
from governance.actions import DECISION_RECORDED
from governance.models import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationMute,
    NotificationPreferences,
    PromotionRequest,
)
from governance.notifications import reasons
from governance.notifications.log_reader import LogReader
from governance.notifications.reasons import MAIL, Mode, mode_of
from governance.notifications.recipients import DRAFTS, Draft, drafts_of
from governance.services.accounts import is_mail_set_up
from registry import access
from registry.models import User

OLDEST: Final = timedelta(days=3)
"""Events that are older when the log is read for the first time are not notified."""
KEPT: Final = timedelta(days=180)
"""How long notifications and their deliveries are kept."""
_DIGEST_MARGIN: Final = timedelta(minutes=2)
"""A digest that is due sooner gets no further notification: its worker may be composing it."""


def dispatch() -> None:
    """Write the notifications of new events. Does nothing while another worker does it."""
    READER.read_new(first=lambda: log.event_pk_before(clock.now() - OLDEST))


def prune() -> None:
    """Delete notifications and deliveries that are older than `KEPT`."""
    before = clock.now() - KEPT
    NotificationDelivery.objects.filter(created_at__lt=before).delete()
    Notification.objects.filter(created_at__lt=before).delete()


def notify(drafts: Iterable[Draft], event: Event | None = None) -> list[Notification]:
    """Write notifications with their deliveries. Call inside a transaction.

    Left out: those that exist already, and recipients who are inactive, may not view the model, or muted the object.

    Args:
        drafts: the notifications.
        event: the event that caused them; None for those that a date causes.

    Returns:
        The notifications that were written.
    """
    drafts = _permitted(list(drafts))
    if not drafts:
        return []
    existing = _existing(drafts)
    now = clock.now()
    written: dict[tuple[int | None, int | None, str, str], Notification] = {}
    for draft in drafts:
        row = Notification(
            person=draft.person,
            group=draft.group,
            reason=draft.reason.slug,
            key=draft.key,
            event=event.event_id if event is not None else None,
            model_uid=draft.about.model.uid if draft.about.model is not None else None,
            subject_type=draft.about.kind,
            subject_id=draft.about.key,
            subject=_line(draft.about.name),
            title=_line(draft.title),
            because=_line(draft.because),
            path=draft.about.path,
            created_at=now,
        )
        if (identity := _identity(row)) not in existing:
            written.setdefault(identity, row)
    rows = Notification.objects.bulk_create(written.values())
    _write_deliveries(rows, now)
    return rows


def next_digest(preferences: NotificationPreferences, now: datetime) -> datetime:
    """Return when the next daily digest of a person is due, in UTC.

    Args:
        preferences: the hour and the time zone.
        now: the present time.
    """
    zone = ZoneInfo(preferences.zone)
    local = (now + _DIGEST_MARGIN).astimezone(zone)
    due = local.replace(hour=preferences.digest_hour, minute=0, second=0, microsecond=0)
    if due <= local:
        due += timedelta(days=1)
    return due.astimezone(ZoneInfo("UTC"))


def _process(events: list[Event]) -> None:
    for event in events:
        notify(drafts_of(event), event)
        if event.action == DECISION_RECORDED:
            _mark_reviewed(event)


READER: Final = LogReader("notifications", tuple(DRAFTS), _process)


def _mark_reviewed(event: Event) -> None:
    """Mark the request for review as read for the person who decided."""
    uids = [reference["id"] for reference in event.body.get("related", []) if reference["type"] == "promotion"]
    request = PromotionRequest.objects.filter(uid__in=uids).first()
    if request is None:
        return
    Notification.objects.filter(
        person__uid=event.actor_id,
        reason=reasons.REVIEW_REQUESTED.slug,
        subject_type="promotion",
        subject_id=str(request.pk),
        read_at__isnull=True,
    ).update(read_at=clock.now())


def _line(text: str) -> str:
    """Return the text in one line, at most as long as its column."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"


def _identity(row: Notification) -> tuple[int | None, int | None, str, str]:
    return row.person_id, row.group_id, row.reason, row.key


def _existing(drafts: Sequence[Draft]) -> set[tuple[int | None, int | None, str, str]]:
    keys = {draft.key for draft in drafts}
    return {_identity(row) for row in Notification.objects.filter(key__in=keys)}


def _permitted(drafts: Sequence[Draft]) -> list[Draft]:
    people = {draft.person.pk: draft.person for draft in drafts if draft.person is not None}
    models = {draft.about.model.pk: draft.about.model for draft in drafts if draft.about.model is not None}
    able = {
        pk: access.filter_users_with_permission(people.values(), access.Permission.VIEW, model)
        for pk, model in models.items()
    }
    muted = set(
        NotificationMute.objects.filter(person__in=people).values_list("person_id", "subject_type", "subject_id")
    )

    def is_permitted(draft: Draft) -> bool:
        if draft.person is None:
            return True
        if not draft.person.is_active:
            return False
        if not draft.reason.fixed and (draft.person.pk, draft.about.kind, draft.about.key) in muted:
            return False
        return draft.about.model is None or draft.person.pk in able[draft.about.model.pk]

    return [draft for draft in drafts if is_permitted(draft)]


def _write_deliveries(rows: Sequence[Notification], now: datetime) -> None:
    people = [row.person for row in rows if row.person is not None]
    preferences = preferences_of(people)
    channels = list(
        NotificationChannel.objects.filter(deleted_at__isnull=True, person__in=people)
        | NotificationChannel.objects.filter(
            deleted_at__isnull=True, group__in=[row.group_id for row in rows if row.group_id is not None]
        )
    )
    for row in rows:
        if row.group_id is not None:
            for channel in channels:
                if channel.group_id == row.group_id:
                    _send_now(row, channel, now)
            continue
        assert row.person is not None
        chosen = preferences[row.person.pk]
        mine: list[NotificationChannel | None] = [c for c in channels if c.person_id == row.person_id]
        if row.person.email and is_mail_set_up():
            mine.append(None)
        for own in mine:
            mode = mode_of(chosen.choices, reasons.REASONS[row.reason], str(own.uid) if own else MAIL)
            if mode is Mode.NOW:
                _send_now(row, own, now)
            elif mode is Mode.DIGEST:
                due = next_digest(chosen, now)
                delivery, _ = NotificationDelivery.objects.get_or_create(
                    person=row.person, channel=own, digest_at=due, defaults={"run_after": due, "created_at": now}
                )
                delivery.notifications.add(row)


def _send_now(row: Notification, channel: NotificationChannel | None, now: datetime) -> None:
    delivery = NotificationDelivery.objects.create(person=row.person, channel=channel, created_at=now)
    delivery.notifications.add(row)
    task_queue.enqueue_on_commit(task_queue.DELIVER_NOTIFICATION, delivery.pk)


def preferences_of(people: Collection[User]) -> dict[int, NotificationPreferences]:
    """Return the preferences of persons by primary key; unsaved defaults for those who chose nothing."""
    found = {row.person_id: row for row in NotificationPreferences.objects.filter(person__in=people)}
    return {person.pk: found.get(person.pk) or NotificationPreferences(person=person) for person in people}
