"""The Merkle tree in the database: reading tiles and leaves, and appending batches. Raw SQL; the rows only grow.

Full tiles are rows; a partial tile is read from the leaves, or from the roots of the full tiles below it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from audit import merkle
from audit.leaf import leaf_hash
from audit.merkle import HASH_BYTES, TILE_WIDTH

BATCH = 5_000
"""Events of one batch: 54,000 a second against 41,000 with 500."""


@dataclass(frozen=True, slots=True)
class Head:
    """The tree after a batch."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A signed tree head: the note as text, and when it was signed."""

    origin: str
    size: int
    note: str
    signed_at: datetime


def size() -> int:
    """Return the number of leaves."""
    ((found,),) = _rows("SELECT coalesce(max(leaf_index) + 1, 0) FROM audit_leaf")
    return int(found)


def head(at: int | None = None) -> Head | None:
    """Return the newest tree head, or that of a size; None if there is none."""
    where, order = ("WHERE size = %s", [at]) if at is not None else ("", [])
    found = _rows(f"SELECT size, root FROM audit_tree_head {where} ORDER BY size DESC LIMIT 1", order)  # noqa: S608 - `where` is one of two constants
    return Head(int(found[0][0]), bytes(found[0][1])) if found else None


def latest_checkpoint() -> SignedHead | None:
    """Return the checkpoint that was signed last, or None."""
    found = _rows("SELECT origin, size, note, signed_at FROM audit_checkpoint ORDER BY id DESC LIMIT 1")
    return SignedHead(*found[0]) if found else None


def add_checkpoint(origin: str, signed_size: int, note: str) -> None:
    """Store a signed checkpoint. A repetition changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_checkpoint (origin, size, note) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [origin, signed_size, note],
        )


def add_key(vkey: str, origin: str) -> None:
    """Store a public key that signs. A repetition changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_log_key (vkey, origin) VALUES (%s, %s) ON CONFLICT DO NOTHING", [vkey, origin]
        )


def log_keys() -> list[tuple[str, str, datetime]]:
    """Return (vkey, origin, since) of each key that signed, newest first. A reader trusts copies kept elsewhere."""
    return [
        (vkey, origin, at)
        for vkey, origin, at in _rows("SELECT vkey, origin, made_at FROM audit_log_key ORDER BY made_at DESC")
    ]


def index_of(event_id: uuid.UUID) -> int | None:
    """Return the leaf index of an event; None while it is pending."""
    found = _rows(
        "SELECT l.leaf_index FROM audit_event e JOIN audit_leaf l ON l.event_pk = e.id WHERE e.event_id = %s",
        [event_id],
    )
    return int(found[0][0]) if found else None


def leaves(begin: int, end: int) -> list[bytes]:
    """Return the bytes of the events with these leaf indexes, in order."""
    return [
        bytes(leaf)
        for (leaf,) in _rows(
            "SELECT e.leaf FROM audit_leaf l JOIN audit_event e ON e.id = l.event_pk "
            "WHERE l.leaf_index >= %s AND l.leaf_index < %s ORDER BY l.leaf_index",
            [begin, end],
        )
    ]


def tile(level: int, number: int, width: int = TILE_WIDTH) -> bytes:
    """Return the first ``width`` hashes of a tile, joined; fewer if the tree has fewer."""
    found = _rows("SELECT hashes FROM audit_tile WHERE level = %s AND n = %s", [level, number])
    if found:
        return bytes(found[0][0])[: width * HASH_BYTES]
    begin = number * TILE_WIDTH
    return b"".join(_entries(level, begin, begin + width))


def subtree_reader() -> merkle.ReadSubtree:
    """Return the reader of the stored tree, for proofs. Keeps the tiles that it read; make one for each task."""
    return merkle.subtree_of_tiles(lru_cache(maxsize=64)(tile))


def frontier(at: int) -> merkle.Frontier:
    """Return the frontier of the stored tree at a size."""
    return merkle.Frontier.read(at, subtree_reader())


def append_batch(
    known: merkle.Frontier | None = None, *, limit: int = BATCH, after_each_step: Callable[[str], None] = lambda _: None
) -> tuple[merkle.Frontier, int]:
    """Give the next leaf indexes to pending events, in one transaction that holds the lock of the sequencer.

    Every event that is visible in the queue is taken in the order of its primary key, so an event follows each one that
    was committed before it was written. A transaction that commits late is found by a later batch.

    Args:
        known: the frontier after the last batch of this process; used if the tree still has its size.
        limit: maximum number of events.
        after_each_step: called with the name of each step, for tests that end the process there.

    Returns:
        The frontier after the batch, and the number of events that it appended.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Signed heads must survive a crash: the commit of the batch waits for the disk whatever the default is.
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute("SELECT one FROM audit_sequencer FOR UPDATE")
        after_each_step("locked")
        cursor.execute(
            """
            WITH taken AS (
                DELETE FROM audit_pending
                 WHERE event_pk IN (SELECT event_pk FROM audit_pending ORDER BY event_pk LIMIT %s) RETURNING event_pk)
            SELECT e.id, e.leaf FROM taken JOIN audit_event e ON e.id = taken.event_pk
             WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_pk = e.id) ORDER BY e.id
            """,
            [limit],
        )
        events = cursor.fetchall()
        after_each_step("taken")
        grown = _append(cursor, events, known, after_each_step)
    after_each_step("committed")
    return grown, len(events)


def sweep(*, limit: int = BATCH) -> int:
    """Append events that are neither in the tree nor in the queue, for example after the queue was emptied by hand.

    Returns:
        The number of events that were appended.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute("SELECT one FROM audit_sequencer FOR UPDATE")
        cursor.execute(
            """
            SELECT e.id, e.leaf FROM audit_event e
             WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_pk = e.id)
               AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.event_pk = e.id) ORDER BY e.id LIMIT %s
            """,
            [limit],
        )
        events = cursor.fetchall()
        _append(cursor, events, None, lambda _: None)
    return len(events)


