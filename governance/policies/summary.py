"""The first sentence of a policy's page: what a change needs, in one line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from governance.policies.document import PolicyDocument
from governance.policies.model_filter import restrictions_in_words


def summary(document: PolicyDocument, *, stages: Mapping[str, str] | None = None) -> str:
    """Return what a policy requires as one sentence, such as "To enter Production, a tier 1 model needs 3 checks that
    pass, then 2 of risk-team.".

    Args:
        document: the policy.
        stages: names of stages by slug.
    """
    return f"To {_changes(document, stages or {})}, {_models(document)} needs {_needs(document)}."


def _changes(document: PolicyDocument, stages: Mapping[str, str]) -> str:
    applies_to = document.applies_to
    targets = _either([stages.get(slug, slug) for slug in applies_to.stages])
    if applies_to.sources:
        left = _either([stages.get(slug, slug) for slug in applies_to.sources])
        return f"leave {left}" + (f" for {targets}" if targets else "")
    aliases = _either([f"@{name}" for name in applies_to.aliases])
    return " or to ".join(
        filter(None, [f"enter {targets}" if targets else "", f"have the alias {aliases}" if aliases else ""])
    )


def _models(document: PolicyDocument) -> str:
    tiers = [str(tier) for tier in document.applies_to.tiers]
    model = f"a tier {_either(tiers)} model" if tiers else "a model of any tier"
    return " ".join([model, *restrictions_in_words(document.applies_to)])


def _needs(document: PolicyDocument) -> str:
    required = sum(rule.mode == "required" for rule in document.checks)
    parts = [f"{required} {'check' if required == 1 else 'checks'} that {'passes' if required == 1 else 'pass'}"]
    ordered = sorted(document.approvals, key=lambda rule: rule.order)
    for _, rules in groupby(ordered, key=lambda rule: rule.order):
        parts.append(" and ".join(f"{rule.count} of {rule.label}" for rule in rules))
    if not required:
        parts.pop(0)
    if not parts:
        return "nothing: it is carried out at once"
    words = ", then ".join(parts)
    return words if required else f"the approval of {words}"


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
