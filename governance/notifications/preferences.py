"""What a person chose: when notifications of each reason are sent by each channel, and when the digest is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import available_timezones

from django.db import transaction

from audit.actor import Actor, ActorKind
from governance.models import NotificationPreferences
from governance.notifications.channels import own_channels
from governance.notifications.reasons import MAIL, REASONS, Mode, Reason, mode_of
from registry import access
from registry.models import User
from registry.validation import ErrorCollector

_PERSON_ONLY = access.Denied(
    lambda _: "Settings of notifications belong to a person: a service account or a process has none.",
    code="person_required",
)


@dataclass(frozen=True)
class ReasonSetting:
    """When notifications of one reason are sent, by channel (`MAIL` or the uid of a channel)."""

    reason: Reason
    modes: Mapping[str, Mode]


def get_preferences(actor: Actor) -> NotificationPreferences:
    """Return the actor's preferences; unsaved defaults where they chose nothing."""
    person = access.require_person(actor)
    return NotificationPreferences.objects.filter(person=person).first() or NotificationPreferences(person=person)


def list_settings(actor: Actor) -> list[ReasonSetting]:
    """Return for each reason when it is sent by each channel of the actor."""
    chosen = get_preferences(actor).choices
    channels = [MAIL, *(str(channel.uid) for channel in own_channels(actor))]
    return [
        ReasonSetting(reason, {channel: mode_of(chosen, reason, channel) for channel in channels})
        for reason in REASONS.values()
    ]


def require_own_settings(actor: Actor) -> User:
    """Return the person whose settings the actor may change: themselves, or the holder of a token.

    Raises:
        PermissionDeniedError: a process or a service account (`person_required`), or a token without the scope
            `notifications:write`.
    """
    if actor.kind is ActorKind.PROCESS:
        raise _PERSON_ONLY.refusal()
    person = access.require_person(actor)
    if person.kind != User.Kind.PERSON:
        raise _PERSON_ONLY.refusal()
    access.require_scope(actor, access.NOTIFICATION_SCOPE)
    return person


@transaction.atomic
def save_preferences(
    *, actor: Actor, choices: Mapping[str, Mapping[str, str]], digest_hour: int | None = None, zone: str | None = None
) -> NotificationPreferences:
    """Store what a person chose. What is not given stays.

    Args:
        actor: the person, or a token of theirs with the scope `notifications:write`.
        choices: mode by channel by slug of the reason.
        digest_hour: hour of the day of the daily digest, 0 to 23; None keeps it.
        zone: its time zone, such as "Europe/Zurich"; None keeps it.

    Raises:
        PermissionDeniedError: see `require_own_settings`.
        ValidationFailedError: an unknown reason, channel, mode, hour or zone, or a mode of a reason that is fixed.
    """
    person = require_own_settings(actor)
    channels = {MAIL, *(str(channel.uid) for channel in own_channels(actor))}
    faults = ErrorCollector()
    for slug, modes in choices.items():
        _check_modes(faults, slug, modes, channels)
    if digest_hour is not None and not 0 <= digest_hour <= 23:
        faults.add("/digest_hour", "invalid", "The hour of the digest is a number from 0 to 23.")
    if zone is not None and zone not in available_timezones():
        faults.add("/zone", "unknown_zone", "Name a time zone such as Europe/Zurich or UTC.")
    faults.raise_if_any()
    NotificationPreferences.objects.bulk_create([NotificationPreferences(person=person)], ignore_conflicts=True)
    row = NotificationPreferences.objects.select_for_update().get(person=person)
    row.choices = _merged(row.choices, choices, channels)
    row.digest_hour = row.digest_hour if digest_hour is None else digest_hour
    row.zone = row.zone if zone is None else zone
    row.save()
    return row


def _check_modes(faults: ErrorCollector, slug: str, modes: Mapping[str, str], channels: set[str]) -> None:
    reason, pointer = REASONS.get(slug), f"/choices/{slug}"
    if reason is None:
        faults.add("/choices", "unknown_reason", f"There is no reason {slug[:40]}: use {', '.join(REASONS)}.")
        return
    for channel, mode in modes.items():
        if channel not in channels:
            faults.add(
                pointer, "unknown_channel", f"You have no channel {channel[:40]}: use mail or the id of a channel."
            )
        elif mode not in set(Mode):
            faults.add(pointer, "unknown_mode", f"{reason.label}: choose one of {', '.join(Mode)}.")
        elif reason.fixed and channel == MAIL and mode != Mode.NOW:
            faults.add(pointer, "fixed", f"{reason.label}: this is always sent by mail at once.")


def _merged(
    before: Mapping[str, Mapping[str, str]], given: Mapping[str, Mapping[str, str]], channels: set[str]
) -> dict[str, dict[str, str]]:
    """Return what deviates from the defaults, without channels that were removed."""
    merged: dict[str, dict[str, str]] = {}
    for slug, reason in REASONS.items():
        modes = {**before.get(slug, {}), **given.get(slug, {})}
        kept = {channel: str(mode) for channel, mode in modes.items() if channel in channels and mode != reason.default}
        if kept:
            merged[slug] = kept
    return merged
