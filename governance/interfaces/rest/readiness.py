"""The requirements of a version for each target, before a promotion is requested."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import ResponseBody
from governance.selectors import AskedGroup, ReadinessStep, TargetReadiness
from registry import selectors as registry


class ReadinessAdditionResponse(ResponseBody):
    """Something that can be added to the version for a check."""

    form: str = Field(description="files, card, evidence or metric")
    name: str = Field(description="The kind of evidence, or the name of the metric.")


class ReadinessStepResponse(ResponseBody):
    """A condition or a check, and its expected state."""

    title: str
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
    may_approve: list[str]
    excluded: list[str] = Field(description="Why other members cannot approve, with the rule.")

    @classmethod
    def of(cls, group: AskedGroup) -> RequiredGroupResponse:
        return cls(
            group=group.group,
            count=group.count,
            order=group.order,
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
    offered: bool = Field(description="Whether the caller can request it now.")
    refusal: str = Field(description="Why it cannot be requested.")
    free: bool = Field(description="Whether no policy governs it, so that it is carried out at once.")
    open_request: int | None = Field(description="The open request of this version for the target.")
    policies: list[GoverningRevision]
    steps: list[ReadinessStepResponse]
    asked: list[RequiredGroupResponse]

    @classmethod
    def of(cls, target: TargetReadiness) -> TargetReadinessResponse:
        return cls(
            name=target.name,
            stage=target.stage or None,
            alias=target.alias or None,
            offered=not target.refusal and target.open_request is None,
            refusal=target.refusal,
            free=target.free,
            open_request=target.open_request,
            policies=[GoverningRevision(slug=slug, revision=number) for slug, number in target.policies],
            steps=[ReadinessStepResponse.of(step) for step in target.steps],
            asked=[RequiredGroupResponse.of(group) for group in target.asked],
        )


class Readiness(ResponseBody):
    """Every stage the version is not in, and every protected alias that does not point at it."""

    targets: list[TargetReadinessResponse]


class ReadinessView(Endpoint):
    """/models/{slug}/versions/{number}/readiness"""

    @Operation("getReadiness", "Read the requirements of a version for each target", "versions", {200: Readiness})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return for each target what is missing, who would have to approve, and why it may not be requestable."""
        version = registry.version(self.actor, slug, number)
        found = selectors.readiness(self.actor, version)
        return respond(Readiness(targets=[TargetReadinessResponse.of(target) for target in found]))
