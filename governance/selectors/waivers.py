"""Waivers, as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import Q, QuerySet

from audit import clock
from audit.actor import Actor
from governance.models import RequestPolicy, Waiver
from registry import access
from registry.exceptions import NotFoundError
from registry.models import ModelVersion

WAIVER_STATES: Final = ("in_force", "ended", "any")


def visible_waivers(actor: Actor) -> QuerySet[Waiver]:
    """Return the waivers of models that the actor may see, the one that ends next first."""
    rows = Waiver.objects.select_related(
        "model", "version", "accepted_by", "ended_by", "request__model", "request__target_stage"
    )
    return rows.filter(model__in=access.visible_models(actor).values("pk")).order_by("valid_until", "pk")


def filtered_waivers(rows: QuerySet[Waiver], filters: Mapping[str, str]) -> QuerySet[Waiver]:
    """Return the waivers that match filters.

    Args:
        rows: the waivers.
        filters: `state` (in_force if missing, ended or any), `model` (slug), `check` (slug).
    """
    in_force = Q(ended_at__isnull=True, valid_until__gt=clock.now())
    state = filters.get("state") or "in_force"
    if state != "any":
        rows = rows.filter(in_force if state == "in_force" else ~in_force)
    if model := filters.get("model"):
        rows = rows.filter(model__slug=model)
    if check := filters.get("check"):
        rows = rows.filter(check_slug=check)
    return rows


def waivers_under_policy(actor: Actor, slug: str) -> QuerySet[Waiver]:
    """Return the waivers in force, of models that the actor may see, for requests that a policy governs.

    Args:
        actor: the reader.
        slug: of the policy.
    """
    governed = RequestPolicy.objects.filter(policy_revision__policy__slug=slug).values("request")
    return filtered_waivers(visible_waivers(actor), {"state": "in_force"}).filter(request__in=governed)


def waiver(actor: Actor, number: int) -> Waiver:
    """Return a waiver.

    Raises:
        NotFoundError: it is absent, or its model is not visible to the actor.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = visible_waivers(actor).filter(pk=number).first()
    if found is None:
        raise NotFoundError(f"There is no waiver {number} that you may see.")
    found.version.model = found.model
    return found


def waivers_of_version(version: ModelVersion) -> list[Waiver]:
    """Return the waivers of a version, newest first."""
    return list(Waiver.objects.filter(version=version).select_related("accepted_by", "ended_by").order_by("-pk"))
