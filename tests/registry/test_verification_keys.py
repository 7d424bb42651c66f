"""Verification keys: two officers add one, one revokes it, and the database refuses anything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import clock
from audit.actor import process
from registry import selectors
from registry.access import actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import ChangeProposal, RegisteredModel, VerificationKey
from registry.services import verification_keys
from tests import factories
from tests.governance.checks.signing_made import ED25519, P256, pem
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db
WHY = "key ceremony of November"


def proposed(people: People, **changes: Any) -> ChangeProposal:
    given = {**factories.KEY_FOR_ALL, "reason": WHY, **changes}
    return verification_keys.propose(actor=actor_for(people.henrik), **given)


def added(people: People, **changes: Any) -> VerificationKey:
    return factories.verification_key(people.henrik, people.dorothy, **changes)


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def in_force(model: RegisteredModel, **later: float) -> list[str]:
    at = clock.now() + timedelta(**later)
    return [row["name"] for row in selectors.keys_in_force(model, at)]


def test_a_key_counts_from_the_second_signature_to_its_revocation(
    people: People, recorded: Recorded, model: RegisteredModel
) -> None:
    proposal = proposed(people)
    assert proposal.title.startswith("Add the verification key Risk team (ECDSA P-256, ")
    assert in_force(model) == []
    with pytest.raises(PermissionDeniedError, match="second person"):
        factories.confirm(proposal, people.henrik)
    second = people.dorothy
    with recorded() as events:
        factories.confirm(proposal, second)
    assert [event.action for event in events] == ["verification_key.added", "change.confirmed"]
    key = VerificationKey.objects.get()
    assert (key.algorithm, key.purposes, selectors.state_of(key)) == ("ecdsa-p256", ("signature",), "in_force")
    assert in_force(model) == ["Risk team"]
    with recorded() as events:
        verification_keys.revoke(actor=actor_for(people.henrik), key=key, reason="the laptop was lost")
    assert [event.action for event in events] == ["verification_key.revoked"]
    assert in_force(model) == []
    key.refresh_from_db()
    assert (selectors.state_of(key), key.revocation_reason) == ("revoked", "the laptop was lost")
    with pytest.raises(InvalidStateError, match="revoked already"):
        verification_keys.revoke(actor=actor_for(people.henrik), key=key, reason=WHY)
    with pytest.raises(ConflictError, match="a revoked key is not added again"):
        proposed(people, name="Again")
    assert added(people, public_key=pem(ED25519)).algorithm == "ed25519"


def test_the_span_and_the_model_limit_a_key(people: People, model: RegisteredModel) -> None:
    other = factories.model(people.priya, "churn")
    start = clock.now() + timedelta(days=1)
    key = added(people, model=model, valid_from=start, valid_until=start + timedelta(days=1))
    assert selectors.state_of(key) == "not_yet_valid"
    assert (in_force(model), in_force(model, hours=25), in_force(model, hours=49)) == ([], ["Risk team"], [])
    assert in_force(other, hours=25) == []
    with clock.freeze(start + timedelta(days=2)):
        assert selectors.state_of(key) == "expired"
        assert list(selectors.keys_changed_since(clock.now() - timedelta(days=1, minutes=1))) == [key]
        assert not selectors.keys_changed_since(clock.now() - timedelta(minutes=1)).exists()


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        (
            {"public_key": "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"},
            "/public_key",
            "private_key",
        ),
        ({"public_key": "x"}, "/public_key", "not_a_key"),
        ({"name": " "}, "/name", "required"),
        ({"owner": ""}, "/owner", "required"),
        ({"purposes": []}, "/purposes", "required"),
        ({"purposes": ["payroll"]}, "/purposes", "required"),
        ({"reason": ""}, "/reason", "required"),
        ({"valid_until": clock.now() - timedelta(days=1)}, "/valid_until", "not_later"),
    ],
)
def test_wrong_values_are_named(people: People, changes: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        proposed(people, **changes)
    assert (pointer, code) in {(fault.pointer, fault.code) for fault in caught.value.errors}
    assert not ChangeProposal.objects.exists()


def test_names_and_keys_are_registered_once(people: People) -> None:
    added(people)
    with pytest.raises(ConflictError, match="is registered"):
        proposed(people, name="Another")
    with pytest.raises(ConflictError, match="choose another name"):
        proposed(people, name="RISK TEAM", public_key=pem(ED25519))


def test_only_officers_add_and_revoke(people: People) -> None:
    key = added(people)
    for actor in (actor_for(people.priya), process("import")):
        with pytest.raises((PermissionDeniedError, NotFoundError)):
            verification_keys.propose(
                actor=actor, name="x", owner="x", public_key=pem(ED25519), purposes=["signature"], reason=WHY
            )
        with pytest.raises((PermissionDeniedError, NotFoundError)):
            verification_keys.revoke(actor=actor, key=key, reason=WHY)


def test_the_database_refuses_other_ways(people: People) -> None:
    key = added(people)
    again = (  # a second row by the proposal of the first
        "INSERT INTO registry_verificationkey (uid, opened_at, opened_event, name, owner, algorithm, public_key,"
        " key_id, for_signatures, for_provenance, valid_from, proposal_id) SELECT gen_random_uuid(), opened_at,"
        " opened_event, 'z', owner, algorithm, public_key, repeat('a', 64), true, true, valid_from, proposal_id"
        " FROM registry_verificationkey"
    )
    for statement in (
        "UPDATE registry_verificationkey SET public_key = 'x'",
        "UPDATE registry_verificationkey SET valid_until = NULL, name = 'y'",
        "UPDATE registry_verificationkey SET for_provenance = true",
        "DELETE FROM registry_verificationkey",
        "TRUNCATE registry_verificationkey",
        again,
    ):
        with pytest.raises(DatabaseError):
            execute(statement)
    key.refresh_from_db()
    assert key.closed_at is None


def test_a_row_without_the_confirmed_proposal_of_its_key_is_refused(people: People) -> None:
    """The guard compares the row with what the second officer signed."""
    waiting = proposed(people)
    row = VerificationKey(
        name="Risk team", owner="x", algorithm="ecdsa-p256", public_key=pem(P256), key_id=waiting.subject_id,
        for_signatures=True, for_provenance=False, valid_from=clock.now(), proposal=waiting,
        opened_at=waiting.opened_at, opened_event=waiting.opened_event,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="confirmed proposal"):
        save_at_once(row)


def save_at_once(row: VerificationKey) -> None:
    with transaction.atomic():
        row.save()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS registry_key_confirmed IMMEDIATE")
