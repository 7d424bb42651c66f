"""Comments on promotion requests and versions, and the threads they belong to."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors as governance
from governance.interfaces.rest import pagination, preconditions
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    Page,
    PageQuery,
    PersonResponse,
    RequestBody,
    ResponseBody,
    UtcDateTime,
)
from governance.models import CommentRevision, DiscussionThread, PromotionRequest, ThreadResolution
from governance.selectors import CommentView
from governance.services import discussion as service
from registry import selectors
from registry.exceptions import FieldError, NotFoundError, ValidationFailedError
from registry.models import ModelVersion


class CommentCreate(RequestBody):
    """A comment."""

    text: str = Field(
        min_length=1, max_length=service.MAX_TEXT, description="Markdown. `@` and a user name mention a person."
    )
    thread: int | None = Field(
        None, ge=1, le=2**53 - 1, description="Number of the thread to answer in; a new thread if omitted."
    )


class CommentUpdate(RequestBody):
    """The new text of a comment."""

    text: str = Field(min_length=1, max_length=service.MAX_TEXT)


class ThreadResolve(RequestBody):
    """Why a thread is resolved."""

    explanation: str = Field("", max_length=service.MAX_EXPLANATION)


class CommentRevisionResponse(ResponseBody):
    """A text of a comment."""

    revision: int
    text: str
    written_at: UtcDateTime

    @classmethod
    def of(cls, row: CommentRevision) -> CommentRevisionResponse:
        return cls(revision=row.number, text=row.text, written_at=row.written_at)


class CommentResponse(ResponseBody):
    """A comment. `text` is its latest text, also if it is withdrawn."""

    id: int
    thread: int
    author: PersonResponse
    token: str | None = Field(description="Name of the token with which it was posted.")
    posted_at: UtcDateTime
    text: str
    revision: int = Field(description="Number of the text, from 1.")
    earlier: list[CommentRevisionResponse] = Field(description="The replaced texts, oldest first.")
    mentions: list[PersonResponse] = Field(description="Accounts that the text mentions.")
    unknown_mentions: list[str] = Field(
        description="Names after `@` that mention no account that may view the model: shown as text."
    )
    withdrawn_at: UtcDateTime | None
    url: str

    @classmethod
    def of(cls, view: CommentView) -> CommentResponse:
        row = view.row
        return cls(
            id=row.pk,
            thread=row.thread_id,
            author=PersonResponse.of(row.author),
            token=row.posted_with.name if row.posted_with is not None else None,
            posted_at=row.posted_at,
            text=view.latest.text,
            revision=view.latest.number,
            earlier=[CommentRevisionResponse.of(one) for one in view.earlier],
            mentions=[PersonResponse.of(user) for user in view.mentioned],
            unknown_mentions=view.unknown_mentions,
            withdrawn_at=row.withdrawn_at,
            url=f"{PREFIX}/comments/{row.pk}",
        )


class CommentList(Page[CommentResponse]):
    """A page of comments, oldest first."""


class ResolutionResponse(ResponseBody):
    """That a thread was resolved, until it is reopened."""

    kind: str = Field(description="resolved, or withdrawn by the person who asked for changes")
    explanation: str
    resolved_by: PersonResponse
    resolved_at: UtcDateTime
    reopened_by: PersonResponse | None
    reopened_at: UtcDateTime | None

    @classmethod
    def of(cls, row: ThreadResolution) -> ResolutionResponse:
        return cls(
            kind=row.kind,
            explanation=row.explanation,
            resolved_by=PersonResponse.of(row.resolved_by),
            resolved_at=row.resolved_at,
            reopened_by=PersonResponse.maybe(row.reopened_by),
            reopened_at=row.reopened_at,
        )


class ObjectionResponse(ResponseBody):
    """The decision to request changes that opened a thread."""

    id: str
    person: PersonResponse
    comment: str
    signed_at: UtcDateTime
    blocks: bool = Field(description="Whether it still counts; a closed request keeps what counted.")


class ThreadResponse(ResponseBody):
    """A thread of a discussion. Its comments are in the list of comments."""

    id: int
    state: str = Field(description="open, resolved, or withdrawn by the person who asked for changes")
    promotion: int | None = Field(description="Number of the request; null for a thread on the version itself.")
    objection: ObjectionResponse | None = Field(description="Set if a request for changes opened the thread.")
    opened_by: PersonResponse
    opened_at: UtcDateTime
    resolutions: list[ResolutionResponse] = Field(description="Oldest first; the last one is in force if not reopened.")
    url: str

    @classmethod
    def of(cls, row: DiscussionThread) -> ThreadResponse:
        resolutions = list(row.resolutions.all())
        in_force = next((one for one in resolutions if one.reopened_at is None), None)
        decision = row.decision
        return cls(
            id=row.pk,
            state=str(in_force.kind) if in_force is not None else "open",
            promotion=row.request_id,
            objection=ObjectionResponse(
                id=str(decision.uid),
                person=PersonResponse.of(decision.person),
                comment=decision.comment,
                signed_at=decision.signed_at,
                blocks=decision.lapsed_at is None,
            )
            if decision is not None
            else None,
            opened_by=PersonResponse.of(row.opened_by),
            opened_at=row.opened_at,
            resolutions=[ResolutionResponse.of(one) for one in resolutions],
            url=f"{PREFIX}/threads/{row.pk}",
        )


class ThreadList(Page[ThreadResponse]):
    """A page of threads, oldest first."""


class _Discussion(Endpoint):
    """Comments or threads of one subject."""

    def comments(self, request: Request, subject: PromotionRequest | ModelVersion) -> Response:
        query = self.query(PageQuery)
        rows, following = pagination.by_keys(governance.comments_of(subject), pagination.OLDEST_FIRST, query)
        items = [CommentResponse.of(view) for view in governance.comment_views(rows)]
        return pagination.respond_page(request, CommentList(items=items, next=following))

    def threads(self, request: Request, subject: PromotionRequest | ModelVersion) -> Response:
        query = self.query(PageQuery)
        rows, following = pagination.by_keys(governance.threads_of(subject), pagination.OLDEST_FIRST, query)
        page = ThreadList(items=[ThreadResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)

    def add(self, request: Request, given: CommentCreate, subject: PromotionRequest | ModelVersion) -> HttpResponseBase:

        def post() -> Response:
            made = service.post_comment(
                actor=self.actor, subject=subject, text=given.text, thread=self._thread(given.thread)
            )
            return shown_comment(self, made.pk, status=201, headers={"Location": f"{PREFIX}/comments/{made.pk}"})

        return idempotent(request, self.actor, self.raw_body(), post)

    def _thread(self, number: int | None) -> DiscussionThread | None:
        if number is None:
            return None
        try:
            return governance.thread(self.actor, number)
        except NotFoundError:
            detail = "There is no thread with this number in this discussion."
            raise ValidationFailedError([FieldError("/thread", "unknown_thread", detail)]) from None


class RequestCommentsView(_Discussion):
    """/promotions/{id}/comments"""

    @Operation("listRequestComments", "List the comments on a promotion request", "discussion",
               {200: CommentList}, query=PageQuery)  # fmt: skip
    def get(self, request: Request, id: int) -> Response:  # noqa: A002  # the name in the address
        """List the comments on a request, oldest first, with their earlier texts."""
        return self.comments(request, governance.get_request_status(self.actor, id))

    @Operation("commentOnRequest", "Comment on a promotion request", "discussion",
               {201: CommentResponse}, body=CommentCreate, idempotent=True, etag=True)  # fmt: skip
    def post(self, request: Request, id: int) -> HttpResponseBase:  # noqa: A002  # the name in the address
        """Comment on a request, also on a closed one. A token needs the scope `comments:write`.

        A comment changes neither the request nor what approvers sign. `unknown_mentions` of the response lists the
        names that mention no account.
        """
        given = self.body(CommentCreate)
        return self.add(request, given, governance.get_request(self.actor, id))


class RequestThreadsView(_Discussion):
    """/promotions/{id}/threads"""

    @Operation("listRequestThreads", "List the threads of a promotion request", "discussion",
               {200: ThreadList}, query=PageQuery)  # fmt: skip
    def get(self, request: Request, id: int) -> Response:  # noqa: A002  # the name in the address
        """List the threads on a request, oldest first: also those that a request for changes opened."""
        return self.threads(request, governance.get_request_status(self.actor, id))


class VersionCommentsView(_Discussion):
    """/models/{slug}/versions/{number}/comments"""

    @Operation("listVersionComments", "List the comments on a version", "discussion",
               {200: CommentList}, query=PageQuery)  # fmt: skip
    def get(self, request: Request, slug: str, number: int) -> Response:
        """List the comments on the version itself, oldest first. Its requests have their own."""
        return self.comments(request, selectors.version(self.actor, slug, number))

    @Operation("commentOnVersion", "Comment on a version", "discussion",
               {201: CommentResponse}, body=CommentCreate, idempotent=True, etag=True)  # fmt: skip
    def post(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Comment on a version. A token needs the scope `comments:write`. The fingerprint does not change."""
        given = self.body(CommentCreate)
        return self.add(request, given, selectors.version(self.actor, slug, number))


