"""Findings: opened, acknowledged, assigned, and closed by named persons; and mails to owners about those of signals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor, ActorKind, process
from audit.recorder import Change, ObjectRef, PrivateValue
from governance.actions import (
    FINDING_ACKNOWLEDGED,
    FINDING_ASSIGNED,
    FINDING_CLOSED,
    FINDING_CLOSURE_PROPOSED,
    FINDING_NOTIFIED,
    FINDING_REOPENED,
    FINDING_RESCHEDULED,
)
from governance.findings import (
    DUE_DAYS,
    check_due,
    check_owner,
    may_open,
    open_finding,
    record_event,
    require_may_open,
    settle_blocked,
)
from governance.models import Finding
from registry import access
from registry.exceptions import InvalidStateError, PermissionDeniedError
from registry.models import Evidence, ModelVersion, RegisteredModel, User
from registry.services import reviews
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

__all__ = ["DUE_DAYS", "may_open", "open_finding"]

NOTIFIER: Final = process("finding-mails")
MAX_EVIDENCE: Final = 20_000

_PERSON_ONLY: Final = access.Denied(
    lambda _: "Findings are worked on by people, signed in: a token or a process may only open them.",
    code="person_required",
)


def may_work_on(*, actor: Actor, finding: Finding) -> access.Allowed | access.Denied:
    """Return whether the actor may acknowledge a finding, assign it, and propose its closure: a person, signed in, who
    owns the finding, may edit the model, or may decide on it.
    """
    if actor.kind is not ActorKind.PERSON:
        return _PERSON_ONLY
    person = access.person_of(actor)
    if person is not None and person.pk == finding.owner_id:
        return access.check_permission(actor, access.Permission.VIEW, finding.model)
    return may_open(actor, finding.model)


def may_close(*, actor: Actor, finding: Finding) -> access.Allowed | access.Denied:
    """Return whether the actor may close a finding, return a proposed closure, and set another due date.

    A person, signed in, who may review the model: so not its owner, and not those who made the versions in protected
    stages (SoD-6); and not the owner of the finding.
    """
    if actor.kind is not ActorKind.PERSON:
        return _PERSON_ONLY
    answer = reviews.may_review(actor=actor, model=finding.model)
    person = access.person_of(actor)
    if isinstance(answer, access.Allowed) and person is not None and person.pk == finding.owner_id:
        return access.Denied(
            lambda _: (
                f"{person.name} owns this finding and so does not close it: another person who may review the "
                "model does."
            ),
            code="separation_of_duties",
            rule=reviews.RULE,
        )
    return answer


def closing_obstacle(*, actor: Actor, finding: Finding) -> str:
    """Return why the actor cannot close a critical finding in its present state; empty if nothing hinders.

    A critical finding is closed by two: one proposes closure with evidence, another person confirms it.
    """
    if finding.severity != Finding.Severity.CRITICAL:
        return ""
    if finding.proposed_by_id is None:
        return "A critical finding is closed by two people: one proposes closure with evidence, then another confirms."
    person = access.person_of(actor)
    if person is not None and person.pk == finding.proposed_by_id:
        return "You proposed the closure of this critical finding: another person confirms it."
    return ""


@transaction.atomic
def open_for(
    *,
    actor: Actor,
    model: RegisteredModel,
    version: ModelVersion | None = None,
    source: str,
    severity: str,
    title: str,
    description: str = "",
    owner: User | None = None,
    due: date | None = None,
    blocks: Sequence[str] = (),
) -> Finding:
    """Lock a model and open a finding about it, for pages and REST; arguments and errors as for `open_finding`."""
    require_may_open(actor, model)
    locked = RegisteredModel.objects.get_for_update(model.pk)
    return open_finding(
        actor=actor,
        model=locked,
        version=version,
        source=source,
        severity=severity,
        title=title,
        description=description,
        owner=owner,
        due=due,
        blocks=blocks,
    )


@transaction.atomic
def acknowledge(*, actor: Actor, finding: Finding, note: str) -> Finding:
    """Record that a person took note of a finding, and what they do about it.

    Args:
        actor: the person; see `may_work_on`.
        finding: the finding.
        note: what they do about it; recorded in the event.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not work on the finding.
        InvalidStateError: it is acknowledged or closed already.
        ValidationFailedError: the note is empty.
    """
    _require(actor, finding, may_work_on(actor=actor, finding=finding))
    faults = ErrorCollector()
    why = faults.reason(note, "/note")
    faults.raise_if_any()
    person = access.require_person(actor)
    finding = _locked(finding)
    if finding.acknowledged_at is not None:
        raise InvalidStateError("This finding is acknowledged already.", code="already_acknowledged")
    record_event(FINDING_ACKNOWLEDGED, actor, finding, reason=why)
    finding.acknowledged_at, finding.acknowledged_by = clock.now(), person
    finding.save(update_fields=["acknowledged_at", "acknowledged_by"])
    return finding


@transaction.atomic
def assign(*, actor: Actor, finding: Finding, owner: User, reason: str) -> Finding:
    """Name another owner of a finding.

    Args:
        actor: the person; see `may_work_on`.
        finding: the finding.
        owner: who is to correct it from now on.
        reason: why; recorded in the event.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not work on the finding.
        InvalidStateError: it is closed, or the person owns it already.
        ValidationFailedError: the person cannot own it, or the reason is empty.
    """
    _require(actor, finding, may_work_on(actor=actor, finding=finding))
    faults = ErrorCollector()
    why = faults.reason(reason)
    check_owner(faults, owner, finding.model)
    faults.raise_if_any()
    finding = _locked(finding)
    if finding.owner_id == owner.pk:
        raise InvalidStateError(f"{owner.name} owns this finding already.", code="already_owner")
    before = finding.owner.uid if finding.owner is not None else None
    record_event(FINDING_ASSIGNED, actor, finding, reason=why, changes=[Change("owner", before, owner.uid)])
    finding.owner = owner
    finding.save(update_fields=["owner"])
    return finding


@transaction.atomic
def reschedule(*, actor: Actor, finding: Finding, due: date, reason: str) -> Finding:
    """Set another due date.

    Args:
        actor: the person; see `may_close`: who is to correct a finding does not extend its time.
        finding: the finding.
        due: the last day on which it is not late.
        reason: why; recorded in the event.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not close the finding.
        InvalidStateError: it is closed.
        ValidationFailedError: the date has passed or is the present one, or the reason is empty.
    """
    _require(actor, finding, may_close(actor=actor, finding=finding))
    faults = ErrorCollector()
    why = faults.reason(reason)
    check_due(faults, due, clock.now().date())
    if due == finding.due:
        faults.add("/due", "unchanged", f"The finding is due on {due} already: give another date.")
    faults.raise_if_any()
    finding = _locked(finding)
    before = finding.due.isoformat() if finding.due is not None else None
    record_event(FINDING_RESCHEDULED, actor, finding, reason=why, changes=[Change("due", before, due.isoformat())])
    finding.due = due
    finding.save(update_fields=["due"])
    settle_blocked(finding)
    return finding


@transaction.atomic
def propose_closure(*, actor: Actor, finding: Finding, evidence: str, attachment: Evidence | None = None) -> Finding:
    """Propose to close a finding, with evidence that what was wrong is corrected.

    Args:
        actor: the person; see `may_work_on`.
        finding: the finding.
        evidence: what was done and how that is known.
        attachment: evidence of a version of the model that shows it.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not work on the finding.
        InvalidStateError: its closure is proposed already, or it is closed.
        ValidationFailedError: the evidence is empty, or the attachment belongs to another model.
    """
    _require(actor, finding, may_work_on(actor=actor, finding=finding))
    faults = ErrorCollector()
    if not evidence.strip():
        faults.add("/evidence", "required", "Describe what was done, and how that is known.")
    faults.clean_text("/evidence", evidence, MAX_EVIDENCE)
    if attachment is not None and attachment.version.model_id != finding.model_id:
        faults.add("/attachment", "attachment", "Attach evidence of a version of this model.")
    faults.raise_if_any()
    person = access.require_person(actor)
    finding = _locked(finding)
    if finding.proposed_at is not None:
        raise InvalidStateError("The closure of this finding is proposed already.", code="closure_proposed")
    record_event(
        FINDING_CLOSURE_PROPOSED,
        actor,
        finding,
        changes=[Change("closure_evidence", None, PrivateValue(evidence.strip()))],
        data={"attachment": str(attachment.uid) if attachment is not None else None},
    )
    finding.proposed_at, finding.proposed_by = clock.now(), person
    finding.closure_evidence, finding.closure_attachment = evidence.strip(), attachment
    finding.save(update_fields=["proposed_at", "proposed_by", "closure_evidence", "closure_attachment"])
    return finding


@transaction.atomic
def return_closure(*, actor: Actor, finding: Finding, reason: str) -> Finding:
    """Return a proposed closure: the finding is open again, and its evidence stays in the audit log.

    Args:
        actor: who may close the finding, or the person who proposed the closure.
        finding: the finding.
        reason: what is missing.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not.
        InvalidStateError: no closure is proposed.
        ValidationFailedError: the reason is empty.
    """
    person = access.person_of(actor)
    if person is None or person.pk != finding.proposed_by_id:
        _require(actor, finding, may_close(actor=actor, finding=finding))
    else:
        _require(actor, finding, may_work_on(actor=actor, finding=finding))
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    finding = _locked(finding)
    if finding.proposed_at is None:
        raise InvalidStateError("No closure of this finding is proposed.", code="no_closure_proposed")
    record_event(FINDING_REOPENED, actor, finding, reason=why)
    finding.proposed_at, finding.proposed_by = None, None
    finding.closure_evidence, finding.closure_attachment = "", None
    finding.save(update_fields=["proposed_at", "proposed_by", "closure_evidence", "closure_attachment"])
    return finding


@transaction.atomic
def close(*, actor: Actor, finding: Finding, reason: str) -> Finding:
    """Close a finding. It is not opened again: a later problem is another finding.

    Args:
        actor: the person; see `may_close`. For a critical finding another one than the person who proposed closure.
        finding: the finding.
        reason: what was found and done.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not close the finding.
        InvalidStateError: it is closed already, or critical and its closure is not proposed by another person.
        ValidationFailedError: the reason is empty.
    """
    _require(actor, finding, may_close(actor=actor, finding=finding))
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    person = access.require_person(actor)
    finding = _locked(finding)
    if finding.owner_id == person.pk:  # assigned to the person since they read it
        raise PermissionDeniedError("You own this finding: another person closes it.", code="separation_of_duties")
    if obstacle := closing_obstacle(actor=actor, finding=finding):
        raise InvalidStateError(obstacle, code="two_people_close")
    record_event(
        FINDING_CLOSED,
        actor,
        finding,
        reason=why,
        data={"proposed_by": finding.proposed_by.uid if finding.proposed_by is not None else None},
    )
    finding.closed_at, finding.closed_by, finding.closure = clock.now(), person, why
    finding.save(update_fields=["closed_at", "closed_by", "closure"])
    settle_blocked(finding)
    return finding


def _require(actor: Actor, finding: Finding, answer: access.Allowed | access.Denied) -> None:
    access.require_permission(actor, access.Permission.VIEW, finding.model)
    if isinstance(answer, access.Denied):
        raise answer.refusal()


def _locked(finding: Finding) -> Finding:
    """Lock the model, the version and the finding. Raises InvalidStateError if the finding is closed."""
    if finding.version is not None:
        model, version = lock_version(finding.version)
    else:
        model, version = RegisteredModel.objects.get_for_update(finding.model_id), None
    row = Finding.objects.get_for_update(finding.pk)
    row.model, row.version = model, version
    if row.closed_at is not None:
        raise InvalidStateError("This finding is closed already.", code="already_closed")
    return row


@transaction.atomic
def record_notified(finding: Finding, person: User) -> None:
    """Record that a person was notified of a finding by mail.

    Args:
        finding: the finding.
        person: who received the mail.
    """
    model = RegisteredModel.objects.get_for_update(finding.model_id)
    about = [ObjectRef("model", str(model.uid))]
    if finding.version is not None:
        about.insert(0, ObjectRef("version", str(finding.version.uid)))
    recorder.record_event(
        FINDING_NOTIFIED,
        actor=NOTIFIER,
        target=ObjectRef("finding", str(finding.uid)),
        stream=f"model:{model.uid}",
        related_objects=about,
        data={"person": person.uid},
    )
