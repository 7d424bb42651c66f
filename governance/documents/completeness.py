"""What a model's card must say, and what it lacks: the question `docs.model_card` asks, asked for a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from governance.checks.builtin.model_card import ModelCardComplete
from governance.gate.gate_inputs import documents_in_force
from governance.policies import PolicyDocument
from registry import model_card as cards
from registry.models import ModelVersion, Stage


@dataclass(frozen=True)
class CardCompleteness:
    """How a card stands against what is asked. `policy` names whose requirements these are, empty for the check's own;
    `unreadable` says why the card could not be read."""

    asked: int
    lacks: tuple[cards.MissingSection, ...] = ()
    policy: str = ""
    unreadable: str = ""

    @property
    def there(self) -> int:
        return self.asked - len(self.lacks)

    @property
    def complete(self) -> bool:
        return not self.lacks and not self.unreadable


def requirements(version: ModelVersion, documents: Iterable[PolicyDocument]) -> tuple[Any, str]:
    """The parameters with which `docs.model_card` judges this model on its way up, and the policy they are from. Those
    of the highest stage count, because what they ask is what a reader compares with; the check's own where no policy
    calls for it."""
    positions = dict(Stage.objects.values_list("slug", "position"))
    binding = [
        (max((positions.get(stage, 0) for stage in d.applies_to.stages), default=0), d.priority, d.slug, rule.params)
        for d in documents
        if not d.applies_to.sources and (not d.applies_to.tiers or version.model.risk_tier in d.applies_to.tiers)
        for rule in d.checks
        if rule.check == ModelCardComplete.slug
    ]
    if not binding:
        return ModelCardComplete.Params(), ""
    *_, slug, params = max(binding, key=lambda found: found[:3])
    return ModelCardComplete.Params.model_validate(params), slug


def completeness(
    version: ModelVersion, text: str, documents: Iterable[PolicyDocument] | None = None
) -> CardCompleteness:
    """How a card's text stands against what is asked of this version's model. An empty text lacks everything."""
    asked, policy = requirements(version, documents_in_force() if documents is None else documents)
    count = len(asked.required_metadata) + len(asked.required_sections)
    try:
        card = cards.parse(text)
    except cards.ModelCardParseError as fault:
        return CardCompleteness(count, (), policy, str(fault))
    return CardCompleteness(count, tuple(cards.find_missing_sections(card, **asked.model_dump())), policy)
