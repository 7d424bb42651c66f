"""The client side: hold a lease and ensure that the servers run."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from governance.embedded.servers import Addresses, EmbeddedError, addresses, both_answer

PATIENCE = 60.0
"""Maximum seconds of a start; a cold start takes half a second on an idle machine."""

PROJECT = Path(__file__).resolve().parents[2]

_leases: dict[Path, int] = {}


def ensure(var: Path) -> Addresses:
    """Hold a lease on the servers of ``var``, start them if needed, and return once both accept connections.

    Safe to call repeatedly and from several processes at once.

    Args:
        var: the data directory.

    Raises:
        EmbeddedError: under production settings, or if a server does not start.
    """
    _refuse_production()
    var = var.resolve()
    where = addresses(var)
    if var in _leases and both_answer(where):
        return where
    _make_directories(var)
    if var not in _leases:
        descriptor = open_lock(var / "users.lock")
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits for a keeper that is ending
        _leases[var] = descriptor
    deadline = time.monotonic() + PATIENCE
    while not both_answer(where):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"the embedded servers did not answer in {PATIENCE:.0f} s; see {var / 'log'}")
        with only_one(var / "start.lock"):
            if not _keeper_runs(var):
                _start_keeper(var)
        time.sleep(0.02)
    return where


def release(var: Path, wait: float = 10.0) -> bool:
    """Release the lease and wait for the servers to stop. They keep running while another process uses them.

    Args:
        var: the data directory.
        wait: maximum seconds to wait.

    Returns:
        Whether they stopped.
    """
    var = var.resolve()
    descriptor = _leases.pop(var, -1)
    if descriptor >= 0:
        os.close(descriptor)
    deadline = time.monotonic() + wait
    while runs := _keeper_runs(var):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return not runs


def reset(var: Path, wait: float = 5.0) -> None:
    """Delete everything under ``var``, for ``make reset``: databases, artifacts, logs, the demonstration's secrets.

    Args:
        var: the data directory.
        wait: seconds to wait for a keeper that is ending.

    Raises:
        EmbeddedError: another process still uses the servers.
    """
    if not var.exists():
        return
    descriptor = open_lock(var / "users.lock")
    try:
        deadline = time.monotonic() + wait
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EmbeddedError("the embedded servers are in use: stop `make run` and running tests first")
            time.sleep(0.05)
        for path in var.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.suffix != ".lock":  # removing a lock file while it is held would break mutual exclusion
                path.unlink()
    finally:
        os.close(descriptor)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Run the block in one process at a time, by a lock that the kernel releases with the process."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """Open a lock file without taking the lock."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int) -> bool:
    """Try to take the lock exclusively; return whether it was taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_production() -> None:
    if os.environ.get("DJANGO_SETTINGS_MODULE") == "governance.settings":
        raise EmbeddedError(
            "embedded servers are for development and tests, never for production settings: "
            "set DATABASE_URL and REDIS_URL"
        )


def _make_directories(var: Path) -> None:
    var.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):
        # Under root the servers run as nobody, who must be able to traverse the directory but not list it.
        var.chmod(0o711 if os.geteuid() == 0 else 0o700)
    (var / "log").mkdir(mode=0o700, exist_ok=True)


def _keeper_runs(var: Path) -> bool:
    descriptor = open_lock(var / "keeper.lock")
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _start_keeper(var: Path) -> None:
    readable, writable = os.pipe()
    try:
        with (var / "log" / "keeper.log").open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "governance.embedded.keeper", str(var), str(writable)],
                pass_fds=[writable],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                check=True,
            )
        os.close(writable)
        writable = -1
        ready, _, _ = select.select([readable], [], [], PATIENCE)
        if not ready or os.read(readable, 1) != b".":
            tail = (var / "log" / "keeper.log").read_text(errors="replace")[-2000:]
            raise EmbeddedError(f"the embedded servers did not start:\n{tail}")
    finally:
        os.close(readable)
        if writable >= 0:
            os.close(writable)
