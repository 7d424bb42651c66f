"""Where versions come from and what rests on what: datasets and versions are the nodes.

A version points at the datasets it was made and judged with and at the versions it was made from. Both are written at
registration and a parent has to be registered first, so there is no cycle; the queries are bounded in depth all the
same. Each walks in ONE recursive query over ids, which asks no permission; what it found is then held against
`access.visible_to`, and what the reader may not see is counted and never named.
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
"""How far a version's surroundings go, each way."""
MAX_STEPS = 32
"""How far anything is followed at all."""
MOST = 400
"""Edges that are followed in each direction around one version: more cannot be drawn or read as a list."""

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
    """A version, what it was made from and what was made from it, as far as the reader may see."""

    version: ModelVersion
    ancestors: tuple[ModelVersion, ...]
    descendants: tuple[ModelVersion, ...]
    edges: frozenset[tuple[int, int]]
    """(child, parent), by primary key, among those."""
    datasets: tuple[DatasetReference, ...]
    """Of the version and its ancestors."""
    hidden: int
    """Versions next to these that the reader may not see."""
    cut: bool
    """Whether there is more than was followed."""


def lineage_neighbourhood(actor: Actor, version: ModelVersion, *, steps: int = STEPS) -> LineageNeighbourhood:
    """The surroundings of a version the actor may see, `steps` each way. Three queries, whatever there is.

    It is followed through visible versions only: beyond one that may not be seen, nothing is shown.
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
    """What is reached from `start` along the edges through what is seen; `start` included."""
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


# --- what rests on a dataset ------------------------------------------------------------------------------------------


def dependents(actor: Actor, identity: str, *, stage: str | None = None) -> QuerySet[ModelVersion]:
    """The versions that rest on a dataset and that the actor may see: made or judged with it, or made from a version
    that was, however many steps away and whether or not the steps between may be seen.

    Each has `rank` (0 in an exclusive stage, 1 in another protected one, 2 elsewhere) and `direct`. Order as you like.

    Args:
        stage: slug; only those in it now.
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
    """How much rests on a dataset: visible versions by the slug of their stage, and how many the reader may not see."""

    by_stage: dict[str, int]
    hidden: int

    @property
    def total(self) -> int:
        """Of those that may be seen."""
        return sum(self.by_stage.values())


def dataset_usage(actor: Actor, identity: str) -> DatasetUsage:
    """How many versions rest on a dataset, in one query."""
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
    """That the actor may see the version: looked up for each, because they are few beside all that may be seen."""
    seen = access.exists_in(access.visible_models_for_list(actor).filter(pk=OuterRef("model_id")))
    return ExpressionWrapper(seen, BooleanField())


def _resting_on(identity: str) -> QuerySet[ModelVersion]:
    # An array of ids, worked out first and then looked up: PostgreSQL expects a recursion to find ever so many rows,
    # and joined to one it would read all versions and ask of each whether it may be seen.
    resting = RawSQL(_RESTING, [identity, MAX_STEPS])  # noqa: S611 (a constant)
    among = Func(F("pk"), resting, template="%(expressions)s)", arg_joiner=" = ANY (ARRAY", output_field=BooleanField())
    return ModelVersion.objects.filter(among)


# --- datasets ---------------------------------------------------------------------------------------------------------


def references(actor: Actor) -> QuerySet[DatasetReference]:
    """The dataset references of versions the actor may see. Raises PermissionDeniedError for a token that may not
    read."""
    access.require_scope(actor, "models:read")
    return DatasetReference.objects.filter(version__model__in=access.visible_models(actor))


def dataset(actor: Actor, key: str) -> DatasetReference:
    """A dataset, shown by its newest reference among those the actor may see: by its identity, or by its digest.

    Who may see no version that names it may not see it, even where a version of theirs rests on it through a parent.

    Raises NotFound, the same for absent and invisible; Conflict where several datasets have that digest, such as two
    paths of one commit.
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
    """The references, among those the actor may see, that a search means: the beginning of a name or of a digest (from
    8 digits), an address, an identity, or a reference in any of the forms of `registry.datasets`. All, for no words.
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
    """A dataset in a list: its newest reference, and how many visible versions name it, those in a protected stage
    among them."""

    reference: DatasetReference
    versions: int
    live: int


def counted(actor: Actor, identities: Collection[str]) -> list[DatasetMatch]:
    """Datasets with how often they are named directly, in the order given. Two queries."""
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
