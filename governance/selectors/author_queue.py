"""Requests that wait for their author or for the owner of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.actor import Actor
from governance.models import CheckRun, PromotionRequest
from governance.policies import RequirementStatus
from governance.selectors.inbox import ListRow, promotion_summaries
from governance.selectors.requests import visible_requests
from registry import access
from registry.models import User

MOST = 50


@dataclass(frozen=True)
class AuthorRow:
    """A request that waits for its author or for the owner of the model.

    `kind`: "ready" if every requirement is met and the reader may promote it; "changes_requested"; else "blocked", by
    missing evidence, a failed check or a condition. `reason` names what is missing.
    """

    row: ListRow
    kind: Literal["changes_requested", "blocked", "ready"]
    reason: str

    @property
    def is_ready(self) -> bool:
        """Whether the reader may promote it now."""
        return self.kind == "ready"


def waiting_for_author(actor: Actor, person: User) -> tuple[AuthorRow, ...]:
    """Return the live requests that wait for a reader. A fixed number of queries.

    These are requests made by the reader, or of models they own, that are blocked, wait for evidence, or are ready and
    held; at most 50, in order of expiry.

    Args:
        actor: who reads; limits visibility.
        person: the account behind the actor.
    """
    rows = promotion_summaries(actor, _those_waiting(actor, person).order_by("expires_at", "pk")[:MOST], person)
    return tuple(AuthorRow(row, _kind(row), _reason(row)) for row in rows)


def count_author_work(actor: Actor, person: User) -> int:
    """Return the number of rows of `waiting_for_author`. One query."""
    return _those_waiting(actor, person)[:MOST].count()


def _those_waiting(actor: Actor, person: User) -> QuerySet[PromotionRequest]:
    lacking = CheckRun.objects.filter(request=OuterRef("pk"), status=CheckRun.Status.WAITING_EVIDENCE)
    may_carry_out = access.models_with_permission(actor, access.Permission.REQUEST_PROMOTION)
    return visible_requests(actor).filter(
        Q(requested_by=person) | Q(model__owner=person),
        Q(state=PromotionRequest.State.BLOCKED)
        | Q(Exists(lacking), state=PromotionRequest.State.OPEN)
        | Q(state=PromotionRequest.State.READY, model__in=may_carry_out.values("pk")),
    )


def _kind(row: ListRow) -> Literal["changes_requested", "blocked", "ready"]:
    if row.request.state == PromotionRequest.State.READY:
        return "ready"
    return "changes_requested" if any(r.id.startswith("changes:") for r in row.unmet) else "blocked"


def _reason(row: ListRow) -> str:
    """Return what the request waits for."""
    request = row.request
    if request.state == PromotionRequest.State.READY:
        return "Ready: promote it"
    reasons = [r.detail for r in row.unmet if r.kind == "condition"]
    lacking = [slug for slug, run in row.latest_runs.items() if run.status == CheckRun.Status.WAITING_EVIDENCE]
    failed = [
        r.id.removeprefix("check:") for r in row.unmet if r.kind == "check" and r.state is RequirementStatus.FAILED
    ]
    if hasattr(request, "failure"):
        reasons.append(f"it could not be executed: {request.failure.reason}")
    if lacking:
        reasons.append(f"evidence is missing for {', '.join(sorted(lacking))}")
    if failed:
        reasons.append(f"not passed: {', '.join(sorted(failed))}")
    return "; ".join(reasons) or "The model or its policies lack something: open the request"
