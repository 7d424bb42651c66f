"""Which open findings hinder a request: the conditions of the verdict that come from the register of findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import Q

from audit import clock
from governance.models import Finding, PromotionRequest
from governance.policies import Requirement, RequirementStatus
from registry import selectors


def blocking_findings(requests: Collection[PromotionRequest]) -> dict[int, tuple[Requirement, ...]]:
    """Return for live requests a failed condition for each open finding that blocks their target.

    A late condition of an earlier promotion blocks every request of the model into a protected place. Another finding
    blocks a request of its version, or of its model with `blocks_model`, if it names the target: the stage,
    the alias, or a stage that the alias represents. One query; another one if there is a request of an alias.

    Args:
        requests: the requests, with their target stages. Closed ones have no conditions.

    Returns:
        Conditions by request number, the most severe first. A request without such a finding is missing.
    """
    live = [request for request in requests if request.is_live]
    if not live:
        return {}
    rows = _open_findings({request.model_id for request in live})
    if not rows:
        return {}
    aliases = {request.target_alias for request in live if request.target_alias}
    protections = selectors.alias_protections(aliases) if aliases else {}
    found: dict[int, tuple[Requirement, ...]] = {}
    for request in live:
        if request.target_stage is not None:
            places = frozenset({request.target_stage.slug})
        else:
            protection = protections.get(request.target_alias)
            represented = protection.represents if protection is not None else ()
            places = frozenset({f"@{request.target_alias}", *(stage.slug for stage in represented)})
        blocking = [finding for finding in rows[request.model_id] if _blocks(finding, request, places)]
        if blocking:
            found[request.pk] = tuple(_as_requirement(finding) for finding in blocking)
    return found


def late_conditions(requests: Collection[PromotionRequest]) -> frozenset[int]:
    """Return the keys of the decisions on live requests of which a condition is late. One query.

    Args:
        requests: the requests. Decisions on closed ones keep what counted when they were closed.
    """
    live = [request.pk for request in requests if request.is_live]
    if not live:
        return frozenset()
    late = Finding.objects.filter(decision__request__in=live, closed_at__isnull=True, due__lt=clock.now().date())
    return frozenset(late.values_list("decision_id", flat=True))


def _blocks(finding: Finding, request: PromotionRequest, places: frozenset[str]) -> bool:
    if finding.source == Finding.Source.DECISION:
        return _is_unmet_condition(finding, request)
    concerns = finding.blocks_model or finding.version_id == request.version_id
    return concerns and not places.isdisjoint(finding.blocks)


def _is_unmet_condition(finding: Finding, request: PromotionRequest) -> bool:
    """Return whether a late condition of an earlier promotion of the model blocks a request into a protected place."""
    earlier = finding.request
    if earlier is None or earlier.pk == request.pk or earlier.state != PromotionRequest.State.PROMOTED:
        return False
    protected = request.target_stage is None or request.target_stage.protected
    return protected and finding.is_late(clock.now().date())


def _open_findings(models: Iterable[int]) -> dict[int, list[Finding]]:
    """Return the open findings of models that can block something, by the key of the model, the most severe first."""
    found: defaultdict[int, list[Finding]] = defaultdict(list)
    of_interest = ~Q(blocks=[]) | Q(source=Finding.Source.DECISION)
    rows = Finding.objects.filter(of_interest, model__in=list(models), closed_at__isnull=True)
    order = list(reversed(Finding.Severity.values))
    for row in sorted(rows.select_related("owner", "request"), key=lambda row: (order.index(row.severity), row.pk)):
        found[row.model_id].append(row)
    return found


def _as_requirement(finding: Finding) -> Requirement:
    late = f", late since {finding.due}" if finding.is_late(clock.now().date()) else f", due {finding.due}"
    owner = finding.owner.name if finding.owner is not None else "no owner"
    return Requirement(
        f"finding:{finding.pk}",
        "condition",
        f"Finding {finding.pk} is closed",
        RequirementStatus.FAILED,
        f"{finding.get_severity_display().lower()}: {finding.title} ({owner}{late})",
        "Correct it, propose its closure with evidence, and have another person close it",
    )
