"""Row counts: with an upper bound, for tiles and tabs; of unfinished checks, for monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Min, QuerySet

from audit import clock
from governance.models import CheckRun


def capped_counts(most: int, rows: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """Count the rows of several querysets, up to a maximum. One query with bounded cost.

    Args:
        most: the maximum; a larger result is returned as `most` + 1.
        rows: querysets by name.

    Returns:
        Counts by the same names.
    """
    counts = dict.fromkeys(rows, 0)
    parts: dict[str, str] = {}
    params: list[Any] = []
    for name, queryset in rows.items():
        try:
            sql, given = queryset.order_by().values("pk")[: most + 1].query.sql_with_params()
        except EmptyResultSet:  # no row can match; Django compiles no SQL for it
            continue
        parts[name] = f"(SELECT count(*) FROM ({sql}) AS counted)"  # noqa: S608 (Django's own SQL)
        params += given
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts.values())}", params)
            counts |= dict(zip(parts, cursor.fetchone(), strict=True))
    return counts


@dataclass(frozen=True)
class WaitingChecks:
    """Unfinished check runs of one status: their number, and the age of the oldest in seconds."""

    number: int
    oldest: float


def waiting_checks() -> dict[str, WaitingChecks]:
    """Return the unfinished runs of checks that the product runs, by status. For operators, so of all models."""
    rows = CheckRun.objects.exclude(status=CheckRun.Status.COMPLETED).filter(external_run__isnull=True)
    found = rows.order_by().values_list("status").annotate(number=Count("pk"), oldest=Min("created_at"))
    now = clock.now()
    return {status: WaitingChecks(number, (now - oldest).total_seconds()) for status, number, oldest in found}
