"""Response schemas of promotion requests."""

from __future__ import annotations

from datetime import date
from typing import Literal

from django.conf import settings
from pydantic import Field

from governance.interfaces.rest.audit_proofs import ReceiptResponse
from governance.interfaces.rest.check_run_schemas import CheckResponse
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.conflict_schemas import ConflictResponse
from governance.interfaces.rest.schemas import Page, PersonResponse, RequirementResponse, ResponseBody, UtcDateTime
from governance.models import Decision, PromotionRequest, RequestPolicy
from governance.policies import ApprovalProgress
from governance.selectors import ListRow, PromotionDetail, Rejection, Related
from governance.selectors.escalation import EscalationRow


class TargetResponse(ResponseBody):
    """The target of a promotion: a stage or an alias."""

    stage: str | None
    alias: str | None

    @classmethod
    def of(cls, request: PromotionRequest) -> TargetResponse:
        stage = request.target_stage.slug if request.target_stage is not None else None
        return cls(stage=stage, alias=request.target_alias or None)


class Progress(ResponseBody):
    """A count and its required minimum."""

    have: int
    need: int


class PromotionSummary(ResponseBody):
    """A promotion request in a list."""

    id: int
    model: str
    version: int
    target: TargetResponse
    state: str
    kind: str = Field(description="ordinary, rollback or emergency.")
    before_governance: bool = Field(
        description="Whether an import recorded it: promoted before governance, without policy, checks or approvals."
    )
    requested_by: PersonResponse
    checks: Progress
    approvals: Progress
    revision: int
    created_at: UtcDateTime
    expires_at: UtcDateTime | None
    closed_at: UtcDateTime | None
    url: str
    page: str

    @classmethod
    def of(cls, row: ListRow) -> PromotionSummary:
        request = row.request
        return cls(
            id=request.pk,
            model=request.model.slug,
            version=request.version.number,
            target=TargetResponse.of(request),
            state=request.state,
            kind=request.kind,
            before_governance=request.before_governance,
            requested_by=PersonResponse.of(request.requested_by),
            checks=Progress(have=row.checks_met, need=row.checks_total),
            approvals=Progress(have=row.approvals_have, need=row.approvals_need),
            revision=request.revision,
            created_at=request.created_at,
            expires_at=request.expires_at,
            closed_at=request.closed_at,
            url=url_of(request),
            page=page_of(request),
        )


class PromotionList(Page[PromotionSummary]):
    """A page of promotion requests, newest first."""


class PolicyRef(ResponseBody):
    """The policy revision that applies to a request."""

    slug: str
    revision: int
    digest: str
    confirmation: str = Field(
        description="How it came into force: two_officers, single_officer, or setup (without a second person)."
    )


class GoverningPolicy(ResponseBody):
    """A policy revision that a request must satisfy, and why it applies."""

    slug: str
    revision: int
    digest: str
    basis: str = Field(description="target, leaving, represented_stage, tier, newer_revision or facts.")
    because: str = Field(description="The basis as text.")
    reason: str = Field(
        description="Why this policy governs and not another one that covers the change; empty if there is no other."
    )
    added_at: UtcDateTime

    @classmethod
    def of(cls, bound: RequestPolicy) -> GoverningPolicy:
        revision = bound.policy_revision
        return cls(
            slug=revision.policy.slug,
            revision=revision.number,
            digest=revision.digest,
            basis=bound.basis,
            because=bound.get_basis_display(),
            reason=bound.reason,
            added_at=bound.added_at,
        )


class ExcludedApprover(ResponseBody):
    """A member of the group whose decision does not count, and why."""

    name: str
    rule: str
    reason: str


class ApprovalResponse(ResponseBody):
    """An approval rule of the policy: the group, the number of approvals, and who gave them or may give them."""

    group: str
    count: int
    order: int
    open: bool = Field(description="Whether the earlier groups have approved.")
    approved_by: list[str]
    may_approve: list[str]
    kept_out: list[ExcludedApprover]

    @classmethod
    def of(cls, progress: ApprovalProgress) -> ApprovalResponse:
        return cls(
            group=progress.rule.group,
            count=progress.rule.count,
            order=progress.rule.order,
            open=progress.open,
            approved_by=[d.name for d in progress.approved_by],
            may_approve=[r.label for r in progress.may_approve],
            kept_out=[
                ExcludedApprover(name=r.label, rule=r.excluded.rule, reason=r.excluded.reason)
                for r in progress.excluded
                if r.excluded is not None
            ],
        )


