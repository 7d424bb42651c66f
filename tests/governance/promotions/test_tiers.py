"""The risk tier a request is decided under: assessed, and the strictest the model had while the request was open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from governance import policies, promotions, selectors
from governance.gate import eligibility, gate_inputs
from governance.models import PromotionRequest
from governance.policies import RequirementStatus
from registry.access import Role, actor_for, grant_role
from registry.exceptions import InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import ChangeProposal
from registry.services import assessments, models, tier_lowering, tokens
from tests import factories
from tests.governance.promotions.conftest import PASSWORD, REVIEWERS, Bank

BY_TIER = """
slug: tier-{tier}
title: Into Production, tier {tier}
applies_to: {{stages: [production], tiers: [{tier}]}}
priority: 90
checks: [{{check: integrity.digest}}]
approvals: [{{group: reviewers, count: {count}}}]
{more}
"""
Publish = Callable[[str], object]


@pytest.fixture
def tiered(bank: Bank, publish: Publish) -> Bank:
    """Production asks one approval of tier 3, and three of tier 1."""
    for tier, count in ((1, 3), (3, 1)):
        publish(BY_TIER.format(tier=tier, count=count, more=""))
    return bank


def another(bank: Bank, tier: int, *, assessed: bool = True) -> Bank:
    """The same bank, with a model of that tier."""
    model = models.register_model(actor=bank.actor("priya"), slug=f"of-tier-{tier}", risk_tier=tier)
    bank.model = factories.assessed(model) if assessed else model
    return bank


def needed(request: PromotionRequest) -> int:
    document = gate_inputs.get_policy_document(promotions.reevaluate(request.pk))
    assert document is not None
    return document.approvals[0].count


def assess(bank: Bank, tier: int) -> None:
    assessments.assess(
        actor=bank.actor("priya"), model=bank.model, answers=factories.answers_for(tier), rationale="Looked again."
    )


def lower(bank: Bank, tier: int, *, by: str, confirmed_by: str) -> ChangeProposal:
    made = tier_lowering.submit(
        actor=bank.actor(by), model=bank.model, answers=factories.answers_for(tier), rationale="Looked again."
    )
    assert isinstance(made, ChangeProposal)
    return factories.confirm(made, bank.people[confirmed_by], password=PASSWORD)


def test_a_declared_tier_satisfies_no_policy_for_a_protected_target(tiered: Bank) -> None:
    """A token registers a model as tier 3, and asks for Production."""
    bank = another(tiered, 3, assessed=False)
    token, _ = factories.token(
        bank.people["priya"], ("models:read", "models:write", "versions:write", "promotions:write")
    )
    version = bank.version()
    for actor in (bank.actor("priya"), tokens.actor_of(token)):
        for stage, alias in (("staging", None), (None, "champion")):
            with pytest.raises(InvalidStateError) as refused:
                promotions.request(
                    actor=actor, version=version, target_stage=stage, target_alias=alias, reason="it is small"
                )
            assert refused.value.code == "tier_not_assessed"
            assert "Priya" in refused.value.who_can
    assert promotions.request(actor=bank.actor("priya"), version=version, target_alias="free", reason="to try")
    factories.assessed(bank.model)
    assert bank.request(version, stage="staging").is_live


def test_a_policy_may_state_that_a_declared_tier_satisfies_it(bank: Bank, publish: Publish) -> None:
    publish(BY_TIER.format(tier=3, count=1, more="requires_assessed_tier: false").replace("production", "staging"))
    another(bank, 3, assessed=False)
    request = bank.request(bank.version(), stage="staging")
    assert request.is_live
    publish(BY_TIER.format(tier=3, count=1, more="").replace("production", "staging"))
    assert promotions.reevaluate(request.pk).state == "open", "an open request keeps its revision"
    for tier in (None,):
        with pytest.raises(ValidationFailedError) as refused:
            models.update_model(actor=bank.actor("priya"), model=bank.model, risk_tier=tier)
        assert refused.value.errors[0].code == "tier_in_use"


@pytest.mark.parametrize("past", ["rejected", "withdrawn", "left the stage"])
def test_what_was_decided_under_a_declared_tier_keeps_it(bank: Bank, publish: Publish, past: str) -> None:
    """The owner lowers a declared tier alone neither after the strict policy's request ended, nor after a move back."""
    publish(BY_TIER.format(tier=1, count=1, more="requires_assessed_tier: false").replace("production", "staging"))
    another(bank, 1, assessed=False)
    request = bank.run_checks(bank.request(bank.version(), stage="staging"))
    if past == "withdrawn":
        promotions.withdraw(actor=bank.actor("priya"), request=request, reason="another way")
    elif past == "rejected":
        bank.decide(request, "marta", "reject")
    else:
        assert bank.decide(request, "marta").state == "promoted"
        assert bank.request(request.version, stage="development").state == "promoted"
    assert not bank.fresh(request).is_live
    for tier in (3, None):
        with pytest.raises(ValidationFailedError) as refused:
            models.update_model(actor=bank.actor("priya"), model=bank.model, risk_tier=tier)
        assert refused.value.errors[0].code == "tier_in_use"
    with pytest.raises(PermissionDeniedError) as denied:
        assess(bank, 3)
    assert denied.value.code == "second_person_required"
    bank.model.refresh_from_db()
    assert bank.model.risk_tier == 1
    lower(bank, 3, by="priya", confirmed_by="marta")