class VersionThreadsView(_Discussion):
    """/models/{slug}/versions/{number}/threads"""

    @Operation("listVersionThreads", "List the threads of a version", "discussion",
               {200: ThreadList}, query=PageQuery)  # fmt: skip
    def get(self, request: Request, slug: str, number: int) -> Response:
        """List the threads on the version itself, oldest first."""
        return self.threads(request, selectors.version(self.actor, slug, number))


class SingleCommentView(Endpoint):
    """/comments/{comment}"""

    @Operation("getComment", "Read a comment", "discussion", {200: CommentResponse}, etag=True)
    def get(self, request: Request, comment: int) -> Response:
        """Return a comment with its earlier texts."""
        return shown_comment(self, comment)

    @Operation("editComment", "Edit a comment", "discussion", {200: CommentResponse},
               body=CommentUpdate, if_match=True, etag=True, refusals=(409,))  # fmt: skip
    def patch(self, request: Request, comment: int) -> Response:
        """Replace the text of the caller's own comment. The earlier texts are kept."""
        given = self.body(CommentUpdate)
        found = governance.comment(self.actor, comment)
        expected = preconditions.expected_revision(request, f"comment-{comment}")
        service.edit_comment(actor=self.actor, comment=found, text=given.text, expected_revision=expected)
        return shown_comment(self, comment)


