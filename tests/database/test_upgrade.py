"""An upgrade keeps data and guards: dumps of released databases are restored and migrated by the code of today."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoDbBlocker

from audit import leaf
from audit.models import Event
from governance import promotions
from governance.checks import check_runs
from governance.database.provisioning import provision
from governance.embedded import binary
from governance.models import CheckRun, PromotionRequest
from registry import access
from registry.models import ModelVersion, User
from tests.fixtures.databases import migrate
from tests.governance.checks.tried import PASSED, claimed
from tests.governance.promotions.conftest import PASSWORD

DUMPS = sorted(Path(__file__).with_name("releases").glob("*.sql.gz"))

OBJECTS = {
    "functions": """
        SELECT p.oid::regprocedure::text || ' ' || r.rolname || ' ' || p.prosrc || coalesce(p.proconfig::text, '')
          FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
         WHERE p.pronamespace IN ('public'::regnamespace, 'fence'::regnamespace)""",
    "triggers": """
        SELECT tgrelid::regclass::text || ' ' || tgname || ' ' || tgenabled::text || ' ' || pg_get_triggerdef(oid)
          FROM pg_trigger WHERE NOT tgisinternal""",
    "event triggers": """
        SELECT evtname || ' ' || evtenabled::text || ' ' || evtfoid::regproc::text FROM pg_event_trigger""",
    "seals": "SELECT sealed_table::text || ' ' || sealed_trigger FROM fence.seal",
    "tables": """
        SELECT c.oid::regclass::text || ' ' || r.rolname || ' ' || array_to_string(
               coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)), ' ')
          FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
         WHERE c.relkind IN ('r', 'v', 'S')
           AND c.relnamespace IN ('public'::regnamespace, 'fence'::regnamespace)""",
    "columns": """
        SELECT attrelid::regclass::text || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || attnotnull::text
          FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
         WHERE attnum > 0 AND NOT attisdropped AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace""",
    "constraints": """
        SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
          FROM pg_constraint WHERE conrelid <> 0 AND connamespace = 'public'::regnamespace""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "accounting": "SELECT table_name || ' ' || action FROM fence.accounting",
}
"""What makes the guards: each query lists objects as text."""


def superuser_of(name: str) -> Any:
    return psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname=name)


def objects_of(session: Any) -> dict[str, set[str]]:
    """The guards of a database. Parentheses and casts are left out: PostgreSQL prints them anew after each restore."""
    found = {}
    with session.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog")
        for kind, query in OBJECTS.items():
            cursor.execute(query)
            texts = {re.sub(r"[()\s]|::(character varying|text)(\[\])?", "", text) for (text,) in cursor}
            found[kind] = {text for text in texts if "for_tests" not in text}
    return found


@pytest.fixture(scope="module", params=DUMPS, ids=lambda path: path.name.removesuffix(".sql.gz"))
def upgraded(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """The name of a database that was restored from the dump of a release and upgraded as docs/operations.md says."""
    name = f"{connection.settings_dict['NAME']}_upgrade"
    maintenance = superuser_of("postgres")
    maintenance.autocommit = True
    with maintenance.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    address = psycopg2.extensions.make_dsn(settings.COUNTERSIGN_PROVISION_URL, dbname=name)
    restore = [binary("psql"), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", address]
    subprocess.run(restore, input=gzip.decompress(request.param.read_bytes()), check=True)
    provision(superuser_of, [name], dated_events=True)
    with django_db_blocker.unblock():
        migrate(name)
    yield name
    with maintenance.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    maintenance.close()


@pytest.fixture
def in_upgraded(upgraded: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Work on the upgraded database, as the application."""
    with django_db_blocker.unblock():
        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = upgraded
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before


def test_upgraded_database_has_the_guards_of_a_fresh_one(upgraded: str) -> None:
    fresh, after = superuser_of(connection.settings_dict["NAME"]), superuser_of(upgraded)

    expected, found = objects_of(fresh), objects_of(after)

    assert {kind: found[kind] ^ expected[kind] for kind in OBJECTS} == {kind: set() for kind in OBJECTS}
    assert min(map(len, expected.values())) >= 4
    with after.cursor() as cursor:  # the comparison finds what is missing
        cursor.execute("ALTER TABLE public.audit_event DISABLE TRIGGER audit_event_unchanged")
    assert objects_of(after)["triggers"] != expected["triggers"]
    after.rollback()
    for session in (fresh, after):
        session.close()


def test_events_are_readable_and_refuse_every_change(in_upgraded: None) -> None:
    events = list(Event.objects.order_by("pk"))

    assert len(events) > 30
    for event in events:
        body: Any = leaf.decode(bytes(event.leaf))
        assert (body["action"], body["id"]) == (event.action, str(event.event_id))
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.filter(pk=events[0].pk).update(leaf=b"{}")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event")


def test_stage_changes_by_promotion_only(in_upgraded: None) -> None:
    staged = ModelVersion.objects.get(stage__slug="staging")
    production = PromotionRequest.objects.get(target_stage__slug="production").target_stage

    with pytest.raises(DatabaseError):
        ModelVersion.objects.filter(pk=staged.pk).update(stage=production)


def test_request_under_review_is_decided_after_the_upgrade(in_upgraded: None) -> None:
    request = PromotionRequest.objects.get(target_stage__slug="production")
    before = Event.objects.count()
    # As beat does: a release contains newer versions of checks, so their results are stale and they run again.
    promotions.reevaluate(request.pk)
    for run in CheckRun.objects.filter(request=request, status=CheckRun.Status.QUEUED):
        assert check_runs.complete(claimed(run), PASSED, settle=promotions.reevaluate)
    for username in ("marta", "aiko"):
        request.refresh_from_db()
        promotions.decide(
            actor=access.actor_for(User.objects.get(username=username)),
            request=request,
            outcome="approve",
            packet_digest=request.packet_digest,
            comment="Read after the upgrade.",
            signature=promotions.DecisionSignature(PASSWORD),
        )

    request.refresh_from_db()
    assert (request.state, request.version.stage.slug) == ("promoted", "production")
    assert Event.objects.count() > before
