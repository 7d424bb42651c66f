"""A dump and its restore: the events, their bytes, and the fence around them come back whole."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection, transaction
from psycopg2.extensions import make_dsn

from audit.actions import LOG_OPENED
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef, record_event
from governance.database.roles import OWNER
from governance.embedded import binary

pytestmark = [pytest.mark.usefixtures("scratch"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def restored(ada: Actor, model: ObjectRef, tmp_path: Path) -> Iterator[Callable[[str | None], Any]]:
    """Connect to a copy of the test database, made by pg_dump and pg_restore, as a superuser or as the named role."""
    with transaction.atomic():
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", reason="grün ✓")
        record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    name = connection.settings_dict["NAME"]
    copy, file = f"{name}_restored", tmp_path / "dump"
    maintenance = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL)
    maintenance.autocommit = True
    sessions: list[Any] = []

    def dsn(database: str) -> str:
        return str(make_dsn(settings.COUNTERSIGN_PROVISION_URL, dbname=database))

    def connect(role: str | None) -> Any:
        facts = connection.settings_dict
        session = (
            psycopg2.connect(dsn(copy))
            if role is None
            else psycopg2.connect(host=facts["HOST"], port=facts["PORT"] or None, user=role, dbname=copy)
        )
        sessions.append(session)
        return session

    try:
        with maintenance.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {copy} TEMPLATE template0 OWNER {OWNER}")
        for command in (
            [str(binary("pg_dump")), "--format=custom", f"--file={file}", dsn(name)],
            [str(binary("pg_restore")), "--exit-on-error", f"--dbname={dsn(copy)}", str(file)],
        ):
            subprocess.run(command, check=True, capture_output=True, cwd="/")
        yield connect
    finally:
        for session in sessions:
            session.close()
        with maintenance.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {copy}")
        maintenance.close()


def test_what_is_restored_is_what_was_dumped_and_as_well_guarded(restored: Callable[[str | None], Any]) -> None:
    facts = (
        "SELECT event_id::text, leaf, action, stream_id, stream_seq, happened_at, touched FROM audit_event ORDER BY id"
    )
    guards = (
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger "
        "WHERE tgenabled = 'A' AND NOT tgisinternal ORDER BY 1, 2"
    )
    seals = "SELECT sealed_table::text, sealed_trigger FROM fence.seal ORDER BY 1, 2"
    with restored(None) as session, session.cursor() as there, connection.cursor() as here:
        for question in (facts, guards, seals, "SELECT evtname, evtenabled FROM pg_event_trigger ORDER BY 1"):
            here.execute(question)
            there.execute(question)
            found = there.fetchall()
            assert found == here.fetchall()
            assert found
        there.execute("SELECT count(*) FROM fence.taken WHERE fence.shape_of(taken_table) IS DISTINCT FROM shape")
        assert there.fetchone() == (0,)


def test_the_restored_log_goes_on_where_it_was(restored: Callable[[str | None], Any]) -> None:
    last = Event.objects.order_by("-stream_seq")[0]
    body = bytes(last.leaf).decode()
    with restored(OWNER) as session, session.cursor() as cursor:
        cursor.execute("SELECT audit_stream_next('a')")
        assert cursor.fetchone() == (3,)
        following = body.replace('"seq":2', '"seq":3').replace(str(last.event_id), "0" * 8 + str(last.event_id)[8:])
        cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s) RETURNING id", [following.encode()])
        assert cursor.fetchone()[0] > last.pk


def test_the_roles_are_fenced_off_in_the_restored_database(restored: Callable[[str | None], Any]) -> None:
    session = restored(OWNER)
    for attack in (
        "UPDATE audit_event SET leaf = leaf",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE scratch_model DISABLE TRIGGER audit_event_required",
        "DROP TRIGGER audit_delete_refused ON scratch_fact",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), session.cursor() as cursor:
            cursor.execute(attack)
        session.rollback()
    with session.cursor() as cursor:
        cursor.execute("INSERT INTO scratch_model (uid, name) VALUES (gen_random_uuid(), 'n')")
    with pytest.raises(psycopg2.errors.CheckViolation):
        session.commit()
