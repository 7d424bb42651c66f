"""One server that is measured: how it is asked, how long it takes, and what processor time it spends on it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psycopg2

PREFIX = "/api/2.0/mlflow/"
TICK = 1000 / os.sysconf("SC_CLK_TCK")
"""Milliseconds of the kernel's clock of processor time."""


class Asked(NamedTuple):
    """A request: what is sent where, and whether whoever writes sends it (else whoever reads)."""

    method: str
    path: str
    fields: Mapping[str, Any]
    writes: bool = False


class Connection:
    """A kept connection that acknowledges at once.

    A server that writes headers and body apart on a socket without TCP_NODELAY waits for the acknowledgement between
    them, 40 ms with the system's habit of delaying it. That is a fault of one server's sockets (uvicorn#3149) and none
    of what is compared here, so it is measured away on both sides.
    """

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, asked: Asked, token: str) -> tuple[int, bytes]:
        """Send, and read the answer to its end: status and body."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        path, body = PREFIX + asked.path, None
        if asked.method == "GET":
            path += "?" + urlencode(asked.fields)
        else:
            body = json.dumps(asked.fields).encode()
        self._http.request(asked.method, path, body, headers)
        self._at_once()
        answer = self._http.getresponse()
        self._at_once()
        return answer.status, answer.read()

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def _at_once(self) -> None:
        # The kernel forgets it with everything that is sent.
        if self._http.sock is not None:
            self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


@dataclass
class Server:
    """A server that runs, and what was loaded into it."""

    name: str
    port: int
    pid: int
    database: str
    """A connection string to its database, for finding the processes that work for it."""
    models: list[str] = field(default_factory=list)
    """Names of models the reader sees and the writer may write to."""
    reads: str = "none"
    writes: str = "none"
    """The tokens. A server that knows no tokens passes them over."""
    times: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.connection = Connection(self.port)

    def ask(self, kind: str, asked: Asked, *, counted: bool) -> None:
        """Ask once over the kept connection. Raises RuntimeError where the answer is no success."""
        started = time.perf_counter()
        status, body = self.connection.ask(asked, self.token_for(asked))
        taken = (time.perf_counter() - started) * 1000
        if status != 200:
            raise RuntimeError(f"{kind}, {self.name}: {status} {body[:300]!r}")
        if counted:
            self.times.setdefault(kind, []).append(taken)

    def token_for(self, asked: Asked) -> str:
        """Whose token goes with it."""
        return self.writes if asked.writes else self.reads

    def processor(self) -> float:
        """Milliseconds of processor time spent so far: by the server, its workers, and the database's processes for
        it. What a process spent that has ended is not known any more."""
        return sum(map(_spent, {*_tree(self.pid), *self._backends()}))

    def _backends(self) -> list[int]:
        connection = psycopg2.connect(self.database)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            found = [pid for (pid,) in cursor.fetchall()]
        connection.close()
        return found


def _tree(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        number = waiting.pop()
        yield number
        try:
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # ended between two looks


def _spent(process: int) -> float:
    try:
        facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(facts[11]) + int(facts[12])) * TICK
