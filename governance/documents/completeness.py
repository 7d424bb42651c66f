"""Completeness of a model card, by the same rules as `docs.model_card`, for pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from governance.checks.builtin.model_card import ModelCardComplete
from governance.gate.gate_inputs import documents_in_force
from governance.policies import PolicyDocument, facts_of_model
from governance.policies.metric_limits import is_for
from registry import model_card as cards
from registry.models import ModelVersion, Stage


@dataclass(frozen=True)
class CardCompleteness:
    """Completeness of a card.

    `required`: number of required parts. `lacks`: the missing ones. `policy`: the policy that requires them, empty for
    the check's defaults. `unreadable`: why the card could not be parsed.
    """

    required: int
    missing: tuple[cards.MissingSection, ...] = ()
    policy: str = ""
    unreadable: str = ""

    @property
    def there(self) -> int:
        return self.required - len(self.missing)

    @property
    def complete(self) -> bool:
        return not self.missing and not self.unreadable


def requirements(version: ModelVersion, documents: Iterable[PolicyDocument]) -> tuple[Any, str]:
    """Return the `docs.model_card` parameters that apply to a model, and the slug of their policy.

    Of several policies, the one for the highest stage is used; without a policy, the check's defaults and an empty
    slug.

    Args:
        version: a version of the model, with the model joined.
        documents: the policies in force.
    """
    positions = dict(Stage.objects.values_list("slug", "position"))
    binding = [
        (max((positions.get(stage, 0) for stage in d.applies_to.stages), default=0), d.priority, d.slug, rule.params)
        for d in documents
        if not d.applies_to.sources and is_for(d, facts_of_model(version.model))
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
    """Evaluate the completeness of a card's text for a version's model.

    Args:
        version: the version, with its model joined.
        text: the card; an empty text lacks everything.
        documents: the policies in force if already read.
    """
    required, policy = requirements(version, documents_in_force() if documents is None else documents)
    count = len(required.required_metadata) + len(required.required_sections)
    try:
        card = cards.parse(text)
    except cards.ModelCardParseError as fault:
        return CardCompleteness(count, (), policy, str(fault))
    return CardCompleteness(count, tuple(cards.find_missing_sections(card, **required.model_dump())), policy)
