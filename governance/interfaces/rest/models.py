"""Registered models: list, register, read and change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors as governance
from governance.interfaces.rest import pagination, people, preconditions
from governance.interfaces.rest.change_proposals import Change
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    Day,
    Page,
    PageQuery,
    PersonResponse,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from registry import access, selectors
from registry.models import RegisteredModel
from registry.search import Query
from registry.services import fact_changes
from registry.services import models as service
from registry.services.tier_lowering import proposed_for

Tier = Annotated[int, Field(ge=1, le=3)]


DataClass = Literal["public", "internal", "confidential", "personal", "special-category"]


class ModelsQuery(PageQuery):
    """Filters and order of the model list."""

    q: TextQuery | None = Field(
        None,
        description="A query, such as `tier:1 stage:production metric.auc>0.9 credit`: the filters listed at "
        "/search/help/, and text searched in names, titles, teams, purposes and descriptions.",
    )
    sort: Literal["name", "-updated"] = Field("name", description="By name, or by last change, newest first.")
    stage: TextQuery | None = Field(None, description="Slug of a stage that contains a version of the model.")
    team: TextQuery | None = Field(None, description="Exact name of the team.")
    owner: TextQuery | None = Field(None, description="Id of the owner, `usr_…`.")
    status: Literal["active", "archived", "any"] = Field("active")


HEALTH = (
    "The worst health in production of its versions: healthy, watch, breached, silent or not_monitored; "
    "GET …/versions/{number}/signals has the reasons."
)


class ModelSummary(ResponseBody):
    """A registered model in a list."""

    slug: str
    title: str
    purpose: str
    team: str
    risk_tier: int | None
    status: str
    owner: PersonResponse | None
    latest_version: int | None = Field(description="Number of the newest registered version.")
    in_exclusive_stage: int | None = Field(description="Number of the version in the exclusive stage (Production).")
    health: str = Field(description=HEALTH)
    revision: int
    updated_at: UtcDateTime
    url: str


class ModelList(Page[ModelSummary]):
    """A page of registered models, by name."""


class ModelResponse(ResponseBody):
    """A registered model."""

    slug: str
    title: str
    description: str
    purpose: str
    team: str
    intended_use: str
    prohibited_use: str
    affects_people: bool | None
    data_classes: list[str]
    regulations: list[str]
    tags: dict[str, str]
    risk_tier: int | None
    tier_assessed: bool = Field(
        description="Whether the tier comes from the questionnaire. A declared tier (false) satisfies no policy that "
        "requires an assessed tier, which is the default for protected targets."
    )
    tier_proposed: int | None = Field(
        description="The less strict tier that waits for confirmation by a second person; null if there is none."
    )
    owner: PersonResponse | None
    accountable_executive: PersonResponse | None
    next_review: date | None
    health: str = Field(description=HEALTH)
    status: str
    revision: int
    created_at: UtcDateTime
    updated_at: UtcDateTime
    url: str
    versions_url: str
    page: str = Field(description="URL of the model's page.")

    @classmethod
    def of(cls, model: RegisteredModel) -> ModelResponse:
        return cls(
            slug=model.slug,
            title=model.title,
            description=model.description,
            purpose=model.purpose,
            team=model.team,
            intended_use=model.intended_use,
            prohibited_use=model.prohibited_use,
            affects_people=model.affects_people,
            data_classes=model.data_classes,
            regulations=model.regulations,
            tags=model.tags,
            risk_tier=model.risk_tier,
            tier_assessed=model.tier_basis_id is not None,
            tier_proposed=proposed.payload["tier"] if (proposed := proposed_for(model)) is not None else None,
            owner=PersonResponse.maybe(model.owner),
            accountable_executive=PersonResponse.maybe(model.accountable_executive),
            next_review=model.next_review,
            health=governance.health_of_models([model])[model.pk].health,
            status=model.status,
            revision=model.revision,
            created_at=model.created_at,
            updated_at=model.updated_at,
            url=url_of(model),
            versions_url=f"{url_of(model)}/versions",
            page=f"{settings.PUBLIC_URL}/models/{model.slug}/",
        )


class _Facts(RequestBody):
    """Descriptive fields of a model."""

    title: str = Field("", max_length=200)
    description: str = Field("", max_length=100_000, description="Markdown.")
    purpose: str = Field("", max_length=300, description="The use case.")
    team: str = Field("", max_length=120)
    intended_use: str = Field("", max_length=20_000)
    prohibited_use: str = Field("", max_length=20_000)
    affects_people: bool | None = None
    data_classes: list[DataClass] = Field([], max_length=5)
    regulations: list[str] = Field([], max_length=50)
    tags: dict[str, str] = Field({}, max_length=100)
    risk_tier: Tier | None = None
    owner: str | None = Field(None, description="User name; the caller's person if omitted.")
    accountable_executive: str | None = Field(None, description="User name.")
    next_review: Day | None = None

    def facts(self) -> dict[str, Any]:
        """The submitted members only, with accounts in place of user names."""
        given = self.model_dump(exclude_unset=True, exclude={"slug"})
        for field in {"owner", "accountable_executive"} & given.keys():
            given[field] = people.get_user_or_error(given[field], f"/{field}")
        return given


class ModelCreate(_Facts):
    """A model to register."""

    slug: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$",
        description="The name in URLs, in the API and for MLflow clients; never reused.",
    )


class ModelUpdate(_Facts):
    """The fields to change; omitted members keep their values. A model is archived on its page."""


class ModelsView(Endpoint):
    """/models"""

    @Operation("listModels", "List models", "models", {200: ModelList}, query=ModelsQuery)
    def get(self, request: Request) -> Response:
        """List the models the caller may see."""
        query = self.query(ModelsQuery)
        access.require_scope(self.actor, "models:read")
        found = governance.find_models(self.actor, _query(query))
        keys: pagination.Keys = (("slug", str),)
        if query.sort == "-updated":
            keys = (("-updated_at", datetime), *keys)
        # Page over the keys first: visibility, query and counts in one statement give a slow plan.
        rows, following = pagination.by_keys(found.only("pk", *(name.lstrip("-") for name, _ in keys)), keys, query)
        shown = selectors.annotate_counts(selectors.all_models()).in_bulk([row.pk for row in rows])
        rows = [shown[row.pk] for row in rows]
        return pagination.respond_page(request, ModelList(items=_items(rows), next=following))

    @Operation(
        "registerModel",
        "Register a model",
        "models",
        {201: ModelResponse},
        body=ModelCreate,
        idempotent=True,
        etag=True,
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Register a model. The caller's person becomes an owner, in addition to `owner`."""
        given = self.body(ModelCreate)

        def register() -> Response:
            model = service.register_model(actor=self.actor, slug=given.slug, **given.facts())
            return self.respond_with_etag(
                model.slug, model.revision, ModelResponse.of(model), status=201, headers={"Location": url_of(model)}
            )

        return idempotent(request, self.actor, self.raw_body(), register)


