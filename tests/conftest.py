"""What every test may ask for. The ground's own fixtures are in tests/fixtures/, one subject a file."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.scenes",
    "tests.fixtures.workers",
    "tests.fixtures.browsers",
    "tests.fixtures.pages",
    "tests.fixtures.buckets",
    "tests.fixtures.slow_operations",
    "tests.personas",
]

# No deadline: a test never judges by the clock. `make test-long` looks forty times as far.
settings.register_profile("short", deadline=None, max_examples=50)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name parameters of bytes by their argument, because compressed bytes differ between the processes of a run."""
    return argname if isinstance(val, bytes | bytearray) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that walk a browser: few tests, and the longest, which one worker would end with alone."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_collection_finish() -> None:
    """Take what collecting made out of the reach of the garbage collector, which would visit it all in every pass."""
    gc.collect()
    gc.freeze()
