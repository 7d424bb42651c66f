"""Promotion requests: create, follow, execute and withdraw. Decisions are made by people on the pages, never here."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponseBase
from pydantic import Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response

from governance import promotions, selectors
from governance.interfaces.rest import long_poll, pagination, preconditions
from governance.interfaces.rest.audit_proofs import ReceiptResponse
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import (
    Gate,
    PromotionList,
    PromotionResponse,
    PromotionSummary,
    page_of,
    url_of,
)
from governance.interfaces.rest.schemas import IntQuery, PageQuery, QueryParams, RequestBody, TextQuery
from governance.models import PromotionRequest
from governance.services import receipts
from registry import access
from registry import selectors as catalogue
from registry.exceptions import PermissionDeniedError

ONE_TARGET = {"oneOf": [{"required": ["stage"]}, {"required": ["alias"]}]}


class TargetInput(RequestBody, json_schema_extra=ONE_TARGET):
    """The target of a promotion: a stage, by slug, or an alias."""

    stage: str = Field("", min_length=1, max_length=40)
    alias: str = Field("", min_length=1, max_length=255)

    @model_validator(mode="after")
    def _one(self) -> TargetInput:
        if len(self.model_fields_set) != 1:
            raise ValueError("Name one target: a stage or an alias.")
        return self


class PromotionCreate(RequestBody):
    """The promotion to request."""

    model: str = Field(min_length=1, max_length=200)
    version: int = Field(ge=1, le=999_999_999)
    target: TargetInput
    reason: str = Field(min_length=1, max_length=5_000, description="The reason; part of what the approvers sign.")
    kind: Literal["ordinary", "rollback"] = Field(
        "ordinary",
        description="`rollback`: back to inputs that were approved in the same target before, by the shorter path of "
        "the policy. An emergency change is requested on the pages only.",
    )


class PromotionWithdrawal(RequestBody):
    """The reason for withdrawing a request."""

    reason: str = Field(min_length=1, max_length=5_000)


class PromotionsQuery(PageQuery):
    """Filters of the list of promotion requests."""

    state: (
        Literal["live", "open", "blocked", "ready", "promoted", "rejected", "withdrawn", "expired", "superseded"] | None
    ) = Field(None, description="One state, or `live` for all requests that are not closed.")
    model: TextQuery | None = Field(None, description="Name of a model.")
    version: IntQuery | None = Field(None, ge=1, le=999_999_999, description="Number of a version; use with `model`.")


class WaitQuery(QueryParams):
    """How long to wait for a change."""

    wait: IntQuery | None = Field(
        None,
        ge=0,
        le=3600,
        description="Seconds to wait for a change of the request; at most 25. With `If-None-Match`, a change since "
        "that ETag is returned at once.",
    )


class PromotionsView(Endpoint):
    """/promotions"""

    @Operation("listPromotions", "List promotion requests", "promotions", {200: PromotionList}, query=PromotionsQuery)
    def get(self, request: Request) -> Response:
        """List the promotion requests of the models the caller may see, newest first."""
        query = self.query(PromotionsQuery)
        access.require_scope(self.actor, "models:read")
        found = selectors.visible_requests(self.actor)
        if query.state == "live":
            found = found.filter(state__in=PromotionRequest.LIVE)
        elif query.state is not None:
            found = found.filter(state=query.state)
        if query.model is not None:
            found = found.filter(model__slug=query.model)
        if query.version is not None:
            found = found.filter(version__number=query.version)
        rows, following = pagination.by_keys(found.only("pk"), pagination.NEWEST_FIRST, query)
        shown = selectors.promotion_summaries_of(self.actor, [row.pk for row in rows])
        return pagination.respond_page(
            request, PromotionList(items=[PromotionSummary.of(row) for row in shown], next=following)
        )

    @Operation(
        "requestPromotion",
        "Request a promotion",
        "promotions",
        {201: PromotionResponse},
        body=PromotionCreate,
        idempotent=True,
        etag=True,
        refusals=(404, 409),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Request that a version be moved to a stage or that an alias point at it.

        The checks are queued at once; follow the request with `GET …?wait=25`. If a request for the same version and
        target is open, the response is 409 and names it in `existing`.
        """
        given = self.body(PromotionCreate)

        def ask() -> Response:
            made = promotions.request(
                actor=self.actor,
                version=catalogue.version(self.actor, given.model, given.version),
                target_stage=given.target.stage or None,
                target_alias=given.target.alias or None,
                reason=given.reason,
                kind=given.kind,
            )
            return self.shown(made.pk, status=201, headers={"Location": url_of(made)})

        return idempotent(request, self.actor, self.raw_body(), ask)

    def shown(self, number: int, **facts: Any) -> Response:
        return shown(self, number, **facts)


