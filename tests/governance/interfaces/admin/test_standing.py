"""Access to the admin site: every role, every model admin and every page, from one table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client

from audit.models import Event
from governance.interfaces.admin.urls import ADMINS
from governance.models import (
    CheckRun,
    Comment,
    Decision,
    Delegation,
    EmergencyChange,
    Finding,
    Impact,
    Policy,
    PolicyRevision,
    PromotionRequest,
    Waiver,
)
from registry.models import (
    AccessToken,
    Assessment,
    ChangeProposal,
    Grant,
    Instance,
    Membership,
    PeriodicReview,
    ProtectedAlias,
    QuestionnaireRevision,
    RegisteredModel,
    ReviewerGroup,
    Stage,
    StageMove,
    User,
    VerificationKey,
)
from tests.governance.interfaces.admin.conftest import Visit, address

pytestmark = pytest.mark.django_db

READ_ONLY = (PolicyRevision, PromotionRequest, CheckRun, Decision, RegisteredModel, Stage, StageMove,
             Assessment, PeriodicReview, ChangeProposal, Comment,
             Finding, Waiver, Impact, EmergencyChange)  # fmt: skip
OFFICERS = (ReviewerGroup, Membership, Policy, QuestionnaireRevision, Instance, ProtectedAlias, VerificationKey,
            Delegation)  # fmt: skip
ADMINISTRATORS = (User, Grant, AccessToken)
EVERYTHING = {*READ_ONLY, *OFFICERS, *ADMINISTRATORS, Event}

TABLE: dict[str, tuple[set[Any], set[Any]]] = {
    # who: (what they look at, what they change)
    "officer": (EVERYTHING, set(OFFICERS)),
    "auditor": (EVERYTHING, set()),
    "administrator": (EVERYTHING - {Event}, set(ADMINISTRATORS)),
    "superuser": (EVERYTHING - {Event}, set(ADMINISTRATORS)),
    "nobody": (set(), set()),
}
PAGES = ("changelist", "change", "history")


def status(client: Client, url: str) -> int:
    return client.get(url).status_code


def test_the_table_contains_every_model_admin() -> None:
    assert set(ADMINS) == EVERYTHING


@pytest.mark.parametrize("who", TABLE)
def test_every_page_opens_to_whom_it_should(
    who: str, rows: dict[type[Model], Any], officers: SimpleNamespace, visit: Visit
) -> None:
    sees, changes = TABLE[who]
    client = visit(getattr(officers, who))
    expected: dict[str, int] = {"index": 200 if sees else 403}
    found = {"index": status(client, "/admin/")}
    for kind, model_admin in ADMINS.items():
        for page in PAGES:
            name = f"{kind.__name__} {page}"
            url = address(kind, page) if page == "changelist" else address(rows[kind], page)
            found[name] = status(client, url)
            expected[name] = 403 if kind not in sees else 302 if (kind, page) == (Event, "change") else 200
        found[f"{kind.__name__} add"] = status(client, address(kind, "add"))
        expected[f"{kind.__name__} add"] = 302 if kind in changes and model_admin.adding is not None else 403
        for command in model_admin.commands:
            found[f"{kind.__name__} {command.name}"] = status(client, address(rows[kind], command.name))
            expected[f"{kind.__name__} {command.name}"] = 302 if kind in changes else 403

    assert found == expected


@pytest.mark.parametrize("who", TABLE)
def test_a_page_offers_what_its_reader_may_do_and_nothing_else(
    who: str, rows: dict[type[Model], Any], officers: SimpleNamespace, visit: Visit
) -> None:
    sees, changes = TABLE[who]
    client = visit(getattr(officers, who))
    index = client.get("/admin/").content.decode()
    for kind, model_admin in ADMINS.items():
        assert (f'href="{address(kind, "changelist")}"' in index) == (kind in sees), kind
        assert (f'href="{address(kind, "add")}"' in index) == (kind in changes and model_admin.adding is not None), kind
    for kind in (User, ReviewerGroup, Policy):
        shown = client.get(address(rows[kind])).content.decode()
        for command in ADMINS[kind].commands:
            may = kind in changes and command.is_available(rows[kind])
            assert (f'href="{address(rows[kind], command.name)}"' in shown) == may, (kind, command.name)


def test_a_request_without_session_is_led_to_the_products_own_sign_in(
    rows: dict[type[Model], Any], visit: Visit
) -> None:
    client = visit()
    for url in ("/admin/", address(User, "changelist"), address(rows[User]), address(User, "add"), "/admin/confirm/"):
        answer = client.get(url)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={url}")
    assert client.post(address(rows[User], "deactivate"), {"reason": "because"}).status_code == 302
    for gone in ("login/", "logout/", "password_change/", "r/1/1/"):
        assert visit().get(f"/admin/{gone}").status_code == 404


def test_a_person_who_has_no_role_here_is_shown_who_can_help(officers: SimpleNamespace, visit: Visit) -> None:
    shown = visit(officers.nobody).get("/admin/").content.decode()
    assert "for compliance officers, auditors and administrators" in shown
    assert "Who can help" in shown
    assert "Noor Haddad" in shown


def test_a_deactivated_officer_is_out(officers: SimpleNamespace, visit: Visit) -> None:
    from registry.services import people
    from tests import factories

    client = visit(officers.officer, confirmed=True)
    people.deactivate(actor=factories.SETUP, person=officers.officer, reason="left")
    assert client.get("/admin/").status_code == 302


def test_a_role_that_is_taken_back_closes_the_site_at_once(officers: SimpleNamespace, visit: Visit) -> None:
    from registry import access
    from tests import factories

    client = visit(officers.auditor)
    assert status(client, "/admin/") == 200
    access.revoke_role(actor=factories.SETUP, grant=Grant.objects.get(user=officers.auditor), reason="rotates")
    assert status(client, "/admin/") == 403


def test_is_staff_and_superuser_flags_alone_give_nothing_of_the_officers(
    officers: SimpleNamespace, visit: Visit
) -> None:
    """Ada is both: she administers accounts, publishes no policy and reads no log."""
    client = visit(officers.superuser, confirmed=True)
    assert status(client, address(Policy, "add")) == 403
    assert status(client, address(ReviewerGroup, "add")) == 403
    assert status(client, address(Event, "changelist")) == 403


def test_the_history_of_what_one_does_not_manage_is_for_readers_of_the_log(
    rows: dict[type[Model], Any], officers: SimpleNamespace, visit: Visit
) -> None:
    group = address(rows[ReviewerGroup], "history")
    assert "No event you may read" in visit(officers.administrator).get(group).content.decode()
    assert "group.created" in visit(officers.auditor).get(group).content.decode()
    assert "person.registered" in visit(officers.administrator).get(address(rows[User], "history")).content.decode()
