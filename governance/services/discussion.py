"""Comments on promotion requests and versions, and the threads they belong to. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor
from audit.leaf import Json
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from governance.actions import (
    COMMENT_EDITED,
    COMMENT_POSTED,
    COMMENT_WITHDRAWN,
    THREAD_REOPENED,
    THREAD_RESOLVED,
)
from governance.mentions import MAX_MENTIONS, names_mentioned
from governance.models import Comment, CommentRevision, DiscussionThread, PromotionRequest, ThreadResolution
from registry import access, selectors
from registry.exceptions import (
    FieldError,
    InvalidStateError,
    PermissionDeniedError,
    StaleRevisionError,
    ValidationFailedError,
)
from registry.models import ModelVersion, RegisteredModel, User
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

MAX_TEXT: Final = 20_000
MAX_EXPLANATION: Final = 5_000


@transaction.atomic
def post_comment(
    *, actor: Actor, subject: PromotionRequest | ModelVersion, text: str, thread: DiscussionThread | None = None
) -> Comment:
    """Post a comment on a promotion request or a version. Closed requests can be commented on, too.

    Args:
        actor: a person who may view the model, or their token with the scope `comments:write`.
        subject: the request or the version.
        text: Markdown, 1 to 20,000 characters.
        thread: the thread to answer in, which must be of the same subject; None opens one.

    Returns:
        The comment. Names that it mentions without effect are those of no account that may view the model.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the token lacks a scope, the actor is a process, or the account is deactivated.
        ValidationFailedError: the text is empty, too long or has invisible characters, mentions too many names, or the
            thread is of another subject.
    """
    request = subject if isinstance(subject, PromotionRequest) else None
    version = subject.version if isinstance(subject, PromotionRequest) else subject
    access.require_comment_permission(actor, version.model)
    text = _checked_text(text)
    if thread is not None and (thread.version_id, thread.request_id) != (version.pk, request and request.pk):
        raise ValidationFailedError(
            [FieldError("/thread", "unknown_thread", "There is no thread with this number in this discussion.")]
        )
    person, token = access.require_person_and_token(actor)
    model, version = lock_version(version)
    mentions = _accounts_mentioned(text, model)
    now = clock.now()
    opened = thread or DiscussionThread(
        uid=uuid4(), model=model, version=version, request=request, opened_by=person, opened_at=now
    )
    comment = Comment(uid=uuid4(), thread=opened, author=person, posted_with=token, posted_at=now)
    opened.model, opened.version = model, version
    _record(COMMENT_POSTED, actor, opened, comment, text=Change("text", None, PrivateValue(text)), mentions=mentions)
    if thread is None:
        opened.save()
    comment.thread = opened
    comment.save()
    CommentRevision.objects.create(comment=comment, number=1, text=text, mentions=mentions, written_at=now)
    return comment


@transaction.atomic
def edit_comment(*, actor: Actor, comment: Comment, text: str, expected_revision: int | None = None) -> CommentRevision:
    """Replace the text of one's own comment. The earlier texts are kept and shown.

    Args:
        actor: the author.
        comment: the comment.
        text: the new Markdown; the same text changes nothing.
        expected_revision: the revision that the author read; None to accept any.

    Returns:
        The latest revision.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is not the author, or see `post_comment`.
        InvalidStateError: the comment is withdrawn.
        StaleRevisionError: the comment is not in `expected_revision`.
        ValidationFailedError: see `post_comment`.
    """
    thread, comment = _own_comment(actor, comment, "edit")
    text = _checked_text(text)
    latest = comment.revisions.order_by("-number")[0]
    if expected_revision is not None and expected_revision != latest.number:
        raise StaleRevisionError(
            f"This comment changed since you read it: it is in revision {latest.number}. Read it again.",
            code="stale_revision",
        )
    if text == latest.text:
        return latest
    mentions = _accounts_mentioned(text, thread.model)
    known = {uid for revision in comment.revisions.all() for uid in revision.mentions}
    _record(
        COMMENT_EDITED,
        actor,
        thread,
        comment,
        text=Change("text", PrivateValue(latest.text), PrivateValue(text)),
        mentions=[uid for uid in mentions if uid not in known],
        more={"revision": latest.number + 1},
    )
    return CommentRevision.objects.create(
        comment=comment, number=latest.number + 1, text=text, mentions=mentions, written_at=clock.now()
    )


@transaction.atomic
def withdraw_comment(*, actor: Actor, comment: Comment) -> Comment:
    """Withdraw one's own comment. Its texts stay in the record and are shown as withdrawn.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is not the author, or see `post_comment`.
        InvalidStateError: the comment is withdrawn already.
    """
    thread, comment = _own_comment(actor, comment, "withdraw")
    _record(COMMENT_WITHDRAWN, actor, thread, comment)
    comment.withdrawn_at = clock.now()
    comment.save(update_fields=["withdrawn_at"])
    return comment


@transaction.atomic
def resolve_thread(*, actor: Actor, thread: DiscussionThread, explanation: str = "") -> ThreadResolution:
    """Resolve a thread: the person who opened it may, and who may edit the model or decide on it.

    A thread that a request for changes opened is resolved only by the person who raised it; while that decision
    blocks the request, `promotions.end_objection` resolves both.

    Args:
        actor: who resolves it.
        thread: the thread.
        explanation: optional; at most 5,000 characters.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not resolve this thread (`not_yours`), or see `post_comment`.
        InvalidStateError: it is resolved already, or its objection still blocks the request (`objection_in_force`).
        ValidationFailedError: the explanation is too long.
    """
    person, thread = _locked_thread(actor, thread)
    if isinstance(answer := check_may_resolve(actor, thread, person), access.Denied):
        raise answer.refusal()
    explanation = _checked_explanation(explanation)
    if current_resolution(thread) is not None:
        raise InvalidStateError("This thread is resolved already.", code="already_resolved")
    decision = thread.decision
    if decision is not None and decision.lapsed_at is None and thread.request is not None and thread.request.is_live:
        raise InvalidStateError(
            "This objection blocks the request: resolve or withdraw it on the request's page, with an explanation and "
            "your signature.",
            code="objection_in_force",
        )
    event = _record(
        THREAD_RESOLVED,
        actor,
        thread,
        text=Change("explanation", None, PrivateValue(explanation)) if explanation else None,
    )
    return ThreadResolution.objects.create(
        thread=thread,
        kind=ThreadResolution.Kind.RESOLVED,
        explanation=explanation,
        resolved_by=person,
        resolved_at=clock.now(),
        event=event.event_id,
    )


@transaction.atomic
def reopen_thread(*, actor: Actor, thread: DiscussionThread) -> ThreadResolution:
    """Reopen a resolved thread. An objection that was ended does not block again: that needs a new decision.

    Args:
        actor: who may comment.
        thread: the thread.

    Returns:
        The resolution that ended.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: see `post_comment`.
        InvalidStateError: it is not resolved.
    """
    person, thread = _locked_thread(actor, thread)
    resolution = current_resolution(thread)
    if resolution is None:
        raise InvalidStateError("This thread is not resolved.", code="not_resolved")
    _record(THREAD_REOPENED, actor, thread)
    resolution.reopened_by, resolution.reopened_at = person, clock.now()
    resolution.save(update_fields=["reopened_by", "reopened_at"])
    return resolution


def check_may_resolve(actor: Actor, thread: DiscussionThread, person: User | None) -> access.Allowed | access.Denied:
    """Return whether the actor may resolve a thread; see `resolve_thread`.

    Args:
        actor: who resolves it.
        thread: the thread, with `opened_by` joined.
        person: the account of the actor.
    """
    answer = access.check_comment_permission(actor, thread.model)
    if isinstance(answer, access.Denied):
        return answer
    if person is not None and person.pk == thread.opened_by_id:
        return access.Allowed()
    if thread.decision_id is not None:
        return access.Denied(
            lambda _: "Only the person who asked for changes resolves this thread.",
            lambda: (thread.opened_by.name,),
            code="not_yours",
        )
    if any(
        access.check_permission(actor, permission, thread.model)
        for permission in (access.Permission.EDIT, access.Permission.DECIDE)
    ):
        return access.Allowed()
    return access.Denied(
        lambda _: (
            "A thread is resolved by the person who opened it, or by people who may edit the model or decide on it."
        ),
        lambda: (thread.opened_by.name,),
        code="not_yours",
    )


def current_resolution(thread: DiscussionThread) -> ThreadResolution | None:
    """Return the resolution of a thread that is not reopened; None for an open thread."""
    return thread.resolutions.filter(reopened_at__isnull=True).first()


def _own_comment(actor: Actor, comment: Comment, verb: str) -> tuple[DiscussionThread, Comment]:
    """Lock the model and version of a comment, and require that the actor wrote it and that it is not withdrawn."""
    person, thread = _locked_thread(actor, comment.thread)
    row = Comment.objects.get_for_update(comment.pk)
    if row.author_id != person.pk:
        author = User.objects.get(pk=row.author_id)
        raise PermissionDeniedError(f"Only the author may {verb} a comment.", code="not_yours", who_can=(author.name,))
    if row.withdrawn_at is not None:
        raise InvalidStateError("This comment is withdrawn; write another one.", code="comment_withdrawn")
    row.thread, row.author = thread, person
    return thread, row


def _locked_thread(actor: Actor, thread: DiscussionThread) -> tuple[User, DiscussionThread]:
    """Lock the model and version of a thread, and return the actor's account and the thread as it is then."""
    access.require_comment_permission(actor, thread.model)
    person = access.require_person(actor)
    model, version = lock_version(thread.version)
    row = DiscussionThread.objects.select_related("request", "decision", "opened_by").get(pk=thread.pk)
    row.model, row.version = model, version
    return person, row


