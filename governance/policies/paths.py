"""Which policies govern a change of a stage or of a protected alias. Pure: no database, no clock, no settings.

Rules:

* Entering a protected stage needs a policy that names the stage (`stages`, or `to`) and no source (`from`).
* Leaving a stage whose exit is protected needs a policy for leaving, whatever the target. Leaving any other protected
  stage needs one if the target is not protected: a protected target has a policy of its own.
* A policy for leaving names the source in `from` and the target in `to`; without `to` it covers every target. If none
  with `from` covers the transition, one without `from` that names the unprotected target does.
* If a transition needs both, the conjunction governs. A policy with `from` that covers a governed transition always
  takes part.
* A request follows its version. If the version is in another stage than when the request was made, the policy for
  leaving that stage governs as well, even if the original policy covers that transition.
* Pointing a protected alias needs a policy that names the alias. If the alias represents a stage and the version is not
  in it, the policy for entering that stage governs as well. An alias with the name of a protected stage always needs
  that stage's policy; a policy that names the alias governs too if there is one.
* Of several policies that cover the same change of a model, one governs: with `from` before without, then the highest
  priority, then the narrowest restriction of models (`governance.policies.model_filter`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from governance.policies.document import PolicyDocument
from governance.policies.model_filter import ModelFacts, matched_facts
from registry.stages import needs_promotion

_Kept = TypeVar("_Kept")


class Basis(StrEnum):
    """Why a policy governs a change: the values of `RequestPolicy.Basis` that follow from the change itself."""

    TARGET = "target"
    LEAVING = "leaving"
    REPRESENTED_STAGE = "represented_stage"


class StageLike(Protocol):
    """A stage, as a value or as a row."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def protected(self) -> bool: ...
    @property
    def protected_exit(self) -> bool: ...


@dataclass(frozen=True)
class Represented:
    """A stage that an alias represents.

    `by_name`: the alias has the stage's name, so the stage's policy governs it whatever stage the version is in.
    """

    stage: StageLike
    by_name: bool = False


@dataclass(frozen=True)
class Demand:
    """One policy that a change needs, on one basis.

    If it is not `required`, a document that covers it takes part, but its absence is no error.
    """

    basis: Basis
    words: str
    source: str = ""
    target: str = ""
    alias: str = ""
    target_protected: bool = True
    required: bool = True

    def covered_by(self, document: PolicyDocument) -> bool:
        """Return whether the document covers this change for some tier."""
        applies_to = document.applies_to
        if self.alias:
            return self.alias in applies_to.aliases
        named = self.target in applies_to.stages
        if self.basis is Basis.LEAVING:
            if applies_to.sources:
                return self.source in applies_to.sources and (named or not applies_to.stages)
            return named and not self.target_protected
        return named and not applies_to.sources

    def met_by(self, document: PolicyDocument, facts: ModelFacts) -> bool:
        """Return whether the document covers this change for a model with these facts."""
        return self.covered_by(document) and document.applies_to.covers(facts)


def demands_of_move(source: StageLike, target: StageLike) -> tuple[Demand, ...]:
    """Return the policies that a transition between stages needs; none for an ungoverned transition."""
    if not needs_promotion(source, target):
        return ()
    if source.slug == target.slug:  # renewal of an approval in the current stage
        return (Demand(Basis.TARGET, f"staying in {target.name}", target=target.slug),) if target.protected else ()
    found = []
    if target.protected:
        found.append(Demand(Basis.TARGET, f"entering {target.name}", target=target.slug))
    found.append(
        Demand(
            Basis.LEAVING,
            f"leaving {source.name} for {target.name}",
            source=source.slug,
            target=target.slug,
            target_protected=target.protected,
            required=source.protected_exit or (source.protected and not target.protected),
        )
    )
    return tuple(found)


