"""The requirements of a version for each target, before a promotion is requested; simulations of one request."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotions import TargetInput
from governance.interfaces.rest.schemas import RequestBody, ResponseBody
from governance.policies import PolicyDocument
from governance.selectors import ReadinessOutcome, ReadinessStep, RequiredGroup, TargetReadiness
from governance.services import policies
from registry import selectors as registry
from registry.exceptions import FieldError, ValidationFailedError

MAX_POLICY = 256 * 1024
"""Characters of a draft."""


class ReadinessAdditionResponse(ResponseBody):
    """Something that can be added to the version for a check."""

    form: str = Field(description="files, card, evidence or metric")
    name: str = Field(description="The kind of evidence, or the name of the metric.")


class ReadinessStepResponse(ResponseBody):
    """A condition or a check, and its expected state."""

    title: str
    check: str | None = Field(description="The check; null for a condition of the model or an open finding.")
    state: str = Field(
        description="failed: something has to be done; waiting: evaluated when the request is created; met"
    )
    required: bool
    detail: str
    additions: list[ReadinessAdditionResponse]
    command: str = Field(description="The command that adds what is missing; empty if nothing can be added.")

    @classmethod
    def of(cls, step: ReadinessStep) -> ReadinessStepResponse:
        return cls(
            title=step.title,
            check=step.check or None,
            state=str(step.state),
            required=step.required,
            detail=step.detail,
            additions=[ReadinessAdditionResponse(form=one.form, name=one.name) for one in step.additions],
            command=step.command,
        )


class RequiredGroupResponse(ResponseBody):
    """A group whose approval would be required."""

    group: str
    count: int
    order: int
    obtainable: int = Field(description="How many of the approvals different people can give.")
    may_approve: list[str]
    excluded: list[str] = Field(description="Why other members cannot approve, with the rule.")

    @classmethod
    def of(cls, group: RequiredGroup) -> RequiredGroupResponse:
        return cls(
            group=group.group,
            count=group.count,
            order=group.order,
            obtainable=group.obtainable,
            may_approve=list(group.may_approve),
            excluded=list(group.excluded),
        )


class GoverningRevision(ResponseBody):
    """A policy revision that would govern the request."""

    slug: str
    revision: int


class TargetReadinessResponse(ResponseBody):
    """A stage or a protected alias, and its requirements."""

    name: str
    stage: str | None
    alias: str | None
    outcome: ReadinessOutcome = Field(
        description="immediate: carried out at once; passes: every required check has passed on these inputs, only "
        "approvals remain; unknown: a required check has no result on these inputs; missing: something has to be added "
        "or repaired first; unreachable: it cannot be requested, or its approvals cannot be collected"
    )
    obstacles: list[str] = Field(description="Why the target is not reachable, whatever the checks say.")
    offered: bool = Field(description="Whether the caller can request it now.")
    refusal: str = Field(description="Why it cannot be requested.")
    free: bool = Field(description="Whether no policy governs it, so that it is carried out at once.")
    open_request: int | None = Field(description="The open request of this version for the target.")
    policies: list[GoverningRevision]
    steps: list[ReadinessStepResponse]
    asked: list[RequiredGroupResponse]

    @classmethod
    def of(cls, target: TargetReadiness, **further: Any) -> Self:
        return cls(
            **further,
            name=target.name,
            stage=target.stage or None,
            alias=target.alias or None,
            outcome=target.outcome,
            obstacles=list(target.obstacles),
            offered=not target.refusal and target.open_request is None,
            refusal=target.refusal,
            free=target.free,
            open_request=target.open_request,
            policies=[GoverningRevision(slug=slug, revision=number) for slug, number in target.policies],
            steps=[ReadinessStepResponse.of(step) for step in target.steps],
            asked=[RequiredGroupResponse.of(group) for group in target.required_groups],
        )


class Readiness(ResponseBody):
    """Every stage the version is not in, and every protected alias that does not point at it."""

    targets: list[TargetReadinessResponse]


class SimulationCreate(RequestBody):
    """The promotion to simulate."""

    model: str = Field(min_length=1, max_length=200)
    version: int = Field(ge=1, le=999_999_999)
    target: TargetInput
    policy: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_POLICY,
        description="YAML of a draft that is evaluated in place of the revision in force of its policy. For officers.",
    )


class Simulation(TargetReadinessResponse):
    """What would become of a promotion request, if it were made now. Nothing is written and no one is notified."""

    model: str
    version: int
    draft: str | None = Field(description="Name of the policy of the draft, if the draft governs the target.")


class SimulationView(Endpoint):
    """/simulate"""

    @Operation(
        "simulatePromotion",
        "Simulate a promotion request",
        "promotions",
        {200: Simulation},
        body=SimulationCreate,
        refusals=(404,),
    )
    def post(self, request: Request) -> Response:
        """Return whether a version would pass for a target, before a person is notified. Nothing is written.

        The caller is evaluated as the requester. A check counts only if it ran on the present inputs of the version
        with the parameters of the policy; otherwise the outcome is `unknown`.
        """
        given = self.body(SimulationCreate)
        version = registry.version(self.actor, given.model, given.version)
        draft = None
        if given.policy is not None:
            selectors.require_draft_reader(self.actor)
            draft = _read_draft(given.policy)
        target = selectors.simulate(
            self.actor, version, stage=given.target.stage or None, alias=given.target.alias or None, draft=draft
        )
        drafted = draft.slug if draft is not None and draft.slug in dict(target.policies) else None
        return respond(Simulation.of(target, model=given.model, version=given.version, draft=drafted))


def _read_draft(source: str) -> PolicyDocument:
    """Parse a draft. Errors point into the member of the body; their details name line and field."""
    try:
        return policies.read(source)
    except ValidationFailedError as refusal:
        raise ValidationFailedError(
            [FieldError("/policy", fault.code, fault.detail) for fault in refusal.errors]
        ) from refusal


class ReadinessView(Endpoint):
    """/models/{slug}/versions/{number}/readiness"""

    @Operation("getReadiness", "Read the requirements of a version for each target", "versions", {200: Readiness})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return for each target what is missing, who would have to approve, and why it may not be requestable."""
        version = registry.version(self.actor, slug, number)
        found = selectors.readiness(self.actor, version)
        return respond(Readiness(targets=[TargetReadinessResponse.of(target) for target in found]))
