"""Emergency changes that are owed, for every page of their model, the catalogue and the queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from audit import clock
from audit.actor import Actor
from governance.gate import gate_inputs
from governance.models import EmergencyChange, PolicyRevision
from governance.policies import Basis, Demand, Emergency, choose, facts_of_model
from registry import access, selectors
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, RegisteredModel, StageOccupancy

MOST_SHOWN: Final = 50


@dataclass(frozen=True)
class Debt:
    """An emergency change that is not repaid.

    Attributes:
        holds_place: the version holds the place by this change: an ordinary approval or another version is owed.
        is_overdue: the time of the change, or the due date of the retrospective, has passed.
    """

    change: EmergencyChange
    holds_place: bool
    is_overdue: bool

    @property
    def finding_open(self) -> bool:
        """Whether the finding has to be closed."""
        return self.change.finding is not None and self.change.finding.closed_at is None

    @property
    def owed(self) -> tuple[str, ...]:
        """What is owed, as words."""
        request = self.change.request
        place = f"v{request.version.number} approved again in {request.target_name}, or a rollback"
        finding = f"finding {self.change.finding_id} closed"
        return (*((place,) if self.holds_place else ()), *((finding,) if self.finding_open else ()))


def debts_of_models(models: Collection[int]) -> dict[int, list[Debt]]:
    """Return what is owed for emergency changes, by the key of the model, the first due first. One query.

    Args:
        models: primary keys of models that the caller may see.
    """
    found: defaultdict[int, list[Debt]] = defaultdict(list)
    for debt in _debts(_owed().filter(request__model__in=list(models))):
        found[debt.change.request.model_id].append(debt)
    return dict(found)


def visible_debts(actor: Actor) -> list[Debt]:
    """Return what is owed on the models that the actor may see, the first due first; at most 50. One query."""
    return _debts(_owed().filter(request__model__in=access.visible_models(actor))[:MOST_SHOWN])


def emergency_changes(model: RegisteredModel) -> list[Debt]:
    """Return every emergency change of a model that was carried out, newest first, repaid ones included."""
    return _debts(_carried_out().filter(request__model=model).order_by("-pk"))


def _carried_out() -> QuerySet[EmergencyChange]:
    held = {"promotion": OuterRef("request__uid"), "version": OuterRef("request__version")}
    return (
        EmergencyChange.objects.filter(began_at__isnull=False)
        .select_related(
            "request__model", "request__version", "request__target_stage", "request__requested_by", "finding"
        )
        .annotate(
            in_stage=Exists(StageOccupancy.objects.filter(IS_CURRENT, **held)),
            at_alias=Exists(AliasAssignment.objects.filter(IS_CURRENT, **held)),
        )
    )


def _owed() -> QuerySet[EmergencyChange]:
    return _carried_out().filter(repaid_at__isnull=True).order_by("retrospective_due", "pk")


def _debts(rows: QuerySet[EmergencyChange]) -> list[Debt]:
    now = clock.now()
    found = []
    for row in rows:
        holds = bool(getattr(row, "in_stage", False) or getattr(row, "at_alias", False))
        late = row.retrospective_due is not None and row.retrospective_due < now.date()
        ended = holds and row.ends_at is not None and row.ends_at <= now
        found.append(Debt(row, holds, row.repaid_at is None and (late or ended)))
    return found


# --- what the form of an emergency change offers ---------------------------------------------------------------------


@dataclass(frozen=True)
class EmergencyTarget:
    """A place for which the policies in force allow an emergency change."""

    name: str
    stage: str
    alias: str
    current: ModelVersion | None
    section: Emergency

    @property
    def key(self) -> str:
        """The target in forms: "stage:production" or "alias:champion"."""
        return f"stage:{self.stage}" if self.stage else f"alias:{self.alias}"


def emergency_targets(model: RegisteredModel) -> tuple[EmergencyTarget, ...]:
    """Return the protected stages and aliases that a version of a model can get by an emergency change.

    The policy for entering a stage, or for the alias, has the section `emergency`. The policies for the change of one
    version can be more; the request is refused then.
    """
    revisions = PolicyRevision.objects.in_force()
    documents = [(one, one) for one in (gate_inputs.parse_revision(revision) for revision in revisions)]
    if not any(document.emergency is not None for document, _ in documents):
        return ()
    found = []
    for stage in selectors.stages():
        if stage.protected:
            demand = Demand(Basis.TARGET, "", target=stage.slug)
            chosen = choose(documents, demand, facts_of_model(model))
            section = chosen.emergency if chosen is not None else None
            if section is not None:
                current = selectors.version_in_stage(model.pk, stage.pk)
                found.append(EmergencyTarget(stage.name, stage.slug, "", current, section))
    for alias in selectors.protected_aliases():
        demand = Demand(Basis.TARGET, "", alias=alias.name)
        chosen = choose(documents, demand, facts_of_model(model))
        section = chosen.emergency if chosen is not None else None
        if section is not None:
            current = selectors.version_at_alias(model.pk, alias.name)
            found.append(EmergencyTarget(f"@{alias.name}", "", alias.name, current, section))
    return tuple(found)
