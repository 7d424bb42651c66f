"""Every command: it calls its service, writes exactly its event with who and why, and refuses in its own form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Model
from django.urls import reverse

from audit.models import Event
from audit.selectors import opening
from governance.admin.urls import ROOMS
from governance.models import Policy
from governance.services import policies
from registry.access import Role
from registry.models import (
    AccessToken,
    ChangeProposal,
    Grant,
    Instance,
    Membership,
    ProtectedAlias,
    QuestionnaireRevision,
    ReviewerGroup,
    User,
)
from registry.services import account_controls, instance, questionnaires
from registry.services import lifecycle as lifecycle_service
from registry.services import people as accounts
from tests import factories
from tests.governance.admin.conftest import Recorded, Visit, address
from tests.people import People

pytestmark = pytest.mark.django_db

WHY = "asked for by the head of risk, ticket 4711"
POLICY = """slug: into-staging
title: Into Staging
applies_to: {stages: [staging]}
checks: [{check: integrity.digest}]
"""


STARTER = questionnaires.STARTER.read_text()
STRICTER = STARTER.replace("Risk tier of a model", "Risk tier, next revision")


def _account(people: People) -> User:
    return people.eve


def _shut_account(people: People) -> User:
    return accounts.deactivate(actor=factories.SETUP, person=people.eve, reason="leaves")


def _robot(people: People) -> User:
    return people.ci_retail


def _held_robot(people: People) -> User:
    account_controls.add_service_account_user(
        actor=factories.SETUP, account=people.ci_retail, person=people.priya, owner=True, reason="runs it"
    )
    return people.ci_retail


def _group(people: People) -> ReviewerGroup:
    return people.risk_team


def _membership(people: People) -> Membership:
    return Membership.objects.get(group=people.risk_team, user=people.marta)


def _grant(people: People) -> Grant:
    return factories.grant(Role.AUDITOR, to=people.eve)


def _token(people: People) -> AccessToken:
    return factories.token(people.priya, ["models:read"])[0]


def _policy(people: People) -> Policy:
    return policies.publish(actor=factories.SETUP, source=POLICY, reason="the first").policy


def _instance(people: People) -> Instance:
    return instance.record_instance(actor=factories.SETUP)


def _single_officer(people: People) -> Instance:
    """Declared by command while there was one officer; a second one joined since."""
    made = instance.declare_single_officer(actor=factories.SETUP, reason="one officer at first")
    assert people.dorothy
    return made


def _questionnaire(people: People) -> QuestionnaireRevision:
    return questionnaires.publish(actor=factories.SETUP, source=STARTER, reason="the first")


def _alias(people: People) -> ProtectedAlias:
    made = lifecycle_service.change_alias_protection(
        actor=factories.SETUP, name="blue", protected=True, stage="production", reason="blue serves"
    )
    assert made is not None
    return made


def _responsible(people: People) -> User:
    """Owns one model, on which Chen has the role of owner."""
    factories.grant(Role.OWNER, to=people.chen, on=factories.model(people.eve, "owned-by-eve"))
    return people.eve


@dataclass(frozen=True)
class Case:
    """A command: on which kind, by whom, with what, and which event comes of it."""

    kind: type[Model]
    name: str
    by: str
    action: str
    data: dict[str, Any]
    row: Callable[[People], Any] | None = None
    thing: str = ""
    shows: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.kind.__name__}-{self.name}"

    def url(self, people: People) -> str:
        return address(self.row(people) if self.row is not None else self.kind, self.name)


CASES = [
    Case(
        User,
        "add",
        "administrator",
        "person.registered",
        {"kind": "person", "username": "lena", "name": "Lena Falk", "password": factories.PASSWORD},
    ),
    Case(
        User,
        "edit",
        "administrator",
        "person.updated",
        {"name": "Eve Insider", "title": "Clerk", "email": "eve@bank.example"},
        _account,
    ),
    Case(User, "password", "administrator", "person.password_set", {"password": "another-Green-bottle-9"}, _account),
    Case(User, "link", "administrator", "person.link_issued", {"way": "shown"}, _account),
    Case(
        User,
        "holder",
        "administrator",
        "service_account.user_added",
        {"person": "Eve Outsider (eve)", "kind": "owner"},
        _robot,
    ),
    Case(
        User,
        "release",
        "administrator",
        "service_account.user_removed",
        {"person": "Priya Nair (priya)", "kind": "owner"},
        _held_robot,
    ),
    Case(User, "deactivate", "administrator", "person.deactivated", {}, _account),
    Case(User, "reassign", "administrator", "model.updated", {"to": "chen"}, _responsible),
    Case(ProtectedAlias, "add", "officer", "lifecycle.alias_changed", {"name": "green", "stage": "production"}),
    Case(ProtectedAlias, "represent", "officer", "change.proposed", {"stage": ""}, _alias),
    Case(ProtectedAlias, "end", "officer", "change.proposed", {}, _alias),
    Case(User, "reactivate", "administrator", "person.reactivated", {}, _shut_account),
    Case(ReviewerGroup, "add", "officer", "group.created", {"slug": "fraud-team", "name": "Fraud team"}),
    Case(ReviewerGroup, "edit", "officer", "group.updated", {"name": "Risk desk", "description": "Tier 1"}, _group),
    Case(
        ReviewerGroup,
        "join",
        "officer",
        "membership.added",
        {"user": "Eve Outsider (eve)", "valid_until": "2099-01-01T00:00"},
        _group,
    ),
    Case(Membership, "add", "officer", "membership.added", {"group": "risk-team", "user": "eve"}),
    Case(Membership, "end", "officer", "membership.removed", {}, _membership),
    Case(Grant, "add", "administrator", "grant.given", {"role": "viewer", "group": "Risk Team (risk-team)"}),
    Case(Grant, "revoke", "administrator", "grant.revoked", {}, _grant),
    Case(AccessToken, "revoke", "administrator", "token.revoked", {}, _token),
    Case(Policy, "add", "officer", "change.proposed", {"source": POLICY.replace("\n", "\r\n")}),
    Case(
        Policy,
        "publish",
        "officer",
        "change.proposed",
        {"source": POLICY.replace("title: Into Staging", "title: Into Staging, stricter")},
        _policy,
    ),
    Case(QuestionnaireRevision, "add", "officer", "change.proposed", {"source": STARTER}),
    Case(
        QuestionnaireRevision,
        "publish",
        "officer",
        "change.proposed",
        {"source": STRICTER.replace("\n", "\r\n")},
        _questionnaire,
    ),
    Case(Instance, "confirm-setup", "officer", "change.proposed", {}, _instance),
    Case(Instance, "end-single-officer", "officer", "instance.single_officer_ended", {}, _single_officer),
]

every_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(autouse=True)
def scene(lifecycle: None, people: People, officers: SimpleNamespace) -> None:
    """What the commands are about, made before anything is counted."""
    assert people.risk_team
    assert people.eve


def test_every_command_of_the_site_is_tried_here() -> None:
    there = {
        (kind, command.name)
        for kind, room in ROOMS.items()
        for command in (*room.commands, *([room.adding] if room.adding is not None else []))
    }
    assert {(case.kind, case.name) for case in CASES} == there


@every_case
def test_it_writes_exactly_its_event_with_who_and_why(
    case: Case, people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    by = getattr(officers, case.by)
    client, url = visit(by, confirmed=True), case.url(people)
    assert client.get(url).status_code == 200
    with recorded() as events:
        answer = client.post(url, {**case.data, "reason": WHY})

    shown_once = case.name == "link"
    assert answer.status_code == (200 if shown_once else 302), answer.content.decode()
    assert [event.action for event in events] == [case.action]
    (event,) = events
    assert event.actor_id == by.uid
    assert opening(event)["/reason"] == WHY
    assert event.body["request"]["client"] == "admin"
    if not shown_once:
        assert client.get(answer["Location"]).status_code == 200


@every_case
@pytest.mark.parametrize("reason", ["", "   ", None])
def test_without_a_reason_nothing_happens(
    case: Case,
    reason: str | None,
    people: People,
    officers: SimpleNamespace,
    visit: Visit,
    recorded: Recorded,
) -> None:
    client, url = visit(getattr(officers, case.by), confirmed=True), case.url(people)
    with recorded() as events:
        answer = client.post(url, {**case.data, **({} if reason is None else {"reason": reason})})

    assert answer.status_code == 400
    assert "Give a reason: it is recorded with the event." in answer.content.decode()
    assert events == []


@every_case
def test_whoever_may_not_is_told_who_can_help(
    case: Case, people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    other = officers.administrator if case.by == "officer" else officers.officer
    url = case.url(people)
    for somebody in (other, officers.auditor, officers.nobody):
        client = visit(somebody)
        with recorded() as events:
            answers = [client.get(url), client.post(url, {**case.data, "reason": WHY})]
        for answer in answers:
            assert answer.status_code == 403
            assert "Who can help" in answer.content.decode()
        assert events == []


@every_case
def test_the_password_is_asked_for_first(
    case: Case, people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    client, url = visit(getattr(officers, case.by)), case.url(people)
    asked = client.get(url)
    with recorded() as events:
        answer = client.post(url, {**case.data, "reason": WHY})

    assert (asked.status_code, asked["Location"].partition("?")[0]) == (302, "/admin/confirm/")
    assert answer.status_code == 403
    assert "Your password" in answer.content.decode()
    assert events == []


def test_what_was_made_is_what_was_asked_for(people: People, officers: SimpleNamespace, visit: Visit) -> None:
    client = visit(officers.administrator, confirmed=True)
    data = {"kind": "service", "username": "ci-fraud", "name": "CI fraud", "reason": WHY}
    client.post(address(User, "add"), data)
    made = User.objects.get(username="ci-fraud")
    assert (made.kind, made.has_usable_password(), made.is_staff, made.is_superuser) == ("service", False, False, False)

    client.post(address(Grant, "add"), {"role": "auditor", "user": "Eve Outsider (eve)", "reason": WHY})
    grant = Grant.objects.get(user=people.eve)
    assert (grant.role, grant.model, grant.granted_by) == ("auditor", None, officers.administrator.uid)

    officer = visit(officers.officer, confirmed=True)
    officer.cookies["zone"] = "Europe/Berlin"
    span = {"user": "eve", "valid_from": "2098-07-01T09:00", "valid_until": "2098-08-01T09:00", "reason": WHY}
    officer.post(address(people.risk_team, "join"), span)
    membership = Membership.objects.get(user=people.eve)
    assert membership.valid_from.isoformat() == "2098-07-01T07:00:00+00:00"
    assert membership.valid_until is not None
    assert membership.valid_until.isoformat() == "2098-08-01T07:00:00+00:00"

    officer.post(address(Policy, "add"), {"source": POLICY.replace("\n", "\r\n"), "reason": WHY})
    proposal = ChangeProposal.objects.get(kind="policy.publication", subject_id="into-staging")
    assert proposal.payload["source"] == POLICY
    assert not Policy.objects.exists(), "nothing is in force before the second signature"
    officer.post(reverse("web:confirm-change", args=[proposal.pk]), _signature(proposal))
    assert not Policy.objects.exists(), "the proposer's own signature is refused"
    visit(people.dorothy).post(reverse("web:confirm-change", args=[proposal.pk]), _signature(proposal))
    policy = Policy.objects.get(slug="into-staging")
    assert policy.in_force is not None
    assert policy.in_force.source == POLICY


def _signature(proposal: ChangeProposal) -> dict[str, str]:
    return {"confirm-digest": proposal.digest, "confirm-password": factories.PASSWORD}


@pytest.mark.parametrize(
    ("kind", "by", "data", "said"),
    [
        (
            User,
            "administrator",
            {"kind": "person", "username": "EVE", "name": "Another", "reason": WHY},
            "There is an account “EVE” already",
        ),
        (
            User,
            "administrator",
            {"kind": "person", "username": "lena", "name": "Lena", "password": "short", "reason": WHY},
            "This password is too short",
        ),
        (
            User,
            "administrator",
            {"kind": "service", "username": "ci-x", "name": "CI", "password": factories.PASSWORD, "reason": WHY},
            "A service account signs in with tokens",
        ),
        (User, "administrator", {"kind": "robot", "username": "ci-x", "name": "CI", "reason": WHY}, "robot"),
        (ReviewerGroup, "officer", {"slug": "Risk Team!", "name": "x", "reason": WHY}, "lower-case letters"),
        (ReviewerGroup, "officer", {"slug": "risk-team", "name": "x", "reason": WHY}, "already"),
        (Membership, "officer", {"group": "risk-team", "user": "nobody-there", "reason": WHY}, "user name"),
        (Membership, "officer", {"group": "no-such-group", "user": "eve", "reason": WHY}, "slug"),
        (Membership, "officer", {"group": "risk-team", "user": "marta", "reason": WHY}, "entered in"),
        (
            Membership,
            "officer",
            {"group": "risk-team", "user": "eve", "valid_until": "2001-01-01T00:00", "reason": WHY},
            "A membership ends after it begins",
        ),
        (Membership, "officer", {"group": "risk-team", "user": "henrik", "reason": WHY}, "ask another officer"),
        (Grant, "administrator", {"role": "viewer", "reason": WHY}, "Name one subject"),
        (Grant, "administrator", {"role": "viewer", "user": "eve", "group": "risk-team", "reason": WHY}, "one subject"),
        (Grant, "administrator", {"role": "king", "user": "eve", "reason": WHY}, "king"),
        (
            Grant,
            "administrator",
            {"role": "officer", "user": "noor", "reason": WHY},
            "You cannot assign a role to yourself",
        ),
        (Policy, "officer", {"source": "just text", "reason": WHY}, "A policy is a YAML mapping"),
        (Policy, "officer", {"source": "slug: [", "reason": WHY}, "Not valid YAML: line 1: "),
        (
            Policy,
            "officer",
            {"source": POLICY.replace("integrity.digest", "no.such"), "reason": WHY},
            "Line 4, field checks[1].check: No check called no.such is installed",
        ),
        (
            Policy,
            "officer",
            {"source": POLICY + "surprise: 1\n", "reason": WHY},
            "Line 5, field surprise: there is no field",
        ),
    ],
)
def test_what_the_service_refuses_comes_back_to_the_form(
    kind: type[Model],
    by: str,
    data: dict[str, str],
    said: str,
    officers: SimpleNamespace,
    visit: Visit,
    recorded: Recorded,
) -> None:
    client = visit(getattr(officers, by), confirmed=True)
    with recorded() as events:
        answer = client.post(address(kind, "add"), data)

    assert answer.status_code == (403 if "ask another" in answer.content.decode() else 400)
    shown = answer.content.decode()
    assert said in shown
    assert WHY in shown, "what was written is still there"
    assert events == []


def test_a_refusal_that_no_field_is_to_blame_for_stands_above_the_form(
    people: People, officers: SimpleNamespace, visit: Visit
) -> None:
    """Only a superuser sets a superuser's password: Noor administers by a role."""
    client = visit(officers.administrator, confirmed=True)
    answer = client.post(address(people.ada, "password"), {"password": "another-Green-bottle-9", "reason": WHY})

    assert answer.status_code == 403
    assert "Only a superuser makes or changes accounts that administer" in answer.content.decode()


