"""A report of production signals as a value, and its validation rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, get_args

from audit import canonical, leaf
from governance.policies.monitoring import EVERY_SLICE, Kind
from registry.validation import ErrorCollector

KINDS: Final[tuple[str, ...]] = get_args(Kind)
MAX_SIGNALS: Final = 1_000
"""Signals in one report."""
MAX_BYTES: Final = 1024 * 1024
"""Size of the body of one report."""
MAX_LABELS: Final = 10
LONGEST_WINDOW: Final = timedelta(days=366)
RETENTION: Final = timedelta(days=730)
"""Windows that ended earlier are not accepted."""
CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
"""How far the clock of a monitor may be ahead."""
MAX_UNREAD: Final = 50
"""Unread parts of a foreign report that are listed; the others are counted."""
_NAME_LENGTH: Final = 200
_LARGEST_SAMPLE: Final = 2**53 - 1
_WRITTEN: Final = str.maketrans({"%": "%25", ",": "%2C", "=": "%3D"})
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True)
class Signal:
    """One number measured in production.

    Attributes:
        name: such as `auc`, `psi` or `latency_p95_ms`.
        value: a finite number.
        kind: one of `KINDS`.
        slice: the part of the data that it is about, such as `segment=retail`; empty for the whole.
        dataset: the data set or input feature source that it was measured on, if there is one.
        sample_size: number of rows; None if unknown.
        at: end of the period that it describes; None for the end of the window of the report.
    """

    name: str
    value: float
    kind: str = "metric"
    slice: str = ""
    dataset: str = ""
    sample_size: int | None = None
    at: datetime | None = None

    @property
    def series(self) -> tuple[str, str, str, str]:
        """What identifies the series of values over time."""
        return (self.kind, self.name, self.slice, self.dataset)


@dataclass(frozen=True)
class UnreadPart:
    """A part of a foreign report that is not stored: its place, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The signals of one source in one window of time. `unread` and `unread_total` describe a foreign report."""

    source: str
    window_from: datetime
    window_to: datetime
    signals: Sequence[Signal]
    format: str = "countersign"
    unread: Sequence[UnreadPart] = ()
    unread_total: int = 0


def slice_of_labels(labels: Mapping[str, str]) -> str:
    """Return labels as the text of a slice: `name=value`, sorted by name, joined by ", ". In a value, %, comma and =
    are written as %25, %2C and %3D, so that different labels are different slices.
    """
    return ", ".join(f"{name}={labels[name].translate(_WRITTEN)}" for name in sorted(labels))


def check_labels(faults: ErrorCollector, pointer: str, labels: Mapping[str, str]) -> None:
    """Validate the labels of a signal before they become its slice."""
    if len(labels) > MAX_LABELS:
        faults.add(pointer, "too_many", f"At most {MAX_LABELS} labels; these are {len(labels)}.")
    for name in labels:
        if not _LABEL.fullmatch(name):
            faults.add(pointer, "label", "A label begins with a letter and has letters, digits, _, . and -.")


def cleaned_report(report: Report, *, now: datetime) -> Report:
    """Validate a report.

    Args:
        report: the report as received.
        now: the present time.

    Returns:
        The report with stripped names, and the time of each signal filled in.

    Raises:
        ValidationFailedError: with every error and its place.
    """
    faults = ErrorCollector()
    source = faults.clean_line("/source", report.source, 100, required=True)
    _check_window(faults, report, now)
    if not report.signals:
        faults.add("/signals", "required", "Give at least one signal.")
    if len(report.signals) > MAX_SIGNALS:
        detail = (
            f"At most {MAX_SIGNALS:,} signals in a report; these are {len(report.signals):,}: send several reports."
        )
        faults.add("/signals", "too_many", detail)
        faults.raise_if_any()
    kept: dict[tuple[object, ...], Signal] = {}
    for index, given in enumerate(report.signals):
        signal = _cleaned(faults, f"/signals/{index}", given, report)
        if kept.setdefault((*signal.series, signal.at), signal) is not signal:
            faults.add(
                f"/signals/{index}",
                "twice",
                f"{signal.name} is given twice for the same kind, slice, dataset and time: give one value.",
            )
    faults.raise_if_any()
    return replace(report, source=source, signals=tuple(kept.values()))


def digest_of(report: Report) -> str:
    """Return the SHA-256 of a cleaned report, in hexadecimal: equal for reports of the same source, window and
    signals.
    """
    rows = sorted([*s.series, s.value, s.sample_size, leaf.timestamp(s.at or report.window_to)] for s in report.signals)
    return canonical.digest(
        {
            "source": report.source,
            "from": leaf.timestamp(report.window_from),
            "to": leaf.timestamp(report.window_to),
            "signals": rows,
        }
    )


def _check_window(faults: ErrorCollector, report: Report, now: datetime) -> None:
    for pointer, moment in (("/from", report.window_from), ("/to", report.window_to)):
        if moment.utcoffset() is None:
            faults.add(pointer, "no_time_zone", "Give the time with its offset, such as 2026-07-01T09:30:00Z.")
    faults.raise_if_any()
    if report.window_from > report.window_to:
        faults.add("/from", "order", "The window begins at or before its end: exchange `from` and `to`.")
    if report.window_to > now + CLOCK_DIFFERENCE:
        faults.add("/to", "future", "The window ends in the future: report it when it has ended.")
    if report.window_to < now - RETENTION:
        faults.add("/to", "too_old", f"The window ended more than {RETENTION.days} days ago, which is not accepted.")
    if report.window_to - report.window_from > LONGEST_WINDOW:
        faults.add("/from", "too_long", f"A window has at most {LONGEST_WINDOW.days} days.")


def _cleaned(faults: ErrorCollector, where: str, given: Signal, report: Report) -> Signal:
    if given.kind not in KINDS:
        faults.add(f"{where}/kind", "unknown_kind", f"A kind is one of: {', '.join(KINDS)}.")
    slice_ = faults.clean_line(f"{where}/slice", given.slice, _NAME_LENGTH)
    if slice_ == EVERY_SLICE:
        faults.add(f"{where}/slice", "reserved", f"{EVERY_SLICE} means every slice in a policy: name the slice.")
    size = given.sample_size
    if size is not None and not 0 <= size <= _LARGEST_SAMPLE:
        faults.add(f"{where}/sample_size", "range", "A sample size is a whole number from 0 to 2^53-1.")
    at = given.at or report.window_to
    if at.utcoffset() is None:
        faults.add(f"{where}/at", "no_time_zone", "Give the time with its offset, such as 2026-07-01T09:30:00Z.")
    elif not report.window_from <= at <= report.window_to:
        faults.add(f"{where}/at", "outside", "The time of a signal is inside the window of its report.")
    return Signal(
        name=faults.clean_line(f"{where}/name", given.name, _NAME_LENGTH, required=True),
        value=faults.number(f"{where}/value", given.value),
        kind=given.kind,
        slice=slice_,
        dataset=faults.clean_line(f"{where}/dataset", given.dataset, _NAME_LENGTH),
        sample_size=size,
        at=at,
    )
