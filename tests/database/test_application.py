"""What the application role could commit by raw SQL, and what the database refuses of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from audit.models import Event, Private
from governance.services import policies, setup
from registry.access import actor_for
from registry.models import ChangeProposal, SignInLink, User
from registry.services import instance, sign_in_links
from tests import factories
from tests.forging import event, refused, run
from tests.personas import People

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[[], Any]


@pytest.fixture
def present_only(superuser: Connect) -> Iterator[None]:
    """A database as in production: events carry the present time."""
    with superuser() as session, session.cursor() as cursor:
        cursor.execute("UPDATE fence.setting SET value = 'refused' WHERE name = 'dated events'")
    yield
    with session, session.cursor() as cursor:
        cursor.execute("UPDATE fence.setting SET value = 'allowed' WHERE name = 'dated events'")
    session.close()


@pytest.mark.parametrize(
    ("facts", "by"),
    [
        ({"at": "2019-01-01T00:00:00.000000Z"}, "it is dated 2019"),
        ({"at": (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")}, "it is dated"),
        ({"actor": {"type": "person", "id": "usr_nobody"}}, "there is no person usr_nobody"),
        ({"actor": {"type": "token", "id": "tok_none", "behind": "usr_nobody"}}, "there is no token"),
        ({"actor": {"type": "angel", "id": "gabriel"}}, "there is no kind of actor angel"),
        ({"actor": {"type": "process", "id": "Gabriel X"}}, "not the name of a process"),
        ({"actor": {"type": "process", "id": "worker", "behind": "usr_x"}}, "not the name of a process"),
        ({"log": "other.invalid/audit/1"}, "the log is named"),
        ({"action": "person.invented"}, "not in the register"),
    ],
)
def test_an_event_that_is_not_of_now_known_and_ours_is_refused(
    present_only: None, people: People, facts: dict[str, Any], by: str
) -> None:
    assert people.priya
    refused(by, lambda: event("model", "m", facts.pop("action", "model.updated"), **facts))
    with transaction.atomic():
        event("model", "m", "model.updated", actor={"type": "person", "id": people.priya.uid})


def test_a_token_acts_for_its_own_person(people: People) -> None:
    token, _ = factories.token(people.priya, ["models:read"])
    of = {"type": "token", "id": token.uid}
    refused("there is no token", lambda: event("model", "m", "model.updated", actor={**of, "behind": people.marta.uid}))
    with transaction.atomic():
        event("model", "m", "model.updated", actor={**of, "behind": people.priya.uid})


def test_dating_events_is_ended_and_not_begun_again(present_only: None) -> None:
    run("SELECT fence.refuse_dated_events()")
    refused("permission denied", lambda: run("UPDATE fence.setting SET value = 'allowed'"))


def test_power_changes_under_an_event_that_names_it(people: People) -> None:
    person = people.priya
    grab = "UPDATE registry_user SET {} WHERE id = %s"

    for action in ("person.signed_in", "person.signed_out", "token.issued", "grant.given"):
        refused(
            "no event of this transaction accounts for it",
            partial(event, "person", person.uid, action),
            lambda: run(grab.format("is_superuser = true"), person.pk),
        )
    for change in ("is_superuser = true", "is_staff = true", "is_active = false"):
        refused(
            "names the change of",
            lambda: event("person", person.uid, "person.password_set"),
            partial(run, grab.format(change), person.pk),
        )
    refused(
        "names the change of is_superuser",
        lambda: event(
            "person", person.uid, "person.updated", changes=[{"field": "is_superuser", "from": True, "to": False}]
        ),
        lambda: run(grab.format("is_superuser = true"), person.pk),
    )
    assert not User.objects.get(pk=person.pk).is_superuser


def test_production_is_not_unprotected_in_passing(people: People) -> None:
    factories.lifecycle()
    for action in ("model.updated", "person.signed_in", "promotion.promoted"):
        refused(
            "no event of this transaction accounts for it",
            partial(event, "stage", "production", action),
            lambda: run("UPDATE registry_stage SET protected = false WHERE slug = 'production'"),
        )
        refused(
            "no event of this transaction accounts for it",
            partial(event, "protected_alias", "champion", action),
            lambda: run("DELETE FROM registry_protectedalias"),
        )
    refused(
        "names the change of protected",
        lambda: event("stage", "production", "lifecycle.installed"),
        lambda: run("UPDATE registry_stage SET protected = false WHERE slug = 'production'"),
    )


def test_a_tier_changes_under_an_event_that_names_it(people: People) -> None:
    model = factories.model(people.priya, "credit", risk_tier=1)
    refused(
        "names the change of risk_tier",
        lambda: event("model", str(model.uid), "model.updated"),
        lambda: run("UPDATE registry_registeredmodel SET risk_tier = 3 WHERE id = %s", model.pk),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auth_permission SET codename = 'decide_promotion' WHERE codename = 'view_user'",
        "DELETE FROM auth_permission",
        "INSERT INTO auth_permission (name, content_type_id, codename) SELECT 'x', id, 'x' FROM django_content_type",
        "UPDATE django_content_type SET model = 'other'",
        "DELETE FROM django_content_type",
        "INSERT INTO django_content_type (app_label, model) VALUES ('x', 'y')",
        "TRUNCATE auth_permission CASCADE",
        "SELECT setval('registry_user_id_seq', 1)",
        "SELECT fence.strengthen_log()",
        "SELECT fence.end_migration('{}', '{}')",
    ],
)
def test_what_migrations_wrote_is_not_the_applications_to_write(statement: str) -> None:
    refused("permission denied", lambda: run(statement))


def test_private_texts_go_with_the_event_that_erases_them(people: People) -> None:
    assert people.marta
    assert people.priya
    kept = Private.objects.all()[0]
    about = Event.objects.get(event_id=kept.event_id)
    refused("no event of this transaction erases", lambda: run("DELETE FROM audit_private"))
    refused(
        "no event of this transaction erases",
        lambda: event("event", str(about.event_id), "person.updated"),
        lambda: run("DELETE FROM audit_private WHERE event_id = %s", about.event_id),
    )
    refused(
        "no event of this transaction erases",
        lambda: event("event", str(about.event_id), "privacy.erased"),
        lambda: run("DELETE FROM audit_private"),
    )
    with transaction.atomic():
        event("event", str(about.event_id), "privacy.erased")
        run("DELETE FROM audit_private WHERE event_id = %s", about.event_id)


def test_a_card_is_its_digest(people: People) -> None:
    factories.lifecycle()
    model = factories.model(people.priya, "credit")
    version = factories.version(model, people.priya, {"a.bin": b"a"}, card="# Card")
    add = (
        "INSERT INTO registry_modelcard (uid, version_id, text, sha256, revision, added_by_id, added_at) "
        "VALUES (gen_random_uuid(), %s, '# Other', %s, 9, %s, now())"
    )
    refused(
        "is not the SHA-256",
        lambda: event("version", str(version.uid), "card.added"),
        lambda: run(add, version.pk, hashlib.sha256(b"# Card").hexdigest(), people.priya.pk),
    )


POLICY = """
slug: into-staging
title: Into Staging
applies_to: {stages: [staging]}
checks: [{check: integrity.digest}]
"""


def test_a_single_officer_is_declared_under_an_event_that_names_it(people: People) -> None:
    assert people.henrik
    declared = instance.declare_single_officer(actor=setup.INSTALLER, reason="a team of three")
    switch_off = "UPDATE registry_instance SET single_officer = false"
    for action, changes in (
        ("instance.single_officer_ended", []),
        ("instance.created", [{"field": "single_officer", "from": True, "to": False}]),
        ("instance.single_officer_ended", [{"field": "single_officer", "from": False, "to": True}]),
    ):
        refused(
            "names the change of single_officer",
            partial(event, "instance", str(declared.uid), action, changes=changes),
            lambda: run(switch_off),
        )
    with transaction.atomic():
        named = [{"field": "single_officer", "from": True, "to": False}]
        event("instance", str(declared.uid), "instance.single_officer_ended", changes=named)
        run(switch_off)


def test_a_single_officer_is_not_declared_around_a_confirmation(people: People) -> None:
    factories.lifecycle()
    henrik = actor_for(people.henrik)
    row = instance.record_instance(actor=setup.INSTALLER)

    def switch(on: bool) -> None:
        action = "instance.single_officer_declared" if on else "instance.single_officer_ended"
        event("instance", str(row.uid), action, changes=[{"field": "single_officer", "from": not on, "to": on}])
        run("UPDATE registry_instance SET single_officer = %s", on)

    def decide() -> None:
        policies.propose(actor=henrik, source=POLICY, reason="the first rules")

    refused("its transaction changes single_officer", lambda: switch(True), decide)
    with transaction.atomic():
        switch(True)
    refused("in the transaction of a confirmation that rests on it", decide, lambda: switch(False))
    decide()
    assert ChangeProposal.objects.get().single_officer


def test_the_secret_of_a_link_that_left_stays(people: People) -> None:
    forge = "UPDATE registry_signinlink SET digest = sha256('mine') WHERE id = %s"
    shown, _ = sign_in_links.issue_link(
        actor=actor_for(people.ada), person=people.marta, way="shown", reason="she has no password of hers"
    )
    mailed, _ = sign_in_links.issue_link(
        actor=actor_for(people.ada), person=people.priya, way="mailed", reason="she has no password of hers"
    )
    assert sign_in_links.take_for_mailing(mailed.pk) is not None
    assert sign_in_links.take_for_mailing(mailed.pk) is not None, "again, where the message could not be sent"
    sign_in_links.mark_mailed(SignInLink.objects.get(pk=mailed.pk))
    for left in (shown, mailed):
        refused("the secret of a link that left stays", partial(run, forge, left.pk))
        refused("the secret of a link that left stays", partial(run, forge.replace("sha256('mine')", "NULL"), left.pk))