class DecisionResponse(ResponseBody):
    """A person's decision, the packet it refers to, and its signature."""

    id: int
    person: PersonResponse
    on_behalf_of: PersonResponse | None = Field(description="The member in whose place the person decided.")
    delegation: str | None = Field(description="The uid of the delegation by which they did.")
    outcome: str
    comment: str
    groups: list[str]
    packet_digest: str
    signed_name: str
    signed_meaning: str
    signed_at: UtcDateTime
    signed_method: str = Field(description="How the person was authenticated again for the signature.")
    attested_by: str | None = Field(
        description="The key id of the decision key that attests the signature, as `listDecisionKeys` returns it; null "
        "for a decision of an earlier release. `getDecisionSignature` returns the file to verify."
    )
    lapsed_at: UtcDateTime | None
    conditions: list[int] = Field(description="Numbers of the findings that are conditions of the approval.")
    ended: str | None = Field(
        description="resolved or withdrawn, if the person who requested changes ended the objection; null if it was "
        "invalidated by new evidence, or counts."
    )

    @classmethod
    def of(cls, decision: Decision) -> DecisionResponse:
        return cls(
            id=decision.pk,
            person=PersonResponse.of(decision.person),
            on_behalf_of=PersonResponse.of(decision.on_behalf_of) if decision.on_behalf_of is not None else None,
            delegation=str(decision.delegation.uid) if decision.delegation is not None else None,
            outcome=decision.outcome,
            comment=decision.comment,
            groups=decision.groups,
            packet_digest=decision.packet_digest,
            signed_name=decision.signed_name,
            signed_meaning=decision.signed_meaning,
            signed_at=decision.signed_at,
            signed_method=decision.signed_method,
            attested_by=decision.attested_by or None,
            lapsed_at=decision.lapsed_at,
            conditions=[finding.pk for finding in decision.conditions.all()],
            ended=decision.ending.kind if decision.ending is not None else None,
        )


class EscalationResponse(ResponseBody):
    """A reminder or an escalation that the policy sets. It informs people and changes nothing about who may decide."""

    to: Literal["reviewers", "deputies", "officers"]
    due_at: UtcDateTime
    taken_at: UtcDateTime | None = Field(description="When it was recorded; null if it is still to come.")
    informed: list[str] = Field(description="Names of the people who were informed.")

    @classmethod
    def of(cls, row: EscalationRow) -> EscalationResponse:
        return cls(
            to=row.to,
            due_at=row.due_at,
            taken_at=row.event.happened_at if row.event is not None else None,
            informed=list(row.recipients),
        )


class RejectionResponse(ResponseBody):
    """An earlier request of the model that was rejected."""

    id: int
    version: int
    target: TargetResponse
    closed_at: UtcDateTime | None
    by: str | None
    comment: str

    @classmethod
    def of(cls, rejection: Rejection) -> RejectionResponse:
        request, decision = rejection.request, rejection.decision
        return cls(
            id=request.pk,
            version=request.version.number,
            target=TargetResponse.of(request),
            closed_at=request.closed_at,
            by=decision.signed_name if decision is not None else None,
            comment=decision.comment if decision is not None else "",
        )


class RelatedRequestResponse(ResponseBody):
    """Facts outside the version that matter to a reviewer."""

    review_overdue_since: date | None = Field(description="Due date of the overdue periodic review of the model.")
    competing: list[int] = Field(description="Open requests for another version and the same target.")
    same_version: list[int] = Field(description="Open requests for the same version and another target.")
    rejections: list[RejectionResponse] = Field(
        description="The latest earlier requests of the model that were rejected."
    )
    in_target: int | None = Field(
        description="The version in the target now, if it is not the champion of this request."
    )

    @classmethod
    def of(cls, related: Related) -> RelatedRequestResponse:
        return cls(
            review_overdue_since=related.review_overdue_since,
            competing=[other.pk for other in related.competing],
            same_version=[other.pk for other in related.same_version],
            rejections=[RejectionResponse.of(rejection) for rejection in related.rejections],
            in_target=related.in_target.number if related.in_target is not None else None,
        )


class DisagreementResponse(ResponseBody):
    """A metric whose declared value differs from the value a check computed from the evaluation table."""

    metric: str
    dataset: str
    declared: float | None
    measured: float | None


