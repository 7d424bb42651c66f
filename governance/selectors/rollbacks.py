"""The versions to which the stages and protected aliases of a model can be rolled back, and what a rollback needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from governance.gate import gate_inputs, returning
from governance.gate.returning import EarlierApproval
from governance.models import PolicyRevision, PromotionRequest, RequestPolicy
from governance.policies import PolicyDocument, RequestKind, choose, facts_of_model
from registry import selectors
from registry.models import DatasetReference, ModelVersion, RegisteredModel, Stage

MOST_SHOWN: Final = 3
"""Maximum number of versions listed for each place."""


@dataclass(frozen=True)
class RollbackCandidate:
    """A version that was approved in a place before.

    Attributes:
        name: display name of the place.
        stage: slug of the stage; empty for an alias.
        current: the version that holds the place now; None if the place is empty.
        refusal: why a rollback is not possible; empty if it is.
        checks: checks that must pass.
        approvals: such as "1 of reviewers".
        datasets: the datasets to which the version is pinned.
        open_request: number of the open request of this version for the place.
    """

    version: ModelVersion
    name: str
    stage: str
    alias: str
    current: ModelVersion | None
    earlier: EarlierApproval
    refusal: str
    checks: tuple[str, ...]
    approvals: tuple[str, ...]
    datasets: tuple[DatasetReference, ...]
    open_request: int | None

    @property
    def place(self) -> str:
        """The slug of the stage, or "@" and the alias."""
        return self.stage or f"@{self.alias}"

    @property
    def key(self) -> str:
        """The choice in forms, such as `stage:production:12`."""
        return _key(self.stage, self.alias, self.version)


def _key(stage: str, alias: str, version: ModelVersion) -> str:
    return f"{f'stage:{stage}' if stage else f'alias:{alias}'}:{version.number}"


def choice_that_undoes(request: PromotionRequest) -> str:
    """Return the key of the candidate that undoes a promotion; empty if it left no version to return to.

    The page of rollbacks says whether the candidate can be requested now.

    Args:
        request: with its target stage and champion.
    """
    stage = request.target_stage
    governed = request.state == PromotionRequest.State.PROMOTED and request.policy_revision_id is not None
    if not governed or request.champion is None or (stage is not None and not stage.exclusive):
        return ""
    return _key(stage.slug if stage is not None else "", request.target_alias, request.champion)


def rollback_candidates(model: RegisteredModel) -> tuple[RollbackCandidate, ...]:
    """Return the versions that left an exclusive stage or a protected alias of a model, the last one first.

    Args:
        model: a model that the caller may see.

    Returns:
        At most `MOST_SHOWN` for each place.
    """
    aliases = [one.name for one in selectors.protected_aliases()]
    promoted = returning.approving_requests().filter(model=model).select_related("version__stage", "target_stage")
    places: dict[tuple[int | None, str], dict[int, PromotionRequest]] = {}
    for request in promoted.order_by("-closed_at", "-pk"):
        exclusive = request.target_stage is not None and request.target_stage.exclusive
        if exclusive or request.target_alias in aliases:
            place = (request.target_stage_id, request.target_alias)
            places.setdefault(place, {}).setdefault(request.version_id, request)
    if not places:
        return ()
    revisions = PolicyRevision.objects.in_force()
    candidates = [(gate_inputs.parse_revision(revision), revision) for revision in revisions]
    live = PromotionRequest.objects.filter(model=model, state__in=PromotionRequest.LIVE)
    request_by_target = {(row.version_id, row.target_stage_id, row.target_alias): row.pk for row in live}
    found = []
    for (stage_id, alias), requests in places.items():
        stage = next(iter(requests.values())).target_stage
        current = (
            selectors.version_in_stage(model.pk, stage.pk)
            if stage is not None
            else selectors.version_at_alias(model.pk, alias)
        )
        left = [r.version for r in requests.values() if current is None or r.version_id != current.pk]
        for version in left[:MOST_SHOWN]:
            version.model = model
            number = request_by_target.get((version.pk, stage_id, alias))
            found.append(_candidate(version, stage, alias, current, candidates, number))
    return tuple(found)


def _candidate(
    version: ModelVersion,
    stage: Stage | None,
    alias: str,
    current: ModelVersion | None,
    candidates: list[tuple[PolicyDocument, PolicyRevision]],
    number: int | None,
) -> RollbackCandidate:
    name = stage.name if stage is not None else f"@{alias}"
    demands = gate_inputs.demands_on(version, stage=stage, alias=alias)
    chosen = [(demand, choose(candidates, demand, facts_of_model(version.model))) for demand in demands]
    bound = [(revision, RequestPolicy.Basis(demand.basis)) for demand, revision in chosen if revision is not None]
    lacking = [demand.words for demand, revision in chosen if demand.required and revision is None]
    earlier = returning.earlier_approval(version, stage=stage, alias=alias)
    assert earlier is not None  # the caller found it among the promoted requests
    refused = returning.refusal_of_rollback(version, earlier, returning.entering_documents(bound), name)
    refusal = refused.detail if refused is not None else ""
    if lacking:
        refusal = f"No policy in force covers {' and '.join(lacking)}."
    elif stage is not None and not selectors.lifecycle().is_allowed(version.stage.slug, stage.slug):
        refusal = f"The lifecycle has no transition from {version.stage.name} to {stage.name}."
    document = (
        gate_inputs.combined([revision for revision, _ in bound], kind=RequestKind.ROLLBACK)
        if bound and not refusal
        else None
    )
    return RollbackCandidate(
        version=version,
        name=name,
        stage=stage.slug if stage is not None else "",
        alias=alias,
        current=current,
        earlier=earlier,
        refusal=refusal,
        checks=tuple(rule.check for rule in document.checks if rule.mode == "required") if document else (),
        approvals=tuple(f"{rule.count} of {rule.label}" for rule in document.approvals) if document else (),
        datasets=tuple(version.datasets.all()),
        open_request=number,
    )
