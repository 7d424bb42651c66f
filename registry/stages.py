"""The lifecycle as values: stages and the allowed transitions between them. Pure: no database, no clock.

The graph itself is data (`registry.models.stage`); this module defines its meaning.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Protocol


@dataclass(frozen=True)
class StageSpec:
    """A stage as a value: see `registry.models.Stage` for the meaning of each flag."""

    name: str
    slug: str
    position: int
    initial: bool = False
    exclusive: bool = False
    protected: bool = False
    protected_exit: bool = False
    displaced_to: str | None = None


class ProtectionFlags(Protocol):
    """The protection of a stage, as a value or as a row."""

    @property
    def protected(self) -> bool: ...
    @property
    def protected_exit(self) -> bool: ...


def needs_promotion(source: ProtectionFlags, target: ProtectionFlags) -> bool:
    """Return whether a transition is governed: into a protected stage, or out of a stage that is protected or
    whose exit is.
    """
    return target.protected or source.protected or source.protected_exit


@dataclass(frozen=True)
class Lifecycle:
    """A set of stages and the transitions allowed between them, by slug."""

    stages: tuple[StageSpec, ...]
    moves: frozenset[tuple[str, str]]

    def is_allowed(self, source: str, target: str) -> bool:
        return (source, target) in self.moves

    def targets(self, source: str) -> tuple[StageSpec, ...]:
        """Return the stages that a version in `source` may enter, in the order of the lifecycle."""
        return tuple(s for s in self.stages if (source, s.slug) in self.moves)

    def way(self, source: str, target: str) -> tuple[str, ...]:
        """Return the shortest path of allowed transitions between two stages, by slug and without the first;
        empty if there is none.
        """
        ways: dict[str, tuple[str, ...]] = {source: ()}
        waiting = [source]
        while waiting:
            here = waiting.pop(0)
            for stage in self.targets(here):
                if stage.slug not in ways:
                    ways[stage.slug] = (*ways[here], stage.slug)
                    waiting.append(stage.slug)
        return ways.get(target, ())

    def needs_promotion(self, source: str, target: str) -> bool:
        """Return `needs_promotion` of two stages by their slugs."""
        by_slug = {s.slug: s for s in self.stages}
        return needs_promotion(by_slug[source], by_slug[target])


def lifecycle(stages: Iterable[StageSpec], moves: Iterable[tuple[str, str]]) -> Lifecycle:
    """Build a lifecycle and check its invariants.

    Raises:
        ValueError: two stages share a slug or a position, there is not exactly one initial stage, an exclusive stage
            has no `displaced_to`, or a transition or displacement names an unknown stage.
    """
    ordered = tuple(sorted(stages, key=lambda s: s.position))
    slugs = {s.slug for s in ordered}
    if len(slugs) != len(ordered) or len({s.position for s in ordered}) != len(ordered):
        raise ValueError("two stages share a slug or a position")
    if sum(s.initial for s in ordered) != 1:
        raise ValueError("exactly one stage must be the initial one")
    pairs = frozenset(moves)
    for source, target in pairs:
        if source not in slugs or target not in slugs or source == target:
            raise ValueError(f"the move {source} → {target} does not join two known stages")
    for stage in ordered:
        if stage.exclusive and stage.displaced_to is None:
            raise ValueError(f"{stage.name} is exclusive but has no displaced_to")
        if stage.displaced_to is not None and (stage.slug, stage.displaced_to) not in pairs:
            raise ValueError(f"{stage.name} displaces to {stage.displaced_to}, which is not an allowed transition")
    return Lifecycle(ordered, pairs)


DEFAULT = lifecycle(
    [
        StageSpec("Development", "development", 10, initial=True),
        StageSpec("Staging", "staging", 20, protected=True),
        StageSpec(
            "Production", "production", 30, exclusive=True, protected=True, protected_exit=True, displaced_to="archived"
        ),
        StageSpec("Archived", "archived", 40),
    ],
    [
        ("development", "staging"),
        ("development", "archived"),
        ("staging", "production"),
        ("staging", "development"),
        ("staging", "archived"),
        ("production", "archived"),
        ("production", "staging"),
        ("archived", "development"),
        ("archived", "staging"),
        ("archived", "production"),
    ],
)
"""The lifecycle of a new organisation. Archived → Production is for rollbacks, governed like any promotion."""

UNPROTECTED = Lifecycle(
    tuple(replace(stage, protected=False, protected_exit=False) for stage in DEFAULT.stages),
    frozenset(permutations((stage.slug for stage in DEFAULT.stages), 2)),
)
"""The same without protection, for trials. Every transition is allowed, as on an MLflow server, and ungoverned."""
