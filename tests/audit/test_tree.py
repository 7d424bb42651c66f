"""Sequencing: every committed event gets one place, in an order that respects commits, whatever interrupts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import leaf, merkle, tree
from audit.actor import Actor, ActorKind

pytestmark = pytest.mark.usefixtures("accounts")
ADA = Actor(ActorKind.PERSON, "usr_ada", "usr_ada", 1, "session")


def event(stream: str, number: int) -> bytes:
    return leaf.encode_leaf(
        {
            "type": "audit.event/1",
            "log": "test.invalid/audit/1",
            "id": str(uuid.uuid4()),
            "at": "2026-01-01T00:00:00.000000Z",
            "action": "log.opened",
            "actor": ADA.as_leaf(),
            "object": {"type": "log", "id": "x"},
            "stream": {"id": stream, "seq": number},
            "changes": [],
        }
    )


def write(cursor: Any, count: int, stream: str = "a", first: int = 1) -> None:
    cursor.execute(
        "INSERT INTO audit_event (leaf) SELECT unnest(%s::bytea[])",
        [[event(stream, number) for number in range(first, first + count)]],
    )


def problems_of_the_tree() -> list[str]:
    """What is not as it has to be, recomputed from the events alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.leaf_index, e.leaf, l.leaf_hash, e.stream_id, e.stream_seq FROM audit_leaf l "
            "JOIN audit_event e ON e.id = l.event_pk ORDER BY l.leaf_index"
        )
        leaves = cursor.fetchall()
        cursor.execute("SELECT size, root FROM audit_tree_head ORDER BY size")
        heads = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM audit_event")
        (events,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM audit_pending")
        (pending,) = cursor.fetchone()
    found = []
    if [index for index, *_ in leaves] != list(range(len(leaves))):
        found.append("the indexes are not contiguous")
    if any(leaf.leaf_hash(bytes(body)) != bytes(hashed) for _, body, hashed, _, _ in leaves):
        found.append("a hash is not that of its event")
    if len(leaves) + pending != events:
        found.append(f"{events} events, {len(leaves)} leaves, {pending} pending")
    last: dict[str, int] = {}
    for *_, stream, number in leaves:
        if number != last.get(stream, 0) + 1:
            found.append(f"event {number} of {stream} is out of order")
        last[stream] = number
    frontier = merkle.Frontier()
    roots = {}
    for _, _, hashed, _, _ in leaves:
        frontier.append(bytes(hashed))
        roots[frontier.size] = frontier.root()
    if any(roots.get(size) != bytes(root) for size, root in heads):
        found.append("a tree head is not that of its leaves")
    if leaves and (not heads or heads[-1][0] != len(leaves)):
        found.append("the last batch has no tree head")
    return found


@pytest.mark.django_db
def test_events_get_places_and_the_tree_is_read_back_from_its_tiles() -> None:
    with connection.cursor() as cursor:
        write(cursor, 600)
    grown = None
    for limit in (1, 254, 1, 1, 256, 5_000):
        grown, _ = tree.append_batch(grown, limit=limit)
    assert tree.append_batch(grown)[1] == 0
    assert problems_of_the_tree() == []
    read = tree.subtree_reader()
    head = tree.head()
    assert head is not None
    assert (head.size, head.root) == (600, merkle.Frontier.read(600, read).root())
    assert tree.frontier(600).roots == grown.roots if grown else False
    for index in (0, 255, 256, 511, 512, 599):
        (hashed,) = map(leaf.leaf_hash, tree.leaves(index, index + 1))
        assert merkle.verify_inclusion(hashed, index, 600, merkle.inclusion_proof(index, 600, read), head.root)
    earlier = tree.head(257)
    assert earlier is not None
    proof = merkle.consistency_proof(257, 600, read)
    assert merkle.verify_consistency(257, earlier.root, 600, head.root, proof)


@pytest.mark.django_db
def test_events_that_are_not_in_the_queue_are_found_by_the_sweep() -> None:
    with connection.cursor() as cursor:
        write(cursor, 5)
        cursor.execute("DELETE FROM audit_pending")
        write(cursor, 2, first=6)
    assert tree.append_batch()[1] == 2
    assert tree.sweep(limit=3) == 3
    assert tree.sweep() == 2
    assert tree.sweep() == 0
    assert tree.size() == 7


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        (
            "INSERT INTO audit_leaf (leaf_index, event_pk, leaf_hash) SELECT 1, id, sha256('\\x00'::bytea || leaf) "
            "FROM audit_event"
        ),
        "INSERT INTO audit_leaf (leaf_index, event_pk, leaf_hash) SELECT 0, id, sha256(leaf) FROM audit_event",
        "INSERT INTO audit_leaf (leaf_index, event_pk, leaf_hash) VALUES (0, -1, sha256('\\x00'::bytea))",
        "UPDATE audit_sequencer SET one = true",
        "DELETE FROM audit_sequencer",
        "TRUNCATE audit_leaf",
    ],
)
def test_a_false_leaf_is_refused(statement: str) -> None:
    with connection.cursor() as cursor:
        write(cursor, 1)
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(statement)


