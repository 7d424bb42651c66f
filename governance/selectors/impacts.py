"""Impacts for readers: which approvals are concerned by what, what the policy asks, and what was opened."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import QuerySet

from audit.actor import Actor
from governance.models import DatasetRecall, Impact
from registry import access
from registry.models import User

MOST_OF_MODEL: Final = 20


def visible_impacts(actor: Actor, *, cause: str = "", is_open: bool | None = True) -> QuerySet[Impact]:
    """Return the impacts on models that the actor may see, newest first, with what a row shows.

    Args:
        actor: who reads.
        cause: a value of `Impact.Cause`; empty for every cause.
        is_open: True for those that are not settled, False for settled ones, None for all.

    Raises:
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    rows = Impact.objects.filter(model__in=access.visible_models(actor)).select_related(
        "model__owner", "version", "request__target_stage", "finding", "reapproval", "removal"
    )
    if cause:
        rows = rows.filter(cause=cause)
    if is_open is not None:
        rows = rows.filter(settled_at__isnull=is_open)
    return rows.order_by("-pk")


def impacts_for(actor: Actor, person: User, *, most: int) -> list[Impact]:
    """Return the open impacts that a reader has to handle, newest first: officers all visible ones, other readers those
    of models they own.

    Args:
        actor: who reads.
        person: the account behind the actor.
        most: maximum number of impacts.
    """
    rows = visible_impacts(actor)
    if not access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES):
        rows = rows.filter(model__owner=person)
    return list(rows[:most])


def open_impacts_of_models(models: Collection[int]) -> list[Impact]:
    """Return the impacts of models that are not settled, newest first; at most 20. One query."""
    rows = Impact.objects.filter(model__in=list(models), settled_at__isnull=True)
    related = ("model", "version", "request__target_stage", "finding", "reapproval", "removal")
    return list(rows.select_related(*related).order_by("-pk")[:MOST_OF_MODEL])


def recall_of(identity: str) -> DatasetRecall | None:
    """Return the recall of a dataset; None where it is not recalled."""
    return DatasetRecall.objects.filter(identity=identity).select_related("recalled_by").first()
