"""What the admin site needs of the registry: reasons with the event, a group's record, the password given again."""

from __future__ import annotations

import pytest

from audit.selectors import private_values
from registry.access import actor_for
from registry.exceptions import InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import ReviewerGroup
from registry.services import groups, sign_in
from registry.services import people as accounts
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def test_a_person_who_administers_an_account_says_why_and_it_is_kept(people: People, recorded: Recorded) -> None:
    ada = actor_for(people.ada)
    with recorded() as events:
        made = accounts.register_person(actor=ada, username="noor", name="Noor Haddad", reason="joins the risk team")
        accounts.update_person(actor=ada, person=made, title="Analyst", reason="her new position")
        accounts.set_password(actor=ada, person=made, password=factories.PASSWORD, reason="her first day")
        accounts.create_group(
            actor=factories.SETUP, slug="risk", name="Risk", description="Tier 1", reason="a new desk"
        )

    assert [event.action for event in events] == [
        "person.registered",
        "person.updated",
        "person.password_set",
        "group.created",
    ]
    assert [private_values(event)["/reason"] for event in events] == [
        "joins the risk team",
        "her new position",
        "her first day",
        "a new desk",
    ]
    assert "Tier 1" in private_values(events[3]).values()


def test_a_reason_that_is_given_says_something(people: People) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        accounts.update_person(actor=actor_for(people.ada), person=people.eve, title="Guest", reason="  ")
    assert [error.pointer for error in refused.value.errors] == ["/reason"]


def test_an_officer_changes_what_a_group_is_called_and_is_for(people: People, recorded: Recorded) -> None:
    group, henrik = factories.group("risk-team"), actor_for(people.henrik)
    with recorded() as events:
        changed = groups.update_group(
            actor=henrik, group=group, name="Risk desk", description="Tier 1", reason="renamed by HR"
        )

    (event,) = events
    assert (event.action, event.thing_type, event.thing_id) == ("group.updated", "group", str(group.uid))
    assert [change["field"] for change in event.body["changes"]] == ["name", "description"]
    assert private_values(event) == {
        "/changes/0/from": "Risk Team",
        "/changes/0": "Risk desk",
        "/changes/1": "Tier 1",
        "/reason": "renamed by HR",
    }
    assert ReviewerGroup.objects.get(pk=group.pk).name == "Risk desk" == changed.name


def test_a_change_that_changes_nothing_writes_nothing(people: People, recorded: Recorded) -> None:
    group, henrik = factories.group("risk-team"), actor_for(people.henrik)
    with recorded() as events:
        groups.update_group(actor=henrik, group=group, name="Risk Team", reason="as it was")
    assert events == []


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "Business"}, "/name"),
        ({"description": "x" * 5_001}, "/description"),
        ({"name": "Fine", "reason": " "}, "/reason"),
    ],
)
def test_a_group_is_not_changed_into_anything(people: People, facts: dict[str, str], pointer: str) -> None:
    factories.group("business")
    group = factories.group("risk-team")
    with pytest.raises(ValidationFailedError) as refused:
        groups.update_group(actor=actor_for(people.henrik), group=group, **{"reason": "why not", **facts})
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_who_does_not_manage_groups_changes_none(people: People) -> None:
    group = factories.group("risk-team")
    for somebody in (people.ada, people.ingrid, people.eve):
        with pytest.raises(PermissionDeniedError):
            groups.update_group(actor=actor_for(somebody), group=group, name="Mine", reason="I want it")


def test_the_password_given_again_is_recorded_either_way(people: People, recorded: Recorded) -> None:
    henrik = people.henrik
    with recorded() as events:
        with pytest.raises(ValidationFailedError) as refused:
            sign_in.reauthenticate_to_administer(henrik, "wrong", pointer="/password")
        sign_in.reauthenticate_to_administer(henrik, factories.PASSWORD, pointer="/password")

    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/password", "wrong_password")]
    assert [(event.action, event.actor_id) for event in events] == [
        ("person.reauthentication_failed", henrik.uid),
        ("person.reauthenticated", henrik.uid),
    ]


def test_guessing_the_password_again_is_slow(people: People) -> None:
    henrik = people.henrik
    for _ in range(sign_in.PER_ACCOUNT_AND_ADDRESS):
        with pytest.raises(ValidationFailedError):
            sign_in.reauthenticate_to_administer(henrik, "wrong", pointer="/password")
    with pytest.raises(InvalidStateError) as refused:
        sign_in.reauthenticate_to_administer(henrik, factories.PASSWORD, pointer="/password")
    assert refused.value.code == "too_many_attempts"