@pytest.mark.django_db
def test_no_row_of_the_tree_is_changed_or_removed() -> None:
    with connection.cursor() as cursor:
        write(cursor, 256)
        tree.append_batch()
        tree.add_checkpoint("test.invalid/audit/1", 256, "note")
        tree.add_key("vkey", "test.invalid/audit/1")
        for table, column in (
            ("leaf", "leaf_hash"),
            ("tile", "root"),
            ("tree_head", "root"),
            ("checkpoint", "note"),
            ("log_key", "vkey"),
        ):
            for statement in (f"UPDATE audit_{table} SET {column} = {column}", f"DELETE FROM audit_{table}"):
                with pytest.raises(DatabaseError), transaction.atomic():
                    cursor.execute(statement)


class Crash(Exception):
    pass


def crash_at(step: str) -> Callable[[str], None]:
    def reached(name: str) -> None:
        if name == step:
            raise Crash

    return reached


@contextmanager
def writers(count: int) -> Iterator[list[Any]]:
    facts = connection.settings_dict
    sessions = [
        psycopg2.connect(host=facts["HOST"], port=facts["PORT"] or None, user=facts["USER"], dbname=facts["NAME"])
        for _ in range(count)
    ]
    try:
        yield sessions
    finally:
        for session in sessions:
            session.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2), st.integers(1, 4)),
        st.tuples(st.sampled_from(["commit", "rollback"]), st.integers(0, 2)),
        st.tuples(st.just("sequence"), st.integers(1, 6)),
        st.tuples(st.just("crash"), st.sampled_from(["locked", "taken", "leaves", "tiles", "head", "committed"])),
    ),
    min_size=3,
    max_size=25,
)


@pytest.mark.django_db(transaction=True)
@given(STEPS)
@settings(
    max_examples=settings().max_examples // 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_order_of_commits_crashes_and_batches_keeps_the_tree_right(steps: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT fence_reset_for_tests()")
        write(cursor, 1, "log")  # the first event of a log gives it its name, for which all others would wait
    committed = dict.fromkeys(range(3), 0)
    open_: dict[int, int] = dict.fromkeys(range(3), 0)
    grown: merkle.Frontier | None = None
    with writers(3) as sessions:
        for name, *details in steps:
            if name == "write":
                writer, count = details
                write(sessions[writer].cursor(), count, f"w{writer}", committed[writer] + open_[writer] + 1)
                open_[writer] += count
            elif name == "sequence":
                grown, _ = tree.append_batch(grown, limit=details[0])
            elif name == "crash":
                grown = None
                with suppress(Crash):
                    tree.append_batch(after_each_step=crash_at(details[0]))
            else:
                (writer,) = details
                getattr(sessions[writer], name)()
                committed[writer] += open_[writer] if name == "commit" else 0
                open_[writer] = 0
            assert problems_of_the_tree() == []
        for session in sessions:
            session.rollback()
    while tree.append_batch()[1]:
        pass
    assert problems_of_the_tree() == []
    assert tree.size() == 1 + sum(committed.values())


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_and_another_isolation_level_delay_no_other_event(superuser: Callable[[], Any]) -> None:
    elsewhere = psycopg2.connect(**{**superuser().get_dsn_parameters(), "dbname": "postgres"})
    with connection.cursor() as cursor:
        write(cursor, 1, "log")
    assert tree.append_batch()[1] == 1
    with elsewhere.cursor() as cursor, writers(2) as (slow, strict):
        cursor.execute("SELECT pg_current_xact_id()")
        strict.set_session(isolation_level="REPEATABLE READ")
        write(slow.cursor(), 1, "slow")
        write(strict.cursor(), 2, "strict")
        strict.commit()
        assert tree.append_batch()[1] == 2
        slow.commit()
        assert tree.append_batch()[1] == 1
    elsewhere.close()
    assert problems_of_the_tree() == []
