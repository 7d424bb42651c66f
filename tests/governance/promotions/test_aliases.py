"""Aliases: pointed by asking, taken off where nobody guards them, never off where the gate does."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from audit import recorder
from audit.models import Event
from audit.recorder import ObjectRef
from governance import promotions
from governance.actions import ALIAS_REMOVED
from registry import stage_transitions
from registry.exceptions import (
    InvalidStateError,
    InvalidTransitionError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion
from tests.governance.promotions.conftest import Bank


def pointed(bank: Bank, name: str = "shadow") -> ModelVersion:
    version = bank.version()
    promotions.request(actor=bank.actor("priya"), version=version, target_alias=name, reason="to try")
    return version


def test_a_free_alias_is_taken_off_on_the_record(bank: Bank) -> None:
    version = pointed(bank)

    left = promotions.remove_alias(actor=bank.actor("priya"), model=bank.model, name="shadow", reason="trial is over")

    assert left == version
    assert not AliasAssignment.objects.filter(IS_CURRENT, model=bank.model).exists()
    event = Event.objects.latest("id")
    assert event.action == "alias.removed"
    assert f"version:{version.uid}" in event.touched
    held = AliasAssignment.objects.get(model=bank.model, name="shadow")
    assert held.closed_event == event.event_id


def test_an_alias_that_is_not_there_is_not_found(bank: Bank) -> None:
    with pytest.raises(NotFoundError, match="no alias “shadow”"):
        promotions.remove_alias(actor=bank.actor("priya"), model=bank.model, name="shadow", reason="why not")


def test_it_needs_a_reason_and_the_permission_that_points_it(bank: Bank) -> None:
    pointed(bank)
    with pytest.raises(ValidationFailedError):
        promotions.remove_alias(actor=bank.actor("priya"), model=bank.model, name="shadow", reason=" ")
    with pytest.raises(PermissionDeniedError):
        promotions.remove_alias(actor=bank.actor("marta"), model=bank.model, name="shadow", reason="why not")
    assert AliasAssignment.objects.filter(IS_CURRENT, model=bank.model).exists()


def test_pointing_it_where_it_points_is_refused(bank: Bank) -> None:
    version = pointed(bank)
    with pytest.raises(InvalidTransitionError) as refused:
        promotions.request(actor=bank.actor("priya"), version=version, target_alias="shadow", reason="again")
    assert refused.value.code == "already_there"


def test_a_protected_alias_is_never_taken_off(bank: Bank) -> None:
    version = in_production(bank)
    with pytest.raises(InvalidStateError, match="cannot be removed") as refused:
        promotions.remove_alias(actor=bank.actor("priya"), model=version.model, name="champion", reason="why not")
    assert refused.value.code == "alias_protected"


def test_the_database_lets_no_protected_alias_point_nowhere(bank: Bank) -> None:
    version = in_production(bank)

    def taken_off() -> None:
        event = recorder.record_event(
            ALIAS_REMOVED,
            actor=bank.actor("priya"),
            target=ObjectRef("version", str(version.uid)),
            stream=f"model:{version.model.uid}",
        )
        stage_transitions.remove_alias(model_id=version.model_id, name="champion", event=event)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="never points nowhere"), transaction.atomic():
        taken_off()


def in_production(bank: Bank) -> ModelVersion:
    """A version that carries the alias champion."""
    request = bank.reviewed()
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted"
    made = promotions.request(
        actor=bank.actor("priya"), version=request.version, target_alias="champion", reason="to be served"
    )
    made = bank.run_checks(made)
    for name in ("marta", "aiko"):
        if made.is_live:
            made = bank.decide(made, name)
    assert made.state == "promoted"
    return made.version
