"""Every transition between stages and every protected alias, with the policies that govern it, so that gaps are
visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 - Django's own name
from django.db import DatabaseError

from governance.gate import gate_inputs
from governance.models import PolicyRevision
from governance.policies import (
    Demand,
    ModelFacts,
    PolicyDocument,
    Represented,
    choose,
    conflicts,
    demands_of_alias,
    demands_of_move,
)
from registry import selectors
from registry.models import RegisteredModel
from registry.stages import Lifecycle

TIERS = tuple(int(tier) for tier in RegisteredModel.Tier.values)


@dataclass(frozen=True)
class PathPolicy:
    """A policy revision that governs a path, and its basis."""

    basis: str
    slug: str
    revision: int


@dataclass(frozen=True)
class PathRequirements:
    """A transition, or a protected alias pointed at a version in a stage, with its requirements for models of `tiers`.

    `missing` describes changes that no policy covers, which are refused; `free`: ungoverned.
    """

    source: str
    target: str
    alias: str
    tiers: tuple[int, ...]
    free: bool
    policies: tuple[PathPolicy, ...] = ()
    missing: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    """Required checks."""
    approvals: tuple[str, ...] = ()
    """Such as "2 of risk-team"."""
    conflicts: tuple[str, ...] = ()
    protected_target: bool = False
    narrower: tuple[str, ...] = ()
    """Slugs of the policies that govern the change for some of these models, matched by other facts than the tier."""

    @property
    def words(self) -> str:
        """Description of the change."""
        return f"@{self.alias} at a version in {self.source}" if self.alias else f"{self.source} → {self.target}"

    @property
    def without_checks(self) -> bool:
        """Whether a protected target has no required check."""
        return self.protected_target and not self.free and not self.missing and not self.checks

    @property
    def gaps(self) -> tuple[str, ...]:
        """What an officer must know about this path."""
        others = f" for models that {', '.join(self.narrower)} does not cover" if self.narrower else ""
        found = [f"no policy covers {words}{others}: the change is refused" for words in self.missing]
        found += self.conflicts
        if self.without_checks:
            found.append("a protected target without any required check")
        return tuple(found)


def paths(policy: str | None = None) -> tuple[PathRequirements, ...]:
    """Return every path of the lifecycle and of the protected aliases with its requirements, in the order of the
    stages.

    Tiers with the same requirements share a row. The requirements are those of models that no policy matches by other
    facts than the tier; `narrower` names the policies that do.

    Args:
        policy: slug of a policy, to return only the paths it governs, for all models or for some.
    """
    lifecycle = selectors.lifecycle()
    revisions = PolicyRevision.objects.in_force()
    candidates = [(gate_inputs.parse_revision(revision), revision) for revision in revisions]
    found = [row for path in _ways(lifecycle) for row in _by_tier(path, candidates)]
    return tuple(row for row in found if policy is None or policy in (*(p.slug for p in row.policies), *row.narrower))


def demands_of_lifecycle() -> tuple[Demand, ...]:
    """Return every demand for a policy that a change of a stage or of a protected alias can make, each once."""
    return tuple(dict.fromkeys(demand for _, demands in _ways(selectors.lifecycle()) for demand in demands))


ACCEPTS_DECLARED = (
    "It accepts a declared risk tier (requires_assessed_tier: false): the tier of a model that was never assessed by "
    "questionnaire satisfies it."
)


def warnings_of(document: PolicyDocument) -> tuple[str, ...]:
    """Return what an officer must know before a policy is put in force.

    Warnings: it accepts a declared risk tier, has no required check for a protected target, or allows leaving a stage
    without a check or an approval.
    """
    declared = () if document.requires_assessed_tier else (ACCEPTS_DECLARED,)
    return (*declared, *_without_checks(document))


def _without_checks(document: PolicyDocument) -> tuple[str, ...]:
    lifecycle = selectors.lifecycle()
    required = [rule for rule in document.checks if rule.mode == "required"]
    if required:
        return ()
    protected = {stage.slug: stage.name for stage in lifecycle.stages if stage.protected}
    applies_to = document.applies_to
    names = [protected[slug] for slug in applies_to.stages if slug in protected and not applies_to.sources]
    names += [f"@{alias}" for alias in selectors.alias_protections(applies_to.aliases)]
    found = [f"It leaves {name} without any required check: files and evidence are not examined." for name in names]
    if applies_to.sources and not document.approvals:
        left = ", ".join(protected.get(slug, slug) for slug in applies_to.sources)
        found.append(f"It lets a version leave {left} without a check or an approval.")
    return tuple(found)


def _ways(lifecycle: Lifecycle) -> list[tuple[PathRequirements, tuple[Demand, ...]]]:
    ways = []
    for source in lifecycle.stages:
        for target in lifecycle.targets(source.slug):
            demands = demands_of_move(source, target)
            row = PathRequirements(source.name, target.name, "", (), not demands, protected_target=target.protected)
            ways.append((row, demands))
    for alias in selectors.protected_aliases():
        represented = [Represented(stage, stage.by_name) for stage in alias.represents]
        for source in lifecycle.stages:
            demands = demands_of_alias(alias.name, source, represented)
            ways.append((PathRequirements(source.name, "", alias.name, (), False, protected_target=True), demands))
    return ways


def _by_tier(
    way: tuple[PathRequirements, tuple[Demand, ...]], candidates: Sequence[tuple[PolicyDocument, PolicyRevision]]
) -> list[PathRequirements]:
    row, demands = way
    if not demands:
        return [replace(row, tiers=TIERS)]
    found: list[PathRequirements] = []
    for tier in TIERS:
        one = _of_tier(row, demands, candidates, tier)
        same = next((n for n, other in enumerate(found) if replace(other, tiers=()) == one), None)
        if same is None:
            found.append(replace(one, tiers=(tier,)))
        else:
            found[same] = replace(found[same], tiers=(*found[same].tiers, tier))
    return found


def _of_tier(
    row: PathRequirements,
    demands: tuple[Demand, ...],
    candidates: Sequence[tuple[PolicyDocument, PolicyRevision]],
    tier: int,
) -> PathRequirements:
    general = [pair for pair in candidates if pair[0].applies_to.restricts_only_tiers]
    chosen = [(demand, choose(general, demand, ModelFacts(tier))) for demand in demands]
    narrower = tuple(
        document.slug
        for document, _ in candidates
        if not document.applies_to.restricts_only_tiers
        and document.applies_to.covers_tier(tier)
        and any(demand.covered_by(document) for demand in demands)
    )
    row = replace(row, narrower=narrower)
    missing = tuple(demand.words for demand, revision in chosen if demand.required and revision is None)
    bound = [(demand, revision) for demand, revision in chosen if revision is not None]
    if not bound:
        return replace(row, missing=missing or tuple(demand.words for demand in demands))
    document = gate_inputs.combined([revision for _, revision in bound])
    return replace(
        row,
        policies=tuple(PathPolicy(str(d.basis), r.policy.slug, r.number) for d, r in bound),
        missing=missing,
        checks=tuple(rule.check for rule in document.checks if rule.mode == "required"),
        approvals=tuple(
            f"{rule.count} of {rule.label}" for rule in sorted(document.approvals, key=lambda rule: rule.order)
        ),
        conflicts=tuple(rule.conflict for rule in conflicts(document)),
    )


@register(Tags.database)
def check_paths(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of every transition and protected alias that no policy covers or that needs no check."""
    if not databases:
        return []
    try:
        found = [row for row in paths() if row.gaps]
    except (DatabaseError, ValueError):  # not installed or not migrated yet
        return []
    return [
        Warning(
            f"{row.words}, tier {', '.join(map(str, row.tiers))}: {'; '.join(row.gaps)}.",
            hint="Publish a policy whose `applies_to` covers it; docs/policies.md has the rules.",
            id="countersign.W002",
        )
        for row in found
    ]