def demands_of_alias(alias: str, stage: StageLike, represented: Sequence[Represented]) -> tuple[Demand, ...]:
    """Return the policies that pointing a protected alias at a version needs.

    Args:
        alias: name of the alias.
        stage: current stage of the version.
        represented: the stages that the alias represents.
    """
    by_name = any(one.by_name and one.stage.protected for one in represented)
    found = [Demand(Basis.TARGET, f"pointing @{alias}", alias=alias, required=not by_name)]
    found += [
        Demand(
            Basis.REPRESENTED_STAGE,
            f"entering {one.stage.name}, which @{alias} represents",
            target=one.stage.slug,
        )
        for one in represented
        if one.stage.protected and (one.by_name or one.stage.slug != stage.slug)
    ]
    return tuple(found)


def choose(candidates: Iterable[tuple[PolicyDocument, _Kept]], demand: Demand, facts: ModelFacts) -> _Kept | None:
    """Return the item paired with the document that meets a demand; None if no document does.

    Documents that name their source come first, then the highest priority, then the narrowest. A tie is refused at
    publication (`overlap`), except for a model without a tier; then the last slug in alphabetical order is returned.

    Args:
        candidates: pairs of document and item.
        demand: what the change needs.
        facts: the matched facts of the model.
    """
    met = [(document, kept) for document, kept in candidates if demand.met_by(document, facts)]
    if not met:
        return None
    highest = max(_rank(document) for document, _ in met)
    first = [(document, kept) for document, kept in met if _rank(document) == highest]
    narrowest = [
        (document, kept)
        for document, kept in first
        if not any(other.applies_to.is_narrower_than(document.applies_to) for other, _ in first)
    ]
    return max(narrowest, key=lambda found: found[0].slug)[1]


def _rank(document: PolicyDocument) -> tuple[bool, int]:
    return bool(document.applies_to.sources), document.priority


def why_chosen(chosen: PolicyDocument, candidates: Iterable[PolicyDocument], demand: Demand, facts: ModelFacts) -> str:
    """Explain why a document governs a change and not another one that covers it; empty if there is no other.

    Args:
        chosen: what `choose` returned.
        candidates: the documents in force.
        demand: what the change needs.
        facts: the matched facts of the model.
    """
    others = [one for one in candidates if one.slug != chosen.slug and demand.met_by(one, facts)]
    by_source = [one.slug for one in others if _rank(one)[0] != _rank(chosen)[0]]
    by_priority = [one for one in others if one.slug not in by_source and one.priority != chosen.priority]
    narrower = [one.slug for one in others if one.slug not in by_source and one.priority == chosen.priority]
    reasons = []
    if narrower:
        matched = " and ".join(matched_facts(chosen.applies_to)) or "no fact"
        reasons.append(f"it is more specific than {', '.join(narrower)}: it matches the model by {matched}")
    if by_priority:
        named = ", ".join(f"{one.slug} ({one.priority})" for one in by_priority)
        reasons.append(f"its priority {chosen.priority} is higher than that of {named}")
    if by_source:
        reasons.append(f"it names the stage that is left, and {', '.join(by_source)} does not")
    return "; ".join(reasons)


def is_ambiguous(first: PolicyDocument, second: PolicyDocument) -> bool:
    """Return whether neither priority nor specificity decides which of two policies governs a change of some model."""
    mine, theirs = first.applies_to, second.applies_to
    return (
        first.priority == second.priority
        and bool(overlap(first, second))
        and not mine.is_narrower_than(theirs)
        and not theirs.is_narrower_than(mine)
    )


def overlap(first: PolicyDocument, second: PolicyDocument) -> tuple[str, ...]:
    """Return the targets that two policies cover for a common model and where neither precedes the other by naming the
    stage that is left.
    """
    mine, theirs = first.applies_to, second.applies_to
    if bool(mine.sources) != bool(theirs.sources) or not mine.shares_models_with(theirs):
        return ()
    common = set(mine.stages) & set(theirs.stages)
    if mine.sources:
        if not set(mine.sources) & set(theirs.sources):
            return ()
        if not mine.stages or not theirs.stages:
            common = set(mine.stages) | set(theirs.stages) or {"any stage"}
    return (*sorted(common), *(f"@{alias}" for alias in sorted(set(mine.aliases) & set(theirs.aliases))))
