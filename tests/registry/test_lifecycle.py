"""Changing what the lifecycle protects, on a running instance."""

from __future__ import annotations

import pytest

from audit.actor import process
from audit.models import Event
from governance.services import setup
from registry import access, selectors
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import ChangeProposal, ProtectedAlias
from registry.services import lifecycle
from tests import factories

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
    with pytest.raises(ValidationFailedError):
        change(name, stage=stage)


def test_a_change_that_requires_less_needs_a_second_officer() -> None:
    officer, second = factories.officer("henrik"), factories.officer("mensah")
    actor = access.actor_for(officer)
    made = lifecycle.propose_alias_protection(
        actor=actor, name="blue", protected=True, stage="production", reason="blue serves"
    )
    assert isinstance(made, ProtectedAlias), "to require more needs no second person"
    with pytest.raises(PermissionDeniedError) as refused:
        lifecycle.change_alias_protection(actor=actor, name="blue", protected=False, stage=None, reason="alone")
    assert refused.value.code == "second_person_required"
    proposal = lifecycle.propose_alias_protection(
        actor=actor, name="blue", protected=False, stage=None, reason="blue is gone"
    )
    assert isinstance(proposal, ChangeProposal)
    assert selectors.alias_protection("blue") is not None
    factories.confirm(proposal, second)
    assert selectors.alias_protection("blue") is None
    event = Event.objects.filter(action="lifecycle.alias_changed", thing_id="blue").latest("id")
    assert f"change_proposal:{proposal.uid}" in event.touched


@pytest.mark.parametrize(
    ("represented", "stage", "outside"),
    [((), "staging", False), (("staging", "production"), "staging", False), (("production",), "staging", True)],
)
def test_a_version_is_outside_an_alias_only_in_none_of_its_stages(
    represented: tuple[str, ...], stage: str, outside: bool
) -> None:
    stages = tuple(selectors.RepresentedStage(slug, slug, True, True, by_name=False) for slug in represented)
    assert selectors.AliasProtection("champion", stages).is_outside(stage) is outside
