"""What the retirement of a policy would change: the models that another policy would govern, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from governance.gate import gate_inputs
from governance.models import PolicyRevision, PromotionRequest, RequestPolicy
from governance.policies import choose, facts_of_model
from governance.selectors.paths import demands_of_lifecycle
from registry.models import IS_CURRENT, AliasAssignment, RegisteredModel, StageOccupancy

_FACTS = ("pk", "risk_tier", "tags", "data_classes", "team", "affects_people", "regulations")


@dataclass(frozen=True)
class PathImpact:
    """One change that the policy governs, with the numbers of models in use.

    `successors`: models for which another policy would govern it, by its slug. `without`: models for which no policy
    would, so that the change is refused or, if it needs none, ungoverned by it (`required`).
    """

    words: str
    successors: Mapping[str, int]
    without: int
    required: bool

    @property
    def in_words(self) -> str:
        """The effect in one line."""
        found = [f"{slug} governs it for {_models(count)}" for slug, count in sorted(self.successors.items())]
        if self.without:
            end = "the change is refused" if self.required else "no policy takes part"
            found.append(f"no policy covers it for {_models(self.without)}: {end}")
        return f"{self.words}: {'; '.join(found) or 'no model in use is concerned'}"


@dataclass(frozen=True)
class RetirementImpact:
    """The effect of a retirement on every path that the policy governs, on open requests and on places held."""

    paths: tuple[PathImpact, ...]
    open_requests: int
    held: int

    @property
    def in_words(self) -> tuple[str, ...]:
        """The effect, one line each; signed with the proposal."""
        requests = "request" if self.open_requests == 1 else "requests"
        versions = "version holds" if self.held == 1 else "versions hold"
        return (
            *(one.in_words for one in self.paths),
            f"{self.open_requests} open {requests} made under it: each keeps it until it is closed",
            f"{self.held} {versions} a place under it: what the policy in force there says on policy_retired follows",
        )


def retirement_impact(revision: PolicyRevision) -> RetirementImpact:
    """Return what would change without a policy. Counts every model in use, whatever the reader may see.

    Args:
        revision: its revision in force.
    """
    candidates = [(gate_inputs.parse_revision(one), one) for one in PolicyRevision.objects.in_force()]
    others = [(document, one) for document, one in candidates if one.policy_id != revision.policy_id]
    document = gate_inputs.parse_revision(revision)
    models = RegisteredModel.objects.exclude(status=RegisteredModel.Status.ARCHIVED).only(*_FACTS)
    facts = Counter(facts_of_model(model) for model in models.iterator())
    paths = []
    for demand in demands_of_lifecycle():
        if not demand.covered_by(document):
            continue
        successors: Counter[str] = Counter()
        without = 0
        for one, count in facts.items():
            chosen = choose(candidates, demand, one)
            if chosen is None or chosen.policy_id != revision.policy_id:
                continue
            after = choose(others, demand, one)
            if after is not None:
                successors[after.policy.slug] += count
            else:
                without += count
        paths.append(PathImpact(demand.words, dict(successors), without, demand.required))
    governed = RequestPolicy.objects.filter(policy_revision__policy=revision.policy_id)
    live = governed.filter(request__state__in=PromotionRequest.LIVE)
    rows = (StageOccupancy.objects.filter(IS_CURRENT), AliasAssignment.objects.filter(IS_CURRENT))
    held = {uid for found in rows for uid in found.values_list("promotion", flat=True) if uid is not None}
    return RetirementImpact(
        tuple(paths),
        live.values("request").distinct().count(),
        governed.filter(request__uid__in=held).values("request__version").distinct().count(),
    )


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"
