"""The product's only clock. Services, tasks and templates ask here, so tests and the demonstration can set it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_source: ContextVar[Callable[[], datetime] | None] = ContextVar("audit_clock", default=None)


def now() -> datetime:
    """The present moment: aware, UTC, to the microsecond."""
    source = _source.get()
    if source is None:
        return datetime.now(UTC)
    return _aware(source())


@contextmanager
def freeze(moment: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Set the clock inside the block: to a fixed aware moment, or to whatever the callable answers each time.

    Nests; holds for this thread or task alone (a context variable). Raises ValueError for a naive moment.
    """
    source = moment if callable(moment) else _FrozenClock(_aware(moment))
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def advance(step: timedelta) -> datetime:
    """Move a clock fixed by :func:`at` on by ``step`` and return the new present.

    Raises RuntimeError when the clock is not fixed: the real time is nobody's to move.
    """
    source = _source.get()
    if not isinstance(source, _FrozenClock):
        raise RuntimeError("Only a clock fixed by audit.clock.freeze(moment) can be moved; none is fixed here.")
    source.moment += step
    return source.moment


class _FrozenClock:
    """The hand of a stopped clock."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"The clock needs an aware moment, and {moment!r} has no time zone.")
    return moment.astimezone(UTC)