def test_a_stored_document_without_the_setting_requires_an_assessed_tier(tiered: Bank) -> None:
    document = policies.parse("{slug: one, title: One policy, applies_to: {stages: [production]}}")
    assert document.requires_assessed_tier
    assert "requires_assessed_tier" not in document.model_dump(mode="json")
    off = document.model_copy(update={"requires_assessed_tier": False})
    assert off.model_dump(mode="json")["requires_assessed_tier"] is False
    assert policies.combine([off, document]).requires_assessed_tier
    found = policies.conditions_of_model(owner_answers=True, tier=3, assessed=False, archived=False)
    assert [(one.id, one.state) for one in found] == [("model:assessment", RequirementStatus.FAILED)]


def test_a_request_is_bound_to_the_policy_of_the_stricter_tier(tiered: Bank) -> None:
    bank = another(tiered, 3)
    request = bank.request(bank.in_staging())
    assert needed(request) == 1
    assess(bank, 1)
    assert needed(request) == 3
    assert [bound.basis for bound in bank.fresh(request).governing] == ["target", "tier"]
    assert needed(request) == 3, "it is bound once"
    for name in REVIEWERS:
        assert bank.run_checks(request).state != "promoted"
        bank.decide(request, name)
    assert bank.fresh(request).state == "promoted"
    connection.check_constraints()


def test_a_tier_that_was_stricter_for_a_moment_counts(tiered: Bank) -> None:
    bank = another(tiered, 3)
    request = bank.request(bank.in_staging())
    assess(bank, 1)
    lower(bank, 3, by="priya", confirmed_by="marta")
    assert needed(request) == 3


def test_a_lower_tier_takes_no_policy_away(tiered: Bank) -> None:
    bank = another(tiered, 1)
    request = bank.request(bank.in_staging())
    lower(bank, 3, by="priya", confirmed_by="marta")
    assert needed(request) == 3
    assert [bound.basis for bound in bank.fresh(request).governing] == ["target"]
    bank.run_checks(request)
    with pytest.raises(PermissionDeniedError) as refused:
        bank.decide(request, "marta")
    assert refused.value.rule == "SoD-10"
    promotions.withdraw(actor=bank.actor("priya"), request=bank.fresh(request), reason="ask again")
    again = bank.request(bank.version(), stage="staging")
    bank.run_checks(again)
    shown = selectors.request_page(bank.actor("priya"), again.pk)
    assert shown is not None
    assess(bank, 3)
    later = gate_inputs.exclusion_of(bank.people["marta"], bank.fresh(request))
    assert later is not None
    assert later.rule == "SoD-10", "the same tier by another assessment does not end it"


def test_a_stricter_tier_without_a_policy_blocks(bank: Bank, publish: Publish) -> None:
    publish(BY_TIER.format(tier=3, count=1, more="").replace("tier-3", "starter-production"))
    another(bank, 3)
    request = bank.request(bank.in_staging())
    assess(bank, 1)
    blocked = promotions.reevaluate(request.pk)
    assert blocked.state == "blocked"
    shown = selectors.request_page(bank.actor("priya"), request.pk)
    assert shown.verdict is not None
    assert "model:policy" in [one.id for one in shown.verdict.unmet]
    publish(BY_TIER.format(tier=1, count=3, more=""))
    assert needed(request) == 3


def test_a_requester_does_not_confirm_a_less_strict_tier(tiered: Bank) -> None:
    bank = another(tiered, 1)
    version = bank.in_staging()
    grant_role(
        actor=factories.SETUP, role=Role.DEVELOPER, user=bank.people["marta"], model=bank.model, reason="for the test"
    )
    bank.request(version, by="marta")
    made = tier_lowering.submit(
        actor=bank.actor("priya"), model=bank.model, answers=factories.answers_for(3), rationale="It is small."
    )
    assert isinstance(made, ChangeProposal)
    for name in ("marta", "priya"):
        with pytest.raises(PermissionDeniedError) as refused:
            factories.confirm(made, bank.people[name], password=PASSWORD)
        assert (refused.value.code, refused.value.rule) == ("separation_of_duties", "SoD-9")
    factories.confirm(made, bank.people["aiko"], password=PASSWORD)
    assert (
        actor_for(bank.people["aiko"]).person
        in eligibility.get_involvement(
            PromotionRequest.objects.get(version=version, target_stage__slug="production")
        ).lowered_tier
    )
