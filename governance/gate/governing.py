"""Which policy revisions govern a change, and their conjunction. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from governance.checks import entry_points
from governance.models import PolicyRevision, PromotionRequest
from governance.policies import (
    Basis,
    Demand,
    ModelFacts,
    PolicyDocument,
    Represented,
    RequestKind,
    choose,
    combine,
    demands_of_alias,
    demands_of_move,
    facts_of_model,
    rules_for,
    why_chosen,
)
from registry import selectors
from registry.models import ModelVersion, Stage


def get_policy_document(request: PromotionRequest) -> PolicyDocument | None:
    """Return the conjunction of every policy revision that governs a request; None for an ungoverned transition."""
    if request.policy_revision is None:
        return None
    return combined(
        [request.policy_revision, *(bound.policy_revision for bound in request.governing)],
        kind=request.kind,
        confirming_group=request.confirming_group,
    )


def combined(
    revisions: Iterable[PolicyRevision], *, kind: str = RequestKind.ORDINARY, confirming_group: str = ""
) -> PolicyDocument:
    """Return the conjunction of policy revisions. A revision given twice counts once.

    Args:
        revisions: at least one revision, the primary one first.
        kind: the `RequestKind`, for which each policy may have other rules.
        confirming_group: the group whose member confirms an emergency change.

    Raises:
        ValueError: if there is no revision.
    """
    unique = {revision.digest: revision for revision in revisions}
    if len(unique) == 1 and kind == RequestKind.ORDINARY:
        return parse_revision(next(iter(unique.values())))
    key = " ".join((*unique, kind, confirming_group))
    if (known := _documents.get(key)) is None:
        documents = [rules_for(parse_revision(revision), kind, confirming_group) for revision in unique.values()]
        known = _remembered(key, combine(documents, merge=entry_points.combined_parameters))
    return known


def parse_revision(revision: PolicyRevision) -> PolicyDocument:
    """Return the parsed document of a revision. Cached per process, because revisions are immutable."""
    if (known := _documents.get(revision.digest)) is None:
        known = _remembered(revision.digest, PolicyDocument.model_validate(revision.document))
    return known


def _remembered(key: str, document: PolicyDocument) -> PolicyDocument:
    if len(_documents) >= _KEPT:
        _documents.clear()
    return _documents.setdefault(key, document)


def documents_in_force() -> list[PolicyDocument]:
    """Return the documents of the policies in force, ordered by slug."""
    found = PolicyRevision.objects.in_force().order_by("policy__slug")
    return [parse_revision(revision) for revision in found]


_KEPT = 500
_documents: dict[str, PolicyDocument] = {}


def demands_on(version: ModelVersion, *, stage: Stage | None, alias: str) -> tuple[Demand, ...]:
    """Return the policy demands of a change as of now.

    The current stage of the version counts, not its stage when the request was made.

    Args:
        version: the version to change.
        stage: the target stage; None for an alias.
        alias: the alias to point at the version; used where `stage` is None.

    Returns:
        The demands; empty for an ungoverned change.
    """
    return _demands(version.stage, stage, alias)


def _demands(source: Stage, stage: Stage | None, alias: str) -> tuple[Demand, ...]:
    if stage is not None:
        return demands_of_move(source, stage)
    protection = selectors.alias_protection(alias)
    if protection is None:
        return ()
    return demands_of_alias(alias, source, [Represented(one, one.by_name) for one in protection.represents])


class Selected(NamedTuple):
    """A demand, the policy revision in force that meets it (None if none does), and why it governs and not another
    policy that covers the change (empty if there is no other).
    """

    demand: Demand
    revision: PolicyRevision | None
    reason: str = ""


def policies_for(demands: Sequence[Demand], facts: ModelFacts) -> tuple[Selected, ...]:
    """Return for each demand the policy revision in force that meets it.

    Args:
        demands: what `demands_on` returned.
        facts: the matched facts of the model.
    """
    if not demands:
        return ()
    revisions = PolicyRevision.objects.in_force()
    return select_policies([(parse_revision(revision), revision) for revision in revisions], demands, facts)


def governing_among(request: PromotionRequest, revisions: Iterable[PolicyRevision]) -> list[PolicyRevision]:
    """Return the policy revisions among `revisions` that govern the change of a request.

    Args:
        request: the request; its change is from the stage that the version had when the request was made. The facts of
            the model are those of now.
        revisions: the revisions in force at a time.
    """
    demands = _demands(request.source_stage, request.target_stage, request.target_alias)
    candidates = [(parse_revision(revision), revision) for revision in revisions]
    chosen = select_policies(candidates, demands, facts_of_model(request.model))
    return [found.revision for found in chosen if found.revision is not None]


def select_policies(
    candidates: Sequence[tuple[PolicyDocument, PolicyRevision]], demands: Sequence[Demand], facts: ModelFacts
) -> tuple[Selected, ...]:
    """Return for each demand the revision among candidates that meets it; see `policies_for`."""
    found = []
    for demand in demands:
        revision = choose(candidates, demand, facts)
        reason = (
            why_chosen(parse_revision(revision), [document for document, _ in candidates], demand, facts)
            if revision is not None
            else ""
        )
        found.append(Selected(demand, revision, reason))
    return tuple(found)


def unmet_demands(request: PromotionRequest, demands: Sequence[Demand]) -> tuple[Demand, ...]:
    """Return the demands for which a request still has to be bound to a policy.

    A demand is met by a policy that the request is bound to on the same basis and that covers it, for any tier. A
    demand for leaving a stage other than the request's original source stage is always returned: a policy without
    `from` covers it as well, but one that names that stage takes precedence.
    """
    return tuple(
        demand
        for demand in demands
        if not is_bound_for(request, demand)
        or (demand.basis is Basis.LEAVING and demand.source != request.source_stage.slug)
    )


def is_bound_for(request: PromotionRequest, demand: Demand) -> bool:
    """Return whether a policy on the demand's basis governs the request and covers the demand for some tier."""
    return any(
        bound.basis == demand.basis and demand.covered_by(parse_revision(bound.policy_revision))
        for bound in request.governing
    )
