"""Lineage: a graph of datasets and versions.

A version references the datasets with which it was trained or evaluated and the versions from which it was made. Both
are written at registration and a parent must be registered first, so there is no cycle; the depth of the queries is
limited nevertheless. Each query is ONE recursive query over ids without permission checks; the result is then filtered
by `access.visible_models`, and versions that are not visible are counted but never named.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import RawSQL

from audit.actor import Actor
from registry import access, datasets
from registry.exceptions import ConflictError, NotFoundError
from registry.models import DatasetReference, ModelVersion

STEPS = 2
"""Default depth of a version's neighbourhood, in each direction."""
MAX_STEPS = 32
"""Maximum depth of any query."""
MOST = 400
"""Maximum number of edges in each direction around one version; more can neither be drawn nor read as a list."""

_AROUND = """
WITH RECURSIVE
up(child, parent, depth) AS (
    SELECT from_modelversion_id, to_modelversion_id, 1
      FROM registry_modelversion_parents WHERE from_modelversion_id = %(version)s
    UNION
    SELECT p.from_modelversion_id, p.to_modelversion_id, up.depth + 1
      FROM up JOIN registry_modelversion_parents p ON p.from_modelversion_id = up.parent
     WHERE up.depth < %(steps)s
),
down(child, parent, depth) AS (
    SELECT from_modelversion_id, to_modelversion_id, 1
      FROM registry_modelversion_parents WHERE to_modelversion_id = %(version)s
    UNION
    SELECT p.from_modelversion_id, p.to_modelversion_id, down.depth + 1
      FROM down JOIN registry_modelversion_parents p ON p.to_modelversion_id = down.child
     WHERE down.depth < %(steps)s
)
(SELECT child, parent, true FROM up LIMIT %(most)s) UNION ALL (SELECT child, parent, false FROM down LIMIT %(most)s)
"""

_RESTING = """
WITH RECURSIVE resting(id, depth) AS (
    SELECT version_id, 0 FROM registry_datasetreference WHERE identity = %s
    UNION
    SELECT p.from_modelversion_id, resting.depth + 1
      FROM resting JOIN registry_modelversion_parents p ON p.to_modelversion_id = resting.id
     WHERE resting.depth < %s
)
SELECT id FROM resting
"""


@dataclass(frozen=True)
class LineageNeighbourhood:
    """A version, its ancestors and its descendants, as far as they are visible to the reader."""

    version: ModelVersion
    ancestors: tuple[ModelVersion, ...]
    descendants: tuple[ModelVersion, ...]
    edges: frozenset[tuple[int, int]]
    """(child, parent), by primary key, between these versions."""
    datasets: tuple[DatasetReference, ...]
    """Of the version and its ancestors."""
    hidden: int
    """Number of neighbouring versions that are not visible to the reader."""
    cut: bool
    """Whether there are more edges than were read."""


