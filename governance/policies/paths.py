"""Which policies govern a change of a stage or of a protected alias. Pure: no database, no clock, no settings.

Rules:

* Entering a protected stage needs a policy that names the stage (`stages`, or `to`) and no source (`from`).
* Leaving a stage whose exit is protected needs a policy for the way out, whatever the target. Leaving any other
  protected stage needs one where the target is not protected: a protected target has a policy of its own.
* A policy for the way out names the source in `from` and the target in `to`; without `to` it covers every target.
  Where none with `from` covers the way, one without `from` that names the unprotected target does.
* Where a way has both, the conjunction governs. A policy with `from` that covers a governed way always takes part.
* A request follows its version. In another stage than the one in which it was made, the policy for the way out of that
  stage governs as well, also where the policy it was made under covers that way.
* Pointing a protected alias needs a policy that names the alias. Where the alias represents a stage and the version is
  not in it, the policy for entering that stage governs as well. An alias that carries the name of a protected stage
  always needs that stage's policy, and one that names the alias only where there is one.
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
    """A stage that an alias represents. `by_name`: the alias carries the stage's name, so the stage's policy governs it
    wherever the version is."""

    stage: StageLike
    by_name: bool = False


@dataclass(frozen=True)
class Demand:
    """One policy that a change needs: why, and which documents meet the demand. Where it is not `required`, a document
    that covers it takes part, and none is missed."""

    basis: Basis
    words: str
    source: str = ""
    target: str = ""
    alias: str = ""
    target_protected: bool = True
    required: bool = True

    def covered_by(self, document: PolicyDocument) -> bool:
        """Whether the document covers this way, for some tier."""
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
        """Whether the document covers this way for a model of this tier. A model without a tier is governed by every
        policy: what is unknown must not loosen anything."""
        return self.covered_by(document) and document.covers_tier(tier)


def demands_of_move(source: StageLike, target: StageLike) -> tuple[Demand, ...]:
    """Return the policies that a move between stages needs; none for a free move."""
    if not needs_promotion(source, target):
        return ()
    if source.slug == target.slug:  # the approval is renewed where the version is
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
    """Return the policies that pointing a protected alias at a version in `stage` needs.

    Args:
        alias: the alias.
        stage: where the version is.
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
    """Return what is kept with the one document that meets a demand: of those for the way out, one that names its
    source; then the highest priority; then the last slug. None where no document meets it."""
    met = [(document, kept) for document, kept in candidates if demand.met_by(document, tier)]
    if not met:
        return None
    return max(met, key=lambda found: (bool(found[0].applies_to.sources), found[0].priority, found[0].slug))[1]


def overlap(first: PolicyDocument, second: PolicyDocument) -> tuple[str, ...]:
    """Return the targets that two policies cover for a common tier, so that only their priorities say which governs."""
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
