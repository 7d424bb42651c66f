"""Which policies govern a request without and with a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from governance.gate import gate_inputs
from governance.models import PolicyRevision, PromotionRequest, RequestPolicy
from governance.policies import (
    Basis,
    Demand,
    ModelFacts,
    PolicyDocument,
    Represented,
    choose,
    demands_of_alias,
    demands_of_move,
)
from governance.replay.stored_facts import ResultReader
from registry.models import Stage


@dataclass(frozen=True)
class Governed:
    """The combined policies of a request without and with the draft. `missing`: changes that no policy covers then."""

    before: PolicyDocument | None
    after: PolicyDocument | None
    missing: tuple[str, ...] = ()
    entering: bool = False
    """Whether a demand is for entering a place, which may require an assessed tier."""


@dataclass
class Draft:
    """The draft and what is read once."""

    document: PolicyDocument
    revision: PolicyRevision
    revisions: Mapping[int, PolicyRevision]
    in_force: Sequence[PolicyRevision]
    aliases: Mapping[str, Sequence[Represented]]
    known: dict[Any, Governed | None] = field(default_factory=dict)
    results: ResultReader = field(default_factory=ResultReader)

    def demands(self, source: Stage, target: Stage | None, alias: str) -> tuple[Demand, ...]:
        if target is not None:
            return demands_of_move(source, target)
        represented = self.aliases.get(alias)
        return demands_of_alias(alias, source, represented) if represented is not None else ()

    def governed(
        self, request: PromotionRequest, bound: tuple[tuple[int, str], ...], facts: ModelFacts
    ) -> Governed | None:
        """Return the documents of a request; None if the draft does not concern it."""
        kind = (request.kind, request.confirming_group)
        key = (bound, request.source_stage_id, request.target_stage_id, request.target_alias, facts, kind)
        if key not in self.known:
            self.known[key] = self._decide(request, bound, facts)
        return self.known[key]

    def _decide(
        self, request: PromotionRequest, bound: tuple[tuple[int, str], ...], facts: ModelFacts
    ) -> Governed | None:
        demands = self.demands(request.source_stage, request.target_stage, request.target_alias)
        revisions = [self.revisions[pk] for pk, _ in bound]
        was_bound = any(one.policy.slug == self.document.slug for one in revisions)
        others = [one for one in revisions if one.policy.slug != self.document.slug]
        chosen, missing = self._choose(demands, others, facts)
        stricter = {RequestPolicy.Basis.TIER, RequestPolicy.Basis.NEWER_REVISION}
        chosen += [
            self.revisions[pk]
            for pk, basis in bound
            if basis in stricter and self.revisions[pk].policy.slug != self.document.slug
        ]
        if not was_bound and self.revision not in chosen:
            return None
        return Governed(
            before=combined_for(request, revisions),
            after=combined_for(request, chosen) if chosen else None,
            missing=missing,
            entering=any(demand.basis is not Basis.LEAVING for demand in demands),
        )

    def _choose(
        self, demands: Sequence[Demand], others: Sequence[PolicyRevision], facts: ModelFacts
    ) -> tuple[list[PolicyRevision], tuple[str, ...]]:
        """Return the revision for each demand, and the words of those that none covers.

        A policy that is in force today replaces the draft where the draft no longer covers what its policy covered.
        """
        own = [(gate_inputs.parse_revision(one), one) for one in others]
        today = [
            (gate_inputs.parse_revision(one), one) for one in self.in_force if one.policy.slug != self.document.slug
        ]
        chosen, missing = [], []
        for demand in demands:
            found = choose([*own, (self.document, self.revision)], demand, facts) or choose(today, demand, facts)
            if found is not None:
                chosen.append(found)
            elif demand.required:
                missing.append(demand.words)
        return chosen, tuple(missing)

    def governed_now(self, request: PromotionRequest, facts: ModelFacts) -> Governed | None:
        """Return the documents of a place that is held today; None if the draft does not concern it."""
        key = ("now", request.source_stage_id, request.target_stage_id, request.target_alias, facts, request.kind)
        if key not in self.known:
            demands = [
                demand
                for demand in self.demands(request.source_stage, request.target_stage, request.target_alias)
                if demand.basis is not Basis.LEAVING
            ]
            others = [one for one in self.in_force if one.policy.slug != self.document.slug]
            chosen, missing = self._choose(demands, others, facts)
            current = [(gate_inputs.parse_revision(one), one) for one in self.in_force]
            before = [found for demand in demands if (found := choose(current, demand, facts)) is not None]
            concerned = self.revision in chosen or any(one.policy.slug == self.document.slug for one in before)
            self.known[key] = (
                Governed(
                    before=combined_for(request, before) if before else None,
                    after=combined_for(request, chosen) if chosen else None,
                    missing=missing,
                    entering=True,
                )
                if concerned
                else None
            )
        return self.known[key]


def combined_for(request: PromotionRequest, revisions: Sequence[PolicyRevision]) -> PolicyDocument:
    """Return the conjunction of revisions for the kind of a request."""
    return gate_inputs.combined(revisions, kind=request.kind, confirming_group=request.confirming_group)
