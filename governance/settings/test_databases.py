"""Concurrent test runs on one cluster, each with its own databases."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

SLOTS = 8
"""Maximum number of concurrent test runs."""

WORKERS = 8
"""Redis databases of a slot: one for each worker of its test run."""

_held: list[int] = []


def take_slot(var: Path) -> int:
    """Take a number that no other test run of this clone has, for the life of this process and its children.

    Raises:
        RuntimeError: every number is taken.
    """
    if inherited := os.environ.get("COUNTERSIGN_TEST_SLOT"):
        return int(inherited)
    if "pytest" not in sys.modules:  # a type checker or a command reads the settings: no slot is needed
        return 0
    var.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS):
        descriptor = os.open(var / f"tests-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        _held.append(descriptor)
        os.environ["COUNTERSIGN_TEST_SLOT"] = str(number)
        return number
    raise RuntimeError(f"{SLOTS} test runs of this clone are going on already: wait for one to end")


def redis_database(url: str, slot: int) -> str:
    """Return the URL of this test worker's Redis database; database 0 is for ``make run``."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if worker >= WORKERS:
        raise RuntimeError(f"at most {WORKERS} test workers: each has a Redis database of its own")
    number = 1 + slot * WORKERS + worker
    if url.startswith("redis+socket://"):
        return url.partition("?")[0] + f"?virtual_host={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
