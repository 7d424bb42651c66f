"""Ambient facts of the work in hand. Middleware and task headers fill them; the recorder alone reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RequestContext:
    """Where the present work came from. An empty string means unknown."""

    request_id: str = ""
    """Correlates the event with log lines; made by us, never taken from outside unchecked."""
    address: str = ""
    """Network address of the caller. Personal data: an event holds a commitment to it only."""
    client: str = ""
    """The door and program used, such as "web", "api" or "mlflow"; no personal data."""


_current: ContextVar[RequestContext] = ContextVar("audit_context")
_UNKNOWN = RequestContext()


def current() -> RequestContext:
    """The facts bound here, or a context of unknowns."""
    return _current.get(_UNKNOWN)


@contextmanager
def bind_request_context(**facts: str) -> Iterator[RequestContext]:
    """Add facts (fields of :class:`RequestContext`) for the block, over those bound outside it.

    Raises TypeError for a fact that does not exist.
    """
    bound = replace(current(), **facts)
    token = _current.set(bound)
    try:
        yield bound
    finally:
        _current.reset(token)
