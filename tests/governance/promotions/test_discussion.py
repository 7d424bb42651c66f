"""Comments and threads: what is kept, who may change it, whom it mentions, and that approvals do not depend on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.actor import Actor
from audit.models import Event
from governance import promotions, selectors
from governance.mentions import names_mentioned
from governance.models import Comment, CommentRevision, Decision, PromotionRequest
from governance.policies import Requirement
from governance.services import discussion
from registry.access import SCOPES, Role
from registry.exceptions import (
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    StaleRevisionError,
    ValidationFailedError,
)
from registry.services import tokens
from tests import factories
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank


def newest(action: str) -> Event:
    return Event.objects.filter(action=action).latest("id")


def say(bank: Bank, who: str, subject: object, text: str, **more: object) -> Comment:
    return discussion.post_comment(actor=bank.actor(who), subject=subject, text=text, **more)  # type: ignore[arg-type]  # a test passes what it likes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@marta and @tom, see @Marta.", ["marta", "tom"]),
        ("write to a@marta.example or /@marta", []),
        ("`@marta` and\n```\n@tom\n```\n@aiko", ["aiko"]),
        ("@@marta @", []),
        ("(@marta@bank.example)", ["marta@bank.example"]),
        ("``` @marta\n@tom", []),
    ],
)
def test_a_mention_is_an_at_sign_and_a_name_outside_code(text: str, names: list[str]) -> None:
    assert names_mentioned(text) == names


def test_a_comment_keeps_every_text_and_is_withdrawn_but_not_deleted(bank: Bank) -> None:
    request = bank.reviewed()
    posted = say(bank, "marta", request, "Which *quarter*?")
    discussion.edit_comment(actor=bank.actor("marta"), comment=posted, text="Which quarter, and @tom?")
    with pytest.raises(StaleRevisionError):
        discussion.edit_comment(actor=bank.actor("marta"), comment=posted, text="Again", expected_revision=1)
    with pytest.raises(PermissionDeniedError) as refused:
        discussion.edit_comment(actor=bank.actor("priya"), comment=posted, text="Mine now")
    assert refused.value.code == "not_yours"
    assert refused.value.who_can == ("Marta",)
    discussion.withdraw_comment(actor=bank.actor("marta"), comment=posted)
    with pytest.raises(InvalidStateError) as late:
        discussion.edit_comment(actor=bank.actor("marta"), comment=posted, text="Later")
    assert late.value.code == "comment_withdrawn"
    (thread,) = selectors.discussion_of(request)
    (view,) = thread.comments
    assert [r.text for r in view.revisions] == ["Which *quarter*?", "Which quarter, and @tom?"]
    assert view.row.withdrawn_at is not None
    for statement in (
        "DELETE FROM governance_comment",
        "DELETE FROM governance_commentrevision",
        "UPDATE governance_commentrevision SET text = 'other'",
        "UPDATE governance_comment SET withdrawn_at = NULL",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_mentions_are_recorded_once_and_only_of_those_who_may_see_the_model(bank: Bank) -> None:
    request = bank.reviewed()
    posted = say(bank, "priya", request, "@Marta, @eve, @unknown-name: done, `@tom`.")
    uid = {name: person.uid for name, person in bank.people.items()}
    assert newest("comment.posted").body["data"]["mentions"] == [uid["marta"]]
    (view,) = selectors.comment_views([posted])
    assert view.unknown_mentions == ["eve", "unknown-name"]
    discussion.edit_comment(actor=bank.actor("priya"), comment=posted, text="@Marta and @tom: done.")
    assert newest("comment.edited").body["data"]["mentions"] == [uid["tom"]]
    with pytest.raises(ValidationFailedError) as refused:
        say(bank, "priya", request, " ".join(f"@p{n}" for n in range(31)))
    assert refused.value.errors[0].code == "too_many_mentions"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "required"), (" \n", "required"), ("x" * 20_001, "too_long"), ("a\u202eb", "bidirectional_controls")],
)
def test_the_text_is_validated(bank: Bank, text: str, code: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        say(bank, "priya", bank.version(), text)
    assert refused.value.errors[0].code == code
    assert not CommentRevision.objects.exists()


def test_a_comment_changes_neither_the_request_nor_its_approvals(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    before = PromotionRequest.objects.filter(pk=request.pk).values().get()
    say(bank, "priya", request, "Thank you.")
    say(bank, "priya", request.version, "A note.")
    assert PromotionRequest.objects.filter(pk=request.pk).values().get() == before
    request = bank.decide(request, "aiko")
    assert request.state == "promoted"
    say(bank, "priya", request, "It is in Production.")


def test_who_sees_no_model_finds_no_discussion_and_a_process_says_nothing(bank: Bank) -> None:
    request = bank.reviewed()
    posted = say(bank, "priya", request, "Done.")
    for attempt in (
        lambda: say(bank, "eve", request, "Hello"),
        lambda: selectors.comment(bank.actor("eve"), posted.pk),
        lambda: selectors.thread(bank.actor("eve"), posted.thread_id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    with pytest.raises(PermissionDeniedError) as refused:
        discussion.post_comment(actor=ROOT, subject=request, text="Hello")
    assert refused.value.code == "person_required"


def test_a_thread_is_resolved_and_reopened_with_who_and_when(bank: Bank) -> None:
    request = bank.reviewed()
    thread = say(bank, "marta", request, "Which quarter?").thread
    factories.grant(Role.VIEWER, to=bank.people["eve"], on=bank.model)
    say(bank, "priya", request, "The third.", thread=thread)
    with pytest.raises(ValidationFailedError) as elsewhere:
        say(bank, "priya", request.version, "The third.", thread=thread)
    assert elsewhere.value.errors[0].code == "unknown_thread"
    with pytest.raises(PermissionDeniedError) as refused:
        discussion.resolve_thread(actor=bank.actor("eve"), thread=thread)
    assert refused.value.who_can == ("Marta",)
    discussion.resolve_thread(actor=bank.actor("priya"), thread=thread, explanation="It is in the card.")
    with pytest.raises(InvalidStateError):
        discussion.resolve_thread(actor=bank.actor("marta"), thread=thread)
    discussion.reopen_thread(actor=bank.actor("eve"), thread=thread)
    with pytest.raises(InvalidStateError):
        discussion.reopen_thread(actor=bank.actor("eve"), thread=thread)
    (view,) = selectors.discussion_of(request)
    assert view.state == "open"
    (resolution,) = view.resolutions
    assert (resolution.resolved_by.name, resolution.explanation) == ("Priya", "It is in the card.")
    assert resolution.reopened_by is not None
    assert resolution.reopened_by.name == "Eve"
    assert [c.latest.text for c in view.comments] == ["Which quarter?", "The third."]


def end(bank: Bank, who: str, request: PromotionRequest, kind: str = "withdrawn", **more: str) -> object:
    given = {"explanation": "The card says so.", "password": PASSWORD, **more}
    return promotions.end_objection(
        actor=bank.actor(who),
        decision=Decision.objects.filter(request=request, outcome="request_changes").latest("pk"),
        kind=kind,
        explanation=given["explanation"],
        signature=promotions.DecisionSignature(given["password"]),
    )


def verdicts(bank: Bank, request: PromotionRequest, who: str) -> list[bool]:
    """Whether an objection blocks, by the page and by the list of one reader."""
    page = selectors.request_page(bank.actor(who), request.pk, bank.people[who])
    (row,) = selectors.promotion_summaries_of(bank.actor(who), [request.pk])
    return [any(r.id.startswith("changes:") for r in unmet) for unmet in (unmet_of(page), row.unmet)]


def unmet_of(page: selectors.PromotionDetail) -> tuple[Requirement, ...]:
    return page.verdict.unmet if page.verdict is not None else ()


def test_only_who_raised_an_objection_ends_it_and_signs(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "aiko", "request_changes")
    assert verdicts(bank, request, "marta") == [True, True]
    unmet = unmet_of(selectors.request_page(bank.actor("priya"), request.pk))
    (required,) = (r for r in unmet if r.id.startswith("changes:"))
    assert required.who_can == ("Aiko",)
    (view,) = selectors.discussion_of(request)
    assert view.row.decision is not None
    assert view.row.decision.comment == "Looked at the evaluation and the card."
    thread = selectors.thread(bank.actor("aiko"), view.row.pk)
    for who, code in [("priya", "not_yours"), ("root", "not_yours"), ("marta", "not_yours")]:
        with pytest.raises(PermissionDeniedError) as refused:
            end(bank, who, request)
        assert (refused.value.code, refused.value.who_can) == (code, ("Aiko",))
        with pytest.raises(PermissionDeniedError):
            discussion.resolve_thread(actor=bank.actor(who), thread=thread)
    with pytest.raises(InvalidStateError) as unsigned:
        discussion.resolve_thread(actor=bank.actor("aiko"), thread=thread)
    assert unsigned.value.code == "objection_in_force"
    wrongs: tuple[dict[str, str], ...] = ({"password": "another 8!"}, {"explanation": " "}, {"kind": "forgotten"})
    for wrong in wrongs:
        with pytest.raises(ValidationFailedError):
            end(bank, "aiko", request, **wrong)
    _, secret = tokens.issue(
        actor=bank.actor("aiko"),
        person=bank.people["aiko"],
        name="all of it",
        scopes=list(SCOPES),
        expires_at=clock.now() + timedelta(days=1),
    )
    token = tokens.authenticate(secret, "127.0.0.1")
    assert isinstance(token, Actor)
    with pytest.raises(PermissionDeniedError) as by_token:
        promotions.end_objection(
            actor=token,
            decision=view.row.decision,
            kind="withdrawn",
            explanation="The card says so.",
            signature=promotions.DecisionSignature(PASSWORD),
        )
    assert by_token.value.code == "tokens_do_not_decide"
    assert verdicts(bank, request, "marta") == [True, True]


def test_ending_an_objection_lets_the_request_go_on_and_keeps_other_approvals(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "aiko", "request_changes")
    end(bank, "aiko", request, "resolved")
    request = bank.fresh(request)
    assert verdicts(bank, request, "marta") == [False, False]
    recorded = newest("decision.withdrawn")
    assert recorded.body["actor"]["id"] == bank.people["aiko"].uid
    with pytest.raises(InvalidStateError) as twice:
        end(bank, "aiko", request)
    assert twice.value.code == "no_objection"
    (view,) = selectors.discussion_of(request)
    assert (view.state, view.resolutions[0].explanation) == ("resolved", "The card says so.")
    discussion.reopen_thread(actor=bank.actor("aiko"), thread=view.row)
    assert verdicts(bank, request, "marta") == [False, False]
    bank.decide(request, "marta")
    bank.decide(request, "chen", "request_changes")
    assert bank.decide(request, "aiko").state == "blocked"
    end(bank, "chen", request)
    request = bank.fresh(request)
    assert request.state == "promoted"
    assert Decision.objects.filter(request=request, lapsed_at__isnull=True, outcome="approve").count() == 2
    with pytest.raises(InvalidStateError) as closed:
        end(bank, "chen", request)
    assert closed.value.code == "request_closed"
    chens = Decision.objects.filter(request=request, person=bank.people["chen"]).get()
    assert chens.ending is not None
    assert chens.ending.kind == "withdrawn"