class CommentWithdrawalView(Endpoint):
    """/comments/{comment}/withdraw"""

    @Operation("withdrawComment", "Withdraw a comment", "discussion",
               {200: CommentResponse}, idempotent=True)  # fmt: skip
    def post(self, request: Request, comment: int) -> HttpResponseBase:
        """Withdraw the caller's own comment. Its texts stay in the record."""
        found = governance.comment(self.actor, comment)

        def withdraw() -> Response:
            service.withdraw_comment(actor=self.actor, comment=found)
            return shown_comment(self, comment)

        return idempotent(request, self.actor, self.raw_body(), withdraw)


class ThreadView(Endpoint):
    """/threads/{thread}"""

    @Operation("getThread", "Read a thread", "discussion", {200: ThreadResponse})
    def get(self, request: Request, thread: int) -> Response:
        """Return a thread and its resolutions."""
        return respond(ThreadResponse.of(governance.thread(self.actor, thread)))


class ThreadResolutionView(Endpoint):
    """/threads/{thread}/resolve"""

    @Operation("resolveThread", "Resolve a thread", "discussion",
               {200: ThreadResponse}, body=ThreadResolve, idempotent=True)  # fmt: skip
    def post(self, request: Request, thread: int) -> HttpResponseBase:
        """Resolve a thread. A token needs the scope `comments:write`.

        Allowed for the person who opened it and for those who may edit the model or decide on it. An objection that
        blocks its request is refused: the person who raised it signs on the request's page.
        """
        given = self.body(ThreadResolve)
        found = governance.thread(self.actor, thread)

        def resolve() -> Response:
            service.resolve_thread(actor=self.actor, thread=found, explanation=given.explanation)
            return respond(ThreadResponse.of(governance.thread(self.actor, thread)))

        return idempotent(request, self.actor, self.raw_body(), resolve)


class ThreadReopeningView(Endpoint):
    """/threads/{thread}/reopen"""

    @Operation("reopenThread", "Reopen a thread", "discussion", {200: ThreadResponse}, idempotent=True)
    def post(self, request: Request, thread: int) -> HttpResponseBase:
        """Reopen a resolved thread. An objection that was ended does not block again."""
        found = governance.thread(self.actor, thread)

        def reopen() -> Response:
            service.reopen_thread(actor=self.actor, thread=found)
            return respond(ThreadResponse.of(governance.thread(self.actor, thread)))

        return idempotent(request, self.actor, self.raw_body(), reopen)


def shown_comment(view: Endpoint, number: int, **facts: Any) -> Response:
    """The response that shows a comment."""
    (found,) = governance.comment_views([governance.comment(view.actor, number)])
    return view.respond_with_etag(f"comment-{number}", found.latest.number, CommentResponse.of(found), **facts)
