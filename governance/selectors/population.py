"""What was in a stage at a given time, over all models visible to a reader: the population of an audit."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audit.actor import Actor
from governance.models import Decision, PromotionRequest
from registry import access, selectors
from registry.models import Stage, StageOccupancy

BATCH = 500
"""Rows read at a time for an export."""


@dataclass(frozen=True)
class Occupant:
    """A version that was in the stage, with its request and approvers."""

    occupancy: StageOccupancy
    request: int | None
    approved_by: tuple[str, ...]


def in_stage(actor: Actor, stage: Stage, moment: datetime) -> QuerySet[StageOccupancy]:
    """Return what was in a stage at a given time, of the models visible to the actor.

    Args:
        actor: who reads.
        stage: the stage.
        moment: the time.

    Raises:
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = selectors.all_occupancies_at(stage, moment).filter(model__in=access.visible_models(actor))
    return found.select_related("model__owner", "version")


def occupants(rows: Sequence[StageOccupancy]) -> list[Occupant]:
    """Return rows with their requests and approvals, in their order. Two queries."""
    uids = [row.promotion for row in rows if row.promotion is not None]
    numbers = dict(PromotionRequest.objects.filter(uid__in=uids).values_list("uid", "pk"))
    signed = Decision.objects.filter(
        request__in=numbers.values(), outcome=Decision.Outcome.APPROVE, lapsed_at__isnull=True
    )
    names: defaultdict[int, list[str]] = defaultdict(list)
    for decision in signed.select_related("on_behalf_of").order_by("signed_at"):
        names[decision.request_id].append(decision.name)
    made = []
    for row in rows:
        number = numbers.get(row.promotion) if row.promotion is not None else None
        made.append(Occupant(row, number, tuple(names.get(number, ())) if number is not None else ()))
    return made


def all_occupants(rows: QuerySet[StageOccupancy]) -> Iterator[Occupant]:
    """Yield all rows ordered by model slug, read in batches, for an export."""
    ordered = rows.order_by("model__slug", "-version__number")
    batch: list[StageOccupancy] = []
    for row in ordered.iterator(chunk_size=BATCH):
        batch.append(row)
        if len(batch) == BATCH:
            yield from occupants(batch)
            batch = []
    yield from occupants(batch)
