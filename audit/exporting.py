"""Bundles of the log in the database: reads events with their places in the tree, and writes them.

The caller checks the permission. Nothing is verified here, and bytes are written as they are stored: a bundle of an
altered log must be refused by the reader's verifier, not repaired by the log.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from audit import bundles, notes, selectors, tree
from audit.exceptions import NothingSignedError
from audit.models import Private

BATCH = 1_000
ADDRESS = "/request/address"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Which private values a bundle contains.

    Args:
        values: whether it contains any.
        addresses: whether it contains network addresses, too.
    """

    values: bool = True
    addresses: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: events, the size of the log in the checkpoint, and the checkpoint."""

    events: int
    size: int
    origin: str
    checkpoint: str


EVERYTHING = Disclosure()


def write_bundle(
    folder: Path,
    *,
    conditions: Mapping[str, Any] | None,
    disclosure: Disclosure = EVERYTHING,
    held: Sequence[str] = (),
    with_entry_tiles: bool = False,
    readme: Callable[[Written], str],
    attach: Callable[[bundles.BundleWriter], None] = lambda bundle: None,
    progress: Callable[[int], None] = lambda written: None,
) -> Written:
    """Write a bundle of the newest checkpoint.

    Args:
        folder: made by this function.
        conditions: arguments of `selectors.matching` for a bundle of some events; None for the complete log.
        disclosure: which private values are included.
        held: checkpoints (notes) that the reader holds; a bundle of some events proves that the log continues them.
        with_entry_tiles: whether a complete bundle has the entries as tlog-tiles bundles, too.
        readme: returns the text for the reader.
        attach: writes further files.
        progress: called with the number of events written so far.

    Raises:
        NothingSignedError: there is no signed checkpoint, or none of the chosen events is in it.
        FileExistsError: the folder exists.
        BadNoteError: a held checkpoint is malformed.
    """
    sizes = [notes.parse_checkpoint(notes.parse(note).text).size for note in held]
    with transaction.atomic(), bundles.BundleWriter(folder) as bundle:
        newest = tree.latest_checkpoint()
        if newest is None:
            raise NothingSignedError("The log has no signed checkpoint yet: start the sequencer.")
        if conditions is None:
            count = bundle.write_complete(
                newest.note,
                _counted(_entries(newest.size, disclosure), progress),
                earlier=_earlier_checkpoints(newest),
                with_entry_tiles=with_entry_tiles,
            )
        else:
            places = _places(conditions, newest.size)
            if not places:
                raise NothingSignedError("None of the chosen events is in the signed log yet.")
            chosen = _entries_at(places, disclosure)
            count = bundle.write_selection(
                newest.note, _counted(chosen, progress), tree.subtree_reader(), consistency_from=sizes
            )
        attach(bundle)
        written = Written(count, newest.size, newest.origin, newest.note)
        bundle.write_for_reader(readme(written), newest.origin)
    return written


def _counted(entries: Iterator[bundles.Entry], progress: Callable[[int], None]) -> Iterator[bundles.Entry]:
    for number, entry in enumerate(entries, 1):
        yield entry
        if number % BATCH == 0:
            progress(number)


def _earlier_checkpoints(newest: tree.SignedHead, at_most: int = 64) -> dict[int, str]:
    """Return earlier checkpoints of the same origin, evenly spread: they bound where a difference begins."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT size, note FROM (
                SELECT size, note, row_number() OVER (ORDER BY size) AS n, count(*) OVER () AS all_of
                  FROM (SELECT DISTINCT ON (size) size, note FROM audit_checkpoint
                         WHERE origin = %s AND size < %s ORDER BY size, id) AS once) AS numbered
             WHERE n %% (all_of / %s + 1) = 0
            """,
            [newest.origin, newest.size, at_most],
        )
        return {int(size): note for size, note in cursor.fetchall()}


def _places(conditions: Mapping[str, Any], size: int) -> list[int]:
    """Return the leaf indexes of the chosen events below a size, ascending."""
    chosen = selectors.matching(**conditions).values("id")
    statement, parameters = chosen.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT leaf_index FROM audit_leaf WHERE leaf_index < %s AND event_pk IN ({statement}) ORDER BY 1",  # noqa: S608 - made by the ORM
            [size, *parameters],
        )
        return [int(index) for (index,) in cursor.fetchall()]


_ENTRY_SQL = (
    "SELECT l.leaf_index, e.event_id, e.leaf, l.leaf_hash FROM audit_leaf l JOIN audit_event e ON e.id = l.event_pk "
)


def _entries(size: int, disclosure: Disclosure) -> Iterator[bundles.Entry]:
    for begin in range(0, size, BATCH):
        where = "WHERE leaf_index >= %s AND leaf_index < %s ORDER BY leaf_index"
        rows = _rows(_ENTRY_SQL + where, [begin, min(begin + BATCH, size)])
        yield from _opened(rows, disclosure)


def _entries_at(places: Sequence[int], disclosure: Disclosure) -> Iterator[bundles.Entry]:
    for begin in range(0, len(places), BATCH):
        rows = _rows(
            _ENTRY_SQL + "WHERE leaf_index = ANY (%s) ORDER BY leaf_index", [list(places[begin : begin + BATCH])]
        )
        yield from _opened(rows, disclosure)


def _opened(rows: list[Any], disclosure: Disclosure) -> Iterator[bundles.Entry]:
    openings: defaultdict[uuid.UUID, list[bundles.Opening]] = defaultdict(list)
    if disclosure.values:
        for kept in Private.objects.filter(event_id__in=[row[1] for row in rows]).order_by("pointer"):
            if disclosure.addresses or kept.pointer != ADDRESS:
                opening = bundles.Opening(kept.pointer, kept.field, bytes(kept.salt), kept.value)
                openings[kept.event_id].append(opening)
    for index, event, leaf, hashed in rows:
        yield bundles.Entry(int(index), str(event), bytes(leaf), bytes(hashed), openings[event])


def _rows(statement: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
