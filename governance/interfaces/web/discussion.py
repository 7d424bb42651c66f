"""The discussion of a request or version: its section on their pages, and the forms in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString

from governance import selectors
from governance.interfaces.web.markdown import to_html
from governance.interfaces.web.views import PageRequest, page_view
from governance.models import Comment, CommentRevision, Decision, DiscussionThread, PromotionRequest, ThreadResolution
from governance.promotions.objections import ENDING_MEANINGS
from governance.selectors import CommentView, ThreadView
from governance.services import discussion as service
from registry import access
from registry import selectors as catalogue
from registry.exceptions import FieldError, NotFoundError, ValidationFailedError
from registry.models import ModelVersion

_BELOW = 2
"""Level of the heading of the section: headings in a comment are below it."""


@dataclass(frozen=True)
class ShownText:
    """A text of a comment as HTML."""

    revision: CommentRevision
    html: SafeString


@dataclass(frozen=True)
class ShownComment:
    """A comment of the page. `is_mine`: the reader may edit and withdraw it."""

    view: CommentView
    texts: tuple[ShownText, ...]
    is_mine: bool = False

    @property
    def row(self) -> Comment:
        return self.view.row

    @property
    def latest(self) -> ShownText:
        return self.texts[-1]

    @property
    def earlier(self) -> tuple[ShownText, ...]:
        return self.texts[:-1]


@dataclass(frozen=True)
class ShownThread:
    """A thread of the page, and what the reader may do with it."""

    view: ThreadView
    comments: tuple[ShownComment, ...]
    may_resolve: bool
    blocks: bool
    """It belongs to an objection that blocks the request."""

    @property
    def row(self) -> DiscussionThread:
        return self.view.row

    @property
    def resolution(self) -> ThreadResolution | None:
        return self.view.resolution

    @property
    def past(self) -> list[ThreadResolution]:
        """The resolutions that ended by reopening."""
        return [one for one in self.view.resolutions if one.reopened_at is not None]


@dataclass(frozen=True)
class ShownDiscussion:
    """The section of a page."""

    threads: tuple[ShownThread, ...]
    may_comment: bool
    post_to: str
    """The address of the form."""
    token: str
    objection: Decision | None = None
    """The reader's own request for changes that blocks the request."""
    meanings: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(thread.comments) for thread in self.threads)

    @property
    def open_threads(self) -> int:
        return sum(thread.resolution is None for thread in self.threads)


def discussion_for(request: PageRequest, subject: PromotionRequest | ModelVersion) -> ShownDiscussion:
    """Build the section for a request or version that the reader may see."""
    found = selectors.discussion_of(subject)
    may_comment = bool(access.check_comment_permission(request.actor, subject.model))
    is_live = isinstance(subject, PromotionRequest) and subject.is_live
    threads = []
    objection = None
    for view in found:
        row = view.row
        row.model = subject.model
        blocks = is_live and row.decision is not None and row.decision.lapsed_at is None
        if blocks and row.decision is not None and row.decision.person_id == request.person.pk:
            objection = row.decision
        threads.append(
            ShownThread(
                view,
                tuple(_shown(comment, request.person.pk) for comment in view.comments),
                may_resolve=not blocks and bool(service.check_may_resolve(request.actor, row, request.person)),
                blocks=blocks,
            )
        )
    return ShownDiscussion(
        tuple(threads),
        may_comment,
        _address(subject),
        selectors.token_of(found),
        objection,
        {str(kind): meaning for kind, meaning in ENDING_MEANINGS.items()},
    )


@dataclass(frozen=True)
class PastEntry:
    """A comment, or a decision, of the discussion as it was at a decision."""

    at: datetime
    comment: ShownComment | None = None
    decision: Decision | None = None
    edited_later: bool = False
    withdrawn_later: bool = False


@dataclass(frozen=True)
class PastDiscussion:
    """The discussion of a request up to the last decision on a packet, and the number of later comments."""

    entries: tuple[PastEntry, ...]
    later: tuple[ShownComment, ...]


def discussion_at(request: PromotionRequest, decisions: list[Decision]) -> PastDiscussion:
    """Return the comments on a request with the texts that they had at the last of some decisions.

    Args:
        request: the request.
        decisions: the decisions on one packet, oldest first; without one, every comment counts as earlier.
    """
    comments = [comment for thread in selectors.discussion_of(request) for comment in thread.comments]
    last = max((decision.signed_at for decision in decisions), default=None)
    before, later = [], []
    for view in comments:
        if last is not None and view.row.posted_at > last:
            later.append(_shown(view))
            continue
        texts = [one for one in view.revisions if last is None or one.written_at <= last]
        then = CommentView(view.row, tuple(texts), view.mentioned)
        withdrawn = view.row.withdrawn_at
        before.append(
            PastEntry(
                view.row.posted_at,
                _shown(then),
                edited_later=len(texts) < len(view.revisions),
                withdrawn_later=last is not None and withdrawn is not None and withdrawn > last,
            )
        )
    entries = [*before, *(PastEntry(decision.signed_at, decision=decision) for decision in decisions)]
    return PastDiscussion(tuple(sorted(entries, key=lambda entry: entry.at)), tuple(later))


