"""The health of versions and models in production: approved limits in force, latest values, open findings.

Computed when it is read, by comparison of times, so that silence needs no task to be noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Max, Q

from audit import clock
from governance.gate import gate_inputs
from governance.models import Finding, PolicyRevision, SignalReport
from governance.monitoring.health import (
    Health,
    HealthState,
    LatestValue,
    OpenFinding,
    health_of,
    worst,
)
from governance.policies import Basis, Demand, ModelFacts, PolicyDocument, choose, facts_of_model
from governance.policies.monitoring import ApprovedLimit, ApprovedMonitoring, approved_monitoring
from governance.selectors.policies import policies_in_force
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, RegisteredModel, StageOccupancy

_LATEST: Final = """
    SELECT s.version_id, s.kind, s.name, s.slice, s.dataset, l.value, l.at, l.sample_size, w.minimum
      FROM unnest(%(kinds)s::text[], %(names)s::text[], %(minima)s::bigint[]) AS w(kind, name, minimum)
      JOIN governance_signalseries s ON s.version_id = ANY(%(versions)s) AND s.kind = w.kind AND lower(s.name) = w.name
     CROSS JOIN LATERAL (
           SELECT v.value, v.at, v.sample_size FROM governance_signalvalue v
            WHERE v.series_id = s.id AND (w.minimum IS NULL OR v.sample_size >= w.minimum)
            ORDER BY v.at DESC, v.report_id DESC LIMIT 1) l"""


@dataclass(frozen=True)
class InForce:
    """The policies in force, as far as monitoring concerns them."""

    candidates: Sequence[tuple[PolicyDocument, PolicyRevision]]

    @property
    def stages(self) -> set[str]:
        """Slugs of the stages that a policy with a monitoring section covers."""
        return {slug for document, _ in self._monitoring() for slug in document.applies_to.stages}

    @property
    def aliases(self) -> set[str]:
        """Names of the aliases that a policy with a monitoring section covers."""
        return {name for document, _ in self._monitoring() for name in document.applies_to.aliases}

    def governing(self, stage: str, aliases: Iterable[str], facts: ModelFacts) -> list[PolicyRevision]:
        """Return the policies that monitor a version: the one that governs entering its stage, then those that govern
        its aliases, each once and only with a monitoring section.
        """
        demands = [Demand(Basis.TARGET, stage, target=stage)]
        demands += [Demand(Basis.TARGET, name, alias=name) for name in sorted(aliases)]
        chosen = [choose(self.candidates, demand, facts) for demand in demands]
        found = {revision.pk: revision for revision in chosen if revision is not None}
        return [one for one in found.values() if gate_inputs.parse_revision(one).monitoring is not None]

    def _monitoring(self) -> list[tuple[PolicyDocument, PolicyRevision]]:
        return [(document, revision) for document, revision in self.candidates if document.monitoring is not None]


@dataclass(frozen=True)
class Approved:
    """The approved monitoring of a version, and the policy revisions that set it, by slug."""

    monitoring: ApprovedMonitoring
    revisions: Mapping[str, PolicyRevision]


@dataclass(frozen=True)
class ModelHealth:
    """The worst health of the monitored versions of a model, and the health of each by its number."""

    health: Health
    versions: Mapping[int, HealthState]

    @property
    def label(self) -> str:
        """The name of the state on pages."""
        return HealthState(self.health).label

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the versions in the worst state, each with the version."""
        return tuple(
            f"v{number}: {reason}"
            for number, state in self.versions.items()
            if state.health is self.health
            for reason in state.reasons
        )


def monitoring_in_force() -> InForce:
    """Return the policies in force. One query."""
    return InForce([(gate_inputs.parse_revision(revision), revision) for revision in policies_in_force()])


def approved_for(version: ModelVersion, in_force: InForce | None = None) -> Approved | None:
    """Return the approved monitoring of a version where it is now; None if no policy monitors it.

    Args:
        version: the version, with its model and stage.
        in_force: the policies in force if already read.
    """
    in_force = in_force or monitoring_in_force()
    held = _aliases([version.pk], in_force)[version.pk]
    return _approved(in_force, version, held)


def health_of_versions(versions: Sequence[ModelVersion], in_force: InForce | None = None) -> dict[int, HealthState]:
    """Return the health of versions by their primary keys.

    One query if no policy in force monitors; otherwise a number that does not depend on the number of versions.

    Args:
        versions: the versions, with their models and stages.
        in_force: the policies in force if already read.
    """
    in_force = in_force or monitoring_in_force()
    aliases = _aliases([version.pk for version in versions], in_force)
    approved = {
        version.pk: found.monitoring
        for version in versions
        if (found := _approved(in_force, version, aliases[version.pk])) is not None
    }
    entered = _entered(approved)
    reported = _last_reported(approved)
    latest = _latest(approved)
    findings = _open_findings(approved)
    now = clock.now()
    return {
        version.pk: health_of(
            approved.get(version.pk),
            entered=entered.get(version.pk, version.created_at),
            now=now,
            latest=latest[version.pk],
            findings=findings[version.pk],
            last_reported=reported.get(version.pk),
        )
        for version in versions
    }


def health_of_version(version: ModelVersion) -> HealthState:
    """Return the health of one version, read with its model and stage."""
    return health_of_versions([version])[version.pk]


