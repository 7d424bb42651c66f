"""Bounds what recognising one file costs: steps of its walks, archives in archives, bytes that are unpacked.

A step is an opcode, a value or a field that is walked; other work is counted in steps. The bound grows with the size of
the file, so that what a small file unpacks to does not occupy a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_STEPS = 10_000_000
"""Steps for every file; a file has one more for each `BYTES_OF_A_STEP` of its bytes."""
BYTES_OF_A_STEP = 8
UNPACKED_BYTES_OF_A_STEP = 64
STEPS_OF_A_MEMBER = 100
MAX_NESTED = 4
"""Archives and compressed streams around what is looked at."""


class Malformed(Exception):
    """The file claims a format and breaks its rules; the message says how, to follow the file's name."""


_left: ContextVar[list[int] | None] = ContextVar("steps left for a file", default=None)


@contextmanager
def bounded(size: int) -> Iterator[None]:
    """Give a file of `size` bytes its steps."""
    token = _left.set([MAX_STEPS + size // BYTES_OF_A_STEP])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Count steps of the file that is recognised; outside `bounded` nothing is counted.

    Raises:
        Malformed: where none are left.
    """
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        raise Malformed("takes more work to judge than a file of its size may")


def spend_bytes(unpacked: int) -> None:
    """Count bytes that were unpacked. Raises Malformed."""
    spend(unpacked // UNPACKED_BYTES_OF_A_STEP)
