"""Counting no further than a reader looks: what a tile or a tab says."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


def capped_counts(most: int, rows: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """How many rows each of these has, `most` + 1 where it has more. One query, whose cost has a bound, however many
    questions and however many rows."""
    counts = dict.fromkeys(rows, 0)
    parts: dict[str, str] = {}
    params: list[Any] = []
    for name, asked in rows.items():
        try:
            sql, given = asked.order_by().values("pk")[: most + 1].query.sql_with_params()
        except EmptyResultSet:  # nothing can fit, and Django will not say it in SQL
            continue
        parts[name] = f"(SELECT count(*) FROM ({sql}) AS counted)"  # noqa: S608 (Django's own SQL)
        params += given
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts.values())}", params)
            counts |= dict(zip(parts, cursor.fetchone(), strict=True))
    return counts
