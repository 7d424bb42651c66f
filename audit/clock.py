"""The clock of the product. Services, tasks and templates read the time here, so that tests and the demonstration can
set it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_source: ContextVar[Callable[[], datetime] | None] = ContextVar("audit_clock", default=None)


def now() -> datetime:
    """Return the current time: aware, UTC, microsecond resolution."""
    source = _source.get()
    if source is None:
        return datetime.now(UTC)
    return _aware(source())


@contextmanager
def freeze(moment: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Set the clock inside the block to a fixed time, or to the value of a callable at each call.

    Can be nested. Applies to the current thread or task only (a context variable).

    Args:
        moment: an aware time, or a callable that returns one.

    Raises:
        ValueError: the time is naive.
    """
    source = moment if callable(moment) else _FrozenClock(_aware(moment))
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def advance(step: timedelta) -> datetime:
    """Advance a clock fixed by :func:`freeze` by ``step`` and return the new time.

    Raises:
        RuntimeError: the clock is not fixed.
    """
    source = _source.get()
    if not isinstance(source, _FrozenClock):
        raise RuntimeError("Only a clock fixed by audit.clock.freeze(moment) can be moved; none is fixed here.")
    source.moment += step
    return source.moment


class _FrozenClock:
    """A clock that changes only through :func:`advance`."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"The clock needs an aware moment, and {moment!r} has no time zone.")
    return moment.astimezone(UTC)
