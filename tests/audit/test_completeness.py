"""No change of a governed row without its event: tried on tables made for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from django.db import IntegrityError, connection, transaction

from audit.actions import LOG_OPENED
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef, record_event

pytestmark = [pytest.mark.usefixtures("scratch"), pytest.mark.django_db(transaction=True)]

REFUSED = "no event of this transaction accounts for it"


def run(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else cursor.rowcount


@contextmanager
def refused_at_commit() -> Iterator[pytest.ExceptionInfo[IntegrityError]]:
    with pytest.raises(IntegrityError, match=REFUSED) as refused, transaction.atomic():
        yield refused


@pytest.fixture
def told(ada: Actor) -> Callable[..., Event]:
    """Append an event about a thing."""

    def tell(kind: str, uid: str, *related: ObjectRef) -> Event:
        return record_event(
            LOG_OPENED, actor=ada, target=ObjectRef(kind, uid), stream="scratch", related_objects=related
        )

    return tell


@pytest.fixture
def make_model(told: Callable[..., Event]) -> Callable[[], tuple[int, str]]:
    """A governed row with its event, committed."""

    def make() -> tuple[int, str]:
        uid = str(uuid.uuid4())
        with transaction.atomic():
            key = run("INSERT INTO scratch_model (uid, name) VALUES (%s, 'n') RETURNING id", uid)
            told("scratch_model", uid)
        return key, uid

    return make


@pytest.fixture
def make_version(told: Callable[..., Event]) -> Callable[[int], tuple[int, str]]:
    """A governed child row with its event, committed."""

    def make(model: int) -> tuple[int, str]:
        uid = str(uuid.uuid4())
        with transaction.atomic():
            told("scratch_version", uid)
            key = run("INSERT INTO scratch_version (uid, model_id, number) VALUES (%s, %s, 1) RETURNING id", uid, model)
        return key, uid

    return make


# --- a row of its own ---


def test_an_insert_without_its_event_is_refused_at_commit() -> None:
    with pytest.raises(IntegrityError, match=f"INSERT of scratch_model refused: {REFUSED}"):
        run("INSERT INTO scratch_model (uid, name) VALUES (gen_random_uuid(), 'n')")


def test_the_refusal_names_the_rule_and_the_way_out() -> None:
    uid = str(uuid.uuid4())
    with pytest.raises(IntegrityError) as refused:
        run("INSERT INTO scratch_model (uid, name) VALUES (%s, 'n')", uid)

    cause = refused.value.__cause__
    assert isinstance(cause, psycopg2.errors.CheckViolation)
    assert cause.diag.constraint_name == "audit_event_required"
    assert cause.diag.table_name == "scratch_model"
    assert cause.diag.message_detail == f"An event about scratch_model:{uid} is needed."
    assert "audit.recorder.record_event()" in (cause.diag.message_hint or "")


def test_with_its_event_it_is_kept_whichever_came_first(make_model: Callable[[], tuple[int, str]]) -> None:
    key, uid = make_model()

    assert run("SELECT uid::text FROM scratch_model WHERE id = %s", key) == uid


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scratch_model SET name = 'other' WHERE id = %s",
        "UPDATE scratch_model SET name = 'other', seen_at = now() WHERE id = %s",
        "DELETE FROM scratch_model WHERE id = %s",
        "MERGE INTO scratch_model m USING (SELECT %s::bigint AS id) s ON m.id = s.id WHEN MATCHED THEN DELETE",
    ],
)
def test_a_later_change_needs_an_event_of_its_own(make_model: Callable[[], tuple[int, str]], statement: str) -> None:
    key, _ = make_model()

    with pytest.raises(IntegrityError, match=REFUSED):
        run(statement, key)


def test_a_change_with_its_event_is_kept(make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]) -> None:
    key, uid = make_model()
    with transaction.atomic():
        told("scratch_model", uid)
        run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)
    with transaction.atomic():
        told("log", "elsewhere", ObjectRef("scratch_model", uid))
        run("DELETE FROM scratch_model WHERE id = %s", key)

    assert run("SELECT count(*) FROM scratch_model") == 0


def test_columns_that_tell_nothing_may_change_alone(make_model: Callable[[], tuple[int, str]]) -> None:
    key, _ = make_model()

    assert run("UPDATE scratch_model SET seen_at = now() WHERE id = %s", key) == 1
    assert run("UPDATE scratch_model SET name = name WHERE id = %s", key) == 1


@pytest.mark.parametrize(
    ("kind", "other_uid"), [("scratch_model", True), ("scratch_version", False)], ids=["other row", "other type"]
)
def test_an_event_about_something_else_does_not_count(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event], kind: str, other_uid: bool
) -> None:
    key, uid = make_model()
    with refused_at_commit():
        told(kind, str(uuid.uuid4()) if other_uid else uid)
        run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)


def test_three_rows_and_one_event_are_refused(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]
) -> None:
    made = [make_model() for _ in range(3)]
    with refused_at_commit():
        told("scratch_model", made[0][1])
        run("UPDATE scratch_model SET name = 'other'")
    with transaction.atomic():
        told("scratch_model", made[0][1], *(ObjectRef("scratch_model", uid) for _, uid in made[1:]))
        run("UPDATE scratch_model SET name = 'other'")


def test_an_event_of_an_earlier_transaction_does_not_count(make_model: Callable[[], tuple[int, str]]) -> None:
    key, uid = make_model()

    assert Event.objects.filter(thing_id=uid).exists()
    with pytest.raises(IntegrityError, match=REFUSED):
        run("UPDATE scratch_model SET name = 'again' WHERE id = %s", key)


def test_an_old_event_with_the_same_transaction_number_does_not_count(
    make_model: Callable[[], tuple[int, str]], superuser: Callable[[], Any]
) -> None:
    # Transaction numbers start again in a new cluster: after a restore, old events bear numbers still to come.
    key, uid = make_model()
    session = superuser()
    try:
        with session.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_unchanged")
            cursor.execute("UPDATE audit_event SET xid = pg_current_xact_id() WHERE thing_id = %s", [uid])
            cursor.execute("UPDATE scratch_model SET name = 'other' WHERE id = %s", [key])
            with pytest.raises(psycopg2.errors.CheckViolation, match=REFUSED):
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    finally:
        session.rollback()
        session.close()


def test_an_event_of_a_rolled_back_savepoint_does_not_count(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]
) -> None:
    key, uid = make_model()

    def forget() -> None:
        with transaction.atomic():
            told("scratch_model", uid)
            transaction.set_rollback(True)

    with refused_at_commit():
        forget()
        run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)


def test_an_event_of_a_kept_savepoint_counts(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]
) -> None:
    key, uid = make_model()
    with transaction.atomic():
        with transaction.atomic():
            told("scratch_model", uid)
        with transaction.atomic():
            run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)


@pytest.mark.parametrize(
    "statement", ["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS audit_event_required IMMEDIATE"]
)
def test_asking_early_is_refused_early(make_model: Callable[[], tuple[int, str]], statement: str) -> None:
    key, _ = make_model()
    with transaction.atomic():
        run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)
        with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
            run(statement)
        transaction.set_rollback(True)


def test_inside_a_test_that_rolls_back_the_check_can_be_asked_for(make_model: Callable[[], tuple[int, str]]) -> None:
    key, _ = make_model()
    with transaction.atomic():
        run("UPDATE scratch_model SET name = 'other' WHERE id = %s", key)
        with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
            connection.check_constraints()
        transaction.set_rollback(True)


def test_changing_the_uid_needs_an_event_about_both(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]
) -> None:
    key, uid = make_model()
    other = str(uuid.uuid4())
    for only in (uid, other):
        with refused_at_commit():
            told("scratch_model", only)
            run("UPDATE scratch_model SET uid = %s WHERE id = %s", other, key)
    with transaction.atomic():
        told("scratch_model", uid, ObjectRef("scratch_model", other))
        run("UPDATE scratch_model SET uid = %s WHERE id = %s", other, key)


# --- child rows ---


def test_a_child_is_accounted_for_by_itself_or_by_its_parent(
    make_model: Callable[[], tuple[int, str]], told: Callable[..., Event]
) -> None:
    key, uid = make_model()
    insert = "INSERT INTO scratch_version (uid, model_id, number) VALUES (%s, %s, 1)"
    with pytest.raises(IntegrityError, match=REFUSED):
        run(insert, str(uuid.uuid4()), key)
    with transaction.atomic():
        run(insert, str(uuid.uuid4()), key)
        told("scratch_model", uid)
    own = str(uuid.uuid4())
    with transaction.atomic():
        run(insert, own, key)
        told("scratch_version", own)

    assert run("SELECT count(*) FROM scratch_version") == 2


def test_a_grandchild_is_accounted_for_through_both_steps(
    make_model: Callable[[], tuple[int, str]],
    make_version: Callable[[int], tuple[int, str]],
    told: Callable[..., Event],
) -> None:
    model, uid = make_model()
    version, version_uid = make_version(model)
    insert = "INSERT INTO scratch_metric (version_id, value) VALUES (%s, '0.9')"
    with refused_at_commit():
        told("scratch_version", version_uid)
        run(insert, version)
    with transaction.atomic():
        told("scratch_model", uid)
        run(insert, version)


def test_moving_a_child_needs_an_event_about_both_parents(
    make_model: Callable[[], tuple[int, str]],
    make_version: Callable[[int], tuple[int, str]],
    told: Callable[..., Event],
) -> None:
    (first, first_uid), (second, second_uid) = make_model(), make_model()
    version, _ = make_version(first)
    for only in (first_uid, second_uid):
        with refused_at_commit():
            told("scratch_model", only)
            run("UPDATE scratch_version SET model_id = %s WHERE id = %s", second, version)
    with transaction.atomic():
        told("scratch_model", first_uid, ObjectRef("scratch_model", second_uid))
        run("UPDATE scratch_version SET model_id = %s WHERE id = %s", second, version)


def test_a_child_whose_parent_goes_along_is_refused(
    make_model: Callable[[], tuple[int, str]],
    make_version: Callable[[int], tuple[int, str]],
    told: Callable[..., Event],
) -> None:
    model, uid = make_model()
    version, version_uid = make_version(model)
    with transaction.atomic():
        told("scratch_model", uid)
        run("INSERT INTO scratch_metric (version_id, value) VALUES (%s, '0.9')", version)
    with refused_at_commit() as refused:
        told("scratch_model", uid, ObjectRef("scratch_version", version_uid))
        run("DELETE FROM scratch_metric")
        run("DELETE FROM scratch_version")
        run("DELETE FROM scratch_model")
    assert "parent, which is gone" in str(refused.value)


def test_a_table_in_front_of_the_log_does_not_deceive_the_guard(migrating_owner: Callable[[], Any]) -> None:
    # A migration may make temporary tables; the guard looks at the real one.
    session = migrating_owner()
    try:
        with session.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event)")
            cursor.execute("INSERT INTO scratch_model (uid, name) VALUES (gen_random_uuid(), 'n') RETURNING uid::text")
            (uid,) = cursor.fetchone()
            cursor.execute(
                "INSERT INTO pg_temp.audit_event VALUES (1, '', pg_current_xact_id(), transaction_timestamp(), "
                "gen_random_uuid(), 'a', 'a', 'scratch_model', %s, 's', 1, now(), ARRAY['scratch_model:' || %s])",
                [uid, uid],
            )
            with pytest.raises(psycopg2.errors.CheckViolation, match=REFUSED):
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    finally:
        session.rollback()
        session.close()
