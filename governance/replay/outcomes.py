"""Compare two verdicts on the same facts, where some facts cannot be known. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from governance.policies import CheckFact, Facts, GateState, PolicyDocument, Requirement, RequirementStatus, evaluate


class ReplayOutcome(StrEnum):
    """What a draft changes for a request.

    NEWLY_BLOCKED: the request would not have come as far. NEWLY_ALLOWED: it would have come further. UNKNOWN: it
    depends on results that do not exist. UNCHANGED: the same, whatever these results would be.
    """

    UNCHANGED = "unchanged"
    NEWLY_BLOCKED = "newly_blocked"
    NEWLY_ALLOWED = "newly_allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ReplayComparison:
    """The outcome, the state with and without the draft, and the requirements that differ.

    `after` is None where it cannot be known.
    """

    outcome: ReplayOutcome
    before: GateState
    after: GateState | None
    reasons: tuple[str, ...] = ()


_RANKS = {GateState.BLOCKED: 0, GateState.OPEN: 1, GateState.READY: 2}


def compare_verdicts(
    before: GateState,
    unmet_before: Mapping[str, str],
    document: PolicyDocument,
    facts: Facts,
    unknown: Mapping[str, str],
) -> ReplayComparison:
    """Evaluate a document on facts, and compare its verdict with the state that the request had.

    The document is evaluated twice, with every unknown result as a failure and as a success (Kleene logic): if both
    lead to the same outcome, it is known.

    Args:
        before: the state under the policies that governed the request.
        unmet_before: what was not satisfied under them, in words by id of the requirement.
        document: the combined policies with the draft.
        facts: the facts, without those of the unknown checks.
        unknown: why the result of a check cannot be known, by check slug.
    """
    worst = evaluate(document, _with_results(facts, unknown, "failure"))
    best = evaluate(document, _with_results(facts, unknown, "success")) if unknown else worst
    outcomes = {_outcome(before, worst.state), _outcome(before, best.state)}
    if len(outcomes) > 1:
        reasons = [
            f"{one.title}: {unknown[slug]}"
            for one in worst.requirements
            if one.required and (slug := one.id.removeprefix("check:")) in unknown
        ]
        return ReplayComparison(ReplayOutcome.UNKNOWN, before, None, tuple(reasons))
    (outcome,) = outcomes
    unmet = {one.id: requirement_in_words(one) for one in best.unmet}
    reasons = []
    if outcome is ReplayOutcome.NEWLY_BLOCKED:
        reasons = [words for id_, words in unmet.items() if id_ not in unmet_before]
    elif outcome is ReplayOutcome.NEWLY_ALLOWED:
        reasons = [f"no longer required: {words}" for id_, words in unmet_before.items() if id_ not in unmet]
    return ReplayComparison(outcome, before, worst.state if worst.state is best.state else None, tuple(reasons))


def _outcome(before: GateState, after: GateState) -> ReplayOutcome:
    if _RANKS[after] == _RANKS[before]:
        return ReplayOutcome.UNCHANGED
    return ReplayOutcome.NEWLY_BLOCKED if _RANKS[after] < _RANKS[before] else ReplayOutcome.NEWLY_ALLOWED


def _with_results(facts: Facts, unknown: Mapping[str, str], conclusion: str) -> Facts:
    if not unknown:
        return facts
    supposed = {
        slug: CheckFact(slug, facts.checks[slug].title if slug in facts.checks else slug, "completed", conclusion, why)
        for slug, why in unknown.items()
    }
    return replace(facts, checks={**facts.checks, **supposed})


def requirement_in_words(requirement: Requirement) -> str:
    """Return a requirement and its state as one line."""
    waits = requirement.kind == "approval" and requirement.state is not RequirementStatus.FAILED
    return f"{requirement.title}: {requirement.detail.partition(';')[0] if waits else requirement.detail}"
