"""Threads and comments that the actor may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from audit.actor import Actor
from audit.postgresql import prepared_statements
from governance.mentions import names_mentioned
from governance.models import (
    Comment,
    CommentRevision,
    Decision,
    DiscussionThread,
    PromotionRequest,
    ThreadResolution,
)
from governance.selectors.requests import get_request
from registry import access
from registry import selectors as registry
from registry.exceptions import NotFoundError
from registry.models import ModelVersion, User


@dataclass(frozen=True)
class CommentView:
    """A comment with its texts."""

    row: Comment
    revisions: tuple[CommentRevision, ...]
    mentioned: tuple[User, ...]
    """The accounts that the latest text mentions."""

    @property
    def latest(self) -> CommentRevision:
        """The text in force."""
        return self.revisions[-1]

    @property
    def earlier(self) -> tuple[CommentRevision, ...]:
        """The replaced texts, oldest first."""
        return self.revisions[:-1]

    @property
    def unknown_mentions(self) -> list[str]:
        """Names in the text that mention no account that could view the model when it was written."""
        known = {user.username.lower() for user in self.mentioned}
        return [name for name in names_mentioned(self.latest.text) if name.lower() not in known]


@dataclass(frozen=True)
class ThreadView:
    """A thread with its comments and resolutions."""

    row: DiscussionThread
    comments: tuple[CommentView, ...]
    resolutions: tuple[ThreadResolution, ...]

    @property
    def resolution(self) -> ThreadResolution | None:
        """The resolution in force; None for an open thread."""
        return next((one for one in self.resolutions if one.reopened_at is None), None)

    @property
    def state(self) -> str:
        """The state: open, resolved or withdrawn."""
        return str(self.resolution.kind) if self.resolution is not None else "open"


_RESOLUTIONS = Prefetch(
    "resolutions", ThreadResolution.objects.select_related("resolved_by", "reopened_by").order_by("pk")
)


def threads_of(subject: PromotionRequest | ModelVersion) -> QuerySet[DiscussionThread]:
    """Return the threads of a request, or of a version itself, which the caller has read as visible."""
    if isinstance(subject, PromotionRequest):
        found = DiscussionThread.objects.filter(request=subject)
    else:
        found = DiscussionThread.objects.filter(version=subject, request__isnull=True)
    return found.select_related("opened_by", "decision__person").prefetch_related(_RESOLUTIONS)


def comments_of(subject: PromotionRequest | ModelVersion) -> QuerySet[Comment]:
    """Return the comments on a request, or on a version itself, which the caller has read as visible."""
    if isinstance(subject, PromotionRequest):
        found = Comment.objects.filter(thread__request=subject)
    else:
        found = Comment.objects.filter(thread__version=subject, thread__request__isnull=True)
    return found.select_related("thread", "author", "posted_with")


def comment_views(comments: Iterable[Comment]) -> list[CommentView]:
    """Return comments with their texts and mentioned accounts. Two queries."""
    rows = list(comments)
    revisions: dict[int, list[CommentRevision]] = {row.pk: [] for row in rows}
    for revision in CommentRevision.objects.filter(comment__in=rows).order_by("comment_id", "number"):
        revisions[revision.comment_id].append(revision)
    people = registry.accounts_by_uid(uid for texts in revisions.values() for uid in texts[-1].mentions)
    return [
        CommentView(
            row,
            tuple(revisions[row.pk]),
            tuple(people[uid] for uid in revisions[row.pk][-1].mentions if uid in people),
        )
        for row in rows
    ]


def discussion_of(subject: PromotionRequest | ModelVersion) -> list[ThreadView]:
    """Return the threads of a request or version with everything in them, oldest first. Five queries."""
    by_thread: dict[int, list[CommentView]] = {}
    for view in comment_views(comments_of(subject).order_by("pk")):
        by_thread.setdefault(view.row.thread_id, []).append(view)
    return [
        ThreadView(thread, tuple(by_thread.get(thread.pk, ())), tuple(thread.resolutions.all()))
        for thread in threads_of(subject).order_by("pk")
    ]


def thread(actor: Actor, number: int) -> DiscussionThread:
    """Return a thread.

    Raises:
        NotFoundError: there is no such thread on a model visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = (
        DiscussionThread.objects.filter(pk=number, model__in=access.visible_models(actor))
        .select_related("model", "version__model", "request", "opened_by", "decision__person")
        .prefetch_related(_RESOLUTIONS)
        .first()
    )
    if found is None:
        raise NotFoundError(f"There is no thread {number} that you can see.")
    return found


def comment(actor: Actor, number: int) -> Comment:
    """Return a comment with its thread, model and version.

    Raises:
        NotFoundError: there is no such comment on a model visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = (
        Comment.objects.filter(pk=number, thread__model__in=access.visible_models(actor))
        .select_related("thread__model", "thread__version__model", "thread__request", "author", "posted_with")
        .first()
    )
    if found is None:
        raise NotFoundError(f"There is no comment {number} that you can see.")
    return found


def objection(actor: Actor, number: int, key: int) -> Decision:
    """Return a decision on a request, by its key.

    Raises:
        NotFoundError: there is no such request visible to the actor, or no such decision on it.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    request = get_request(actor, number)
    found = Decision.objects.filter(pk=key, request=request).select_related("person").first()
    if found is None:
        raise NotFoundError(f"There is no such decision on request #{number}.")
    found.request = request
    return found


def discussion_token(request_id: int) -> str:
    """Return a text that changes whenever the discussion of a request does: equal to `token_of` of its threads.

    One prepared query, because open pages poll it.
    """
    (row,) = prepared_statements.execute_prepared(_COUNTS, {"request": request_id})
    return "-".join(str(count) for count in row)


def token_of(threads: Iterable[ThreadView]) -> str:
    """Return the text of `discussion_token` for threads that were read."""
    threads = list(threads)
    comments = [comment for one in threads for comment in one.comments]
    resolutions = [resolution for one in threads for resolution in one.resolutions]
    counts = (
        len(threads),
        sum(len(comment.revisions) for comment in comments),
        sum(comment.row.withdrawn_at is not None for comment in comments),
        len(resolutions),
        sum(resolution.reopened_at is not None for resolution in resolutions),
        sum(one.row.decision is not None and one.row.decision.lapsed_at is not None for one in threads),
    )
    return "-".join(str(count) for count in counts)


_COUNTS = """
    SELECT (SELECT count(*) FROM governance_discussionthread t WHERE t.request_id = %(request)s),
           (SELECT count(*) FROM governance_commentrevision v
              JOIN governance_comment c ON c.id = v.comment_id
              JOIN governance_discussionthread t ON t.id = c.thread_id WHERE t.request_id = %(request)s),
           (SELECT count(c.withdrawn_at) FROM governance_comment c
              JOIN governance_discussionthread t ON t.id = c.thread_id WHERE t.request_id = %(request)s),
           (SELECT count(*) FROM governance_threadresolution s
              JOIN governance_discussionthread t ON t.id = s.thread_id WHERE t.request_id = %(request)s),
           (SELECT count(s.reopened_at) FROM governance_threadresolution s
              JOIN governance_discussionthread t ON t.id = s.thread_id WHERE t.request_id = %(request)s),
           (SELECT count(d.lapsed_at) FROM governance_decision d
              JOIN governance_discussionthread t ON t.decision_id = d.id WHERE t.request_id = %(request)s)"""
