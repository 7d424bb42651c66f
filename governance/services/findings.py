"""Findings of production monitoring: acknowledged and resolved by named persons, and mails to the owner about them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor, ActorKind, process
from audit.recorder import ObjectRef
from governance.actions import FINDING_ACKNOWLEDGED, FINDING_NOTIFIED, FINDING_RESOLVED
from governance.models import FindingMail, MonitoringFinding
from registry import access
from registry.exceptions import InvalidStateError
from registry.models import RegisteredModel, User
from registry.services import reviews
from registry.services.claiming import Lease, WorkQueue, doubled
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

log = logging.getLogger(__name__)

NOTIFIER: Final = process("finding-mails")
_LOST_AFTER: Final = timedelta(minutes=10)
"""A claim that is older is void. Longer than a mail server may take to answer."""
_LONGEST_PAUSE: Final = 6


def may_acknowledge(*, actor: Actor, finding: MonitoringFinding) -> access.Allowed | access.Denied:
    """Return whether the actor may acknowledge a finding: a person who may edit the model, signed in."""
    if actor.kind is not ActorKind.PERSON:
        return _PERSON_ONLY
    return access.check_permission(actor, access.Permission.EDIT, finding.model)


def may_resolve(*, actor: Actor, finding: MonitoringFinding) -> access.Allowed | access.Denied:
    """Return whether the actor may resolve a finding: those who may review the model, so not its owner and not those
    who made the versions in protected stages (SoD-6).
    """
    return reviews.may_review(actor=actor, model=finding.model)


_PERSON_ONLY: Final = access.Denied(
    lambda _: "A finding is acknowledged by a person, signed in to the pages.", code="person_required"
)


@transaction.atomic
def acknowledge(*, actor: Actor, finding: MonitoringFinding, note: str) -> MonitoringFinding:
    """Record that a person took note of a finding, and what they do about it.

    Args:
        actor: the person, signed in.
        finding: the finding.
        note: what they do about it; recorded in the event.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is not a person, or may not edit the model.
        InvalidStateError: it is acknowledged or resolved already.
        ValidationFailedError: the note is empty.
    """
    access.require_permission(actor, access.Permission.EDIT, finding.model)
    if isinstance(answer := may_acknowledge(actor=actor, finding=finding), access.Denied):
        raise answer.refusal()
    faults = ErrorCollector()
    why = faults.reason(note, "/note")
    faults.raise_if_any()
    person = access.require_person(actor)
    finding = _locked(finding)
    if finding.acknowledged_at is not None:
        raise InvalidStateError("This finding is acknowledged already.", code="already_acknowledged")
    _record(FINDING_ACKNOWLEDGED, actor, finding, why)
    finding.acknowledged_at, finding.acknowledged_by = clock.now(), person
    finding.save(update_fields=["acknowledged_at", "acknowledged_by"])
    return finding


@transaction.atomic
def resolve(*, actor: Actor, finding: MonitoringFinding, reason: str) -> MonitoringFinding:
    """Close a finding. A later breach of the limit opens another one.

    Args:
        actor: the person, signed in; see `may_resolve`.
        finding: the finding.
        reason: what was found and done.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not review the model.
        InvalidStateError: it is resolved already.
        ValidationFailedError: the reason is empty.
    """
    access.require_permission(actor, access.Permission.DECIDE, finding.model)
    if isinstance(answer := may_resolve(actor=actor, finding=finding), access.Denied):
        raise answer.refusal()
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    person = access.require_person(actor)
    finding = _locked(finding)
    _record(FINDING_RESOLVED, actor, finding, why)
    finding.resolved_at, finding.resolved_by, finding.resolution = clock.now(), person, why
    finding.save(update_fields=["resolved_at", "resolved_by", "resolution"])
    return finding


def _locked(finding: MonitoringFinding) -> MonitoringFinding:
    """Lock the model, the version and the finding. Raises InvalidStateError if the finding is resolved."""
    model, version = lock_version(finding.version)
    row = MonitoringFinding.objects.get_for_update(finding.pk)
    row.model, row.version = model, version
    if row.resolved_at is not None:
        raise InvalidStateError("This finding is resolved already.", code="already_resolved")
    return row


def _record(action: str, actor: Actor, finding: MonitoringFinding, reason: str) -> None:
    recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("finding", str(finding.uid)),
        stream=f"model:{finding.model.uid}",
        related_objects=[ObjectRef("version", str(finding.version.uid))],
        reason=reason,
    )


QUEUE = WorkQueue(
    model=FindingMail,
    waiting={},
    running={},
    lost_after=lambda: _LOST_AFTER,
    max_attempts=None,
    pause=lambda attempts: doubled(timedelta(minutes=1), min(attempts, _LONGEST_PAUSE)),
)


def due_mails() -> list[int]:
    """Return the keys of mails that are to be sent now."""
    return QUEUE.claimable_ids()


def mail_owner(mail_id: int) -> bool:
    """Notify the owner of a model of a finding, unless the row is claimed already.

    The mail is sent while nothing is locked, and recorded afterwards. So it is sent at least once, and twice only if a
    worker ends between sending and recording.

    Args:
        mail_id: primary key of the row.

    Returns:
        Whether the mail was sent.
    """
    lease = QUEUE.claim(mail_id)
    if lease is None:
        return False
    mail = FindingMail.objects.select_related("finding__version__model", "person").get(pk=lease.pk)
    try:
        _send(mail.finding, mail.person)
    except OSError as error:  # raised for a mail server that does not respond, and by smtplib
        log.warning("the mail about finding %d could not be sent (%s); it is tried again", mail.finding_id, error)
        QUEUE.retry(lease, mail.attempts, problem=str(error))
        return False
    _record_sent(lease)
    return True


@transaction.atomic
def _record_sent(lease: Lease) -> None:
    found = QUEUE.held(lease).select_related("finding__version", "person").first()
    if found is None:
        return
    finding = found.finding
    finding.model, finding.version = lock_version(finding.version)
    mail = QUEUE.held(lease).select_for_update(of=("self",)).first()
    if mail is None:
        return
    recorder.record_event(
        FINDING_NOTIFIED,
        actor=NOTIFIER,
        target=ObjectRef("finding", str(finding.uid)),
        stream=f"model:{finding.model.uid}",
        related_objects=[ObjectRef("version", str(finding.version.uid))],
        data={"person": found.person.uid},
    )
    mail.delete()


def _send(finding: MonitoringFinding, person: User) -> None:
    """Send a mail that only links to the page; no action is possible from the mail."""
    version = finding.version
    model: RegisteredModel = version.model
    send_mail(
        subject=f"Finding on {model.slug} v{version.number}: {finding.signal} is beyond its limit",
        message=(
            f"{person.name},\n\na production signal of {model.slug} v{version.number} is beyond its approved limit:\n"
            f"{finding.words}, reported {finding.first_value:g}"
            + (f" for {finding.first_slice}" if finding.first_slice else "")
            + f" for the period to {finding.first_at:%Y-%m-%d %H:%M} UTC.\n\nYou are on record as the owner of the "
            "model. Acknowledge the finding, and say what you do about it. The review of the model was brought "
            f"forward.\n\nOpen: {settings.PUBLIC_URL}/findings/{finding.pk}/\n"
        ),
        from_email=None,
        recipient_list=[person.email],
    )
