"""Every admin action calls its service and records exactly its event, with actor and reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Model
from django.urls import reverse

from audit import clock
from audit.models import Event
from audit.selectors import private_values
from governance.interfaces.admin.urls import ADMINS
from governance.models import Delegation, Policy, PolicyRevision
from governance.services import delegations, policies
from registry import totp
from registry.access import Role, actor_for
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
    VerificationKey,
)
from registry.services import account_controls, instance, questionnaires, second_factors, signing_locks
from registry.services import lifecycle as lifecycle_service
from registry.services import people as accounts
from tests import factories
from tests.governance.interfaces.admin.conftest import Recorded, Visit, address
from tests.personas import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scene")]

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


def make_grant(people: People) -> Grant:
    return factories.grant(Role.AUDITOR, to=people.eve)


def _token(people: People) -> AccessToken:
    return factories.token(people.priya, ["models:read"])[0]


def make_policy(people: People) -> Policy:
    return policies.publish(actor=factories.SETUP, source=POLICY, reason="the first").policy


def _scheduled_policy(people: People) -> Policy:
    policy = make_policy(people)
    proposal = policies.propose(
        actor=actor_for(people.henrik),
        source=POLICY.replace("title: Into Staging", "title: Into Staging, later"),
        reason="from next week",
        in_force_from=clock.now() + timedelta(days=7),
    )
    factories.confirm(proposal, people.dorothy)
    return policy


def _instance(people: People) -> Instance:
    return instance.record_instance(actor=factories.SETUP)


def _single_officer(people: People) -> Instance:
    """Declared by command while there was one officer; a second one joined since."""
    made = instance.declare_single_officer(actor=factories.SETUP, reason="one officer at first")
    assert people.dorothy
    return made


def _questionnaire(people: People) -> QuestionnaireRevision:
    return questionnaires.publish(actor=factories.SETUP, source=STARTER, reason="the first")


def _key(people: People) -> VerificationKey:
    return factories.verification_key(people.dorothy, people.henrik)


def _alias(people: People) -> ProtectedAlias:
    made = lifecycle_service.change_alias_protection(
        actor=factories.SETUP, name="blue", protected=True, stage="production", reason="blue serves"
    )
    assert made is not None
    return made


def _delegation(people: People) -> Delegation:
    return delegations.grant_delegation(
        actor=actor_for(people.marta),
        delegate=people.aiko.username,
        valid_until=clock.now() + timedelta(days=7),
        password=factories.PASSWORD,
    )


def _locked_account(people: People) -> User:
    for _ in range(settings.COUNTERSIGN_SIGNING_ATTEMPTS):
        signing_locks.count_failure(people.eve)
    return people.eve


def _enrolled_account(people: People) -> User:
    offered = second_factors.begin(people.eve)
    code = totp.code_of(offered.secret, totp.step_at(clock.now()))
    second_factors.enrol(actor=actor_for(people.eve), person=people.eve, ticket=offered.ticket, code=code)
    return people.eve


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
    Case(User, "unlock", "administrator", "person.signing_unlocked", {}, _locked_account),
    Case(User, "second-factor", "administrator", "person.second_factor_cleared", {}, _enrolled_account),
    Case(Delegation, "revoke", "officer", "delegation.revoked", {}, _delegation),
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
    Case(Grant, "revoke", "administrator", "grant.revoked", {}, make_grant),
    Case(AccessToken, "revoke", "administrator", "token.revoked", {}, _token),
    Case(Policy, "add", "officer", "change.proposed", {"source": POLICY.replace("\n", "\r\n")}),
    Case(
        Policy,
        "publish",
        "officer",
        "change.proposed",
        {"source": POLICY.replace("title: Into Staging", "title: Into Staging, stricter")},
        make_policy,
    ),
    Case(Policy, "retire", "officer", "change.proposed", {}, make_policy),
    Case(Policy, "cancel", "officer", "policy.cancelled", {}, _scheduled_policy),
    Case(QuestionnaireRevision, "add", "officer", "change.proposed", {"source": STARTER}),
    Case(
        QuestionnaireRevision,
        "publish",
        "officer",
        "change.proposed",
        {"source": STRICTER.replace("\n", "\r\n")},
        _questionnaire,
    ),
    Case(
        VerificationKey, "add", "officer", "change.proposed", {**factories.KEY_FOR_ALL, "model": "", "valid_until": ""}
    ),
    Case(VerificationKey, "revoke", "officer", "verification_key.revoked", {}, _key),
    Case(Instance, "confirm-setup", "officer", "change.proposed", {}, _instance),
    Case(Instance, "end-single-officer", "officer", "instance.single_officer_ended", {}, _single_officer),
]

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_command_of_the_site_is_tried_here() -> None:
    there = {
        (kind, command.name)
        for kind, model_admin in ADMINS.items()
        for command in (*model_admin.commands, *([model_admin.adding] if model_admin.adding is not None else []))
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
    assert private_values(event)["/reason"] == WHY
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
def test_a_person_who_may_not_is_shown_who_can_help(
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
    assert PolicyRevision.objects.in_force().get(policy__slug="into-staging").source == POLICY


def _signature(proposal: ChangeProposal) -> dict[str, str]:
    return {"confirm-digest": proposal.digest, "confirm-password": factories.PASSWORD}


def test_no_command_leaves_more_than_its_event(people: People) -> None:
    """Django's own log of admin actions stays empty: there is one log."""
    from django.contrib.admin.models import LogEntry

    assert Event.objects.exists()
    assert not LogEntry.objects.exists()
