"""The rows and events of the bulk loader: in each transaction the events first, then what they account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import Permission as PermissionRow
from django.db import connection, transaction
from django.test import Client
from psycopg2.extras import execute_values

from audit import canonical, clock, recorder
from audit.actor import Actor, process
from audit.recorder import Change, Draft, Private, Thing
from registry import access, fingerprint
from registry.access import Role
from registry.access.vocabulary import ROLE_PERMISSIONS
from registry.actions import GRANT_GIVEN, MODEL_REGISTERED, VERSION_REGISTERED
from registry.models import (
    AliasAssignment,
    Artifact,
    Blob,
    DatasetReference,
    Grant,
    Metric,
    ModelGroupPermission,
    ModelUserPermission,
    ModelVersion,
    RegisteredModel,
    ReviewerGroup,
    Stage,
    StageOccupancy,
    User,
)
from registry.services import people, setup, tokens
from registry.services.specification import (
    ArtifactSpec,
    DatasetSpec,
    MetricSpec,
    VersionSpec,
    columns,
    declaration,
    strength,
)
from tests.bench.bulk.loading import BUSY_DATASET, TEAMS, Loaded, ModelPlan, VersionPlan, digest_of

LOADER = process("bulk-load")
ALIAS = "stable"
PASSWORD = "seven-Green-bottles-5"
CHECKED = 20
"""Versions whose fingerprints the product is asked for."""


@dataclass
class Scene:
    """Who and what is there before the models."""

    owners: list[User]
    teams: list[ReviewerGroup]
    reader: User
    writer: User
    stage: Stage
    permissions: dict[str, int]
    events: int = 0


@dataclass
class _Batch:
    """One transaction's events, each numbered in its stream, and the rows they account for."""

    now: datetime
    leaves: list[bytes] = field(default_factory=list)
    openings: list[tuple[str, str, str, bytes, str]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def event(self, stream: str, draft: Draft) -> tuple[UUID, datetime]:
        """Put an event down at the next place of a stream that is new."""
        seq = self.numbers[stream] = self.numbers.get(stream, 0) + 1
        moment = self.now + timedelta(microseconds=len(self.leaves))
        self.leaves.append(draft.written(stream, seq, moment))
        self.openings.extend((str(draft.identity), *opening) for opening in draft.openings)
        return draft.identity, moment


def scene(teams: int, owners: int) -> Scene:
    """People, groups and the lifecycle, through the services."""
    setup.install_lifecycle(actor=LOADER)
    made = [
        people.register_person(actor=LOADER, username=f"owner-{n}", name=f"Owner {n}", password=PASSWORD)
        for n in range(owners)
    ]
    reader = people.register_person(actor=LOADER, username="reader", name="Rea Der", password=PASSWORD)
    groups = [people.create_group(actor=LOADER, slug=f"team-{n}", name=f"Team {n}") for n in range(teams)]
    for group in groups[:-1]:
        people.add_member(actor=LOADER, group=group, user=reader, reason="reads what nine of ten teams have")
    rows = PermissionRow.objects.filter(content_type__app_label="registry", content_type__model="registeredmodel")
    return Scene(
        owners=made,
        teams=groups,
        reader=reader,
        writer=made[0],
        stage=Stage.objects.get(initial=True),
        permissions={row.codename: row.pk for row in rows},
    )


@transaction.atomic
def write(scene: Scene, plans: Sequence[ModelPlan]) -> None:
    """Some models with all their versions, in one transaction."""
    batch = _Batch(clock.now())
    models, grants = [], []
    for plan in plans:
        owner = scene.owners[plan.owner]
        model = RegisteredModel(
            uid=uuid4(),
            slug=plan.slug,
            owner=owner,
            created_at=batch.now,
            updated_at=batch.now,
            next_version=len(plan.versions) + 1,
            **plan.facts,
        )
        models.append(model)
        batch.event(_stream(model), _registered(model, access.actor_for(owner)))
        for role, holder in ((Role.OWNER, owner), (Role.VIEWER, scene.teams[plan.team])):
            grants.append(_grant(batch, model, role, holder))
    versions = [
        _version(batch, scene, model, plan) for model, of in zip(models, plans, strict=True) for plan in of.versions
    ]
    _append(scene, batch)
    RegisteredModel.objects.bulk_create(models)
    Grant.objects.bulk_create(grants)
    _follow(scene, grants)
    _write_versions(scene, versions)


@dataclass(frozen=True)
class _Planned:
    """A version's row, what it consists of, and its event."""

    row: ModelVersion
    spec: VersionSpec
    fingerprint: str
    event: UUID
    moment: datetime


def _version(batch: _Batch, scene: Scene, model: RegisteredModel, plan: VersionPlan) -> _Planned:
    path, sha256, size = plan.artifact
    spec = VersionSpec(
        artifacts=[ArtifactSpec(path, sha256, size)],
        metrics=[MetricSpec(name, value) for name, value in plan.metrics],
        datasets=[
            DatasetSpec(role=role, name=name, digest_algorithm="sha256", digest=digest_of(name))
            for role, name in plan.datasets
        ],
        **plan.spec,
    )
    row = ModelVersion(
        uid=uuid4(),
        model=model,
        number=plan.number,
        stage=scene.stage,
        declaration=declaration(model, spec),
        registered_by=model.owner,
        created_at=batch.now,
        evidence_revision=1,
        **columns(spec),
    )
    digest = _fingerprint(model, spec)
    drafted = recorder.draft(
        VERSION_REGISTERED,
        actor=access.actor_for(model.owner),  # type: ignore[arg-type]
        thing=Thing("version", str(row.uid)),
        related=[Thing("model", str(model.uid)), Thing("alias", f"{model.uid}/{ALIAS}")],
        changes=[Change("status", None, "registered")],
        data={
            "number": row.number,
            "stage": scene.stage.slug,
            "fingerprint": digest,
            "declaration": row.declaration,
        },
    )
    event, moment = batch.event(_stream(model), drafted)
    return _Planned(row, spec, digest, event, moment)


def _fingerprint(model: RegisteredModel, spec: VersionSpec) -> str:
    """As `registry.fingerprint` computes it from the rows; `finish` asks whether it still does."""
    return canonical.digest(
        {
            "form": fingerprint.FORM,
            "model": str(model.uid),
            "artifacts": _sorted(vars(file) for file in spec.artifacts),
            "datasets": _sorted(vars(dataset) for dataset in spec.datasets),
            "parents": [],
            "source": spec.source,
            "run": {"id": spec.run_id, "link": spec.run_link},
            "code": {"repository": spec.code_repository, "commit": spec.code_commit, "clean": spec.code_clean},
            "environment": spec.environment_lock,
            "parameters": spec.parameters,
            "signature": spec.signature,
            "licence": spec.licence,
            "trained_by": None,
            "metrics": _sorted(vars(metric) for metric in spec.metrics),
            "card": None,
            "evidence": [],
        }
    )


def _sorted(rows: Any) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in rows), key=canonical.dumps)


