"""From when on a revision is in force, and how long a policy exists: schedule, cancel and retire.

The second officer signs the time with the change. A scheduled change can be cancelled by one officer, because the
revision in force then stays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef
from governance.actions import POLICY_CANCELLED, POLICY_RETIRED
from governance.models import Policy, PolicyRevision, PolicyTerm
from governance.selectors.policy_retirement import retirement_impact
from registry import access
from registry.exceptions import ConflictError, FieldError, InvalidStateError, NotFoundError, ValidationFailedError
from registry.models import IS_CURRENT, ChangeProposal
from registry.services import change_kinds, change_proposals
from registry.validation import ErrorCollector

FURTHEST: Final = timedelta(days=366)
"""How far ahead a change can be scheduled."""


def require_start(at: datetime | None) -> None:
    """Require that a change starts in the future, at most `FURTHEST` ahead, by a time with its offset; or has no time.

    Raises:
        ValidationFailedError: at `/in_force_from`.
    """
    if at is None:
        return
    if at.tzinfo is None:
        rule = "The time needs its offset from UTC, as in 2027-01-01T00:00:00+01:00."
    elif at <= clock.now():
        rule = "The time is past. Leave it out for a change that takes effect with the second signature."
    elif at > clock.now() + FURTHEST:
        rule = f"The time is at most {FURTHEST.days} days ahead."
    else:
        return
    raise ValidationFailedError([FieldError("/in_force_from", "bad_start", rule)])


def start_in_words(at: datetime | None) -> str:
    """Return the end of the title of a proposal that has a time; empty if it has none."""
    return f" from {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""


def start_in_payload(at: datetime | None) -> dict[str, str]:
    """Return what a proposal contains of its time."""
    return {"in_force_from": at.astimezone(UTC).isoformat()} if at is not None else {}


def start_of(proposal: ChangeProposal | None, now: datetime) -> datetime:
    """Return when a change takes effect that is confirmed now: its time, or now if it has none or it has passed."""
    named = proposal.payload.get("in_force_from") if proposal is not None else None
    return max(now, datetime.fromisoformat(str(named))) if named else now


def refuse_scheduled(policy: Policy | None) -> None:
    """Refuse a further change of a policy that has a scheduled one.

    Raises:
        ConflictError: `already_scheduled`.
    """
    found = scheduled_term(policy) if policy is not None else None
    if policy is not None and found is not None:
        what = f"revision {found.revision.number}" if found.revision is not None else "the retirement"
        raise ConflictError(
            f"For {policy.slug}, {what} is scheduled from {found.starts_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: cancel "
            "it first, or wait until then.",
            code="already_scheduled",
            existing=policy,
        )


def scheduled_term(policy: Policy) -> PolicyTerm | None:
    """Return the change of a policy that is scheduled and has not begun."""
    return policy.terms.filter(IS_CURRENT, starts_at__gt=clock.now()).select_related("revision").first()


def begin(
    uid: UUID,
    policy: Policy,
    revision: PolicyRevision | None,
    starts_at: datetime,
    proposal: ChangeProposal | None,
    event: Event,
) -> PolicyTerm:
    """Write the term that an event is about.

    Args:
        uid: its uid, which the event refers to.
        policy: the policy, locked.
        revision: the revision in force from then on; None for a retirement.
        starts_at: when it begins; at the time of the event if that is later.
        proposal: the proposal that two people signed; None at the set-up.
        event: the event of the publication or retirement, in this transaction.
    """
    return PolicyTerm.objects.create(
        uid=uid,
        policy=policy,
        revision=revision,
        starts_at=max(starts_at, event.happened_at),
        proposal=proposal,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )


@transaction.atomic
def cancel_scheduled(*, actor: Actor, slug: str, reason: str) -> PolicyTerm:
    """Cancel the scheduled change of a policy. What is in force stays in force.

    Args:
        actor: an officer.
        slug: the policy.
        reason: why; recorded in the event.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        NotFoundError: there is no such policy.
        InvalidStateError: no change is scheduled, or it has begun (`nothing_scheduled`).
        ValidationFailedError: the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    why = _reason(reason)
    policy = _locked(slug)
    term = scheduled_term(policy)
    if term is None:
        raise InvalidStateError(
            f"No change of {slug} is scheduled. What has begun is changed by a proposal.", code="nothing_scheduled"
        )
    revision = term.revision
    event = recorder.record_event(
        POLICY_CANCELLED,
        actor=actor,
        target=ObjectRef("policy", str(policy.uid)),
        stream=f"policy:{policy.uid}",
        related_objects=[
            ObjectRef("policy_term", str(term.uid)),
            *([ObjectRef("policy_revision", str(revision.uid))] if revision is not None else []),
        ],
        changes=[Change("in_force_from", term.starts_at.isoformat(), None)],
        data={"slug": slug, **({"revision": revision.number} if revision is not None else {"retirement": True})},
        reason=why,
    )
    term.closed_at, term.closed_event = event.happened_at, event.event_id
    term.save(update_fields=["closed_at", "closed_event"])
    return term


