"""Who lowered the tier of models, or changed facts so that less strict policies apply; they do not approve."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, JSONField, OuterRef, Value
from django.db.models.functions import Least

from registry.models import Assessment, ChangeProposal

FACT_CHANGE = "model.fact_change"
"""The kind of change proposal for facts that loosen policies (`registry.services.fact_changes`)."""
_FACTS = ("tags", "data_classes", "team", "affects_people", "regulations")


@dataclass
class Loosening:
    """Who proposed or confirmed what makes less strict policies apply to a model, by uid.

    `tier`: the less strict risk tier. `facts`: the changed facts, as words for each person.
    """

    tier: frozenset[str] = frozenset()
    facts: dict[str, str] = field(default_factory=dict)


def who_lowered(models: Collection[int]) -> dict[int, frozenset[str]]:
    """Return, by model key, the uids of those who proposed or confirmed a less strict tier that still counts; see
    `who_loosened`. Models without one are missing.
    """
    return {key: found.tier for key, found in who_loosened(models).items() if found.tier}


def who_loosened(models: Collection[int]) -> dict[int, Loosening]:
    """Return, by model key, who made less strict policies apply to a model, as far as it still counts. One query.

    A lowering of the tier counts until the model is assessed as strictly as before it. Another assessment that keeps
    the lower tier does not end it. A change of facts counts until each of them has the value again that it had before.
    Models without either are missing.
    """
    later = Assessment.objects.filter(
        model=OuterRef("model"),
        number__gt=OuterRef("number"),
        tier__lte=Least(OuterRef("tier_before"), OuterRef("computed_tier")),
    )
    people = ("proposed_by__uid", "closed_by")
    nothing = Value(None, output_field=JSONField())
    lowered = (
        Assessment.objects.filter(~Exists(later), model__in=models, proposal__isnull=False)
        .order_by()
        .annotate(changed=nothing)
        .values_list(
            "model_id", *(f"proposal__{one}" for one in people), "changed", *(f"model__{one}" for one in _FACTS)
        )
    )
    changed = (
        ChangeProposal.objects.filter(kind=FACT_CHANGE, outcome=ChangeProposal.Outcome.CONFIRMED, model__in=models)
        .order_by()
        .values_list("model_id", *people, "payload", *(f"model__{one}" for one in _FACTS))
    )
    found: dict[int, Loosening] = {}
    for model, proposer, confirmer, payload, *now in lowered.union(changed, all=True):
        both = frozenset(filter(None, (proposer, confirmer)))
        if payload is None:
            held = found.setdefault(model, Loosening())
            held.tier |= both
        elif fields := _still_changed(payload, dict(zip(_FACTS, now, strict=True))):
            words = " and ".join(name.replace("_", " ") for name in fields)
            found.setdefault(model, Loosening()).facts.update(dict.fromkeys(sorted(both), words))
    return found


def _still_changed(payload: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the facts of a confirmed change that do not have their earlier values again; of tags, the changed ones."""
    found = []
    for name, before in sorted(payload["before"].items()):
        after, current = payload["after"].get(name), now.get(name)
        if name == "tags":
            keys = {key for key in {*before, *(after or {})} if before.get(key) != (after or {}).get(key)}
            if any((current or {}).get(key) != before.get(key) for key in keys):
                found.append(name)
        elif current != before:
            found.append(name)
    return found