def _write_versions(scene: Scene, planned: Sequence[_Planned]) -> None:
    rows = ModelVersion.objects.bulk_create([one.row for one in planned])
    Blob.objects.bulk_create(
        [
            Blob(sha256=f.sha256, size=f.size, stored_at=one.row.created_at)
            for one in planned
            for f in one.spec.artifacts
        ]
    )
    Artifact.objects.bulk_create(
        [Artifact(version=one.row, blob_id=f.sha256, **vars(f)) for one in planned for f in one.spec.artifacts]
    )
    DatasetReference.objects.bulk_create(
        [
            DatasetReference(version=one.row, strength=strength(dataset), **vars(dataset))
            for one in planned
            for dataset in one.spec.datasets
            if isinstance(dataset, DatasetSpec)
        ]
    )
    Metric.objects.bulk_create(
        [
            Metric(version=one.row, revision=1, recorded_at=one.row.created_at, **vars(metric))
            for one in planned
            for metric in one.spec.metrics
        ]
    )
    opened = [{"model_id": o.row.model_id, "opened_at": o.moment, "opened_event": o.event} for o in planned]
    StageOccupancy.objects.bulk_create(
        [
            StageOccupancy(version=one.row, stage=scene.stage, exclusive=False, **facts)
            for one, facts in zip(planned, opened, strict=True)
        ]
    )
    AliasAssignment.objects.bulk_create(
        [
            AliasAssignment(version=one.row, name=ALIAS, **facts)
            for one, facts in zip(planned, opened, strict=True)
            if one.row.number == one.row.model.next_version - 1
        ]
    )
    with connection.cursor() as cursor:
        execute_values(
            cursor.cursor,
            "UPDATE registry_modelversion v SET status = 'registered', fingerprint = given.fingerprint, "
            "registered_at = given.moment FROM (VALUES %s) AS given (id, fingerprint, moment) WHERE v.id = given.id",
            [(row.pk, one.fingerprint, one.moment) for row, one in zip(rows, planned, strict=True)],
            template="(%s::bigint, %s::text, %s::timestamptz)",
            page_size=len(rows),
        )


