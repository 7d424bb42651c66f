"""What one request costs, over a kept connection, against `make run` on a data directory of its own.

    make bench

Prints median and 95th percentile in milliseconds, and requests a second from two clients at once. Run it twice on an
idle machine before believing a difference of less than ten per cent.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[2]
PATHS = ["/healthz", "/readyz", "/sign-in/", "/api/v1/schema"]
REQUESTS = 300
SECONDS = 3.0


def main() -> None:
    """Start the product, measure each path, stop it."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory:
        process = subprocess.Popen(
            [sys.executable, "-m", "governance.development.devserver"],
            cwd=PROJECT,
            env={**os.environ, "COUNTERSIGN_VAR_DIR": directory},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            where = _address(process)
            print(f"{'':24}{'status':>8}{'median':>10}{'95 %':>10}{'per second':>12}")
            for path in PATHS:
                status, times = _one_after_another(where, path)
                cut = statistics.quantiles(times, n=20)[18]
                rate = _two_at_once(where, path)
                print(f"{path:24}{status:>8}{statistics.median(times):>9.2f} {cut:>9.2f} {rate:>11.0f}")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"ready +http://(\S+)", line):
            return found[1]
    raise SystemExit("the product did not start; try `make run`")


def _connect(where: str) -> http.client.HTTPConnection:
    parts = urlsplit(f"//{where}")
    assert parts.hostname
    return http.client.HTTPConnection(parts.hostname, parts.port)


def _ask(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _one_after_another(where: str, path: str) -> tuple[int, list[float]]:
    connection = _connect(where)
    status = _ask(connection, path)  # the first one fills caches and opens connections
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        _ask(connection, path)
        times.append((time.perf_counter() - started) * 1000)
    connection.close()
    return status, times


def _two_at_once(where: str, path: str) -> float:
    counts = [0, 0]
    end = time.perf_counter() + SECONDS

    def work(number: int) -> None:
        connection = _connect(where)
        while time.perf_counter() < end:
            _ask(connection, path)
            counts[number] += 1
        connection.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / SECONDS


if __name__ == "__main__":
    main()
