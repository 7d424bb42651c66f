"""Reports of other monitors, read into the report of the registry. Pure.

Each reader takes bounded bytes and returns what it read and what it did not. Nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from governance.monitoring.adapters import evidently, mlflow_metrics, nannyml, prometheus, sagemaker
from governance.monitoring.adapters.collecting import Collector, UnreadableReportError
from governance.monitoring.reports import Report
from registry.exceptions import FieldError, ValidationFailedError

FORMATS: Final[Mapping[str, Callable[[bytes], Collector]]] = {
    "prometheus": prometheus.read,
    "evidently": evidently.read,
    "nannyml": nannyml.read,
    "mlflow": mlflow_metrics.read,
    "sagemaker": sagemaker.read,
}
"""The reader of each format."""


def read_report(
    format_: str,
    body: bytes,
    *,
    now: datetime,
    source: str = "",
    window_from: datetime | None = None,
    window_to: datetime | None = None,
) -> Report:
    """Read a report in another monitor's format.

    The window is the given one; else that of the report or of its values; else the present moment.

    Args:
        format_: a key of `FORMATS`.
        body: the bytes.
        now: the present time.
        source: name of the monitor; the format if empty.
        window_from: beginning of the window.
        window_to: end of the window.

    Raises:
        ValidationFailedError: the body is not in the format (`unreadable_report`), or has no number (`no_signals`).
    """
    try:
        found = FORMATS[format_](body)
    except UnreadableReportError as fault:
        raise ValidationFailedError([FieldError("", "unreadable_report", str(fault))]) from None
    if not found.signals:
        first = "; ".join(f"{part.where}: {part.reason}" for part in found.unread[:3])
        detail = f"The report has no number that can be stored{f' ({first})' if first else ''}: nothing was stored."
        raise ValidationFailedError([FieldError("", "no_signals", detail)])
    times = [signal.at for signal in found.signals if signal.at is not None]
    end = window_to or found.end or max(times, default=None) or now
    begin = window_from or found.begin or min(times, default=None) or end
    return Report(
        source=source or format_,
        window_from=min(begin, end) if window_from is None else begin,
        window_to=end,
        signals=tuple(found.signals),
        format=format_,
        unread=tuple(found.unread),
        unread_total=found.unread_total,
    )


__all__ = ["FORMATS", "UnreadableReportError", "read_report"]
