"""Model versions: declare, read, change, complete, resolve and search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from django.http import HttpResponseBase
from pydantic import Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors as governance
from governance.interfaces.rest import pagination, people, preconditions
from governance.interfaces.rest.approval_schemas import approved_inputs
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import PageQuery, QueryParams, RequestBody, TextQuery
from governance.interfaces.rest.version_inputs import VersionCreate, VersionReference
from governance.interfaces.rest.version_schemas import (
    Resolved,
    VersionDeclaration,
    VersionList,
    VersionResponse,
    artifacts_of,
    rows_of,
    shown,
    url_of,
)
from governance.services import registration
from registry import selectors
from registry.exceptions import FieldError, NotFoundError, ValidationFailedError
from registry.models import ModelVersion
from registry.services import metadata
from registry.services import versions as service


class VersionsQuery(PageQuery):
    """Filters of the version list."""

    q: TextQuery | None = Field(
        None,
        description="A query, such as `metric.auc>0.9 stage:production`: the filters listed at /search/help/, and text "
        "searched in descriptions and sources.",
    )
    stage: TextQuery | None = Field(None, description="Slug of the stage of the versions.")
    status: Literal["registering", "registered"] | None = None


class AllVersionsQuery(PageQuery):
    """Filters of the version search across models."""

    q: TextQuery | None = Field(
        None,
        description="A query, such as `metric.auc>0.9 dataset:loans-2026 tier:1`: the filters listed at "
        "/search/help/, for versions and their models, and text.",
    )


class ReferenceQuery(QueryParams):
    """The reference to resolve."""

    ref: TextQuery = Field(description="model/7, model@champion, model@latest or model/production.")


class VersionUpdate(RequestBody):
    """The fields to change; omitted members keep their values."""

    description: str = Field("", max_length=100_000)
    notes: str = Field("", max_length=100_000, description="Markdown.")
    tags: dict[str, str] = Field({}, max_length=100, description="All tags: omitted ones are removed.")

    @model_validator(mode="before")
    @classmethod
    def _fixed(cls, given: Any) -> Any:
        # Input that is not an object is rejected by the schema itself.
        named = given.keys() if isinstance(given, dict) else set()
        fixed = sorted(named & VersionCreate.model_fields.keys() - cls.model_fields.keys())
        if fixed:
            raise ValidationFailedError(
                [
                    FieldError(
                        f"/{name}",
                        "fixed_at_registration",
                        "This is fixed when a version is registered, because decisions depend on it: register a new "
                        "version. Metrics, card and evidence are added in revisions at their own addresses.",
                    )
                    for name in fixed
                ]
            )
        return given


class VersionsView(Endpoint):
    """/models/{slug}/versions"""

    @Operation("listVersions", "List versions", "versions", {200: VersionList}, query=VersionsQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the versions of a model, newest first."""
        query = self.query(VersionsQuery)
        model = selectors.model(self.actor, slug)
        found = selectors.versions_of(model)
        if query.q is not None:
            found = found.filter(pk__in=governance.find_versions(self.actor, governance.parse(query.q), of=model))
        if query.stage is not None:
            found = found.filter(stage__slug=query.stage)
        if query.status is not None:
            found = found.filter(status=query.status)
        rows, following = pagination.by_keys(selectors.with_current_aliases(found), (("-number", int),), query)
        return pagination.respond_page(request, VersionList(items=rows_of(rows), next=following))

    @Operation(
        "declareVersion",
        "Declare a version",
        "versions",
        {201: VersionDeclaration, 200: VersionDeclaration},
        body=VersionCreate,
        idempotent=True,
        etag=True,
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Declare the next version by the digests of its files. Then upload the files and complete the version.

        Repeating the declaration with the same token returns the version it created (200), so a pipeline can be run
        again. The same files with other inputs create a new version; the response lists the older versions in
        `same_artifacts`.
        """
        given = self.body(VersionCreate)
        model = selectors.model(self.actor, slug)

        def declare() -> Response:
            version = service.declare_version(actor=self.actor, model=model, spec=self._spec(given))
            whole = governance.whole_version(self.actor, slug, version.number)
            return self.respond_with_etag(
                f"{slug}-v{version.number}",
                whole.version.revision,
                VersionDeclaration.of(whole),
                status=200 if version.found else 201,
                headers={"Location": url_of(version)},
            )

        return idempotent(request, self.actor, self.raw_body(), declare)

    def _spec(self, given: VersionCreate) -> service.VersionSpec:
        plain = given.model_dump(exclude={"artifacts", "datasets", "metrics", "parents", "trained_by"})
        return service.VersionSpec(
            **plain,
            artifacts=[service.ArtifactSpec(**file.model_dump()) for file in given.artifacts],
            datasets=[dataset.spec for dataset in given.datasets],
            metrics=[service.MetricSpec(**metric.model_dump()) for metric in given.metrics],
            parents=self._parents(given.parents),
            trained_by=people.get_user_or_error(given.trained_by, "/trained_by"),
        )

    def _parents(self, named: Iterable[VersionReference]) -> list[ModelVersion]:
        found, faults = [], []
        for index, parent in enumerate(named):
            try:
                found.append(selectors.version(self.actor, parent.model, parent.version))
            except NotFoundError as refusal:
                faults.append(FieldError(f"/parents/{index}", "unknown_version", refusal.detail))
        if faults:
            raise ValidationFailedError(faults)
        return found


class AllVersionsView(Endpoint):
    """/versions"""

    @Operation("searchVersions", "Search versions", "versions", {200: VersionList}, query=AllVersionsQuery)
    def get(self, request: Request) -> Response:
        """Search the versions of all models the caller may see, newest first.

        Versions of archived models are included only if the query has a `status` term.
        """
        query = self.query(AllVersionsQuery)
        found = governance.find_versions(self.actor, governance.parse(query.q or ""))
        rows, following = pagination.by_keys(found.only("pk"), pagination.NEWEST_FIRST, query)
        shown = selectors.with_current_aliases(selectors.with_list_relations(selectors.all_versions())).in_bulk(
            [version.pk for version in rows]
        )
        return pagination.respond_page(
            request, VersionList(items=rows_of([shown[version.pk] for version in rows]), next=following)
        )


class VersionView(Endpoint):
    """/models/{slug}/versions/{number}"""

    @Operation("getVersion", "Read a version", "versions", {200: VersionResponse}, etag=True)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return a version with its files, datasets, newest metrics, card and evidence."""
        return tagged(self, slug, number)

    @Operation(
        "changeVersion", "Change description, notes or tags of a version", "versions", {200: VersionResponse},
        body=VersionUpdate, if_match=True,
    )  # fmt: skip
    def patch(self, request: Request, slug: str, number: int) -> Response:
        """Change the description, notes or tags; they do not affect any decision.

        Everything else is fixed at registration or added in revisions; a member that names it is rejected.
        """
        given = self.body(VersionUpdate).model_dump(exclude_unset=True)
        version = selectors.version(self.actor, slug, number)
        expected = preconditions.expected_revision(request, f"{slug}-v{number}")
        metadata.annotate_version(actor=self.actor, version=version, expected_revision=expected, **given)
        return tagged(self, slug, number)


class CompletionView(Endpoint):
    """/models/{slug}/versions/{number}/complete"""

    @Operation(
        "completeVersion", "Complete a version", "versions", {200: VersionResponse, 202: VersionResponse},
        idempotent=True,
        etag=True, refusals=(409,),
    )  # fmt: skip
    def post(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Register a version whose files are all stored. Completing it again changes nothing.

        202: the files are in the bucket and workers verify them first. Read the version until it is `registered`, or
        until a file's `state` is `refused` or `failed`.
        """

        def complete() -> Response:
            version = registration.complete(actor=self.actor, version=selectors.version(self.actor, slug, number))
            return tagged(self, slug, number, status=202 if version.examining else 200)

        return idempotent(request, self.actor, b"", complete)


class ResolveView(Endpoint):
    """/resolve"""

    @Operation("resolve", "Resolve a reference", "versions", {200: Resolved}, query=ReferenceQuery, etag=True,
               refusals=(404,))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Resolve a reference to a registered version, with the digests of its files. Use it before a deployment.

        If the version holds a protected placement, `artifacts` are the files approved for it, and `deviates` says
        whether anything was added since.
        """
        reference = self.query(ReferenceQuery).ref
        meant = _in_the_registry_s_form(reference)
        found = governance.resolved_version(self.actor, meant)
        version = found.version
        inputs = approved_inputs(found.approvals, _place_of(meant))
        files = artifacts_of(version, found.files, inputs)
        resolved = Resolved(
            reference=reference,
            model=version.model.slug,
            version=version.number,
            stage=version.stage.slug,
            aliases=list(found.aliases),
            fingerprint=version.fingerprint,
            approved_fingerprint=inputs.approved_fingerprint,
            deviates=inputs.deviates,
            places=inputs.places,
            artifacts=[file for file in files if file.approved],
            unapproved_files=[file for file in files if not file.approved],
            signature=version.signature,
            before_governance=inputs.before_governance,
            revision=version.revision,
            url=url_of(version),
        )
        return self.respond_with_etag(f"{version.model.slug}-v{version.number}", version.revision, resolved)


def _in_the_registry_s_form(reference: str) -> str:
    """Translate model/production to the registry's model:production. A number and a stage slug cannot be confused."""
    slug, mark, rest = reference.partition("/")
    return f"{slug}:{rest}" if mark and "@" not in slug and not rest.isdecimal() else reference


def _place_of(reference: str) -> str:
    """The placement in a registry reference: a stage slug, or an alias with @; empty for a number."""
    _, stage, slug = reference.partition(":")
    _, alias, name = reference.partition("@")
    return slug if stage else f"@{name}" if alias else ""


def tagged(view: Endpoint, slug: str, number: int, *, status: int = 200) -> Response:
    """Build the response that shows the current state of a version."""
    whole = governance.whole_version(view.actor, slug, number)
    return view.respond_with_etag(f"{slug}-v{number}", whole.version.revision, shown(whole), status=status)