def _registered(model: RegisteredModel, actor: Actor) -> Draft:
    told = ("slug", "title", "purpose", "team", "risk_tier", "tags", "next_review")
    values = {name: getattr(model, name) for name in told}
    values["next_review"] = values["next_review"].isoformat()
    return recorder.draft(
        MODEL_REGISTERED,
        actor=actor,
        thing=Thing("model", str(model.uid)),
        changes=[
            *(Change(name, None, value) for name, value in values.items() if value is not None and name != "tags"),
            Change("tags", None, [f"{name}={value}" for name, value in model.tags.items()]),
            Change("description", None, Private(model.description)),
        ],
    )


def _grant(batch: _Batch, model: RegisteredModel, role: Role, holder: User | ReviewerGroup) -> Grant:
    uid = uuid4()
    subject = Thing("person", holder.uid) if isinstance(holder, User) else Thing("group", str(holder.uid))
    drafted = recorder.draft(
        GRANT_GIVEN,
        actor=LOADER,
        thing=Thing("grant", str(uid)),
        related=[subject, Thing("model", str(model.uid))],
        changes=[Change("role", None, str(role))],
        data={"role": str(role), "subject": subject.as_leaf(), "model": str(model.uid)},
        reason="a registry full of models",
    )
    event, moment = batch.event(_stream(model), drafted)
    to: dict[str, Any] = {"user": holder} if isinstance(holder, User) else {"group": holder}
    return Grant(uid=uid, role=role, model=model, granted_by=LOADER.id, opened_at=moment, opened_event=event, **to)


def _follow(scene: Scene, grants: Sequence[Grant]) -> None:
    """Guardian's rows, as `access.grant_role` keeps them."""
    of_people, of_groups = [], []
    for grant in grants:
        for permission in ROLE_PERMISSIONS[Role(grant.role)]:
            row: dict[str, Any] = {
                "content_object": grant.model,
                "permission_id": scene.permissions[str(permission)],
            }
            if grant.user is not None:
                of_people.append(ModelUserPermission(user=grant.user, **row))
            else:
                of_groups.append(ModelGroupPermission(group=grant.group, **row))
    ModelUserPermission.objects.bulk_create(of_people)
    ModelGroupPermission.objects.bulk_create(of_groups)


def _append(scene: Scene, batch: _Batch) -> None:
    """The events, as `audit.recorder.append` inserts them; the database numbers, checks and guards each."""
    with connection.cursor() as cursor:
        execute_values(
            cursor.cursor, "INSERT INTO audit_event (leaf) VALUES %s", [(leaf,) for leaf in batch.leaves], page_size=500
        )
        execute_values(
            cursor.cursor,
            "INSERT INTO audit_private (event_id, pointer, field, salt, value) VALUES %s",
            batch.openings,
            page_size=500,
        )
    scene.events += len(batch.leaves)


def finish(scene: Scene, loaded: Loaded, *, models: int, versions: int) -> None:
    """Give the planner its statistics, hold what was written against the product, and make what a visitor needs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(last_seq) FROM audit_stream WHERE stream_id LIKE 'model:%'")
        streams, longest = cursor.fetchone()
    if (streams, longest) != (models, versions + 3):
        raise RuntimeError(f"{streams} streams of models up to {longest}, not {models} up to {versions + 3}")
    for version in ModelVersion.objects.order_by("uid")[:CHECKED]:
        if fingerprint.compute(version) != version.fingerprint:
            raise RuntimeError(f"the product makes another fingerprint of {version}")
    seen = RegisteredModel.objects.filter(owner=scene.writer).exclude(team=f"Team {TEAMS - 1}").order_by("slug")
    loaded.models = list(seen.values_list("slug", flat=True))
    rest_on = DatasetReference.objects.filter(name=BUSY_DATASET).first()
    loaded.busy_identity = rest_on.identity if rest_on is not None else ""
    loaded.digest = ModelVersion.objects.filter(model__slug=loaded.models[0]).values_list("fingerprint", flat=True)[0]
    ends = clock.now() + timedelta(days=2)
    for who, scopes, name in (
        (scene.reader, ["models:read"], "reader_token"),
        (scene.writer, ["models:read", "versions:write"], "writer_token"),
    ):
        _, secret = tokens.issue(
            actor=access.actor_for(who), person=who, name="measuring", scopes=scopes, expires_at=ends
        )
        setattr(loaded, name, secret)
    browser = Client()
    browser.force_login(scene.reader, backend="django.contrib.auth.backends.ModelBackend")
    loaded.reader_cookie = browser.cookies.output(attrs=[], header="", sep=";").strip()


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
