"""The risk questionnaire, risk assessments and periodic reviews."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.change_proposals import Change
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.models import Tier
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, PersonResponse, RequestBody, ResponseBody, UtcDateTime
from registry import access, selectors
from registry.models import Assessment, ChangeProposal, PeriodicReview
from registry.services import tier_lowering


class QuestionnaireResponse(ResponseBody):
    """A revision of the questionnaire.

    The revision with the highest number is in force. `digest` is the SHA-256 of the RFC 8785 form of `document`.
    """

    revision: int
    title: str
    digest: str
    published_at: UtcDateTime
    document: dict[str, Any] = Field(
        description="Questions with their answers, thresholds, rules and review intervals."
    )


class QuestionnaireList(Page[QuestionnaireResponse]):
    """A page of revisions, newest first."""


class AssessmentResponse(ResponseBody):
    """An assessment: the answers, and the resulting tier."""

    number: int
    questionnaire: int = Field(description="Revision of the questionnaire.")
    questionnaire_digest: str
    answers: dict[str, str]
    points: int
    reasoning: dict[str, Any] = Field(description="The answers as text, their points, and the rules that applied.")
    computed_tier: int
    tier: int = Field(description="The tier that was set.")
    tier_before: int | None
    override_reason: str
    rationale: str
    in_force: bool = Field(description="Whether it determines the model's current tier.")
    change_proposal: int | None = Field(
        description="The confirmed change proposal, if the tier became less strict; otherwise null."
    )
    next_review: date
    assessor: PersonResponse
    assessed_at: UtcDateTime

    @classmethod
    def of(cls, made: Assessment, *, in_force: bool) -> AssessmentResponse:
        same = ("number", "answers", "points", "reasoning", "computed_tier", "tier", "tier_before", "override_reason")
        return cls(
            **{name: getattr(made, name) for name in (*same, "rationale", "next_review", "assessed_at")},
            questionnaire=made.questionnaire.number,
            questionnaire_digest=made.questionnaire.digest,
            in_force=in_force,
            change_proposal=made.proposal_id,
            assessor=PersonResponse.of(made.assessor),
        )


class AssessmentList(Page[AssessmentResponse]):
    """A page of assessments, newest first. Empty if the tier was declared without the questionnaire."""


class AssessmentCreate(RequestBody):
    """Answers to the questionnaire."""

    questionnaire: int = Field(ge=1, le=999_999_999, description="The revision that was answered; it must be in force.")
    answers: dict[str, str] = Field(max_length=40, description="Id of an answer by the id of its question.")
    rationale: str = Field(min_length=1, max_length=20_000, description="The basis of the answers.")
    tier: Tier | None = Field(
        None, description="A tier other than the computed one. A less strict one can be proposed only by officers."
    )
    override_reason: str = Field("", max_length=5_000)


class ReviewResponse(ResponseBody):
    """A periodic review of a model."""

    number: int
    outcome: str = Field(description="fit, fit_with_conditions or not_fit")
    findings: str
    conditions: str
    live_versions: list[int] = Field(description="Numbers of the versions that were in protected stages at that time.")
    due: date | None
    next_review: date
    reviewer: PersonResponse
    reviewed_at: UtcDateTime

    @classmethod
    def of(cls, made: PeriodicReview) -> ReviewResponse:
        same = ("number", "outcome", "findings", "conditions", "live_versions", "due", "next_review", "reviewed_at")
        return cls(**{name: getattr(made, name) for name in same}, reviewer=PersonResponse.of(made.reviewer))


class ReviewList(Page[ReviewResponse]):
    """A page of periodic reviews, newest first."""


class QuestionnairesView(Endpoint):
    """/questionnaires"""

    @Operation(
        "listQuestionnaires", "List the questionnaires", "models", {200: QuestionnaireList}, query=PageQuery
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """List every revision of the risk questionnaire, newest first."""
        query = self.query(PageQuery)
        access.require_scope(self.actor, "models:read")
        rows, following = pagination.by_keys(selectors.questionnaires(), (("-number", int),), query)
        items = [
            QuestionnaireResponse(
                revision=row.number,
                title=row.title,
                digest=row.digest,
                published_at=row.published_at,
                document=row.document,
            )
            for row in rows
        ]
        return pagination.respond_page(request, QuestionnaireList(items=items, next=following))


class AssessmentsView(Endpoint):
    """/models/{slug}/assessments"""

    @Operation("listAssessments", "List the risk assessments", "models", {200: AssessmentList}, query=PageQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the risk assessments of a model, newest first."""
        query = self.query(PageQuery)
        model = selectors.model(self.actor, slug)
        rows, following = pagination.by_keys(selectors.assessments_of(model), (("-number", int),), query)
        items = [AssessmentResponse.of(row, in_force=row.pk == model.tier_basis_id) for row in rows]
        return pagination.respond_page(request, AssessmentList(items=items, next=following))

    @Operation("assessModel", "Assess a model's risk", "models",
               {201: AssessmentResponse, 202: Change}, body=AssessmentCreate, idempotent=True)  # fmt: skip
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Answer the questionnaire in force for a model.

        The resulting tier and the date of the next review are set at once (201). A tier less strict than the current
        one becomes a change proposal (202), which owners and compliance officers may make. It takes effect when a
        second person, who is neither owner nor author nor requester, confirms it on the proposal's page. A tier less
        strict than the computed one can be proposed only by compliance officers, on the pages.
        """
        given = self.body(AssessmentCreate)

        def assess() -> Response:
            made = tier_lowering.submit(
                actor=self.actor,
                model=selectors.model(self.actor, slug),
                answers=given.answers,
                rationale=given.rationale,
                tier=given.tier,
                override_reason=given.override_reason,
                revision=given.questionnaire,
            )
            if isinstance(made, ChangeProposal):
                shown = Change.of(made)
                return respond(shown, status=202, headers={"Location": shown.url})
            return respond(AssessmentResponse.of(made, in_force=True), status=201)

        return idempotent(request, self.actor, self.raw_body(), assess)


class ReviewsView(Endpoint):
    """/models/{slug}/reviews"""

    @Operation("listReviews", "List the periodic reviews", "models", {200: ReviewList}, query=PageQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the periodic reviews of a model, newest first. Tokens cannot record a review: a person does so on the
        model's page.
        """
        query = self.query(PageQuery)
        model = selectors.model(self.actor, slug)
        rows, following = pagination.by_keys(selectors.reviews_of(model), (("-number", int),), query)
        page = ReviewList(items=[ReviewResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)