class PromotionResponse(ResponseBody):
    """A promotion request, its state, and the remaining requirements."""

    id: int
    model: str
    version: int
    from_stage: str
    target: TargetResponse
    champion: int | None = Field(description="Number of the version with which it is compared.")
    state: str = Field(
        description="open, blocked or ready (live); promoted, rejected, withdrawn, expired or superseded (closed)."
    )
    before_governance: bool = Field(
        description="Whether an import recorded it: promoted before governance, without policy, checks or approvals."
    )
    reapproves: str | None = Field(
        description="The promotion behind the place the version already holds: this request approves it there "
        "again and changes no stage or alias."
    )
    receipt: ReceiptResponse | None = Field(
        None, description="Proof of the event of the promotion, in the answer to `executePromotion` only."
    )
    kind: str = Field(description="ordinary, rollback or emergency.")
    restores: str | None = Field(description="The promotion whose approved inputs a rollback returns to.")
    live: bool
    headline: str
    reason: str
    requested_by: PersonResponse
    policy: PolicyRef | None = Field(
        description="The policy that applied when it was created; null if no policy governs the transition."
    )
    policies: list[GoverningPolicy] = Field(
        description="All policy revisions it must satisfy, and why. Their requirements are combined."
    )
    aliases_outside_stage: list[str] = Field(
        description="Aliases of the stage that the version leaves; they point at it until a request changes them."
    )
    fingerprint: str
    packet_digest: str | None = Field(description="Digest of what approvers sign, once review is open.")
    requirements: list[RequirementResponse]
    checks: list[CheckResponse]
    approvals: list[ApprovalResponse]
    conflicts: list[ConflictResponse] = Field(
        description="Everyone excluded or marked by the separation of duties, also people in no reviewer group."
    )
    decisions: list[DecisionResponse]
    escalation: list[EscalationResponse] = Field(description="Of a live request under review: what its policies set.")
    disagreements: list[DisagreementResponse] = Field(
        description="Metrics whose declared value differs from the evaluation table; the check uses the table."
    )
    related: RelatedRequestResponse
    next_actions: list[str] = Field(description="Actions the caller may take now: execute, withdraw.")
    revision: int
    created_at: UtcDateTime
    expires_at: UtcDateTime | None
    closed_at: UtcDateTime | None
    url: str
    page: str = Field(description="URL of the page where people decide.")

    @classmethod
    def of(cls, seen: PromotionDetail) -> PromotionResponse:
        request = seen.request
        revision = request.policy_revision
        allowed = {"execute": seen.can_promote, "withdraw": seen.can_withdraw}
        return cls(
            id=request.pk,
            model=request.model.slug,
            version=request.version.number,
            from_stage=request.source_stage.slug,
            target=TargetResponse.of(request),
            champion=request.champion.number if request.champion is not None else None,
            state=request.state,
            before_governance=request.before_governance,
            reapproves=f"{PREFIX}/promotions/{request.reapproves_id}" if request.reapproves_id is not None else None,
            kind=request.kind,
            restores=f"{PREFIX}/promotions/{request.restores_id}" if request.restores_id is not None else None,
            live=request.is_live,
            headline=" ".join(part for part in (seen.headline, seen.sentence) if part),
            reason=request.reason,
            requested_by=PersonResponse.of(request.requested_by),
            policy=PolicyRef(
                slug=revision.policy.slug,
                revision=revision.number,
                digest=revision.digest,
                confirmation=revision.confirmation,
            )
            if revision is not None
            else None,
            policies=[GoverningPolicy.of(bound) for bound in request.governing],
            aliases_outside_stage=list(seen.aliases_outside_stage),
            fingerprint=request.fingerprint,
            packet_digest=request.packet_digest or None,
            requirements=[RequirementResponse.of(r) for r in seen.verdict.requirements]
            if seen.verdict is not None
            else [],
            checks=[CheckResponse.of(row) for row in seen.checks],
            approvals=[ApprovalResponse.of(progress) for progress in seen.approvals],
            conflicts=[ConflictResponse.of(conflict) for conflict in seen.conflicts],
            decisions=[DecisionResponse.of(decision) for decision in seen.decisions],
            escalation=[EscalationResponse.of(row) for row in seen.escalation],
            disagreements=[
                DisagreementResponse(metric=row.name, dataset=row.dataset, declared=row.value, measured=row.measured)
                for row in seen.disagreements
            ],
            related=RelatedRequestResponse.of(seen.related),
            next_actions=[name for name, answer in allowed.items() if answer],
            revision=request.revision,
            created_at=request.created_at,
            expires_at=request.expires_at,
            closed_at=request.closed_at,
            url=url_of(request),
            page=page_of(request),
        )


class Gate(ResponseBody):
    """The state of a request, without its details."""

    id: int
    state: str
    live: bool
    promoted: bool
    revision: int
    url: str
    page: str

    @classmethod
    def of(cls, request: PromotionRequest) -> Gate:
        return cls(
            id=request.pk,
            state=request.state,
            live=request.is_live,
            promoted=request.state == PromotionRequest.State.PROMOTED,
            revision=request.revision,
            url=url_of(request),
            page=page_of(request),
        )


def url_of(request: PromotionRequest) -> str:
    """The API URL of the request."""
    return f"{PREFIX}/promotions/{request.pk}"


def page_of(request: PromotionRequest) -> str:
    """The URL of the request's page, where people decide."""
    return f"{settings.PUBLIC_URL}/promotions/{request.pk}/"