def health_of_models(models: Sequence[RegisteredModel]) -> dict[int, ModelHealth]:
    """Return the health of models by their primary keys: the worst of their versions where a policy monitors them.

    One query if no policy in force monitors; otherwise a number that does not depend on the number of models.
    """
    in_force = monitoring_in_force()
    found: defaultdict[int, dict[int, HealthState]] = defaultdict(dict)
    if in_force.stages or in_force.aliases:
        versions = list(_monitored_versions(models, in_force))
        states = health_of_versions(versions, in_force)
        for version in versions:
            if states[version.pk].health is not Health.NOT_MONITORED:
                found[version.model_id][version.number] = states[version.pk]
    return {
        model.pk: ModelHealth(worst(state.health for state in found[model.pk].values()), found[model.pk])
        for model in models
    }


def _monitored_versions(models: Iterable[RegisteredModel], in_force: InForce) -> Iterable[ModelVersion]:
    """Return the versions of models in stages, or behind aliases, that a policy monitors, newest first."""
    placed = Q(stage__slug__in=in_force.stages)
    if in_force.aliases:
        held = AliasAssignment.objects.filter(IS_CURRENT, name__in=in_force.aliases)
        placed |= Q(pk__in=held.values("version_id"))
    return (
        ModelVersion.objects.filter(
            placed,
            model__in=[model.pk for model in models],
            deleted_at__isnull=True,
            status=ModelVersion.Status.REGISTERED,
        )
        .select_related("model", "stage")
        .order_by("-number")
    )


def latest_values(limits: Iterable[ApprovedLimit], versions: Sequence[int]) -> dict[int, list[LatestValue]]:
    """Return the latest judged value of each series that limits name, by the primary key of the version.

    For a limit with a minimum sample that is the latest value of enough rows. One query.
    """
    wanted = sorted({(limit.kind, limit.signal.casefold(), limit.min_sample) for limit in limits}, key=str)
    found: dict[int, list[LatestValue]] = {key: [] for key in versions}
    if not wanted or not versions:
        return found
    kinds, names, minima = (list(column) for column in zip(*wanted, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"kinds": kinds, "names": names, "minima": minima, "versions": list(versions)})
        for version, *row in cursor.fetchall():
            found[version].append(LatestValue(*row))
    return found


def _approved(in_force: InForce, version: ModelVersion, aliases: Iterable[str]) -> Approved | None:
    revisions = in_force.governing(version.stage.slug, aliases, facts_of_model(version.model))
    sections = [
        (revision.policy.slug, section)
        for revision in revisions
        if (section := gate_inputs.parse_revision(revision).monitoring) is not None
    ]
    approved = approved_monitoring(sections, version.stage.slug)
    return Approved(approved, {one.policy.slug: one for one in revisions}) if approved is not None else None


def _aliases(versions: Sequence[int], in_force: InForce) -> dict[int, list[str]]:
    """Return the aliases that point at each version now, of those that a policy monitors."""
    found: dict[int, list[str]] = {key: [] for key in versions}
    if in_force.aliases:
        held = AliasAssignment.objects.filter(IS_CURRENT, version__in=versions, name__in=in_force.aliases)
        for version, name in held.values_list("version_id", "name"):
            found[version].append(name)
    return found


def entered_stage(version: ModelVersion) -> datetime:
    """Return since when a version has been in its stage; a renewed approval in the stage does not interrupt it."""
    return _entered([version.pk]).get(version.pk, version.created_at)


def _entered(versions: Iterable[int]) -> dict[int, datetime]:
    keys = list(versions)
    if not keys:
        return {}
    rows = StageOccupancy.objects.filter(version__in=keys).order_by("version_id", "-opened_at", "-pk")
    found: dict[int, datetime] = {}
    begins: dict[int, tuple[int, object]] = {}
    for version, stage, opened, event, closed_by in rows.values_list(
        "version_id", "stage_id", "opened_at", "opened_event", "closed_event"
    ):
        if version not in begins or begins[version] == (stage, closed_by):
            found[version], begins[version] = opened, (stage, event)
    return found


def _latest(approved: Mapping[int, ApprovedMonitoring]) -> Mapping[int, list[LatestValue]]:
    limits = [limit for monitoring in approved.values() for limit in monitoring.limits]
    found: defaultdict[int, list[LatestValue]] = defaultdict(list)
    found.update(latest_values(limits, list(approved)))
    return found


def _open_findings(versions: Iterable[int]) -> Mapping[int, list[OpenFinding]]:
    found: defaultdict[int, list[OpenFinding]] = defaultdict(list)
    keys = list(versions)
    if keys:
        for row in Finding.objects.filter(
            version__in=keys, source=Finding.Source.SIGNAL, closed_at__isnull=True
        ).order_by("pk"):
            assert row.version_id is not None  # a signal belongs to a version
            found[row.version_id].append(OpenFinding(row.words, row.recovered_at is not None))
    return found


def _last_reported(versions: Iterable[int]) -> dict[int, datetime]:
    keys = list(versions)
    if not keys:
        return {}
    rows = SignalReport.objects.filter(version__in=keys).order_by().values_list("version_id")
    return dict(rows.annotate(Max("window_to")))
