"""What each reader of another monitor's format collects: signals, and the parts that are not stored, with reasons."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from governance.monitoring.reports import MAX_LABELS, MAX_UNREAD, Signal, UnreadPart, slice_of_labels
from registry import moments
from registry.json_text import JsonTextError, parse_json
from registry.validation import ErrorCollector

_LEVELS = 64
_LARGEST_SAMPLE = 2**53 - 1
_DAY_AND_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)


class UnreadableReportError(ValueError):
    """A body is not in the format that it is sent as; the message says what is expected."""


@dataclass
class Collector:
    """The signals of a foreign report, and what is not stored.

    Attributes:
        signals: what was read.
        unread: the first parts that are not stored.
        unread_total: their number.
        begin: the beginning of the window, where the report names it.
        end: the end of the window, where the report names it.
    """

    signals: list[Signal] = field(default_factory=list)
    unread: list[UnreadPart] = field(default_factory=list)
    unread_total: int = 0
    begin: datetime | None = None
    end: datetime | None = None
    _seen: set[tuple[object, ...]] = field(default_factory=set)

    def add(
        self,
        where: str,
        name: object,
        value: object,
        *,
        kind: str = "metric",
        labels: Mapping[str, object] | None = None,
        dataset: object = "",
        sample_size: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Add a signal; a part that breaks a rule is recorded as unread.

        Args:
            where: the place in the report.
            name: the name of the signal.
            value: its value; a text such as "NaN" is not a number.
            kind: the kind of the signal.
            labels: become its slice.
            dataset: its data set.
            sample_size: number of rows.
            at: end of its period.
        """
        number = _number(value)
        if number is None:
            self.skip(where, f"{_shown(value)} is not a finite number")
            return
        part = {key: str(text) for key, text in (labels or {}).items()}
        if len(part) > MAX_LABELS:
            self.skip(where, f"it has {len(part)} labels, at most {MAX_LABELS} are stored")
            return
        faults = ErrorCollector()
        signal = Signal(
            name=faults.clean_line("/name", str(name), 200, required=True),
            value=number,
            kind=kind,
            slice=faults.clean_line("/slice", slice_of_labels(part), 200),
            dataset=faults.clean_line("/dataset", str(dataset), 200),
            sample_size=sample_size if sample_size is not None and 0 <= sample_size <= _LARGEST_SAMPLE else None,
            at=at,
        )
        if faults.errors:
            self.skip(where, faults.errors[0].detail)
        elif (*signal.series, at) in self._seen:
            self.skip(where, "the same signal is given twice for the same time; the first one is stored")
        else:
            self._seen.add((*signal.series, at))
            self.signals.append(signal)

    def skip(self, where: str, reason: str) -> None:
        """Record a part that is not stored."""
        self.unread_total += 1
        if len(self.unread) < MAX_UNREAD:
            self.unread.append(UnreadPart(_line(where), _line(reason)))


def read_json(body: bytes, what: str) -> Any:
    """Parse a JSON report. NaN and Infinity, which many monitors write, become numbers that are not stored.

    Raises:
        UnreadableReportError: it is not JSON.
    """
    try:
        return parse_json(body, levels=_LEVELS, constants=True)
    except JsonTextError as fault:
        raise UnreadableReportError(f"{what} is a JSON document; this is {fault.detail}.") from None


def read_time(value: object) -> datetime | None:
    """Return a time as monitors write it: RFC 3339, the same with a space or without an offset (then UTC), or
    milliseconds since 1970. None for anything else.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return moments.bounded(datetime.fromtimestamp(value / 1000, UTC))
        found = _DAY_AND_TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        fraction = f".{found[3][:6]}" if found[3] else ""
        return moments.read_moment(f"{found[1]}T{found[2]}{fraction}{found[4] or 'Z'}")
    except (ValueError, OverflowError, OSError):
        return None


def text_of(value: object) -> str:
    """Return a text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    return f"“{str(value)[:40]}”" if isinstance(value, str | int | float) else f"a value of type {type(value).__name__}"


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:200]