def _checked_text(text: str) -> str:
    faults = ErrorCollector()
    text = faults.clean_text("/text", text.strip(), MAX_TEXT, required=True)
    if (count := len(names_mentioned(text))) > MAX_MENTIONS:
        faults.add("/text", "too_many_mentions", f"A comment mentions at most {MAX_MENTIONS} names; this has {count}.")
    faults.raise_if_any()
    return text


def _checked_explanation(text: str) -> str:
    faults = ErrorCollector()
    text = faults.clean_text("/explanation", text.strip(), MAX_EXPLANATION)
    faults.raise_if_any()
    return text


def _accounts_mentioned(text: str, model: RegisteredModel) -> list[str]:
    """Return the uids of the active accounts that a text mentions and that may view the model."""
    names = names_mentioned(text)
    found = selectors.accounts_by_username(names)
    able = access.filter_users_with_permission(found.values(), access.Permission.VIEW, model) if found else ()
    people = [found[name.lower()] for name in names if name.lower() in found]
    return [person.uid for person in people if person.pk in able]


def _record(
    action: Action,
    actor: Actor,
    thread: DiscussionThread,
    comment: Comment | None = None,
    *,
    text: Change | None = None,
    mentions: Sequence[str] | None = None,
    more: Mapping[str, Json] | None = None,
) -> Event:
    about = [ObjectRef("version", str(thread.version.uid)), ObjectRef("model", str(thread.model.uid))]
    if thread.request is not None:
        about.insert(0, ObjectRef("promotion", str(thread.request.uid)))
    itself = ObjectRef("thread", str(thread.uid))
    data: dict[str, Json] = dict(more or {})
    if mentions is not None:
        data["mentions"] = list(mentions)
    return recorder.record_event(
        action,
        actor=actor,
        target=itself if comment is None else ObjectRef("comment", str(comment.uid)),
        stream=f"model:{thread.model.uid}",
        related_objects=about if comment is None else [itself, *about],
        changes=[text] if text is not None else [],
        data=data or None,
    )
