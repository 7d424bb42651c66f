"""The register of findings, as a reader sees it: filters, one finding, and those of a model, a version or a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from audit import clock
from audit.actor import Actor
from governance.models import Finding
from registry import access
from registry.exceptions import NotFoundError
from registry.models import Evidence, ModelVersion, RegisteredModel, User

SHOWN: Final = 20
"""Findings shown on the page of a model, a version or a person."""
FILTERS: Final = ("state", "severity", "source", "owner", "model", "late")
_OPEN: Final = Q(closed_at__isnull=True)
_JOINED: Final = (
    "version__stage",
    "model__owner",
    "request",
    "decision__person",
    "owner",
    "policy_revision__policy",
    "stage",
    "acknowledged_by",
    "proposed_by",
    "closed_by",
    "closure_attachment__version",
)
_STATES: Final[Mapping[str, Q]] = {
    "open": _OPEN,
    "acknowledged": _OPEN & Q(acknowledged_at__isnull=False, proposed_at__isnull=True),
    "closure_proposed": _OPEN & Q(proposed_at__isnull=False),
    "closed": ~_OPEN,
    "any": Q(),
}
"""Values of the filter `state`. `open` is everything that is not closed."""
_SEVERITY: Final = Case(
    *(When(severity=value, then=Value(place)) for place, value in enumerate(Finding.Severity.values)),
    output_field=IntegerField(),
)


def visible_findings(actor: Actor, models: Iterable[RegisteredModel] | None = None) -> QuerySet[Finding]:
    """Return the findings of models that the actor may see, newest first.

    Args:
        actor: the reader.
        models: only findings of these models; None for all.
    """
    rows = Finding.objects.select_related(*_JOINED).order_by("-pk")
    if models is not None:
        return rows.filter(model__in=[model.pk for model in models])
    return rows.filter(model__in=access.visible_models(actor).values("pk"))


def filtered_findings(rows: QuerySet[Finding], filters: Mapping[str, str]) -> QuerySet[Finding]:
    """Return the findings that match filters; a value that no finding can have matches none.

    Args:
        rows: the findings.
        filters: `state` (open if missing), `severity`, `source`, `owner` (user name), `model` (slug) and `late`.
    """
    rows = rows.filter(_STATES.get(filters.get("state") or "open", Q(pk__in=[])))
    for name in ("severity", "source"):
        if value := filters.get(name):
            rows = rows.filter(**{name: value})
    if owner := filters.get("owner"):
        named = Q(owner__username=owner)
        rows = rows.filter(named | Q(owner__isnull=True, model__owner__username=owner))
    if model := filters.get("model"):
        rows = rows.filter(model__slug=model)
    if filters.get("late"):
        rows = rows.filter(late_findings())
    return rows


def late_findings() -> Q:
    """Return the condition of a finding that is late: not closed, and its due date has passed."""
    return _OPEN & Q(due__lt=clock.now().date())


def finding(actor: Actor, number: int) -> Finding:
    """Return a finding.

    Raises:
        NotFoundError: it is absent, or its model is not visible to the actor.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = visible_findings(actor).filter(pk=number).first()
    if found is None:
        raise NotFoundError(f"There is no finding {number} that you may see.")
    if found.version is not None:
        found.version.model = found.model
    return found


def evidence_of_model(model: RegisteredModel) -> QuerySet[Evidence]:
    """Return the evidence of the versions of a model that can be attached to a closure, newest first."""
    return Evidence.objects.filter(version__model=model).select_related("version").order_by("-pk")[:200]


def open_findings_of(model: RegisteredModel, version: ModelVersion | None = None) -> list[Finding]:
    """Return the open findings of a model that the reader may see, the most severe first, at most `SHOWN`.

    Args:
        model: the model.
        version: only those about this version or about the model as a whole.
    """
    rows = Finding.objects.filter(_OPEN, model=model).select_related("owner", "version", "model__owner")
    if version is not None:
        rows = rows.filter(Q(version=version) | Q(version__isnull=True))
    return list(_by_urgency(rows)[:SHOWN])


def findings_for(actor: Actor, person: User) -> list[Finding]:
    """Return the open findings that a person owns, the most urgent first, at most `SHOWN`."""
    mine = Q(owner=person) | Q(owner__isnull=True, model__owner=person)
    return list(_by_urgency(visible_findings(actor).filter(_OPEN & mine))[:SHOWN])


def _by_urgency(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    return rows.annotate(place=_SEVERITY).order_by("-place", F("due").asc(nulls_last=True), "pk")
