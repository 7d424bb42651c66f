"""A large file through the web process: how fast beside `sha256sum` of the same file, and in how much memory.

    make bench

Against `make run` on a data directory of its own, over one connection on this machine. The web process hashes the file
while it arrives, writes it, and makes it durable before it answers. Ratios are of one run; run it twice on an idle
machine. A bucket is not measured: what could be run here would measure the imitation.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from governance.client import Client, LocalFile, _Where

PROJECT = Path(__file__).resolve().parents[2]

MEGABYTE = 1 << 20
SIZE = int(os.environ.get("COUNTERSIGN_BENCH_MEGABYTES", "1024")) * MEGABYTE
CEILING = 200 * MEGABYTE

TOKEN = """
import django
django.setup()
from datetime import timedelta
from audit import clock
from audit.actor import process
from registry.access import SCOPES
from registry.models import User
from registry.services import people, tokens
actor = process("bench")
made = people.register_person(actor=actor, username="bench", name="Bench", kind=User.Kind.SERVICE)
ends = clock.now() + timedelta(days=1)
print(tokens.issue(actor=actor, person=made, name="bench", scopes=SCOPES, expires_at=ends, model_slugs=None)[1])
"""
"""Makes an account and prints a token of its."""


def main() -> None:
    """Start the product, send a file and fetch it, stop it."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        file = folder / "weights.bin"
        with file.open("wb") as stream:
            for _ in range(SIZE // MEGABYTE):
                stream.write(os.urandom(MEGABYTE))
        product = subprocess.Popen(
            [sys.executable, "-m", "governance.development.devserver", "--empty"],
            cwd=PROJECT,
            env=_environment(folder / "var"),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            client = _client(product, folder / "var")
            _measure(client, file, _web_processes(product.pid))
        finally:
            product.send_signal(signal.SIGINT)
            product.communicate()


def _measure(client: Client, file: Path, web: list[int]) -> None:
    hashing = _seconds(lambda: subprocess.run(["sha256sum", str(file)], check=True, stdout=subprocess.DEVNULL))
    local = LocalFile.read(file)
    client.ensure_model("bench-uploads", title="Uploads, measured")
    warm = file.with_name("warm")
    warm.write_bytes(b"warm")
    client.register("bench-uploads", [LocalFile.read(warm, f"warm-{time.time_ns()}")])
    before = _peak(web)
    body = {"artifacts": [{"path": local.name, "sha256": local.sha256, "size": local.size}]}
    version = client._ask("POST", "/models/bench-uploads/versions", body=body).document["number"]
    sending = _seconds(lambda: client._upload_via_server("bench-uploads", version, local))
    after = _peak(web)
    client._ask("POST", f"/models/bench-uploads/versions/{version}/complete")
    fetching = _seconds(lambda: _fetch(client, version, local))
    rate = SIZE / MEGABYTE
    print(f"{SIZE / MEGABYTE:,.0f} MiB                   seconds     MiB/s   × sha256sum")
    for what, took in (("sha256sum", hashing), ("upload", sending), ("download", fetching)):
        print(f"{what:24}{took:>8.2f}{rate / took:>10.0f}{took / hashing:>12.2f}")
    print(f"web process, peak: {before / MEGABYTE:.0f} MiB before, {after / MEGABYTE:.0f} after the upload, "
          f"{_peak(web) / MEGABYTE:.0f} after the download")  # fmt: skip
    if _peak(web) > CEILING:
        raise SystemExit(f"the web process had more than {CEILING // MEGABYTE} MiB")


def _fetch(client: Client, version: int, local: LocalFile) -> None:
    where = _Where(client._scheme, client._host, client._port)
    connection, target, _ = client._connection(
        where, f"/api/v1/models/bench-uploads/versions/{version}/artifacts/{local.name}", 60
    )
    connection.request("GET", target, headers={"Authorization": f"Bearer {client._token}"})
    answer = connection.getresponse()
    left = local.size
    while chunk := answer.read(MEGABYTE):
        left -= len(chunk)
    connection.close()
    if answer.status != 200 or left:
        raise SystemExit(f"the download ended with {answer.status}, {left} bytes short")


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _client(product: subprocess.Popen[str], var: Path) -> Client:
    assert product.stdout
    for line in product.stdout:
        if found := re.search(r"ready +(http://\S+)", line):
            token = subprocess.run(
                [sys.executable, "-c", TOKEN], cwd=PROJECT, env=_environment(var), check=True, stdout=subprocess.PIPE,
                text=True,
            ).stdout  # fmt: skip
            return Client(found[1], token.strip(), timeout=300)
    raise SystemExit("the product did not start; try `make run`")


def _environment(var: Path) -> dict[str, str]:
    settings = {"COUNTERSIGN_VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "governance.settings.development"}
    return {**os.environ, **settings}


def _web_processes(root: int) -> list[int]:
    """The server and its workers, below the supervisor."""
    found, waiting = [], [root]
    while waiting:
        number = waiting.pop()
        if b"governance.serving" in Path(f"/proc/{number}/cmdline").read_bytes():
            found.append(number)
        for task in Path(f"/proc/{number}/task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    if not found:
        raise SystemExit("no web process was found below the supervisor")
    return found


def _peak(processes: list[int]) -> int:
    """The most memory any of them ever had, in bytes."""
    return max(
        int(found[1]) * 1024
        for number in processes
        if (found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text()))
    )


if __name__ == "__main__":
    main()