def _query(given: ModelsQuery) -> Query:
    """The query, with the older filter parameters added as terms."""
    text = given.q or ""
    for word in ("stage", "team", "owner"):
        value = getattr(given, word)
        if value is not None:
            text += f' {word}:"{value}"' if '"' not in value else f" {word}:{value}"
    query = governance.parse(text.strip())
    # A `status:` term in the query overrides this parameter's default.
    if given.status == "active" or query.named("status"):
        return query
    return governance.parse(f"{text} status:{given.status}".strip())


class ModelView(Endpoint):
    """/models/{slug}"""

    @Operation("getModel", "Read a model", "models", {200: ModelResponse}, etag=True)
    def get(self, request: Request, slug: str) -> Response:
        """Return the record of a model."""
        model = selectors.model(self.actor, slug)
        return self.respond_with_etag(model.slug, model.revision, ModelResponse.of(model))

    @Operation(
        "changeModel", "Change a model", "models", {200: ModelResponse, 202: Change}, body=ModelUpdate, if_match=True
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change the record of a model.

        Only owners and compliance officers may change the owner, the accountable executive and the risk tier, because
        these determine who is responsible and which policy applies. If a change of tags, data classes, team,
        affects_people or regulations would replace a policy of a model in use by a less strict one, this change becomes
        a proposal (202) that takes effect when a second person confirms it; the other fields are changed at once.
        """
        given = self.body(ModelUpdate)
        model = selectors.model(self.actor, slug)
        expected = preconditions.expected_revision(request, slug)
        changed, proposal = fact_changes.submit(
            actor=self.actor, model=model, expected_revision=expected, **given.facts()
        )
        if proposal is not None:
            shown = Change.of(proposal)
            return respond(shown, status=202, headers={"Location": shown.url})
        return self.respond_with_etag(changed.slug, changed.revision, ModelResponse.of(changed))


def url_of(model: RegisteredModel) -> str:
    """The API URL of the model."""
    return f"{PREFIX}/models/{model.slug}"


def _items(models: Sequence[RegisteredModel]) -> list[ModelSummary]:
    health = governance.health_of_models(models)
    return [_row(model, health[model.pk].health) for model in models]


def _row(model: Any, health: str) -> ModelSummary:
    """Build a list item. `model` has the two numbers that annotate_counts() adds."""
    return ModelSummary(
        slug=model.slug,
        title=model.title,
        purpose=model.purpose,
        team=model.team,
        risk_tier=model.risk_tier,
        status=model.status,
        owner=PersonResponse.maybe(model.owner),
        latest_version=model.latest_number,
        in_exclusive_stage=model.in_exclusive,
        health=health,
        revision=model.revision,
        updated_at=model.updated_at,
        url=url_of(model),
    )