def lineage_neighbourhood(actor: Actor, version: ModelVersion, *, steps: int = STEPS) -> LineageNeighbourhood:
    """Return the neighbourhood of a version that the actor may see. Three queries.

    Edges are followed through visible versions only: what is connected only through an invisible one is not shown.

    Args:
        actor: the reader.
        version: the version.
        steps: depth in each direction, at most `MAX_STEPS`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, {"version": version.pk, "steps": min(steps, MAX_STEPS), "most": MOST})
        rows = cursor.fetchall()
    up = {(child, parent) for child, parent, upwards in rows if upwards}
    down = {(child, parent) for child, parent, upwards in rows if not upwards}
    near = {pk for edge in up | down for pk in edge} - {version.pk}
    found = ModelVersion.objects.filter(pk__in=near).select_related("model", "stage")
    versions = {row.pk: row for row in found.annotate(seen=_seen_by(actor))} if near else {}
    seen = {pk for pk, row in versions.items() if row.seen} | {version.pk}
    before = _reached(version.pk, up, seen)
    after = _reached(version.pk, {(parent, child) for child, parent in down}, seen)
    edges = frozenset(edge for edge in up | down if set(edge) <= before | after)
    beside = {pk for edge in up if edge[0] in before for pk in edge}
    beside |= {pk for edge in down if edge[1] in after for pk in edge}
    data = DatasetReference.objects.filter(version_id__in=before).order_by("role", "name", "pk")
    return LineageNeighbourhood(
        version=version,
        ancestors=_ordered(versions[pk] for pk in before - {version.pk}),
        descendants=_ordered(versions[pk] for pk in after - {version.pk}),
        edges=edges,
        datasets=tuple(data[:MOST]),
        hidden=len((beside & versions.keys()) - seen),
        cut=len(rows) >= MOST,
    )


def _reached(start: int, edges: Collection[tuple[int, int]], seen: set[int]) -> set[int]:
    """Return the nodes reachable from `start` through visible nodes; `start` included."""
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for source, target in edges:
            if source == here and target in seen and target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _ordered(versions: Iterable[ModelVersion]) -> tuple[ModelVersion, ...]:
    return tuple(sorted(versions, key=lambda v: (v.model.slug, -v.number)))


# --- dependents of a dataset ------------------------------------------------------------------------------------------


def roles_of_dataset(identity: str, versions: Collection[int]) -> dict[int, list[str]]:
    """Return the roles in which versions use a dataset directly, in words, by the primary key of the version.

    Args:
        identity: identity of the dataset.
        versions: primary keys of versions.
    """
    roles: dict[int, list[str]] = {}
    for reference in DatasetReference.objects.filter(identity=identity, version_id__in=versions).order_by("role"):
        named = roles.setdefault(reference.version_id, [])
        if (role := reference.get_role_display().lower()) not in named:
            named.append(role)
    return roles


def dependents(actor: Actor, identity: str, *, stage: str | None = None) -> QuerySet[ModelVersion]:
    """Return the visible versions that depend on a dataset: trained or evaluated with it, or made from such a version
    at any distance, whether or not the versions between are visible.

    Each row has `rank` (0 in an exclusive stage, 1 in another protected one, 2 elsewhere) and `direct`. Unordered.

    Args:
        actor: the reader.
        identity: the identity of the dataset.
        stage: slug; only versions in this stage now.
    """
    found = _resting_on(identity).filter(_seen_by(actor))
    if stage is not None:
        found = found.filter(stage__slug=stage)
    direct = DatasetReference.objects.filter(identity=identity, version_id=OuterRef("pk"))
    return found.annotate(
        rank=Case(
            When(stage__exclusive=True, then=Value(0)),
            When(stage__protected=True, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        ),
        direct=Exists(direct),
    ).select_related("model__owner", "stage")


@dataclass(frozen=True)
class DatasetUsage:
    """How many versions depend on a dataset: visible versions by the slug of their stage, and the number of
    invisible ones.
    """

    by_stage: dict[str, int]
    hidden: int

    @property
    def total(self) -> int:
        """The number of visible versions."""
        return sum(self.by_stage.values())


def dataset_usage(actor: Actor, identity: str) -> DatasetUsage:
    """Count the versions that depend on a dataset, in one query."""
    rows = (
        _resting_on(identity)
        .annotate(seen=_seen_by(actor))
        .order_by()
        .values_list("seen", "stage__slug")
        .annotate(n=Count("pk"))
    )
    by_stage: dict[str, int] = {}
    hidden = 0
    for seen, stage, count in rows:
        if seen:
            by_stage[stage] = count
        else:
            hidden += count
    return DatasetUsage(by_stage, hidden)


def _seen_by(actor: Actor) -> "ExpressionWrapper[Q]":
    """Return the expression that the version is visible to the actor, evaluated per row, because the rows are few
    compared with all visible models.
    """
    seen = access.exists_in(access.visible_models_for_list(actor).filter(pk=OuterRef("model_id")))
    return ExpressionWrapper(seen, BooleanField())


def all_resting_on(identity: str, among: Collection[int]) -> list[int]:
    """Return which of some versions depend on a dataset, visible to a reader or not; for processes. One query.

    Args:
        identity: the identity of the dataset.
        among: primary keys of versions.
    """
    return list(_resting_on(identity).filter(pk__in=list(among)).order_by("pk").values_list("pk", flat=True))


def _resting_on(identity: str) -> QuerySet[ModelVersion]:
    # The ids as an array, computed first: PostgreSQL overestimates the rows of a recursive query, and with a join it
    # would read all versions and check the visibility of each.
    resting = RawSQL(_RESTING, [identity, MAX_STEPS])  # noqa: S611 (a constant)
    among = Func(F("pk"), resting, template="%(expressions)s)", arg_joiner=" = ANY (ARRAY", output_field=BooleanField())
    return ModelVersion.objects.filter(among)


# --- datasets ---------------------------------------------------------------------------------------------------------


def references(actor: Actor) -> QuerySet[DatasetReference]:
    """Return the dataset references of visible versions.

    Raises:
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    return DatasetReference.objects.filter(version__model__in=access.visible_models(actor))


