"""Our web server beside granian's plain WSGI interface on the same application: requests a second, as a ratio.

    python -m tests.bench.serving

Against the data of `make run`, which must be running for its database. One process each, one after the other in turns,
kept connections on this machine. The WSGI interface takes a thread before the body has arrived, so it is measured for
comparison only.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 4.0
ROUNDS = 3
PLAIN = (
    "-m", "granian", "--interface=wsgi", "--workers=1", "--blocking-threads=8", "--no-ws", "--host=127.0.0.1",
)  # fmt: skip
OURS = ("-m", "governance.serving", "--host=127.0.0.1")
PATHS = ("/static/js/app.js", "/sign-in/", "/api/v1/schema")


def main() -> None:
    """Measure each path with one client and with eight."""
    print(f"{'path':24}{'clients':>8}{'WSGI/s':>10}{'ours/s':>10}{'ratio':>8}")
    with _server([*PLAIN, "governance.wsgi:application"]) as plain, _server(OURS) as ours:
        for path in PATHS:
            for clients in (1, 8):
                rates: dict[int, list[float]] = {plain: [], ours: []}
                for _ in range(ROUNDS):
                    for port, found in rates.items():
                        found.append(_rate(port, path, clients))
                before, now = (statistics.median(rates[port]) for port in (plain, ours))
                print(f"{path:24}{clients:>8}{before:>10.0f}{now:>10.0f}{now / before:>8.2f}")


def _rate(port: int, path: str, clients: int) -> float:
    """Requests a second of so many clients at a time."""
    counts = [0] * clients
    end = time.monotonic() + SECONDS

    def ask(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path} answered {answer.status}")
            counts[place] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


@contextmanager
def _server(command: Sequence[str]) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "governance.settings.development"}
    process = subprocess.Popen(
        [sys.executable, *command, f"--port={port}"], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
