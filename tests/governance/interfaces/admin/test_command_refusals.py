"""Errors of admin actions: invalid, hostile, late or ineffective input is reported in the form."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db.models import Model

from governance.models import Policy
from governance.services import policies
from registry.models import (
    ChangeProposal,
    Grant,
    Membership,
    ReviewerGroup,
    User,
    VerificationKey,
)
from tests import factories
from tests.governance.checks import signing_made
from tests.governance.interfaces.admin.conftest import Recorded, Visit, address
from tests.governance.interfaces.admin.test_commands import POLICY, WHY, make_grant, make_policy
from tests.personas import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scene")]


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


def test_no_person_shuts_their_own_account(officers: SimpleNamespace, visit: Visit) -> None:
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
    assert '<span class="tag">models of tier 1 or 2</span>' in shown
    assert "Declared accepted" in shown
    assert "requires_assessed_tier: false" in client.get(address(made)).content.decode()


def test_a_command_that_came_too_late_says_so(people: People, officers: SimpleNamespace, visit: Visit) -> None:
    grant = make_grant(people)
    client = visit(officers.administrator, confirmed=True)
    url = address(grant, "revoke")
    assert client.post(url, {"reason": WHY}).status_code == 302
    answer = client.post(url, {"reason": WHY})

    assert answer.status_code == 400
    assert "already revoked or expired" in answer.content.decode()


def test_a_revision_of_one_policy_is_not_another_policy(
    people: People, officers: SimpleNamespace, visit: Visit
) -> None:
    policy = make_policy(people)
    client = visit(officers.officer, confirmed=True)
    other = POLICY.replace("into-staging", "another").replace("[staging]", "[archived]")
    answer = client.post(address(policy, "publish"), {"source": other, "reason": WHY})

    assert answer.status_code == 400
    assert "Line 1, field slug: This page proposes the next revision of into-staging" in answer.content.decode()
    assert not Policy.objects.filter(slug="another").exists()


def test_what_is_in_force_is_not_proposed(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    policy = make_policy(people)
    client = visit(officers.officer, confirmed=True)
    with recorded() as events:
        answer = client.post(address(policy, "publish"), {"source": POLICY, "reason": WHY}, follow=True)

    assert "has the same content" in answer.content.decode()
    assert events == []


def test_a_change_that_changes_nothing_writes_nothing(
    people: People, officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    eve = people.eve
    client = visit(officers.administrator, confirmed=True)
    with recorded() as events:
        same = {"name": eve.name, "title": eve.title, "email": eve.email, "reason": WHY}
        answer = client.post(address(eve, "edit"), same, follow=True)

    assert "Nothing was changed." in answer.content.decode()
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


def test_a_pasted_private_key_is_refused_and_not_shown_again(
    officers: SimpleNamespace, visit: Visit, recorded: Recorded
) -> None:
    private = signing_made.P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client = visit(officers.officer, confirmed=True)
    for reason in (WHY, ""):
        with recorded() as events:
            answer = client.post(
                address(VerificationKey, "add"), {**factories.KEY_FOR_ALL, "public_key": private, "reason": reason}
            )
        shown = answer.content.decode()
        assert "This is a private key" in shown
        assert private.splitlines()[1] not in shown
        assert events == []
    assert not ChangeProposal.objects.exists()
