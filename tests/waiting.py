"""Waiting for a condition. Patience is generous and only bounds a test that would never end: it judges nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Answer = TypeVar("Answer")

PATIENCE = 90.0
"""Seconds."""
PAUSE = 0.03


def wait_until(condition: Callable[[], Answer], *, said: Callable[[], str] = str) -> Answer:
    """Ask until the answer is true, and give it. `said` is added to the failure of a test that waited in vain."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"it did not come about: {condition}\n{said()}")
        time.sleep(PAUSE)
    return answer
