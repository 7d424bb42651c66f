"""The rows and events of the bulk loader: in each batch the events first, then what they account for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import Permission as PermissionRow
from django.db import connection
from django.test import Client

from audit import canonical, clock, recorder
from audit.actor import Actor, process
from audit.recorder import Change, EventDraft, ObjectRef, PrivateValue
from governance import promotions
from governance.services.setup import REVIEWERS, initialise
from registry import access, fingerprint
from registry.access import Role
from registry.access.permissions import ROLE_PERMISSIONS
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
from registry.services import people, tokens
from registry.services.version_spec import (
    ArtifactSpec,
    DatasetSpec,
    MetricSpec,
    VersionSpec,
    declaration_digest,
    identity_strength,
    spec_fields,
)
from tests.bench.bulk.copying import Guarded, Unguarded, copy_instances
from tests.bench.bulk.loading import BUSY_DATASET, REQUESTS, TEAMS, Loaded, ModelPlan, VersionPlan, digest_of
from tests.factories import assessed

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
    reviewer: User
    writer: User
    stage: Stage
    permissions: dict[str, int]
    models: int = 0
    """The highest key of a model."""
    versions: int = 0
    """The highest key of a version."""


IDENTITIES = [RegisteredModel._meta.db_table, ModelVersion._meta.db_table]
"""Tables whose keys the loader assigns, because other rows refer to them."""
TABLES = [
    "audit_event",
    "audit_private",
    *IDENTITIES,
    *(
        model._meta.db_table
        for model in (
            *(Grant, ModelUserPermission, ModelGroupPermission, Blob, Artifact, DatasetReference, Metric),
            *(StageOccupancy, AliasAssignment),
        )
    ),
]
"""Tables the loader writes to."""


@dataclass
class _Batch:
    """One transaction's events, each numbered in its stream, and the rows they account for."""

    now: datetime
    leaves: list[bytes] = field(default_factory=list)
    openings: list[tuple[str, str, str, bytes, str]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def event(self, stream: str, draft: EventDraft) -> tuple[UUID, datetime]:
        """Put an event down at the next place of a stream that is new."""
        seq = self.numbers[stream] = self.numbers.get(stream, 0) + 1
        moment = self.now + timedelta(microseconds=len(self.leaves))
        self.leaves.append(draft.encode(stream, seq, moment))
        self.openings.extend((str(draft.identity), *opening) for opening in draft.openings)
        return draft.identity, moment


def scene(teams: int, owners: int) -> Scene:
    """People, groups, lifecycle and starter policies, through the services."""
    initialise()
    made = [
        people.register_person(actor=LOADER, username=f"owner-{n}", name=f"Owner {n}", password=PASSWORD)
        for n in range(owners)
    ]
    reader = people.register_person(actor=LOADER, username="reader", name="Rea Der", password=PASSWORD)
    reviewer = people.register_person(actor=LOADER, username="reviewer", name="Re Viewer", password=PASSWORD)
    reviewers = ReviewerGroup.objects.get(slug=REVIEWERS)
    people.add_member(actor=LOADER, group=reviewers, user=reviewer, reason="is called on by the starter policies")
    groups = [people.create_group(actor=LOADER, slug=f"team-{n}", name=f"Team {n}") for n in range(teams)]
    for group in groups[:-1]:
        people.add_member(actor=LOADER, group=group, user=reader, reason="reads what nine of ten teams have")
    rows = PermissionRow.objects.filter(content_type__app_label="registry", content_type__model="registeredmodel")
    return Scene(
        owners=made,
        teams=groups,
        reader=reader,
        reviewer=reviewer,
        writer=made[0],
        stage=Stage.objects.get(initial=True),
        permissions={row.codename: row.pk for row in rows},
    )


def write(scene: Scene, plans: Sequence[ModelPlan], into: Guarded | Unguarded) -> None:
    """Write some models with all their versions, as one batch."""
    batch = _Batch(clock.now())
    models, grants = [], []
    for plan in plans:
        owner = scene.owners[plan.owner]
        scene.models += 1
        model = RegisteredModel(
            id=scene.models,
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
    with into.batch():
        into.copy("audit_event", ["leaf"], ([leaf] for leaf in batch.leaves))
        into.copy("audit_private", ["event_id", "pointer", "field", "salt", "value"], batch.openings)
        copy_instances(into, models)
        copy_instances(into, grants)
        _follow(scene, grants, into)
        _write_versions(scene, versions, into)


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
    scene.versions += 1
    row = ModelVersion(
        id=scene.versions,
        uid=uuid4(),
        model=model,
        number=plan.number,
        stage=scene.stage,
        declaration=declaration_digest(model, spec),
        registered_by=model.owner,
        created_at=batch.now,
        evidence_revision=1,
        **spec_fields(spec),
    )
    digest = _fingerprint(model, spec)
    drafted = recorder.build_event(
        VERSION_REGISTERED,
        actor=access.actor_for(model.owner),  # type: ignore[arg-type]  # loaded models have owners
        target=ObjectRef("version", str(row.uid)),
        related=[ObjectRef("model", str(model.uid)), ObjectRef("alias", f"{model.uid}/{ALIAS}")],
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
            "form": fingerprint.SCHEMA_VERSION,
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


def _write_versions(scene: Scene, planned: Sequence[_Planned], into: Guarded | Unguarded) -> None:
    for one in planned:
        if not into.guarded:
            # The guards want a version to be declared first, and registered when it is complete.
            _register(one)
    copy_instances(into, [one.row for one in planned])
    copy_instances(
        into,
        [
            Blob(sha256=f.sha256, size=f.size, stored_at=one.row.created_at)
            for one in planned
            for f in one.spec.artifacts
        ],
    )
    copy_instances(
        into,
        [Artifact(version=one.row, blob_id=f.sha256, **vars(f)) for one in planned for f in one.spec.artifacts],
    )
    copy_instances(
        into,
        [
            DatasetReference(version=one.row, strength=identity_strength(dataset), **vars(dataset))
            for one in planned
            for dataset in one.spec.datasets
            if isinstance(dataset, DatasetSpec)
        ],
    )
    copy_instances(
        into,
        [
            Metric(version=one.row, revision=1, recorded_at=one.row.created_at, **vars(metric))
            for one in planned
            for metric in one.spec.metrics
        ],
    )
    opened = [{"model_id": o.row.model_id, "opened_at": o.moment, "opened_event": o.event} for o in planned]
    copy_instances(
        into,
        [
            StageOccupancy(version=one.row, stage=scene.stage, exclusive=False, **facts)
            for one, facts in zip(planned, opened, strict=True)
        ],
    )
    copy_instances(
        into,
        [
            AliasAssignment(version=one.row, name=ALIAS, **facts)
            for one, facts in zip(planned, opened, strict=True)
            if one.row.number == one.row.model.next_version - 1
        ],
    )
    if into.guarded:
        for one in planned:
            _register(one)
        ModelVersion.objects.bulk_update([one.row for one in planned], ["status", "fingerprint", "registered_at"])


def _register(one: _Planned) -> None:
    one.row.status = ModelVersion.Status.REGISTERED
    one.row.fingerprint, one.row.registered_at = one.fingerprint, one.moment


def _registered(model: RegisteredModel, actor: Actor) -> EventDraft:
    told = ("slug", "title", "purpose", "team", "risk_tier", "tags", "next_review")
    values = {name: getattr(model, name) for name in told}
    values["next_review"] = values["next_review"].isoformat()
    return recorder.build_event(
        MODEL_REGISTERED,
        actor=actor,
        target=ObjectRef("model", str(model.uid)),
        changes=[
            *(Change(name, None, value) for name, value in values.items() if value is not None and name != "tags"),
            Change("tags", None, [f"{name}={value}" for name, value in model.tags.items()]),
            Change("description", None, PrivateValue(model.description)),
        ],
    )


def _grant(batch: _Batch, model: RegisteredModel, role: Role, holder: User | ReviewerGroup) -> Grant:
    uid = uuid4()
    subject = ObjectRef("person", holder.uid) if isinstance(holder, User) else ObjectRef("group", str(holder.uid))
    drafted = recorder.build_event(
        GRANT_GIVEN,
        actor=LOADER,
        target=ObjectRef("grant", str(uid)),
        related=[subject, ObjectRef("model", str(model.uid))],
        changes=[Change("role", None, str(role))],
        data={"role": str(role), "subject": subject.as_leaf(), "model": str(model.uid)},
        reason="a registry full of models",
    )
    event, moment = batch.event(_stream(model), drafted)
    to: dict[str, Any] = {"user": holder} if isinstance(holder, User) else {"group": holder}
    return Grant(uid=uid, role=role, model=model, granted_by=LOADER.id, opened_at=moment, opened_event=event, **to)


def _follow(scene: Scene, grants: Sequence[Grant], into: Guarded | Unguarded) -> None:
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
    copy_instances(into, of_people)
    copy_instances(into, of_groups)


_UNACCOUNTED = {
    "models without an event": """
        SELECT count(*) FROM registry_registeredmodel r WHERE NOT EXISTS (
            SELECT FROM audit_event e WHERE e.thing_type = 'model' AND e.thing_id = r.uid::text)""",
    "versions without an event": """
        SELECT count(*) FROM registry_modelversion r WHERE NOT EXISTS (
            SELECT FROM audit_event e WHERE e.thing_type = 'version' AND e.thing_id = r.uid::text
               AND e.happened_at = r.registered_at)""",
    "grants without an event": """
        SELECT count(*) FROM registry_grant r WHERE NOT EXISTS (
            SELECT FROM audit_event e WHERE e.event_id = r.opened_event AND e.happened_at = r.opened_at)""",
    "stays in a stage without an event": """
        SELECT count(*) FROM registry_stageoccupancy r WHERE NOT EXISTS (
            SELECT FROM audit_event e WHERE e.event_id = r.opened_event AND e.happened_at = r.opened_at)""",
    "streams with another number of events": """
        SELECT count(*) FROM audit_stream s FULL JOIN (
            SELECT stream_id, count(*) AS events, max(stream_seq) AS last FROM audit_event GROUP BY stream_id
        ) e USING (stream_id) WHERE s.last_seq IS DISTINCT FROM e.events OR s.last_seq IS DISTINCT FROM e.last""",
}
"""What the guards refuse and the rows that were copied past them must not have: each counts to 0."""


def finish(scene: Scene, loaded: Loaded, *, models: int, versions: int) -> None:
    """Hold what was written against the product, and make what a visitor needs.

    Raises:
        RuntimeError: the rows, their events or their fingerprints do not agree.
    """
    with connection.cursor() as cursor:
        for fault, query in _UNACCOUNTED.items():
            cursor.execute(query)
            if (found := cursor.fetchone()) != (0,):
                raise RuntimeError(f"{fault}: {found}")
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
    loaded.requests = _request_promotions(scene)
    loaded.reader_cookie = _signed_in(scene.reader)
    loaded.reviewer_cookie = _signed_in(scene.reviewer)


def _signed_in(person: User) -> str:
    browser = Client()
    browser.force_login(person, backend="registry.access.backend.RoleBackend")
    return browser.cookies.output(attrs=[], header="", sep=";").strip()


def _request_promotions(scene: Scene) -> list[int]:
    """Request promotions through the service; the versions' files are not stored, so each stays open or blocked."""
    seen = RegisteredModel.objects.exclude(team=f"Team {TEAMS - 1}").exclude(risk_tier=None).order_by("slug")
    numbers = []
    for index, found in enumerate(seen.select_related("owner")[:REQUESTS]):
        alias = index % 2 == 1
        model = assessed(found)
        assert model.owner is not None
        made = promotions.request(
            actor=access.actor_for(model.owner),
            version=model.versions.get(number=index % 3 + 1),
            reason="a registry full of models",
            target_alias="champion" if alias else None,
            target_stage=None if alias else "staging",
        )
        numbers.append(made.pk)
    return numbers


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