@transaction.atomic
def propose_retirement(
    *, actor: Actor, slug: str, reason: str, in_force_from: datetime | None = None
) -> ChangeProposal:
    """Propose to retire a policy; a second officer's signature retires it.

    Requests that are open keep the policy. The proposal contains what changes: paths, numbers of models, policies that
    take over (`retirement_impact`).

    Args:
        actor: an officer.
        slug: the policy.
        reason: why.
        in_force_from: from when on it is retired; the time of the second signature if None.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        NotFoundError: there is no such policy.
        InvalidStateError: no revision of it is in force (`policy_not_in_force`).
        ConflictError: a change is scheduled (`already_scheduled`), or the retirement is proposed already.
        ValidationFailedError: the reason is empty, or the time is not in the coming year.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    require_start(in_force_from)
    policy = _locked(slug)
    refuse_scheduled(policy)
    revision = _require_in_force(policy)
    impact = retirement_impact(revision)
    return change_proposals.propose(
        actor=actor,
        kind=RETIREMENT,
        subject=ObjectRef("policy_slug", slug),
        title=f"Retire policy {slug}, revision {revision.number}{start_in_words(in_force_from)}",
        payload={
            "slug": slug,
            "revision": revision.number,
            "document_digest": revision.digest,
            "impact": list(impact.in_words),
            **start_in_payload(in_force_from),
        },
        reason=reason,
    )


def _retire(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    policy = _locked(proposal.subject_id)
    refuse_scheduled(policy)
    revision = _require_in_force(policy)
    if revision.digest != proposal.payload["document_digest"]:
        raise InvalidStateError(
            f"Revision {revision.number} of {policy.slug} came into force since the retirement was proposed: reject "
            "this proposal, and propose the retirement again.",
            code="policy_changed",
        )
    uid, starts_at = uuid4(), start_of(proposal, clock.now())
    event = recorder.record_event(
        POLICY_RETIRED,
        actor=actor,
        target=ObjectRef("policy", str(policy.uid)),
        stream=f"policy:{policy.uid}",
        related_objects=[
            ObjectRef("policy_revision", str(revision.uid)),
            ObjectRef("policy_term", str(uid)),
            ObjectRef("change_proposal", str(proposal.uid)),
        ],
        changes=[Change("digest", revision.digest, None)],
        data={
            "slug": policy.slug,
            "revision": revision.number,
            "proposed_by": proposal.proposed_by.uid,
            **({"in_force_from": starts_at.isoformat()} if "in_force_from" in proposal.payload else {}),
        },
        reason=proposal.reason,
    )
    begin(uid, policy, None, starts_at, proposal, event)
    return [ObjectRef("policy", str(policy.uid)), ObjectRef("policy_term", str(uid))]


RETIREMENT = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="policy.retirement", label="Retirement of a policy", needed="another officer", apply=_retire
    )
)


def _require_in_force(policy: Policy) -> PolicyRevision:
    revision = policy.revisions.in_force().first()
    if revision is None:
        raise InvalidStateError(f"No revision of {policy.slug} is in force.", code="policy_not_in_force")
    return revision


def _locked(slug: str) -> Policy:
    """Lock every policy, as a publication does, and return one. Raises NotFoundError."""
    found = {policy.slug: policy for policy in Policy.objects.select_for_update()}
    if slug not in found:
        raise NotFoundError(f"There is no policy “{slug}”.")
    return found[slug]


def _reason(text: str) -> str:
    faults = ErrorCollector()
    why = faults.reason(text)
    faults.raise_if_any()
    return why
