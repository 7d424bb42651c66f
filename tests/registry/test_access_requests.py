"""Asking for a role: what may be asked, who answers, once; and that asking tells nobody what exists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import clock
from audit.actor import process
from registry import access, selectors
from registry.access import Permission, Role, actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import AccessRequest, Grant, RegisteredModel
from registry.services import access_requests as asking
from registry.services import people as accounts
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded
from tests.registry.test_concurrency import at_once, refusals

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def asked(people: People, slug: str = "credit-risk-pd", role: Role = Role.DEVELOPER, days: float = 60) -> AccessRequest:
    return asking.create_access_request(
        actor=actor_for(people.eve), slug=slug, role=role, purpose="the winter project", until=clock.now() + days * DAY
    )


def test_from_asking_to_the_end(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    eve, priya = actor_for(people.eve), actor_for(people.priya)
    with recorded() as events:
        request = asked(people)
    assert [event.action for event in events] == ["access.requested"]
    assert (request.state, request.model) == ("asked", model)
    assert not access.check_permission(eve, Permission.VIEW, model), "asking gives nothing"
    assert list(selectors.access_requests_to_answer(priya)) == [request]
    sooner = clock.now() + 10 * DAY
    with recorded() as events:
        asking.grant(actor=priya, request=request, until=sooner, reason="for ten days")
    assert [event.action for event in events] == ["access.granted", "grant.given"]
    request = selectors.access_request(eve, request.pk)
    assert (request.state, request.answer, request.answered_by) == ("granted", "for ten days", people.priya.uid)
    assert request.grant.expires_at == sooner
    assert access.check_permission(eve, Permission.REQUEST_PROMOTION, model)
    assert not selectors.access_requests_to_answer(priya).exists()
    with clock.freeze(sooner):
        assert not access.check_permission(eve, Permission.VIEW, model)
        assert selectors.access_request(eve, request.pk).state == "granted"
    connection.check_constraints()


def test_asking_does_not_tell_what_exists(people: People, model: RegisteredModel) -> None:
    eve = actor_for(people.eve)
    there, absent = asked(people), asked(people, "no-such-model")
    assert (there.state, there.role, there.answer) == (absent.state, absent.role, absent.answer)
    assert list(selectors.own_access_requests(eve)) == [absent, there]
    assert not selectors.access_requests_to_answer(eve).exists()
    with pytest.raises(NotFoundError):
        asking.deny(actor=actor_for(people.ada), request=absent, reason="there is none")
    with clock.freeze(clock.now() + 31 * DAY):
        assert asking.overdue_ids() == [there.pk, absent.pk]
        assert all(asking.expire(pk) for pk in asking.overdue_ids())
    assert {request.state for request in selectors.own_access_requests(eve)} == {"lapsed"}


def test_what_may_not_be_asked(people: People, model: RegisteredModel) -> None:
    eve = actor_for(people.eve)
    for change, pointer in (
        ({"slug": "Not A Name"}, "/model"),
        ({"role": "auditor"}, "/role"),
        ({"role": "emperor"}, "/role"),
        ({"purpose": "  "}, "/purpose"),
        ({"until": clock.now() - DAY}, "/until"),
        ({"until": clock.now() + 181 * DAY}, "/until"),
    ):
        given: dict[str, Any] = {"slug": model.slug, "role": "viewer", "purpose": "p", **change}
        with pytest.raises(ValidationFailedError) as refused:
            asking.create_access_request(actor=eve, **given)
        assert [error.pointer for error in refused.value.errors] == [pointer]
    robot = actor_for(people.ci_retail)
    for nobody in (robot, process("gate"), people.token_of(people.eve, "versions:write")):
        with pytest.raises(PermissionDeniedError):
            asking.create_access_request(actor=nobody, slug=model.slug, role="viewer", purpose="p")
    elsewhere = people.token_of(people.eve, "models:read", models=["other"])
    with pytest.raises(PermissionDeniedError) as barred:
        asking.create_access_request(actor=elsewhere, slug=model.slug, role="viewer", purpose="p")
    assert barred.value.code == "token_limited"
    request = asked(people)
    with pytest.raises(ConflictError) as twice:
        asked(people, role=Role.VIEWER)
    assert twice.value.existing == request
    with pytest.raises(ConflictError):
        asking.create_access_request(actor=actor_for(people.priya), slug=model.slug, role="owner", purpose="p")


def test_not_too_many_at_a_time(people: People, lifecycle: None) -> None:
    for number in range(asking.MOST_OPEN):
        asked(people, f"guess-{number}")
    with pytest.raises(InvalidStateError) as refused:
        asked(people, "one-guess-more")
    assert refused.value.code == "too_many_open"


def test_who_answers(people: People, model: RegisteredModel) -> None:
    request = asked(people)
    henrik, eve, chen = actor_for(people.henrik), actor_for(people.eve), actor_for(people.chen)
    with pytest.raises(PermissionDeniedError) as refused:
        asking.grant(actor=henrik, request=request)
    assert refused.value.who_can == ("Priya Nair",)
    with pytest.raises(NotFoundError):
        asking.grant(actor=chen, request=request)
    with pytest.raises(PermissionDeniedError) as refused:
        asking.grant(actor=eve, request=request)
    assert refused.value.code == "self_grant"
    token = people.token_of(people.priya, *access.SCOPES)
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        asking.grant(actor=token, request=request)
    with pytest.raises(PermissionDeniedError):
        asking.withdraw(actor=actor_for(people.priya), request=request)
    with pytest.raises(ValidationFailedError):
        asking.deny(actor=actor_for(people.priya), request=request, reason=" ")
    asking.deny(actor=actor_for(people.priya), request=request, reason="not in this project")
    assert selectors.access_request(eve, request.pk).answer == "not in this project"
    assert not Grant.objects.filter(user=people.eve).exists()
    with pytest.raises(InvalidStateError) as late:
        asking.grant(actor=actor_for(people.priya), request=request)
    assert late.value.code == "already_answered"


def test_an_owner_may_shorten_and_not_lengthen(people: People, model: RegisteredModel) -> None:
    request, priya = asked(people), actor_for(people.priya)
    for end in (clock.now() + 61 * DAY, clock.now() - DAY):
        with pytest.raises(ValidationFailedError) as refused:
            asking.grant(actor=priya, request=request, until=end)
        assert refused.value.errors[0].pointer == "/until"
    with clock.freeze(clock.now() + 61 * DAY), pytest.raises(InvalidStateError):
        asking.grant(actor=priya, request=request)
    accounts.deactivate(actor=factories.SETUP, person=people.eve, reason="left")
    with pytest.raises(ValidationFailedError):
        asking.grant(actor=priya, request=request)


def test_a_role_that_ends_is_renewed_by_asking(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    first = factories.grant(Role.VIEWER, to=people.eve, on=model, expires_at=clock.now() + 5 * DAY)
    request = asked(people, role=Role.VIEWER)
    with recorded() as events:
        asking.grant(actor=actor_for(people.priya), request=request)
    assert [event.action for event in events] == ["access.granted", "grant.revoked", "grant.given"]
    assert Grant.objects.get(pk=first.pk).closed_at is not None
    with clock.freeze(clock.now() + 30 * DAY):
        assert access.check_permission(actor_for(people.eve), Permission.VIEW, model)


def test_withdrawing(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    request = asked(people)
    with recorded() as events:
        asking.withdraw(actor=actor_for(people.eve), request=request)
    assert [event.action for event in events] == ["access.withdrawn"]
    assert not selectors.access_requests_to_answer(actor_for(people.priya)).exists()
    assert asked(people).pk != request.pk, "one may ask anew"


def test_who_knows_of_a_request(people: People, model: RegisteredModel) -> None:
    request = asked(people)
    for reader in (people.eve, people.priya, people.henrik, people.ingrid, people.ada):
        assert selectors.access_request(actor_for(reader), request.pk) == request
        assert list(selectors.access_requests(actor_for(reader))) == [request]
    factories.grant(Role.VIEWER, to=people.chen, on=model)
    for reader in (people.chen, people.marta):
        assert not selectors.access_requests(actor_for(reader)).exists()
        with pytest.raises(NotFoundError):
            selectors.access_request(actor_for(reader), request.pk)
    blind = people.token_of(people.eve, "versions:write")
    with pytest.raises(PermissionDeniedError):
        selectors.access_requests(blind)
    assert not selectors.own_access_requests(blind).exists()


def test_what_was_asked_and_answered_stays(people: People, model: RegisteredModel) -> None:
    request = asked(people)
    with pytest.raises(DatabaseError), transaction.atomic():
        AccessRequest.objects.filter(pk=request.pk).update(role="owner")
    asking.deny(actor=actor_for(people.priya), request=request, reason="no")
    with pytest.raises(DatabaseError), transaction.atomic():
        AccessRequest.objects.filter(pk=request.pk).update(outcome="granted")
    with pytest.raises(DatabaseError), transaction.atomic():
        AccessRequest.objects.filter(pk=request.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_are_one(people: People) -> None:
    factories.lifecycle()
    model = factories.model(people.priya, "credit-risk-pd")
    factories.grant(Role.OWNER, to=people.chen, on=model)
    request = asked(people)
    results = at_once(
        lambda: asking.grant(actor=actor_for(people.priya), request=request),
        lambda: asking.deny(actor=actor_for(people.chen), request=request, reason="no"),
    )
    (refusal,) = refusals(results)
    assert refusal.code == "already_answered"
    outcome = AccessRequest.objects.get().outcome
    assert Grant.objects.filter(user=people.eve).exists() == (outcome == "granted")
