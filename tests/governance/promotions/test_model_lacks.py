"""A model for which nobody answers, or that has no tier: stopped when asking, and held at the moment of the move."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance import policies, promotions, selectors
from governance.policies import ModelFacts, RequirementStatus
from registry.exceptions import InvalidStateError
from registry.services import models, people
from tests.governance.promotions.conftest import Bank


def leave(bank: Bank) -> None:
    people.deactivate(actor=bank.actor("root"), person=bank.people["sofia"], reason="left the bank")
    bank.model.refresh_from_db()


def test_asking_is_refused_and_names_the_way_out(bank: Bank) -> None:
    version = bank.version()
    leave(bank)
    targets: list[dict[str, Any]] = [{"target_stage": "staging"}, {"target_alias": "champion"}]
    for target in targets:
        with pytest.raises(InvalidStateError, match="Sofia's account is deactivated") as refused:
            promotions.request(actor=bank.actor("priya"), version=version, reason="to be served", **target)
        assert refused.value.code == "model_incomplete"
        assert "Priya" in refused.value.who_can
    assert promotions.request(actor=bank.actor("priya"), version=version, target_alias="free", reason="to try")


def test_a_request_is_held_when_the_owner_leaves_and_goes_on_with_the_next_one(bank: Bank) -> None:
    request = bank.reviewed()
    request = bank.decide(request, "marta")
    leave(bank)
    assert promotions.requests_affected_by_model_changes(timedelta(0)) == [request.pk]
    assert promotions.reevaluate(request.pk).state == "blocked"
    assert request.pk not in promotions.requests_affected_by_model_changes(timedelta(0))

    held = bank.decide(request, "aiko")
    assert held.state == "blocked"
    shown = selectors.request_page(bank.actor("priya"), request.pk)
    assert shown.verdict is not None
    (lacking,) = [r for r in shown.verdict.requirements if r.kind == "condition"]
    assert (lacking.id, lacking.state) == ("model:owner", RequirementStatus.FAILED)
    assert "Priya" in lacking.who_can
    assert "no owner" in shown.sentence

    models.update_model(actor=bank.actor("priya"), model=bank.model, owner=bank.people["eve"])
    assert request.pk in promotions.requests_affected_by_model_changes(timedelta(minutes=2))
    # The packet names the owner, so those who approved it have to look again: what they signed has changed.
    assert promotions.reevaluate(request.pk).state == "open"


def test_a_request_under_a_policy_for_another_tier_is_held() -> None:
    def said(tier: int | None, **facts: bool) -> list[str]:
        given: Any = {"owner_answers": True, "archived": False, **facts}
        document = policies.parse("{slug: laxer, title: For tier 3, applies_to: {stages: [production], tiers: [3]}}")
        lacking = (
            () if document.applies(stage="production", alias=None, facts=ModelFacts(tier)) else ("entering Production",)
        )
        found = policies.conditions_of_model(for_other_tiers=lacking, tier=tier, **given)
        return [requirement.id for requirement in found]

    assert said(3) == []
    assert said(1) == ["model:policy"]
    assert said(None, owner_answers=False, archived=True) == ["model:active", "model:owner", "model:tier"]
