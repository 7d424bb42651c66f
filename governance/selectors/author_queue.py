"""What waits for the author of a request or the owner of its model: to add evidence, to answer objections, to carry it
out."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.actor import Actor
from governance.models import CheckRun, Decision, PromotionRequest
from governance.policies import PASSING_CONCLUSIONS
from governance.selectors.inbox import ListRow, latest_runs_read, promotion_summaries
from governance.selectors.requests import visible_requests
from registry import access
from registry.models import User

MOST = 50


@dataclass(frozen=True)
class AuthorRow:
    """A request that waits for its author or for the owner of the model. `is_ready`: everything is met, and the reader
    may carry it out; else `reason` says what it waits for."""

    row: ListRow
    is_ready: bool
    reason: str


def waiting_for_author(actor: Actor, person: User) -> tuple[AuthorRow, ...]:
    """Return the live requests that this reader asked for, or that are of models they own, and that are blocked, wait
    for evidence, or are ready and held; those that expire first come first. A fixed number of queries."""
    rows = promotion_summaries(actor, _those_waiting(actor, person).order_by("expires_at", "pk")[:MOST], person)
    return tuple(AuthorRow(row, row.request.state == PromotionRequest.State.READY, _reason(row)) for row in rows)


def has_author_work(actor: Actor, person: User) -> bool:
    """Whether there is any."""
    return _those_waiting(actor, person).exists()


def _those_waiting(actor: Actor, person: User) -> QuerySet[PromotionRequest]:
    lacking = CheckRun.objects.filter(request=OuterRef("pk"), status=CheckRun.Status.WAITING_EVIDENCE)
    may_carry_out = access.models_with_permission(actor, access.Permission.REQUEST_PROMOTION)
    return visible_requests(actor).filter(
        Q(requested_by=person) | Q(model__owner=person),
        Q(state=PromotionRequest.State.BLOCKED)
        | Q(Exists(lacking), state=PromotionRequest.State.OPEN)
        | Q(state=PromotionRequest.State.READY, model__in=may_carry_out.values("pk")),
    )


def _reason(row: ListRow) -> str:
    """What the request waits for, by its decisions and the latest run of each check."""
    request = row.request
    if request.state == PromotionRequest.State.READY:
        return "Ready: carry it out"
    latest = latest_runs_read(request)
    said = [
        f"{decision.signed_name} asked for changes"
        for decision in request.decisions.all()
        if decision.outcome == Decision.Outcome.REQUEST_CHANGES and decision.lapsed_at is None
    ]
    lacking = [run.check_slug for run in latest.values() if run.status == CheckRun.Status.WAITING_EVIDENCE]
    failed = [
        run.check_slug
        for run in latest.values()
        if run.status == CheckRun.Status.COMPLETED and run.conclusion not in PASSING_CONCLUSIONS
    ]
    if hasattr(request, "failure"):
        said.append(f"it could not be executed: {request.failure.reason}")
    if lacking:
        said.append(f"evidence is missing for {', '.join(sorted(lacking))}")
    if failed:
        said.append(f"not passed: {', '.join(sorted(failed))}")
    return "; ".join(said) or "The model or its policies lack something: open the request"
