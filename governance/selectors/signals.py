"""Production signals of a version for its page and for REST: series with their latest values, charts, findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from audit import clock
from governance.models import Finding, SignalReport, SignalSeries
from governance.monitoring.health import HealthState
from governance.policies.monitoring import ApprovedLimit, Judgement
from governance.selectors.health import Approved, approved_for, health_of_version
from registry.models import ModelVersion

BUCKETS: Final = 100
"""Periods into which the time of a chart is divided. Of each the smallest and the largest value are shown."""
MAX_CHARTS: Final = 24

_LATEST: Final = """
    SELECT s.id, l.value, l.at, l.sample_size
      FROM unnest(%(series)s::bigint[]) AS s(id)
     CROSS JOIN LATERAL (
           SELECT v.value, v.at, v.sample_size FROM governance_signalvalue v
            WHERE v.series_id = s.id ORDER BY v.at DESC, v.report_id DESC LIMIT 1) l"""
# The extremes of each period are kept, because a breach must not disappear from a chart.
_POINTS: Final = """
    WITH measured AS (
        SELECT series_id, at, value, sample_size,
               width_bucket(extract(epoch FROM at)::float8, %(begin)s, %(end)s, %(buckets)s) AS bucket
          FROM governance_signalvalue WHERE series_id = ANY(%(series)s) AND at >= %(since)s),
    ranked AS (
        SELECT *, row_number() OVER (PARTITION BY series_id, bucket ORDER BY value, at) AS least,
               row_number() OVER (PARTITION BY series_id, bucket ORDER BY value DESC, at) AS most
          FROM measured)
    SELECT series_id, at, value, sample_size FROM ranked WHERE least = 1 OR most = 1 ORDER BY series_id, at, value"""


@dataclass(frozen=True)
class Point:
    """One value of a series at the end of its period."""

    at: datetime
    value: float
    sample_size: int | None


@dataclass(frozen=True)
class SeriesNow:
    """A series with its latest value and the limits in force that apply to it."""

    series: SignalSeries
    latest: Point
    limits: tuple[ApprovedLimit, ...]

    @property
    def limit(self) -> ApprovedLimit | None:
        """The first limit."""
        return self.limits[0] if self.limits else None

    @property
    def judgement(self) -> Judgement | None:
        """The strictest judgement of the limits; None if none judges the value."""
        judged = [limit.judge(self.latest.value) for limit in self.limits if limit.judges(self.latest.sample_size)]
        order = (Judgement.BREACH, Judgement.WARNING, Judgement.WITHIN)
        return min(judged, key=order.index, default=None)


@dataclass(frozen=True)
class SignalChart:
    """A series with its values over a period, oldest first."""

    now: SeriesNow
    points: tuple[Point, ...]

    @property
    def label(self) -> str:
        """The text alternative of the chart."""
        series, points = self.now.series, self.points
        span = f"from {points[0].at:%Y-%m-%d} to {points[-1].at:%Y-%m-%d}" if points else "without values"
        text = f"{series.name}{f' for {series.slice}' if series.slice else ''} {span}"
        text += f"; last {self.now.latest.value:g}"
        return text + "".join(f"; approved limit {limit.sign} {limit.limit:g}" for limit in self.now.limits)


@dataclass(frozen=True)
class SignalsPage:
    """What the page of a version's production signals shows.

    Attributes:
        charts: limited series first; at most `MAX_CHARTS`.
        total: number of series.
        reports: the latest reports.
        findings: open findings first.
    """

    health: HealthState
    approved: Approved | None
    charts: tuple[SignalChart, ...]
    total: int
    reports: tuple[SignalReport, ...]
    findings: tuple[Finding, ...]


def signals_page(version: ModelVersion, days: int) -> SignalsPage:
    """Return the signals of a version that the actor may see, over the last days.

    Args:
        version: the version, read with its model and stage.
        days: length of the charts.
    """
    approved = approved_for(version)
    series = list(SignalSeries.objects.filter(version=version)[: MAX_CHARTS * 50])
    shown = sorted(series_now(series, approved), key=lambda one: not one.limits)
    begin = clock.now() - timedelta(days=days)
    points = points_of([one.series.pk for one in shown[:MAX_CHARTS]], begin, clock.now())
    findings = Finding.objects.filter(version=version, source=Finding.Source.SIGNAL).select_related(
        "acknowledged_by", "closed_by"
    )
    return SignalsPage(
        health=health_of_version(version),
        approved=approved,
        charts=tuple(SignalChart(one, tuple(points[one.series.pk])) for one in shown[:MAX_CHARTS]),
        total=len(series),
        reports=tuple(
            SignalReport.objects.filter(version=version)
            .select_related("reported_by")
            .order_by("-window_to", "-pk")[:10]
        ),
        findings=tuple(sorted(findings[:50], key=lambda finding: finding.closed_at is not None)),
    )


def series_of(version: ModelVersion) -> QuerySet[SignalSeries]:
    """Return the series of a version, by primary key."""
    return SignalSeries.objects.filter(version=version).order_by("pk")


def series_now(series: Sequence[SignalSeries], approved: Approved | None) -> list[SeriesNow]:
    """Return series with their latest values. One query."""
    latest = {}
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"series": [one.pk for one in series]})
        latest = {pk: Point(at, value, size) for pk, value, at, size in cursor.fetchall()}
    return [
        SeriesNow(
            one,
            latest[one.pk],
            approved.monitoring.limits_on(one.kind, one.name, one.slice, one.dataset) if approved is not None else (),
        )
        for one in series
        if one.pk in latest
    ]


def points_of(series: Sequence[int], begin: datetime, end: datetime) -> dict[int, list[Point]]:
    """Return the values of series since a time, oldest first: at most two of each of `BUCKETS` periods. One query."""
    found: defaultdict[int, list[Point]] = defaultdict(list)
    given: dict[str, Any] = {
        "series": list(series),
        "since": begin,
        "begin": begin.timestamp(),
        "end": end.timestamp(),
        "buckets": BUCKETS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_POINTS, given)
        for pk, *point in cursor.fetchall():
            found[pk].append(Point(*point))
    return found