def _shown(view: CommentView, reader: int | None = None) -> ShownComment:
    people = {user.username.lower(): user.name for user in view.mentioned}
    texts = tuple(ShownText(one, to_html(one.text, below=_BELOW, mentions=people)) for one in view.revisions)
    return ShownComment(view, texts, is_mine=view.row.author_id == reader and view.row.withdrawn_at is None)


def _address(subject: PromotionRequest | ModelVersion) -> str:
    if isinstance(subject, PromotionRequest):
        return reverse("web:request-comments", args=[subject.pk])
    return reverse("web:version-comments", args=[subject.model.slug, subject.number])


def _place(thread: DiscussionThread, anchor: str) -> str:
    if thread.request_id is not None:
        return f"{reverse('web:promotion', args=[thread.request_id])}#{anchor}"
    return f"{reverse('web:version', args=[thread.version.model.slug, thread.version.number])}#{anchor}"


@page_view("POST")
def comment_on_request(request: PageRequest, number: int) -> HttpResponse:
    """Post a comment on a request."""
    return _post(request, selectors.get_request(request.actor, number))


@page_view("POST")
def comment_on_version(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Post a comment on a version."""
    return _post(request, catalogue.version(request.actor, slug, number))


def _post(request: PageRequest, subject: PromotionRequest | ModelVersion) -> HttpResponse:
    thread = None
    if number := request.POST.get("thread", ""):
        try:
            thread = selectors.thread(request.actor, _number(number))
        except NotFoundError:
            detail = "There is no thread with this number in this discussion."
            raise ValidationFailedError([FieldError("/thread", "unknown_thread", detail)]) from None
    made = service.post_comment(actor=request.actor, subject=subject, text=text_of(request, "text"), thread=thread)
    return _done(request, made, "Your comment is posted.")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def text_of(request: PageRequest, name: str) -> str:
    """Return a text of the form with the line ends of the product: browsers send CRLF."""
    return request.POST.get(name, "").replace("\r\n", "\n")


def _done(request: PageRequest, made: Comment, message: str) -> HttpResponse:
    """Inform the author about names that mention no account, and return to the comment."""
    (view,) = selectors.comment_views([made])
    messages.success(request, message)
    if view.unknown_mentions:
        names = ", ".join(f"@{name}" for name in view.unknown_mentions)
        messages.warning(request, f"No account that may see this model has the name {names}: shown as text.")
    return redirect(_place(made.thread, f"comment-{made.pk}"))


@page_view()
def comment(request: PageRequest, number: int) -> HttpResponse:
    """Redirect to a comment on the page of its request or version."""
    found = selectors.comment(request.actor, number)
    return redirect(_place(found.thread, f"comment-{found.pk}"))


@page_view("POST")
def edit(request: PageRequest, number: int) -> HttpResponse:
    """Replace the text of one's own comment."""
    found = selectors.comment(request.actor, number)
    expected = _number(request.POST.get("revision", "")) or None
    service.edit_comment(actor=request.actor, comment=found, text=text_of(request, "text"), expected_revision=expected)
    return _done(request, found, "Your comment is changed; its earlier text is kept.")


@page_view("POST")
def withdraw(request: PageRequest, number: int) -> HttpResponse:
    """Withdraw one's own comment."""
    found = selectors.comment(request.actor, number)
    service.withdraw_comment(actor=request.actor, comment=found)
    messages.success(request, "Your comment is withdrawn; it stays in the record.")
    return redirect(_place(found.thread, f"comment-{found.pk}"))


@page_view()
def thread(request: PageRequest, number: int) -> HttpResponse:
    """Redirect to a thread on the page of its request or version."""
    found = selectors.thread(request.actor, number)
    return redirect(_place(found, f"thread-{found.pk}"))


@page_view("POST")
def resolve(request: PageRequest, number: int) -> HttpResponse:
    """Resolve a thread."""
    found = selectors.thread(request.actor, number)
    service.resolve_thread(actor=request.actor, thread=found, explanation=text_of(request, "explanation"))
    messages.success(request, "The thread is resolved.")
    return redirect(_place(found, f"thread-{found.pk}"))


@page_view("POST")
def reopen(request: PageRequest, number: int) -> HttpResponse:
    """Reopen a thread."""
    found = selectors.thread(request.actor, number)
    service.reopen_thread(actor=request.actor, thread=found)
    messages.success(request, "The thread is open again.")
    return redirect(_place(found, f"thread-{found.pk}"))
