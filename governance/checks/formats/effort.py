"""Limits the work of recognising one file: parsing steps, nesting, unpacked bytes.

A step is one parsed opcode, value or field; other work is counted in steps. The limit grows with the size of the file,
so that a small file that unpacks to a large one does not occupy a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_STEPS = 10_000_000
"""Steps for every file, plus one for each `BYTES_OF_A_STEP` of its bytes."""
BYTES_OF_A_STEP = 8
UNPACKED_BYTES_OF_A_STEP = 64
STEPS_OF_A_MEMBER = 100
MAX_NESTED = 4
"""Maximum number of archives and compressed streams around a file."""


class Malformed(Exception):
    """The file claims a format and violates its rules; the message follows the file's name."""


_left: ContextVar[list[int] | None] = ContextVar("steps left for a file", default=None)


@contextmanager
def bounded(size: int) -> Iterator[None]:
    """Set the step limit for a file of `size` bytes."""
    token = _left.set([MAX_STEPS + size // BYTES_OF_A_STEP])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Count steps of the current file; without `bounded` nothing is counted.

    Raises:
        Malformed: the limit is exceeded.
    """
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        raise Malformed("takes more work to judge than a file of its size may")


def spend_bytes(unpacked: int) -> None:
    """Count unpacked bytes. Raises Malformed as `spend`."""
    spend(unpacked // UNPACKED_BYTES_OF_A_STEP)
