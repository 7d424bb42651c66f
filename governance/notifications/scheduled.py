"""Notifications that a date causes, not an event: tokens, waivers and findings that end or are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audit import clock
from governance.models import Finding, Waiver
from governance.notifications import reasons
from governance.notifications.dispatching import notify
from governance.notifications.recipients import Draft, Subject, concerned, subject_of_finding, subject_of_request
from governance.selectors.requests import REQUEST_RELATED
from registry.models import AccessToken, User
from registry.selectors import account_controls

AHEAD: Final = (1, 7)
"""Days before the end on which a person is notified."""
WEEK: Final = 7


@transaction.atomic
def notify_of_dates() -> int:
    """Write the notifications of what ends soon or is late, each once for a step. Returns how many were written."""
    now = clock.now()
    return len(notify([*_of_tokens(now), *_of_waivers(now), *_of_findings(now)]))


def step_of(days_left: int) -> int | None:
    """Return the step that is due: 7 or 1 day before the end, 0 on the day, then each week; None before the first.

    Args:
        days_left: days until the end, negative after it.
    """
    if days_left <= 0:
        return -WEEK * (-days_left // WEEK)
    return next((ahead for ahead in AHEAD if days_left <= ahead), None)


def _of_tokens(now: datetime) -> Iterator[Draft]:
    """Notify the holder of a token, or the owners of its service account.

    A token that was issued for no longer than the first step is known to end soon.
    """
    ending = AccessToken.objects.filter(
        revoked_at__isnull=True,
        expires_at__gt=now,
        expires_at__lte=now + timedelta(days=max(AHEAD)),
        person__is_active=True,
    )
    found = list(ending.select_related("person").order_by("pk"))
    owners = account_controls.owners_of([token.person for token in found if token.person.kind == User.Kind.SERVICE])
    for token in found:
        step = next(ahead for ahead in AHEAD if token.expires_at - now <= timedelta(days=ahead))
        if token.expires_at - token.created_at <= timedelta(days=step + 1):
            continue
        key = f"token:{token.uid}:{step}"
        ends = f"expires on {token.expires_at:%Y-%m-%d}"
        if token.person.kind == User.Kind.PERSON:
            about = Subject("token", token.uid, f"Access token {token.prefix}…", "/profile/tokens/")
            yield Draft(reasons.ENDS, key, about, f"{about.name} {ends}", "The token is yours.", token.person)
            continue
        name = f"Access token {token.prefix}… of {token.person.name}"
        about = Subject("token", token.uid, name, "/profile/")
        for owner in owners.get(token.person_id, ()):
            yield Draft(reasons.ENDS, key, about, f"{name} {ends}", "You own the service account.", owner)


def _of_waivers(now: datetime) -> Iterator[Draft]:
    soon = now + timedelta(days=max(AHEAD))
    ending = Waiver.objects.filter(ended_at__isnull=True, valid_until__gt=now, valid_until__lte=soon)
    related = (f"request__{name}" for name in REQUEST_RELATED)
    for waiver in ending.select_related("accepted_by", *related).order_by("pk"):
        step = next(ahead for ahead in AHEAD if waiver.valid_until - now <= timedelta(days=ahead))
        if waiver.valid_until - waiver.granted_at <= timedelta(days=step + 1):
            continue
        about = subject_of_request(waiver.request)
        title = f"The waiver of {waiver.check_slug} on {about.name} ends on {waiver.valid_until:%Y-%m-%d}"
        people = {waiver.accepted_by: "You signed the waiver."} | concerned(waiver.request)
        for person, because in people.items():
            yield Draft(reasons.ENDS, f"waiver:{waiver.pk}:{step}", about, title, because, person)


def _of_findings(now: datetime) -> Iterator[Draft]:
    today = now.date()
    rows = Finding.objects.filter(closed_at__isnull=True, due__lte=today + timedelta(days=max(AHEAD)))
    for finding in rows.select_related("version", "model__owner", "owner").order_by("pk"):
        person = finding.responsible
        assert finding.due is not None  # the query asks for it
        days = (finding.due - today).days
        step = step_of(days)
        if person is None or step is None or finding.due - finding.opened_at.date() <= timedelta(days=max(step, 0)):
            continue
        about = subject_of_finding(finding)
        when = f"was due on {finding.due.isoformat()}" if days < 0 else f"is due on {finding.due.isoformat()}"
        because = "You own the finding." if finding.owner_id is not None else "You own the model."
        key = f"finding:{finding.pk}:{finding.due.isoformat()}:{step}"
        yield Draft(reasons.ENDS, key, about, f"{about.name} {when}", because, person)
