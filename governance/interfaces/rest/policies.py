"""The policies in force."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import DateTimeQuery, Page, PageQuery, ResponseBody, UtcDateTime
from governance.models import PolicyTerm
from registry import access


class ScheduledChange(ResponseBody):
    """A change of a policy that was confirmed and has not begun; an officer can cancel it on the page."""

    revision: int | None = Field(description="The revision that comes into force; null if the policy is retired.")
    in_force_from: UtcDateTime

    @classmethod
    def of(cls, term: PolicyTerm | None) -> ScheduledChange | None:
        """Return the change of a term; None if there is none."""
        if term is None:
            return None
        return cls(revision=term.revision.number if term.revision is not None else None, in_force_from=term.starts_at)


class PolicyResponse(ResponseBody):
    """A policy revision in force.

    `digest` is the SHA-256 of the RFC 8785 form of `document`. `confirmation` is how it came into force: two_officers,
    single_officer, or setup (without a second person).
    """

    slug: str
    title: str
    revision: int
    digest: str
    published_at: UtcDateTime
    in_force_from: UtcDateTime
    scheduled: ScheduledChange | None = Field(
        description="The change of the policy that is scheduled, if there is one."
    )
    confirmation: str
    document: dict[str, Any]
    source: str


class PoliciesQuery(PageQuery):
    """Which policies: those in force now, or at a time."""

    at: DateTimeQuery | None = Field(
        None,
        description="The time at which the policies are in force; now if left out. A later time is as decided now.",
    )


class PolicyList(Page[PolicyResponse]):
    """A page of policies in force, by name."""


class PathPolicyResponse(ResponseBody):
    """A policy revision that governs a path. `basis`: target, leaving or represented_stage."""

    basis: str
    slug: str
    revision: int


class PolicyPath(ResponseBody):
    """The requirements of a stage transition, or of pointing a protected alias at a version in a stage."""

    from_stage: str = Field(description="Name of the stage the version is in.")
    to_stage: str | None
    to_alias: str | None
    tiers: list[int] = Field(description="The risk tiers to which this applies.")
    free: bool = Field(description="Whether no policy governs it, so that it is carried out at once.")
    policies: list[PathPolicyResponse] = Field(description="All of them must be satisfied.")
    for_some_models: list[str] = Field(
        description="Slugs of policies that govern it for some models, matched by other facts than the tier."
    )
    checks: list[str] = Field(description="Required checks.")
    approvals: list[str]
    gaps: list[str] = Field(
        description="Warnings, such as a target that no policy covers, so that requests for it are rejected."
    )

    @classmethod
    def of(cls, row: selectors.PathRequirements) -> PolicyPath:
        return cls(
            from_stage=row.source,
            to_stage=row.target or None,
            to_alias=row.alias or None,
            tiers=list(row.tiers),
            free=row.free,
            policies=[PathPolicyResponse(basis=p.basis, slug=p.slug, revision=p.revision) for p in row.policies],
            for_some_models=list(row.narrower),
            checks=list(row.checks),
            approvals=list(row.approvals),
            gaps=list(row.gaps),
        )


class PolicyPathList(ResponseBody):
    """Every path of the lifecycle and of the protected aliases."""

    items: list[PolicyPath]


class PathsView(Endpoint):
    """/policies/paths"""

    @Operation(
        "listPolicyPaths", "List every path between stages with its requirements", "policies", {200: PolicyPathList}
    )
    def get(self, request: Request) -> Response:
        """List each stage transition and each protected alias, by tier, with the policies in force that govern it."""
        access.require_scope(self.actor, "models:read")
        return respond(PolicyPathList(items=[PolicyPath.of(row) for row in selectors.paths()]))


class PoliciesView(Endpoint):
    """/policies"""

    @Operation("listPolicies", "List the policies in force", "policies", {200: PolicyList}, query=PoliciesQuery)
    def get(self, request: Request) -> Response:
        """List the policies in force, with their requirements and scope."""
        query = self.query(PoliciesQuery)
        access.require_scope(self.actor, "models:read")
        rows, following = pagination.by_keys(selectors.policies_in_force(query.at), (("policy__slug", str),), query)
        scheduled = selectors.scheduled_terms()
        return pagination.respond_page(
            request,
            PolicyList(
                items=[
                    PolicyResponse(
                        slug=revision.policy.slug,
                        title=revision.policy.title,
                        revision=revision.number,
                        digest=revision.digest,
                        published_at=revision.published_at,
                        in_force_from=revision.term.starts_at,
                        scheduled=ScheduledChange.of(scheduled.get(revision.policy_id)),
                        confirmation=revision.confirmation,
                        document=revision.document,
                        source=revision.source,
                    )
                    for revision in rows
                ],
                next=following,
            ),
        )