def test_nobody_shuts_their_own_account(officers: SimpleNamespace, visit: Visit) -> None:
    client = visit(officers.administrator, confirmed=True)
    answer = client.post(address(officers.administrator, "deactivate"), {"reason": WHY})

    assert answer.status_code == 403
    assert "You cannot deactivate or reactivate your own account" in answer.content.decode()


def test_deactivating_shows_what_is_left_behind_and_reassigns_it(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    model = factories.model(people.eve, "owned-by-eve")
    assert people.chen
    client = visit(officers.administrator, confirmed=True)
    page = client.get(address(people.eve, "deactivate")).content.decode()
    assert "They own owned-by-eve. A model without an active owner enters no protected stage" in page
    record = client.get(address(people.eve)).content.decode()
    assert '<a href="/models/owned-by-eve/">owned-by-eve</a>' in record
    with recorded() as events:
        answer = client.post(address(people.eve, "deactivate"), {"reassign_to": "chen", "reason": WHY}, follow=True)
    assert "Reassigned: 1 owned model, now with" in answer.content.decode()
    assert {event.action for event in events} == {"model.updated", "grant.given", "person.deactivated"}
    model.refresh_from_db()
    assert model.owner == people.chen


def test_nothing_is_deactivated_where_it_cannot_be_reassigned(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    factories.model(people.eve, "owned-by-eve")
    assert people.ci_retail
    client = visit(officers.administrator, confirmed=True)
    with recorded() as events:
        answer = client.post(address(people.eve, "deactivate"), {"reassign_to": "ci-retail", "reason": WHY})
    assert answer.status_code == 400
    assert "name a person" in answer.content.decode()
    assert events == []
    people.eve.refresh_from_db()
    assert people.eve.is_active


def test_a_new_policy_starts_from_a_template_that_is_valid(officers: SimpleNamespace, visit: Visit) -> None:
    client = visit(officers.officer, confirmed=True)
    source = client.get(address(Policy, "add")).context["form"]["source"].value()
    assert policies.read(source).title == "What this policy is for"


def test_the_list_of_policies_says_which_tiers_they_cover(
    people: People, officers: SimpleNamespace, visit: Visit
) -> None:
    tiers = POLICY.replace("[staging]", "[staging], tiers: [1, 2]") + "requires_assessed_tier: false\n"
    made = policies.publish(actor=factories.SETUP, source=tiers, reason="the first").policy
    client = visit(officers.officer)
    shown = client.get(address(Policy, "changelist")).content.decode()
    assert '<span class="tag">tier 1</span> <span class="tag">tier 2</span>' in shown
    assert "Declared accepted" in shown
    assert "requires_assessed_tier: false" in client.get(address(made)).content.decode()


def test_a_command_that_came_too_late_says_so(people: People, officers: SimpleNamespace, visit: Visit) -> None:
    grant = _grant(people)
    client = visit(officers.administrator, confirmed=True)
    url = address(grant, "revoke")
    assert client.post(url, {"reason": WHY}).status_code == 302
    answer = client.post(url, {"reason": WHY})

    assert answer.status_code == 400
    assert "taken back already" in answer.content.decode()


def test_a_revision_of_one_policy_is_not_another_policy(
    people: People, officers: SimpleNamespace, visit: Visit
) -> None:
    policy = _policy(people)
    client = visit(officers.officer, confirmed=True)
    other = POLICY.replace("into-staging", "another").replace("[staging]", "[archived]")
    answer = client.post(address(policy, "publish"), {"source": other, "reason": WHY})

    assert answer.status_code == 400
    assert "Line 1, field slug: This page proposes the next revision of into-staging" in answer.content.decode()
    assert not Policy.objects.filter(slug="another").exists()


def test_what_is_in_force_is_not_proposed(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    policy = _policy(people)
    client = visit(officers.officer, confirmed=True)
    with recorded() as events:
        answer = client.post(address(policy, "publish"), {"source": POLICY, "reason": WHY}, follow=True)

    assert "says exactly that" in answer.content.decode()
    assert events == []


def test_a_change_that_changes_nothing_writes_nothing(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    eve = people.eve
    client = visit(officers.administrator, confirmed=True)
    with recorded() as events:
        same = {"name": eve.name, "title": eve.title, "email": eve.email, "reason": WHY}
        answer = client.post(address(eve, "edit"), same, follow=True)

    assert "nothing was written" in answer.content.decode()
    assert events == []


def test_what_was_typed_is_shown_and_never_run(people: People, officers: SimpleNamespace, visit: Visit) -> None:
    hostile = "<script>alert(1)</script>"
    client = visit(officers.administrator, confirmed=True)
    data = {"name": hostile, "title": '"><img src=x onerror=alert(1)>', "email": "", "reason": hostile}
    assert client.post(address(people.eve, "edit"), data).status_code == 302

    for url in (address(people.eve), address(people.eve, "history"), address(User, "changelist"), "/admin/"):
        shown = client.get(url).content.decode()
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
    assert "&lt;script&gt;alert(1)" in client.get(address(people.eve)).content.decode()


@pytest.mark.parametrize("nasty", ["a\x00b", "a\u202eb", "a\ud800b".encode("utf-8", "replace").decode(), "x" * 10_000])
def test_text_that_cannot_be_kept_is_refused_and_not_an_error(
    nasty: str, people: People, officers: SimpleNamespace, visit: Visit
) -> None:
    client = visit(officers.administrator, confirmed=True)
    for name in ("name", "title", "email", "reason"):
        data = {"name": "Eve", "title": "", "email": "", "reason": WHY, name: nasty}
        assert client.post(address(people.eve, "edit"), data).status_code in (302, 400)
    officer = visit(officers.officer, confirmed=True)
    for name in ("group", "user", "valid_from", "reason"):
        data = {"group": "risk-team", "user": "eve", "reason": WHY, name: nasty}
        assert officer.post(address(Membership, "add"), data).status_code in (302, 400)


@pytest.mark.parametrize(
    "source",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "[" * 5_000,
        "!!python/object/apply:os.system ['true']",
        "slug: 2020-99-99\ntitle: x",
        "? [a]\n: b",
        "---\na: 1\n---\nb: 2",
        "\t\tslug: x",
        "slug: .nan\ntitle: .inf\npriority: 99999999999999999999999999",
        "x" * 300_000,
    ],
)
def test_hostile_yaml_is_refused_and_not_an_error(source: str, officers: SimpleNamespace, visit: Visit) -> None:
    client = visit(officers.officer, confirmed=True)
    answer = client.post(address(Policy, "add"), {"source": source, "reason": WHY})
    assert answer.status_code == 400


def test_no_command_leaves_more_than_its_event(people: People) -> None:
    """Django's own log of admin actions stays empty: there is one log."""
    from django.contrib.admin.models import LogEntry

    assert Event.objects.exists()
    assert not LogEntry.objects.exists()
