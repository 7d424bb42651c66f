"""The health of a version in production, from its approved limits and its latest values. Pure: the time is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from governance.policies.monitoring import ApprovedLimit, ApprovedMonitoring, Judgement


class Health(StrEnum):
    """The state of a version, or of a model, in production."""

    HEALTHY = "healthy"
    WATCH = "watch"
    BREACHED = "breached"
    SILENT = "silent"
    NOT_MONITORED = "not_monitored"


LABELS: Final[dict[Health, str]] = {
    Health.HEALTHY: "Healthy",
    Health.WATCH: "Watch",
    Health.BREACHED: "Breached",
    Health.SILENT: "Silent",
    Health.NOT_MONITORED: "Not monitored",
}
_WORST_FIRST: Final = (Health.BREACHED, Health.SILENT, Health.WATCH, Health.HEALTHY, Health.NOT_MONITORED)


@dataclass(frozen=True)
class LatestValue:
    """The latest value of a series."""

    kind: str
    name: str
    slice: str
    dataset: str
    value: float
    at: datetime
    sample_size: int | None = None
    minimum: int | None = None
    """The minimum sample for which it is the latest value."""


@dataclass(frozen=True)
class OpenFinding:
    """A finding that is not closed: the limit that was broken, as text, and whether later values were within it."""

    words: str
    recovered: bool


@dataclass(frozen=True)
class HealthState:
    """The health with its reasons, most severe first.

    Attributes:
        health: the state.
        reasons: what causes it; empty if healthy.
        last_reported: end of the latest reported period; None if there is none.
        silent_from: when the version counts, or counted, as silent without a further report; None without a rule.
    """

    health: Health
    reasons: tuple[str, ...] = ()
    last_reported: datetime | None = None
    silent_from: datetime | None = None

    @property
    def label(self) -> str:
        """The name of the state on pages."""
        return LABELS[self.health]


NOT_MONITORED: Final = HealthState(Health.NOT_MONITORED, ("No policy in force monitors this version where it is.",))


def health_of(
    approved: ApprovedMonitoring | None,
    *,
    entered: datetime,
    now: datetime,
    latest: Sequence[LatestValue] = (),
    findings: Iterable[OpenFinding] = (),
    last_reported: datetime | None = None,
) -> HealthState:
    """Return the health of a version.

    A limit whose signal did not report for its period makes the version silent, whatever other signals report: what is
    not measured is not within its limit. A version that never reported is silent after the period since it entered.

    Args:
        approved: the limits in force; None if no policy monitors the version.
        entered: when the version entered its stage.
        now: the present time.
        latest: the latest value of each series.
        findings: findings of the version that are not closed.
        last_reported: end of the latest reported period, of any signal.

    Returns:
        Breached before silent before watch before healthy; every reason is listed.
    """
    if approved is None:
        return HealthState(NOT_MONITORED.health, NOT_MONITORED.reasons, last_reported)
    reasons: list[tuple[Health, str]] = []
    for finding in findings:
        if finding.recovered:
            reasons.append((Health.WATCH, f"{finding.words}: recovered, the finding is not closed"))
        else:
            reasons.append((Health.BREACHED, f"{finding.words}: a finding is open"))
    expected = [_silent_from(approved.silent_after_days, entered, last_reported)]
    if now > expected[0]:
        reasons.append((Health.SILENT, _silence(approved.silent_after_days, last_reported)))
    for limit in approved.limits:
        judged = judged_values(limit, latest)
        reasons += [(health, _text(limit, value)) for value in judged if (health := _health(limit, value)) is not None]
        newest = max((value.at for value in judged), default=None)
        expected.append(_silent_from(limit.silent_after_days, entered, newest))
        if now > expected[-1]:
            reasons.append((Health.SILENT, f"{limit.words}: {_silence(limit.silent_after_days, newest)}"))
        elif newest is None:
            reasons.append((Health.WATCH, f"{limit.words}: no report yet, expected by {_day(expected[-1])}"))
    if last_reported is None and not approved.limits and now <= expected[0]:
        reasons.append((Health.WATCH, f"no report yet, expected by {_day(expected[0])}"))
    found = worst(health for health, _ in reasons) if reasons else Health.HEALTHY
    ordered = sorted(dict.fromkeys(reasons), key=lambda reason: _WORST_FIRST.index(reason[0]))
    return HealthState(found, tuple(text for _, text in ordered), last_reported, min(expected))


def worst(states: Iterable[Health]) -> Health:
    """Return the most severe of several states; not monitored without any."""
    return min(states, key=_WORST_FIRST.index, default=Health.NOT_MONITORED)


def judged_values(limit: ApprovedLimit, latest: Iterable[LatestValue]) -> list[LatestValue]:
    """Return the values that a limit judges: of its signal, and the latest ones of enough rows."""
    return [
        value
        for value in latest
        if value.minimum == limit.min_sample
        and limit.applies_to(value.kind, value.name, value.slice, value.dataset)
        and limit.judges(value.sample_size)
    ]


def _health(limit: ApprovedLimit, value: LatestValue) -> Health | None:
    judgement = limit.judge(value.value)
    if judgement is Judgement.WITHIN:
        return None
    return Health.BREACHED if judgement is Judgement.BREACH else Health.WATCH


def _text(limit: ApprovedLimit, value: LatestValue) -> str:
    part = f" for {value.slice}" if value.slice and value.slice != limit.slice else ""
    if limit.judge(value.value) is Judgement.BREACH:
        return f"{limit.words}: {value.value:g}{part} on {_day(value.at)} is beyond the limit"
    return f"{limit.words}: {value.value:g}{part} on {_day(value.at)} is beyond the warning {limit.warning:g}"


def _silent_from(days: int, entered: datetime, newest: datetime | None) -> datetime:
    return max(entered, newest or entered) + timedelta(days=days)


def _silence(days: int, newest: datetime | None) -> str:
    period = f"{days} day{'s' if days != 1 else ''}"
    return f"no report for more than {period}" + (f", the last of {_day(newest)}" if newest is not None else "")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
