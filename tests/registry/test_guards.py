"""What the database itself refuses, whoever writes: the application's role and, where it could, the owner's."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg2
import pytest
from django.apps import apps
from django.contrib.auth.models import Permission as PermissionRow
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from audit import clock
from audit.models import Event
from registry import access, stage_transitions
from registry.access import Role, actor_for
from registry.models import (
    Artifact,
    EffectiveMembership,
    Evidence,
    Grant,
    Membership,
    Metric,
    ModelCard,
    ModelUserPermission,
    ModelVersion,
    RegisteredModel,
    Stage,
    StageOccupancy,
    User,
)
from registry.services import versions
from registry.services.versions import DatasetSpec, MetricSpec, VersionSpec
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

EventOfMove = Callable[..., Event]


def refused(attempt: Callable[[], Any], by: str) -> None:
    """The attempt fails at once or at commit, by the constraint or rule named."""
    with pytest.raises(DatabaseError, match=by), transaction.atomic():  # noqa: PT012  # the refusal may come at the end of the transaction
        attempt()
        connection.check_constraints()


def sql(statement: str, *values: str | int) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    return run


def test_tests_run_as_the_role_of_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user, current_user")
        assert cursor.fetchone() == ("countersign_app", "countersign_app")


# --- no change without its event. A fresh transaction is needed: in one with an event about the same thing, the change
# --- would be accounted for. Hence the committed scene.


@pytest.fixture
def scene(transactional_db: None, people: People) -> ModelVersion:
    """A version with everything a version can have, committed."""
    factories.lifecycle()
    assert people.risk_team
    model = factories.model(people.priya, "credit-risk-pd")
    return factories.version(
        model,
        people.priya,
        {"a.bin": b"a"},
        metrics=[MetricSpec("auc", 0.9)],
        card="# Card",
        datasets=[DatasetSpec("training", "loans")],
    )


def commits(attempt: Callable[[], Any]) -> None:
    with transaction.atomic():
        attempt()


def test_nothing_governed_changes_without_its_event(scene: ModelVersion, people: People) -> None:
    changes: list[tuple[str, Callable[[], Any]]] = [
        ("person", lambda: User.objects.filter(pk=people.priya.pk).update(name="Somebody else")),
        ("person's password", lambda: User.objects.filter(pk=people.priya.pk).update(password="x")),
        ("superuser", lambda: User.objects.filter(pk=people.priya.pk).update(is_superuser=True)),
        ("new person", lambda: User.objects.create(username="x", name="X", created_at=clock.now())),
        ("group", sql("UPDATE registry_reviewergroup SET description = 'x'")),
        ("group's name", sql("UPDATE auth_group SET name = 'x'")),
        ("django's group", sql("INSERT INTO auth_group (name) VALUES ('admins')")),
        ("model", lambda: RegisteredModel.objects.update(risk_tier=3)),
        ("version", lambda: ModelVersion.objects.update(description="x")),
        ("version's fingerprint", lambda: ModelVersion.objects.update(fingerprint="0" * 64)),
        ("move", sql("DELETE FROM registry_stagemove")),
        ("stage", lambda: Stage.objects.update(protected=False)),
        ("protected alias", sql("DELETE FROM registry_protectedalias")),
        ("metric", lambda: Metric.objects.create(
            version=scene, name="gini", value=1.0, revision=9, recorded_at=scene.created_at)),
        ("card", lambda: ModelCard.objects.create(
            version=scene, text="x", sha256=hashlib.sha256(b"x").hexdigest(), revision=9,
            added_by=people.priya, added_at=scene.created_at)),
        ("evidence", lambda: Evidence.objects.create(
            version=scene, kind="a", filename="a", blob_id=scene.artifacts.get().sha256, revision=1,
            added_by=people.priya, added_at=scene.created_at)),
        ("permission", lambda: ModelUserPermission.objects.bulk_create([ModelUserPermission(
            user=people.marta, content_object=scene.model,
            permission=PermissionRow.objects.get(codename="decide_promotion"))])),
        ("permission taken", lambda: ModelUserPermission.objects.all().delete()),
    ]  # fmt: skip
    for what, change in changes:
        with pytest.raises(IntegrityError) as fault:
            commits(change)
        assert "no event" in str(fault.value), what


@pytest.mark.parametrize(
    "table",
    [
        "registry_user",
        "registry_reviewergroup",
        "auth_group",
        "registry_membership",
        "registry_grant",
        "registry_accesstoken",
        "registry_stage",
        "registry_registeredmodel",
        "registry_modelversion",
        "registry_modelversion_parents",
        "registry_stageoccupancy",
        "registry_aliasassignment",
        "registry_blob",
        "registry_artifact",
        "registry_datasetreference",
        "registry_metric",
        "registry_modelcard",
        "registry_evidence",
    ],
)
def test_governed_rows_are_kept(table: str, people: People, version: ModelVersion, event_of_move: EventOfMove) -> None:
    assert people.risk_team
    factories.token(people.priya, ["models:read"])
    priya = actor_for(people.priya)
    child = versions.declare_version(
        actor=priya,
        model=version.model,
        spec=VersionSpec(
            parents=[version], datasets=[DatasetSpec("training", "d")], metrics=[MetricSpec("auc", 1)], card="# C"
        ),
    )
    blob = versions.store_evidence(actor=priya, version=child, kind="a", stream=io.BytesIO(b"x"))
    versions.add_evidence(actor=priya, version=child, kind="a", filename="a", blob=blob)
    stage_transitions.set_alias(version=child, name="shadow", event=event_of_move(child), promotion=None)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() != (0,)
    refused(sql(f"DELETE FROM {table}"), "kept for good")
    with pytest.raises((ProgrammingError, IntegrityError)), transaction.atomic():
        sql(f"TRUNCATE {table} CASCADE")()


UNGOVERNED = {
    "registry_blob": "bytes by their digest; what uses them is governed",
    "registry_tokenuse": "telemetry",
    "registry_upload": "a queue; what was stored or refused is an event about the artifact",
    "registry_savedview": "what somebody likes to look at: personal, and nothing rests on it",
    "registry_passwordattempt": "counters of a quarter of an hour",
}


def test_every_table_is_governed_or_says_why_not() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, array_agg(t.tgname::text) FILTER (WHERE t.tgenabled = 'A') FROM pg_class c "
            "LEFT JOIN pg_trigger t ON t.tgrelid = c.oid WHERE c.relkind = 'r' AND c.relname LIKE 'registry%%' "
            "GROUP BY c.relname"
        )
        tables = {name: set(triggers or ()) for name, triggers in cursor.fetchall()}
        cursor.execute(
            "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal "
            "AND c.relname LIKE 'registry%%' AND NOT EXISTS (SELECT FROM fence.seal s "
            "WHERE s.sealed_table = c.oid AND s.sealed_trigger = t.tgname AND t.tgenabled = 'A')"
        )
        assert cursor.fetchall() == [], "a trigger that could be taken away"
    assert {model._meta.db_table for model in apps.get_app_config("registry").get_models()} <= {
        *tables,
        "registry_effective_membership",
        "registry_effective_user_permission",
        "registry_effective_group_permission",
    }
    ungoverned = {name for name, triggers in tables.items() if "audit_event_required" not in triggers}
    assert ungoverned == set(UNGOVERNED)


def test_facts_of_the_registration_stay(version: ModelVersion, event_of_move: EventOfMove) -> None:
    """Even in a transaction whose event would account for the change."""
    event_of_move(version)
    mine = ModelVersion.objects.filter(pk=version.pk)
    other = factories.person()
    for change in (
        {"number": 7},
        {"source": "elsewhere"},
        {"code_commit": "f" * 40},
        {"parameters": {"lr": 1}},
        {"registered_by": other},
        {"trained_by": other},
        {"declaration": "0" * 64},
    ):
        refused(partial(mine.update, **change), "fixed when the row is made")
    refused(lambda: mine.update(status="registering"), "stays registered")
    refused(lambda: mine.update(fingerprint=""), "fingerprint|stays registered")
    refused(lambda: mine.update(revision=0), "only counts up")
    refused(lambda: Artifact.objects.filter(version=version).update(path="other"), "fixed")
    refused(lambda: Artifact.objects.filter(version=version).update(sha256="0" * 64), "the_declared_one")
    refused(
        lambda: Artifact.objects.create(version=version, path="late", sha256="0" * 64, size=1),
        "declared with is fixed",
    )
    refused(lambda: version.parents.add(version), "declared with is fixed")
    refused(sql("UPDATE registry_blob SET size = 1"), "fixed")
    run = sql("UPDATE registry_blob SET format = 'onnx' WHERE format = ''")
    run()
    refused(sql("UPDATE registry_blob SET format = 'pickle'"), "written once")
    refused(sql("UPDATE registry_blob SET format = ''"), "written once")
    refused(sql("UPDATE registry_registeredmodel SET next_version = 1"), "only counts up")
    refused(sql("UPDATE registry_registeredmodel SET slug = 'other'"), "fixed")


def test_a_version_is_not_registered_before_its_files_are_there(
    people: People, model: RegisteredModel, event_of_move: EventOfMove
) -> None:
    version = versions.declare_version(
        actor=actor_for(people.priya),
        model=model,
        spec=VersionSpec(artifacts=[factories.artifact("a", b"a")]),
    )
    refused(
        lambda: ModelVersion.objects.filter(pk=version.pk).update(
            status="registered", fingerprint="0" * 64, registered_at=version.created_at
        ),
        "all its files are stored",
    )


def test_a_stage_changes_by_its_occupancy_only(
    version: ModelVersion, canary: Stage, event_of_move: EventOfMove, people: People
) -> None:
    mine = ModelVersion.objects.filter(pk=version.pk)
    production = Stage.objects.get(slug="production")
    event_of_move(version)
    refused(lambda: mine.update(stage=canary), "only with the occupancy")
    refused(sql("UPDATE registry_modelversion SET stage_id = %s WHERE id = %s", production.pk, version.pk), "occupancy")

    def occupy(stage: Stage, **also: object) -> None:
        event = event_of_move(version)
        StageOccupancy.objects.filter(version=version, closed_at__isnull=True).update(
            closed_at=event.happened_at, closed_event=event.event_id
        )
        StageOccupancy.objects.create(
            **{
                "version": version,
                "model": version.model,
                "stage": stage,
                "exclusive": stage.exclusive,
                "opened_at": event.happened_at,
                "opened_event": event.event_id,
                **also,
            }
        )

    def leap() -> None:
        occupy(production)
        mine.update(stage=production)

    refused(leap, "no move from stage")
    refused(lambda: occupy(canary), "no open occupancy of the stage it is in")

    def misfiled() -> None:
        occupy(canary, exclusive=False)
        mine.update(stage=canary)

    refused(misfiled, "no open occupancy")

    def unpromoted() -> None:
        staging = Stage.objects.get(slug="staging")
        occupy(staging)
        mine.update(stage=staging)

    refused(unpromoted, "by a promotion only")
    occupy(canary)
    mine.update(stage=canary)
    connection.check_constraints()


def test_an_occupancy_of_another_transaction_moves_nothing(scene: ModelVersion, superuser: Callable[[], Any]) -> None:
    """An open occupancy that names the stage is not enough: this transaction must have opened it. Only a superuser can
    leave such a row behind, or a restore of a half-written backup."""
    archived = Stage.objects.get(slug="archived")
    with superuser() as session, session.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 'registry_stageoccupancy'::regclass "
                       "AND tgenabled = 'A'")  # fmt: skip
        guards = [name for (name,) in cursor.fetchall()]
        cursor.execute("ALTER TABLE registry_stageoccupancy DISABLE TRIGGER USER")
        cursor.execute("UPDATE registry_stageoccupancy SET stage_id = %s", [archived.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for guard in guards:
            cursor.execute(f"ALTER TABLE registry_stageoccupancy ENABLE ALWAYS TRIGGER {guard}")
    session.close()
    with pytest.raises(IntegrityError, match="only with the occupancy"):
        ModelVersion.objects.filter(pk=scene.pk).update(stage=archived)


def test_dated_rows_are_closed_once_and_by_an_event_of_the_moment(
    people: People, model: RegisteredModel, event_of_move: EventOfMove, version: ModelVersion
) -> None:
    assert people.risk_team
    grant, membership = Grant.objects.filter(model=model).get(), Membership.objects.all()[0]
    for row in (grant, membership):
        change = type(row).objects.filter(pk=row.pk).update
        refused(partial(change, user=people.eve), "may not change")
        refused(partial(change, closed_at=row.opened_at), "set together|closed_with_event")
        long_ago = row.opened_at.replace(year=2001)
        refused(partial(change, closed_at=long_ago, closed_event=row.opened_event), "begins and ends with an event")
    factories.grant(Role.OWNER, to=people.marta, on=model)
    revoked = access.revoke_role(actor=factories.SETUP, grant=grant, reason="r")
    refused(
        lambda: Grant.objects.filter(pk=revoked.pk).update(closed_at=None, closed_event=None), "closed already|kept"
    )


def test_rights_come_from_roles_alone(people: People) -> None:
    group = people.risk_team
    permission = PermissionRow.objects.all()[0]
    refused(lambda: group.permissions.add(permission), "rights are roles")
    with pytest.raises(DatabaseError), transaction.atomic():
        EffectiveMembership.objects.create(id=1, user=people.eve, group=group)


def test_tokens_are_never_changed_but_revoked(people: People) -> None:
    token, _ = factories.token(people.priya, ["models:read"])
    for change in ("scopes = '{audit:read}'", "expires_at = expires_at + '1 year'", "person_id = person_id + 1"):
        refused(sql(f"UPDATE registry_accesstoken SET {change} WHERE id = {token.pk}"), "fixed")
    refused(
        sql(f"UPDATE registry_accesstoken SET revoked_at = now() WHERE id = {token.pk};"
            f"UPDATE registry_accesstoken SET revoked_at = NULL WHERE id = {token.pk}"),
        "fixed once it is set",
    )  # fmt: skip


def test_the_owner_of_the_tables_cannot_take_the_guards_away(owner: Callable[[], Any], scene: ModelVersion) -> None:
    attempts = [
        "ALTER TABLE registry_modelversion DISABLE TRIGGER registry_stage_by_occupancy",
        "ALTER TABLE registry_modelversion DISABLE TRIGGER USER",
        "DROP TRIGGER registry_stage_by_occupancy ON registry_modelversion",
        "DROP TRIGGER registry_dated_by_event ON registry_grant",
        "CREATE OR REPLACE FUNCTION registry_counts_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP FUNCTION registry_version_forward() CASCADE",
        "ALTER FUNCTION registry_stage_by_occupancy() RENAME TO harmless",
        "TRUNCATE registry_modelversion CASCADE",
        "SET session_replication_role = replica",
        f"UPDATE registry_modelversion SET stage_id = stage_id + 1 WHERE id = {scene.pk}",
    ]
    session = owner()
    try:
        for attempt in attempts:
            with pytest.raises(psycopg2.Error), session.cursor() as cursor:  # noqa: PT012  # the refusal may come at the end of the transaction
                cursor.execute(attempt)
                session.commit()
            session.rollback()
    finally:
        session.close()


def test_the_application_cannot_touch_the_guards() -> None:
    for attempt in (
        "ALTER TABLE registry_modelversion DISABLE TRIGGER USER",
        "DROP TRIGGER registry_stage_by_occupancy ON registry_modelversion",
        "SET session_replication_role = replica",
        "CREATE TABLE registry_shadow (id int)",
        "INSERT INTO registry_effective_membership VALUES (1, 1, 1)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(attempt)()
