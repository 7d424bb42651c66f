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
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from governance.policies.document import PolicyDocument
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
        said = document.applies_to
        if self.alias:
            return self.alias in said.aliases
        named = self.target in said.stages
        if self.basis is Basis.LEAVING:
            if said.sources:
                return self.source in said.sources and (named or not said.stages)
            return named and not self.target_protected
        return named and not said.sources

    def met_by(self, document: PolicyDocument, tier: int | None) -> bool:
        """Return whether the document covers this change for a model of this tier.

        Every policy governs a model without a tier, because an unknown tier must not weaken the rules.
        """
        return self.covered_by(document) and document.covers_tier(tier)


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


def choose(candidates: Iterable[tuple[PolicyDocument, _Kept]], demand: Demand, tier: int | None) -> _Kept | None:
    """Return the item paired with the document that meets a demand; None if no document does.

    Documents that name their source come first, then the highest priority, then the last slug in alphabetical order.

    Args:
        candidates: pairs of document and item.
        demand: what the change needs.
        tier: risk tier of the model; None where it has none.
    """
    met = [(document, kept) for document, kept in candidates if demand.met_by(document, tier)]
    if not met:
        return None
    return max(met, key=lambda found: (bool(found[0].applies_to.sources), found[0].priority, found[0].slug))[1]


def overlap(first: PolicyDocument, second: PolicyDocument) -> tuple[str, ...]:
    """Return the targets that two policies cover for a common tier, where only priority decides which one governs."""
    tiers, others = set(first.applies_to.tiers), set(second.applies_to.tiers)
    if tiers and others and not tiers & others:
        return ()
    mine, theirs = first.applies_to, second.applies_to
    if bool(mine.sources) != bool(theirs.sources):
        return ()
    common = set(mine.stages) & set(theirs.stages)
    if mine.sources:
        if not set(mine.sources) & set(theirs.sources):
            return ()
        if not mine.stages or not theirs.stages:
            common = set(mine.stages) | set(theirs.stages) or {"any stage"}
    return (*sorted(common), *(f"@{alias}" for alias in sorted(set(mine.aliases) & set(theirs.aliases))))
