"""What policies match, and which function guards the change of each fact that would loosen the policies of a model."""

from __future__ import annotations

from importlib import import_module

import pytest

from governance.policies import AppliesTo

GUARDS = {
    "sources": "registry.stage_transitions:apply_transition",  # where a version is changes by a promotion only
    "stages": "registry.services.setup:install_lifecycle",  # stages and moves are written by the set-up only
    "aliases": "registry.services.lifecycle:propose_alias_protection",
    "tiers": "registry.services.tier_lowering:submit",
    "tags": "registry.services.matched_facts:refuse_loosening",
    "data_classes": "registry.services.matched_facts:refuse_loosening",
    "teams": "registry.services.matched_facts:refuse_loosening",
    "affects_people": "registry.services.matched_facts:refuse_loosening",
    "regulations": "registry.services.matched_facts:refuse_loosening",
}
"""By field of `AppliesTo`, the function behind every change of the matched fact. A fact that a person can edit needs a
change proposal where the edit loosens."""


def test_every_fact_that_policies_match_has_a_guard() -> None:
    assert AppliesTo.model_fields.keys() == GUARDS.keys(), "name the function that guards the loosening of the new fact"


@pytest.mark.parametrize("guard", sorted(set(GUARDS.values())))
def test_the_guard_exists(guard: str) -> None:
    module, name = guard.split(":")
    assert callable(getattr(import_module(module), name))