def has_pending() -> bool:
    """Return whether events wait. Reads without a lock, so that an idle sequencer writes nothing."""
    ((found,),) = _rows("SELECT EXISTS (SELECT FROM audit_pending)")
    return bool(found)


def is_anchored(place: str, origin: str, signed_size: int) -> bool:
    """Return whether a checkpoint was left at a place."""
    return bool(
        _rows("SELECT FROM audit_anchor WHERE place = %s AND origin = %s AND size = %s", [place, origin, signed_size])
    )


def add_anchor(origin: str, signed_size: int, kind: str, place: str, evidence: str) -> None:
    """Store the evidence that a checkpoint was left at a place. A repetition changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_anchor (origin, size, kind, place, evidence) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [origin, signed_size, kind, place, evidence],
        )


def anchors() -> list[tuple[str, str, int, datetime]]:
    """Return (place, origin, size, time) of the newest checkpoint that was left at each place."""
    return _rows("SELECT DISTINCT ON (place) place, origin, size, made_at FROM audit_anchor ORDER BY place, id DESC")


def unanchored_seconds(place: str) -> float:
    """Return the age of the oldest checkpoint after the last one that was left at a place; 0 if there is none."""
    ((age,),) = _rows(
        """
        SELECT coalesce(extract(epoch FROM clock_timestamp() - min(c.signed_at)), 0) FROM audit_checkpoint c
         WHERE c.id > coalesce((SELECT max(d.id) FROM audit_anchor a
                                  JOIN audit_checkpoint d ON d.origin = a.origin AND d.size = a.size
                                 WHERE a.place = %s), 0)
        """,
        [place],
    )
    return float(age)


def pending() -> tuple[int, float]:
    """Return the number of committed events that are not in the tree, and the age of the oldest in seconds."""
    ((number, age),) = _rows(
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(e.began_at)), 0) "
        "FROM audit_pending p JOIN audit_event e ON e.id = p.event_pk"
    )
    return int(number), float(age)


def _append(
    cursor: Any, events: list[Any], known: merkle.Frontier | None, after_each_step: Callable[[str], None]
) -> merkle.Frontier:
    # Read after the lock is held: another process may have appended.
    old = size()
    grown = merkle.Frontier(known.size, known.roots) if known is not None and known.size == old else frontier(old)
    if not events:
        return grown
    hashes = [leaf_hash(bytes(leaf)) for _, leaf in events]
    for hashed in hashes:
        grown.append(hashed)
    cursor.execute(
        "INSERT INTO audit_leaf (leaf_index, event_pk, leaf_hash) "
        "SELECT %s - 1 + made.n, made.pk, made.hash "
        "FROM unnest(%s::bigint[], %s::bytea[]) WITH ORDINALITY AS made (pk, hash, n)",
        [old, [pk for pk, _ in events], hashes],
    )
    after_each_step("leaves")
    _write_tiles(cursor, old, hashes)
    after_each_step("tiles")
    cursor.execute("INSERT INTO audit_tree_head (size, root) VALUES (%s, %s)", [grown.size, grown.root()])
    after_each_step("head")
    return grown


def _write_tiles(cursor: Any, old: int, fresh: list[bytes]) -> None:
    """Write the tiles that the new hashes complete, level by level."""
    level = 0
    while fresh:
        start, kept = divmod(old, TILE_WIDTH)
        full = (old + len(fresh)) // TILE_WIDTH
        roots: list[bytes] = []
        if full > start:
            entries = [*_entries(level, old - kept, old), *fresh]
            for offset in range(full - start):
                hashes = entries[offset * TILE_WIDTH : (offset + 1) * TILE_WIDTH]
                roots.append(merkle.root_of(hashes))
                cursor.execute(
                    "INSERT INTO audit_tile (level, n, hashes, root) VALUES (%s, %s, %s, %s)",
                    [level, start + offset, b"".join(hashes), roots[-1]],
                )
        level, old, fresh = level + 1, start, roots


def _entries(level: int, begin: int, end: int) -> list[bytes]:
    """Return hashes ``begin`` to ``end`` of a level: leaves, or the roots of full tiles of the level below."""
    if level == 0:
        found = _rows(
            "SELECT leaf_hash FROM audit_leaf WHERE leaf_index >= %s AND leaf_index < %s ORDER BY leaf_index",
            [begin, end],
        )
    else:
        found = _rows(
            "SELECT root FROM audit_tile WHERE level = %s AND n >= %s AND n < %s ORDER BY n", [level - 1, begin, end]
        )
    return [bytes(hashed) for (hashed,) in found]


def _rows(statement: str, parameters: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
