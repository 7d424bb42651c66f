"""The installed checks with their documentation, and the check runs of a promotion request."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.checks.documentation import CheckDocumentation
from governance.interfaces.rest import pagination
from governance.interfaces.rest.check_run_schemas import CheckRunList, CheckRunResponse
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import PageQuery, ResponseBody
from registry import access


class CheckEvidence(ResponseBody):
    """A kind of evidence that a check reads. `form` is Markdown."""

    kind: str
    required: bool
    form: str
    example: str = Field(description="Name of the example file on the page of the check; empty if there is none.")


class InstalledCheck(ResponseBody):
    """An installed check. `guide` is Markdown, `parameters` the JSON schema of what a policy can set."""

    slug: str
    version: str
    title: str
    category: str
    origin: str = Field(description="`countersign` for a built-in check, otherwise name and version of the package.")
    description: str
    guide: str
    parameters: dict[str, Any]
    evidence: list[CheckEvidence]
    facts: list[str] = Field(description="What it reads of the version and the request besides evidence.")
    waivable: bool

    @classmethod
    def of(cls, about: CheckDocumentation) -> InstalledCheck:
        return cls(
            slug=about.slug,
            version=about.version,
            title=about.title,
            category=about.category,
            origin=about.origin,
            description=about.description,
            guide=about.guide,
            parameters=dict(about.schema),
            evidence=[
                CheckEvidence(kind=row.kind, required=row.required, form=row.form, example=row.example)
                for row in about.evidence
            ],
            facts=[name for name, _ in about.facts],
            waivable=about.waivable,
        )


class BrokenCheck(ResponseBody):
    """A plug-in that cannot be used. Requests whose policy requires its check are blocked."""

    name: str
    origin: str
    slug: str = Field(description="Empty if the plug-in states none.")
    problem: str


class InstalledCheckList(ResponseBody):
    """Every installed check by slug, and the plug-ins that cannot be used."""

    items: list[InstalledCheck]
    broken: list[BrokenCheck]


class ChecksView(Endpoint):
    """/checks"""

    @Operation("listChecks", "List the installed checks", "policies", {200: InstalledCheckList})
    def get(self, request: Request) -> Response:
        """List the checks that a policy can name, with their documentation."""
        access.require_scope(self.actor, "models:read")
        found = selectors.check_catalogue()
        return respond(
            InstalledCheckList(
                items=[InstalledCheck.of(about) for about, _ in found.checks],
                broken=[
                    BrokenCheck(name=fault.name, origin=fault.origin, slug=fault.slug, problem=fault.problem)
                    for fault in found.broken
                ],
            )
        )


class CheckView(Endpoint):
    """/checks/{slug}"""

    @Operation("getCheck", "Read the documentation of a check", "policies", {200: InstalledCheck})
    def get(self, request: Request, slug: str) -> Response:
        """Return what the check does, its parameters and evidence, and how to fix a failure."""
        access.require_scope(self.actor, "models:read")
        return respond(InstalledCheck.of(selectors.check_page(slug).documentation))


class RunsView(Endpoint):
    """/promotions/{id}/checks"""

    @Operation("listCheckRuns", "List the check runs", "promotions", {200: CheckRunList}, query=PageQuery)
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 (the word in the address)
        """List all attempts of all checks of the request, newest first, with findings, measures and resource limits."""
        query = self.query(PageQuery)
        found = selectors.get_request_status(self.actor, id)
        rows, following = pagination.by_keys(
            found.check_runs.select_related("external_run__reported_by", "progress"), pagination.NEWEST_FIRST, query
        )
        return pagination.respond_page(
            request, CheckRunList(items=[CheckRunResponse.of(run) for run in rows], next=following)
        )
