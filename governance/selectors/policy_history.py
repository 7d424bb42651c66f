"""What surrounds a policy: its history, the models it covers now, its proposals, and differences of revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from audit import selectors as log
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.actions import POLICY_PUBLISHED
from governance.models import Policy, PolicyRevision
from governance.policies import PolicyDocument, facts_of_model
from governance.selectors.change_proposals import POLICY_PUBLICATION, POLICY_RETIREMENT
from governance.selectors.paths import PathRequirements
from registry import access, selectors
from registry.comparison import DiffSegment, collapse_unchanged, compare_texts
from registry.models import IS_CURRENT, ChangeProposal, RegisteredModel


@dataclass(frozen=True)
class PolicyChange:
    """How a revision came into force.

    `event` and `proposal` are None where the reader may not open them.
    """

    revision: PolicyRevision
    proposed_by: str
    confirmed_by: str
    at: datetime
    reason: str
    event: UUID | None
    proposal: int | None


@dataclass(frozen=True)
class RevisionDifference:
    """The difference between the published texts of two revisions."""

    before: PolicyRevision
    after: PolicyRevision
    pieces: Sequence[DiffSegment]


def history_of(actor: Actor, policy: Policy) -> tuple[PolicyChange, ...]:
    """Return how each revision of a policy came into force, latest first. At most seven queries.

    Args:
        actor: who reads. The reasons are shown to every reader, the audit events only to those who may open them.
        policy: the policy.
    """
    revisions = list(policy.revisions.select_related("proposal", "term").order_by("-number"))
    names = selectors.account_names({uid for one in revisions for uid in (one.published_by, one.confirmed_by)})
    events = list(log.events_for_object(ObjectRef("policy", str(policy.uid))).filter(action=POLICY_PUBLISHED))
    by_number = {event.body.get("data", {}).get("revision"): event for event in events}
    private = log.private_values_bulk(events)
    reads_log = bool(access.check_org_permission(actor, access.OrgPermission.READ_AUDIT))
    seen = set(
        selectors.change_proposals(actor)
        .filter(pk__in=[one.proposal_id for one in revisions if one.proposal_id is not None])
        .values_list("pk", flat=True)
    )
    found = []
    for one in revisions:
        event = by_number.get(one.number)
        recorded = private.get(event.event_id, {}).get("/reason", "") if event is not None else ""
        found.append(
            PolicyChange(
                revision=one,
                proposed_by=names.get(one.published_by, "the set-up"),
                confirmed_by=names.get(one.confirmed_by, ""),
                at=one.published_at,
                reason=one.proposal.reason if one.proposal is not None else recorded,
                event=event.event_id if event is not None and reads_log else None,
                proposal=one.proposal_id if one.proposal_id in seen else None,
            )
        )
    return tuple(found)


def models_covered(
    actor: Actor, governed: Sequence[PathRequirements], document: PolicyDocument
) -> QuerySet[RegisteredModel]:
    """Return the models in use, visible to the actor, for whose risk tier a policy governs some path, and that it
    covers by their other facts.

    Args:
        actor: who reads.
        governed: the paths that the policy governs (`selectors.paths` with its slug).
        document: the policy.
    """
    tiers = {tier for row in governed for tier in row.tiers}
    # Every policy governs a model without a tier.
    matching = Q(risk_tier__in=tiers) | Q(risk_tier__isnull=True)
    found = access.visible_models(actor).exclude(status=RegisteredModel.Status.ARCHIVED)
    if not tiers:
        return found.none()
    found = found.filter(matching)
    if document.applies_to.restricts_only_tiers:
        return found
    facts = found.only("pk", "risk_tier", "tags", "data_classes", "team", "affects_people", "regulations")
    return found.filter(pk__in=[model.pk for model in facts if document.applies_to.covers(facts_of_model(model))])


def open_proposals(actor: Actor, slug: str | None = None) -> QuerySet[ChangeProposal]:
    """Return the open proposals of policies that the actor may read, newest first.

    Args:
        actor: who reads.
        slug: only those of this policy; of every policy if None.
    """
    found = selectors.change_proposals(actor).filter(IS_CURRENT, kind__in=(POLICY_PUBLICATION, POLICY_RETIREMENT))
    return found.filter(subject_id=slug) if slug is not None else found


def difference_of(before: PolicyRevision, after: PolicyRevision) -> RevisionDifference:
    """Return the difference between two revisions of one policy, as published."""
    return RevisionDifference(before, after, collapse_unchanged(compare_texts(before.source, after.source)))
