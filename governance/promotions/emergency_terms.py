"""The terms of an emergency change: what its request states, what the policy allows, and what promotion makes owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from audit import clock
from audit.actor import Actor, process
from audit.models import Event
from audit.recorder import ObjectRef
from governance.actions import EMERGENCY_REQUESTED, EMERGENCY_STARTED
from governance.findings import open_finding
from governance.gate import returning
from governance.models import EmergencyChange, Finding, PromotionRequest
from governance.policies import Emergency, combine_emergencies
from governance.promotions.binding import Bound
from governance.promotions.locks import LockedPromotion
from governance.promotions.recording import record_promotion_event
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import User
from registry.validation import ErrorCollector

KEEPER: Final = process("emergency-changes")
"""The actor for what follows from an emergency change, not from a person."""
MAX_INCIDENT: Final = 200
SIGNATURE_MEANING: Final = (
    "I request this change in an emergency, without the ordinary checks and approvals, and am responsible for its "
    "retrospective."
)
"""The meaning of the signature of the person who requests, shown beside it. Source: 21 CFR 11.50(a)(3)."""


@dataclass(frozen=True)
class EmergencyTerms:
    """What the person who requests an emergency change states.

    Attributes:
        incident: reference of the incident.
        hours: for how long the version may hold the place.
        confirming_group: the reviewer group of which one person confirms.
    """

    incident: str
    hours: int
    confirming_group: str


def checked_terms(terms: EmergencyTerms | None) -> EmergencyTerms:
    """Return the terms, cleaned.

    Raises:
        ValidationFailedError: they are missing, or the incident is empty or not a line of text.
    """
    if terms is None:
        raise ValidationFailedError(
            [FieldError("/kind", "unknown_kind", "An emergency change is requested on its page, with a signature.")]
        )
    faults = ErrorCollector()
    incident = terms.incident.strip()
    faults.clean_line("/incident", incident, MAX_INCIDENT, required=True)
    faults.raise_if_any()
    return EmergencyTerms(incident, terms.hours, terms.confirming_group)


def allowed_section(bound: Sequence[Bound], terms: EmergencyTerms, place: str) -> Emergency:
    """Return the combined section `emergency` of the policies that govern entering a place.

    Args:
        bound: the revisions that govern the request.
        terms: what the request states.
        place: display name of the place.

    Raises:
        InvalidStateError: a policy has no section, or they accept no common group (`emergency_not_available`).
        ValidationFailedError: the terms exceed what the section allows.
    """
    documents = returning.entering_documents([(one.revision, one.basis) for one in bound])
    lacking = [document.slug for document in documents if document.emergency is None]
    sections = [document.emergency for document in documents if document.emergency is not None]
    if lacking or not sections:
        raise InvalidStateError(
            f"The policy {' and '.join(lacking)} has no section `emergency`, so no emergency change into {place} is "
            "possible. Request an ordinary promotion or a rollback, or have an officer publish the section.",
            code="emergency_not_available",
        )
    section = combine_emergencies(sections)
    if section is None:
        raise InvalidStateError(
            f"The policies for {place} name no common group that confirms an emergency change: an officer must publish "
            "revisions that agree.",
            code="emergency_not_available",
        )
    faults = ErrorCollector()
    if terms.confirming_group not in section.groups:
        faults.add("/confirming_group", "unknown_group", f"Choose one of: {', '.join(section.groups)}.")
    if not 1 <= terms.hours <= section.max_hours:
        faults.add("/hours", "too_long", f"Give 1 to {section.max_hours} hours: the policy allows no longer.")
    faults.raise_if_any()
    return section


def record_terms(
    locked: LockedPromotion, terms: EmergencyTerms, section: Emergency, *, person: User, actor: Actor
) -> EmergencyChange:
    """Store the terms of a new request and the signature of the person who requests, with the event."""
    uid = uuid4()
    event = record_promotion_event(
        locked,
        EMERGENCY_REQUESTED,
        actor=actor,
        target=ObjectRef("emergency", str(uid)),
        data={
            "incident": terms.incident,
            "hours": terms.hours,
            "confirming_group": terms.confirming_group,
            "fingerprint": locked.version.fingerprint,
            "method": "password",
            "meaning": SIGNATURE_MEANING,
        },
        private={"signed_name": person.name},
    )
    made = EmergencyChange(
        uid=uid,
        request=locked.request,
        incident=terms.incident,
        hours=terms.hours,
        retrospective_within_days=section.retrospective_within_days,
        when_ended=section.when_ended,
        signed_name=person.name,
        signed_meaning=SIGNATURE_MEANING,
        signed_at=event.happened_at,
    )
    made.save(force_insert=True)
    return made


def start(locked: LockedPromotion, *, following: Event) -> None:
    """Record what an emergency change owes from its promotion on, and open the finding.

    Args:
        locked: the request, its version and its model, locked; promoted in this transaction.
        following: the event of the promotion.
    """
    request = locked.request
    if request.kind != PromotionRequest.Kind.EMERGENCY:
        return
    change = EmergencyChange.objects.get(request=request)
    change.began_at = following.happened_at
    change.ends_at = change.began_at + timedelta(hours=change.hours)
    change.retrospective_due = clock.now().date() + timedelta(days=change.retrospective_within_days)
    change.finding = open_finding(
        actor=KEEPER,
        model=locked.model,
        version=locked.version,
        request=request,
        source=Finding.Source.EMERGENCY,
        severity=Finding.Severity.CRITICAL,
        title=f"Emergency change of {request.target_name} to v{locked.version.number}"[:200],
        description=(
            f"Incident {change.incident}. The ordinary checks and approvals were not required. Write the "
            f"retrospective, and have version {locked.version.number} approved again in {request.target_name}, or roll "
            f"back, by {change.retrospective_due}. It may hold the place until {change.ends_at:%Y-%m-%d %H:%M} UTC."
        ),
        due=change.retrospective_due,
    )
    record_promotion_event(
        locked,
        EMERGENCY_STARTED,
        actor=KEEPER,
        target=ObjectRef("emergency", str(change.uid)),
        related=[ObjectRef("finding", str(change.finding.uid))],
        data={
            "incident": change.incident,
            "ends_at": change.ends_at.isoformat(),
            "retrospective_due": change.retrospective_due.isoformat(),
            "finding": change.finding.pk,
        },
    )
    change.save(update_fields=["began_at", "ends_at", "retrospective_due", "finding"])
