"""Changing what the lifecycle protects, on a running instance."""

from __future__ import annotations

import pytest

from audit.actor import process
from audit.models import Event
from governance.services import setup
from registry import selectors
from registry.exceptions import InvalidInput
from registry.services import lifecycle

OFFICER = process("test-setup")


def change(name: str, *, protected: bool = True, stage: str | None = None) -> object:
    return lifecycle.change_alias_protection(
        actor=OFFICER, name=name, protected=protected, stage=stage, reason="for the test"
    )


@pytest.fixture(autouse=True)
def _installed(db: None) -> None:
    setup.initialise()


def test_an_alias_is_protected_represents_a_stage_and_is_free_again() -> None:
    change("blue", stage="production")
    protection = selectors.alias_protection("blue")
    assert protection is not None
    assert [(stage.slug, stage.by_name) for stage in protection.represents] == [("production", False)]
    assert lifecycle.loosens_alias_protection("blue", protected=True, stage=None)
    assert lifecycle.loosens_alias_protection("blue", protected=True, stage="staging")
    assert lifecycle.loosens_alias_protection("blue", protected=False, stage=None)
    assert not lifecycle.loosens_alias_protection("blue", protected=True, stage="production")
    assert not lifecycle.loosens_alias_protection("green", protected=True, stage=None)
    change("blue", protected=False)
    assert selectors.alias_protection("blue") is None
    assert Event.objects.filter(action="lifecycle.alias_changed", thing_id="blue").count() == 2


def test_what_changes_nothing_records_nothing() -> None:
    change("champion", stage="production")
    assert not Event.objects.filter(action="lifecycle.alias_changed").exists()


@pytest.mark.parametrize(("name", "stage"), [("v1", None), ("blue", "archived"), ("blue", "canary")])
def test_what_cannot_be_represented(name: str, stage: str | None) -> None:
    with pytest.raises(InvalidInput):
        change(name, stage=stage)
