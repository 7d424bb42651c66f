"""What an attempt left behind: rows written, by table, and the events that account for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection

from audit.models import Event

IGNORED_TABLES = frozenset(
    {
        "audit_event",  # told by the events themselves, as are the three that follow from them
        "audit_pending",
        "audit_private",
        "audit_stream",
        "audit_leaf",  # written by the sequencer, as are the next four
        "audit_tile",
        "audit_tree_head",
        "audit_checkpoint",
        "audit_anchor",
        "django_session",
        "registry_passwordattempt",
        "registry_tokenuse",
        "registry_contribution",  # follows from the event and from who acts; its own tests are in test_contributors
        "governance_idempotencykey",
        "governance_pdffile",
    }
)
"""Tables that are no state of the registry: the log's own, and what signing in and repeating leave."""


@dataclass
class Trace:
    """Rows written since, as "table +inserted ~updated -deleted", and the events."""

    rows: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(str(event.action) for event in self.events)


@contextmanager
def track_writes() -> Iterator[Trace]:
    """Watch a block. What PostgreSQL counts is counted: rows that were written and taken back in the same transaction
    show, too, so an interface that acts first and asks afterwards is found out."""
    last, before = _written()
    trace = Trace()
    yield trace
    newest, after = _written()
    for table, counts in after.items():
        new = tuple(now - then for now, then in zip(counts, before.get(table, (0, 0, 0)), strict=True))
        if any(new) and table not in IGNORED_TABLES:
            signs = " ".join(f"{sign}{count}" for sign, count in zip("+~-", new, strict=True) if count)
            trace.rows.add(f"{table} {signs}")
    if newest != last:
        trace.events += Event.objects.filter(id__gt=last).order_by("id")


# What the view pg_stat_xact_user_tables says, without the joins for the columns that are not asked for.
_WRITTEN = """
SELECT relname, counted.*
  FROM pg_class, LATERAL (
    SELECT pg_stat_get_xact_tuples_inserted(oid) AS inserted, pg_stat_get_xact_tuples_updated(oid) AS updated,
           pg_stat_get_xact_tuples_deleted(oid) AS deleted OFFSET 0
  ) AS counted
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND inserted + updated + deleted > 0
 UNION ALL
SELECT '', coalesce(max(id), 0), 0, 0 FROM audit_event
"""


def _written() -> tuple[int, dict[str, tuple[int, int, int]]]:
    """The number of the newest event; and by table, how many rows this transaction inserted, updated and deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        found = {str(name): (int(i), int(u), int(d)) for name, i, u, d in cursor.fetchall()}
    return found.pop("")[0], found