def dataset(actor: Actor, key: str) -> DatasetReference:
    """Return a dataset, represented by its newest visible reference, by its identity or its digest.

    A dataset is visible only through a version that references it, not through a descendant of such a version.

    Args:
        actor: the reader.
        key: the identity, or the digest with or without "sha256:".

    Raises:
        NotFoundError: the dataset is absent or not visible; the message is the same.
        ConflictError: several datasets have this digest, such as two paths of one commit.
        PermissionDeniedError: a token without `models:read`.
    """
    seen = references(actor).order_by("-pk")
    found = seen.filter(identity=key).first()
    if found is not None:
        return found
    by_digest: dict[str, DatasetReference] = {}
    for reference in seen.filter(digest=key.removeprefix("sha256:"))[:MOST] if key else ():
        by_digest.setdefault(reference.identity, reference)
    if len(by_digest) > 1:
        named = "; ".join(f"{r.identity} ({r.uri or r.name})" for r in list(by_digest.values())[:5])
        raise ConflictError(
            f"Several datasets have this digest; name one by its identity: {named}.", code="ambiguous_dataset"
        )
    if not by_digest:
        raise NotFoundError(f"There is no dataset “{key[:80]}” on record that you may see.")
    return by_digest.popitem()[1]


def find_datasets(actor: Actor, words: str) -> QuerySet[DatasetReference]:
    """Return the visible references that match a search; all for an empty search.

    Args:
        actor: the reader.
        words: the prefix of a name or of a digest (from 8 digits), an address, an identity, or a reference in any of
            the formats of `registry.datasets`.

    Raises:
        PermissionDeniedError: a token without `models:read`.
    """
    found, words = references(actor), words.replace("\x00", " ").strip()
    if not words:
        return found
    line = words[:2000]
    meant = Q(identity=line) | Q(uri=line) | Q(name__startswith=line[:250])
    if len(line) >= 8:
        meant |= Q(digest__startswith=line.removeprefix("sha256:").removeprefix("md5:")[:128])
    readings = {datasets.identity(reading) for reading in datasets.detect_formats(words)}
    digests = {reading.digest for reading in datasets.detect_formats(words) if reading.digest}
    return found.filter(meant | Q(identity__in=readings) | Q(digest__in=digests))


@dataclass(frozen=True)
class DatasetMatch:
    """A dataset in a list: its newest reference, the number of visible versions that reference it, and how many
    of these are in a protected stage.
    """

    reference: DatasetReference
    versions: int
    live: int


def counted(actor: Actor, identities: Collection[str]) -> list[DatasetMatch]:
    """Return datasets with the number of direct references, in the given order. Two queries."""
    seen = references(actor).filter(identity__in=identities)
    live = Q(version__stage__exclusive=True) | Q(version__stage__protected=True)
    counts = {
        identity: (versions, lives)
        for identity, versions, lives in seen.order_by()
        .values_list("identity")
        .annotate(versions=Count("version", distinct=True), live=Count("version", distinct=True, filter=live))
    }
    newest = {r.identity: r for r in seen.order_by("identity", "-pk").distinct("identity")}
    return [DatasetMatch(newest[i], *counts[i]) for i in identities if i in newest and i in counts]