class PromotionView(Endpoint):
    """/promotions/{id}"""

    @Operation(
        "getPromotion", "Read a promotion request", "promotions", {200: PromotionResponse},
        query=WaitQuery, etag=True,
        long_poll=True,
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 (the word in the address)
        """Return a request with every requirement, its state, the remedy, and who can fulfil it."""
        headers = _wait(self, request, id)
        return shown(self, id, headers=headers)


class GateView(Endpoint):
    """/promotions/{id}/gate"""

    @Operation(
        "getGate", "Read the state of the gate", "promotions", {200: Gate}, query=WaitQuery, etag=True, long_poll=True
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:  # noqa: A002  # the name in the address
        """Return the state of a request only, for a pipeline that has to decide whether to continue."""
        headers = _wait(self, request, id)
        found = selectors.get_request_status(self.actor, id)
        return self.respond_with_etag(found.pk, found.revision, Gate.of(found), headers=headers)


class ExecutionView(Endpoint):
    """/promotions/{id}/execute"""

    @Operation(
        "executePromotion",
        "Execute a request that is ready",
        "promotions",
        {200: PromotionResponse},
        if_match=True,
        idempotent=True,
    )
    def post(self, request: Request, id: int) -> HttpResponseBase:  # noqa: A002  # the name in the address
        """Carry out the transition where the policy requires an explicit execution of a ready request.

        The request is evaluated again: if it is not ready, the response is 409 with the unmet `requirements`. The
        response has the `receipt` of the promotion: the proof of its event if a checkpoint contains it within two
        seconds. With an `Idempotency-Key` nothing is waited for, and the receipt has the address of the proof.
        """
        found = selectors.get_request_status(self.actor, id)
        expected = preconditions.expected_revision(request, id)

        def execute() -> Response:
            promotions.promote(actor=self.actor, request=found, expected_revision=expected)
            return _shown_with_receipt(self, id)

        return idempotent(request, self.actor, b"", execute)


class WithdrawalView(Endpoint):
    """/promotions/{id}/withdraw"""

    @Operation(
        "withdrawPromotion",
        "Withdraw a request",
        "promotions",
        {200: PromotionResponse},
        body=PromotionWithdrawal,
        if_match=True,
        idempotent=True,
    )
    def post(self, request: Request, id: int) -> HttpResponseBase:  # noqa: A002  # the name in the address
        """Withdraw a live request. Allowed for the person who opened it and for people who may edit the model."""
        given = self.body(PromotionWithdrawal)
        found = selectors.get_request_status(self.actor, id)
        expected = preconditions.expected_revision(request, id)

        def withdraw() -> Response:
            promotions.withdraw(actor=self.actor, request=found, reason=given.reason, expected_revision=expected)
            return shown(self, id)

        return idempotent(request, self.actor, self.raw_body(), withdraw)


class DecisionsView(Endpoint):
    """/promotions/{id}/decisions"""

    @Operation("decide", "Always refused: people decide on the request's page", "promotions", {})
    def post(self, request: Request, id: int) -> Response:  # noqa: A002  # the name in the address
        """Always refused: tokens do not decide.

        The error names the page where reviewers decide, and the reviewers. Decisions are part of the promotion itself.
        """
        found = selectors.get_request(self.actor, id)
        judged = selectors.evaluate_request(found).verdict
        progress = judged.approvals if judged is not None else ()
        raise PermissionDeniedError(
            f"No token decides on request #{found.pk}: reviewers sign in and decide at {page_of(found)}",
            code="tokens_do_not_decide",
            who_can=sorted({r.label for approval in progress for r in approval.may_approve}),
        )


def shown(view: Endpoint, number: int, **facts: Any) -> Response:
    """The response that shows a request."""
    seen = selectors.request_page(view.actor, number)
    return view.respond_with_etag(number, seen.request.revision, PromotionResponse.of(seen), **facts)


def _shown_with_receipt(view: Endpoint, number: int) -> Response:
    """The response that shows a promoted request with the receipt of its promotion."""
    seen = selectors.request_page(view.actor, number)
    receipt = receipts.receipt_of_promotion(seen.request)
    body = PromotionResponse.of(seen)
    if receipt is not None:
        body = body.model_copy(update={"receipt": ReceiptResponse.of(receipt)})
    return view.respond_with_etag(number, seen.request.revision, body)


def _wait(view: Endpoint, request: Request, number: int) -> dict[str, str]:
    """Wait as long as requested while nothing changes. Returns the headers that report it."""
    seconds = long_poll.requested_wait(request, view.query(WaitQuery).wait)
    if not seconds:
        return {}
    found = selectors.get_request_status(view.actor, number)
    if not found.is_live:
        return {}
    known = preconditions.known_revision(request, number)
    if known is not None and known != found.revision:
        return {}
    held = long_poll.until_changed(number, found.revision, seconds)
    applied = {"Preference-Applied": "wait"} if held else {}
    return {**applied, "Retry-After": str(long_poll.RETRY_AFTER)}
