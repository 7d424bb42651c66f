"""Access tokens: told once, refused the moment anything is off."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from audit import clock
from audit.actor import ActorKind
from registry.access import actor_for
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import AccessToken, TokenUse
from registry.services import people as accounts
from registry.services import tokens
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def soon() -> datetime:
    return clock.now() + timedelta(days=1)


def test_a_token_signs_in_as_itself_with_its_person_behind_it(people: People, recorded: Recorded) -> None:
    priya = people.priya
    with recorded() as events:
        token, secret = tokens.issue(
            actor=actor_for(priya),
            person=priya,
            name="laptop",
            scopes=["versions:write", "models:read"],
            expires_at=soon(),
            model_slugs=["credit-risk-pd"],
        )
    actor = tokens.authenticate(secret, "192.0.2.7")
    assert actor is not None
    assert (actor.kind, actor.id, actor.person) == (ActorKind.TOKEN, token.uid, priya.uid)
    assert actor.person_pk == priya.pk
    assert actor.scopes == frozenset({"versions:write", "models:read"})
    assert actor.models == frozenset({"credit-risk-pd"})
    assert [(e.action, e.actor_id, e.thing_id) for e in events] == [("token.issued", priya.uid, token.uid)]
    assert secret not in bytes(events[0].leaf).decode()
    connection.check_constraints()


def test_only_a_hash_is_kept(people: People) -> None:
    token, secret = factories.token(people.priya, ["models:read"])
    kept = AccessToken.objects.get(pk=token.pk)
    assert bytes(kept.digest) == hashlib.sha256(secret.encode()).digest()
    assert kept.prefix == secret[:11]
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM registry_accesstoken t WHERE id = %s", [token.pk])
        (row,) = cursor.fetchone()
    assert secret[11:] not in row


@given(st.integers(0, 48), st.sampled_from("0aZ"))
def test_one_wrong_character_is_seen_without_the_database(place: int, other: str) -> None:
    secret = tokens.new_secret()
    assert tokens.is_well_formed(secret)
    assert len(secret) == 49
    changed = secret[:place] + other + secret[place + 1 :]
    assert tokens.is_well_formed(changed) == (changed == secret)


def test_what_is_no_token_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        for text in ("", "cs_", "x" * 49, "cs_" + "é" * 46, "cs_" + "a" * 46, tokens.new_secret() + "0"):
            assert tokens.authenticate(text) is None


def test_signing_in_is_one_query_and_one_note_a_minute(
    people: People, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, secret = factories.token(people.priya, ["models:read"])
    start = clock.now()
    with clock.freeze(start):
        assert tokens.authenticate(secret, "192.0.2.7")
    with clock.freeze(start + timedelta(seconds=59)), django_assert_num_queries(1):
        assert tokens.authenticate(secret, "192.0.2.8")
    assert TokenUse.objects.get(token=token).last_address == "192.0.2.7"
    with clock.freeze(start + timedelta(seconds=60)):
        assert tokens.authenticate(secret, "not an address")
    use = TokenUse.objects.get(token=token)
    assert (use.last_used_at, use.last_address) == (start + timedelta(seconds=60), None)
    connection.check_constraints()


def test_a_token_that_ended_is_no_token(people: People, recorded: Recorded) -> None:
    _, expired = factories.token(people.priya, ["models:read"], days=1)
    revoked_token, revoked = factories.token(people.priya, ["models:read"])
    _, orphan = factories.token(people.eve, ["models:read"])
    assert all(tokens.authenticate(secret) for secret in (expired, revoked, orphan))
    with clock.freeze(clock.now() + timedelta(days=1, seconds=1)):
        assert tokens.authenticate(expired) is None
    with recorded() as events:
        tokens.revoke(actor=actor_for(people.priya), token=revoked_token, reason="leaked")
    assert [(e.action, e.thing_id) for e in events] == [("token.revoked", revoked_token.uid)]
    assert tokens.authenticate(revoked) is None
    with pytest.raises(InvalidStateError):
        tokens.revoke(actor=actor_for(people.priya), token=revoked_token, reason="leaked")
    accounts.deactivate(actor=actor_for(people.ada), person=people.eve, reason="left")
    assert tokens.authenticate(orphan) is None


def test_no_person_issues_a_token_in_another_persons_name(people: People) -> None:
    for actor in (actor_for(people.ada), actor_for(people.eve)):
        with pytest.raises(PermissionDeniedError):
            tokens.issue(actor=actor, person=people.priya, name="n", scopes=["models:read"], expires_at=soon())
    with pytest.raises(PermissionDeniedError) as refused:
        tokens.issue(
            actor=people.token_of(people.priya, "models:write"),
            person=people.priya,
            name="n",
            scopes=["models:read"],
            expires_at=soon(),
        )
    assert refused.value.code == "person_required"
    for_machine, _ = tokens.issue(
        actor=actor_for(people.ada), person=people.ci_retail, name="n", scopes=["models:read"], expires_at=soon()
    )
    assert for_machine.person == people.ci_retail


def test_another_persons_token_is_not_there(people: People) -> None:
    token, _ = factories.token(people.priya, ["models:read"])
    with pytest.raises(NotFoundError):
        tokens.revoke(actor=actor_for(people.eve), token=token, reason="mine now")
    with pytest.raises(PermissionDeniedError):
        tokens.revoke(actor=people.token_of(people.priya, "models:read"), token=token, reason="a sibling")
    tokens.revoke(actor=actor_for(people.ada), token=token, reason="leaked")


@pytest.mark.parametrize(
    ("facts", "pointer", "code"),
    [
        ({"scopes": []}, "/scopes", "required"),
        ({"scopes": ["decide"]}, "/scopes", "unknown_scope"),
        ({"name": ""}, "/name", "required"),
        ({"model_slugs": []}, "/model_slugs", "required"),
        ({"model_slugs": ["No Slug"]}, "/model_slugs/0", "slug"),
        ({"expires_at": timedelta(0)}, "/expires_at", "lifetime"),
        ({"expires_at": timedelta(days=367)}, "/expires_at", "lifetime"),
    ],
)
def test_what_a_token_may_not_be(people: People, facts: dict[str, object], pointer: str, code: str) -> None:
    given = {"name": "n", "scopes": ["models:read"], "expires_at": timedelta(days=1), **facts}
    assert isinstance(given["expires_at"], timedelta)
    given["expires_at"] = clock.now() + given["expires_at"]
    with pytest.raises(ValidationFailedError) as refused:
        tokens.issue(actor=actor_for(people.priya), person=people.priya, **given)  # type: ignore[arg-type]  # the arguments of the case have many types
    assert [(error.pointer, error.code) for error in refused.value.errors] == [(pointer, code)]
