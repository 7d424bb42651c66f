"""`make run`: says where it is when it really answers, keeps its parts up, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from governance.development import devserver

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 120


class Run:
    """One run of the product on a data directory of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.process = self.start("--empty")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "COUNTERSIGN_", "DJANGO_"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "governance.development.devserver", *arguments],
            cwd=PROJECT,
            env={**environment, "COUNTERSIGN_VAR_DIR": str(self.var)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def address(self) -> str:
        """Read until it says that it is ready, and give its address."""
        said = ""
        assert self.process.stdout
        for line in self.process.stdout:
            said += line
            if found := re.search(r"ready +(http://\S+)", line):
                return found[1]
        pytest.fail(f"never ready:\n{said}")

    def parts(self, word: str) -> list[int]:
        """Numbers of its processes that have the word in their command, told by the data directory they were given."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if not entry.name.isdigit() or word not in (entry / "cmdline").read_bytes().decode(errors="replace"):
                    continue
                if f"COUNTERSIGN_VAR_DIR={self.var}\0".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path / "var")
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()
    wait_until_gone(started)


def wait_until_gone(run: Run) -> None:
    deadline = time.monotonic() + PATIENCE
    while left := run.parts(""):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def readiness(url: str) -> dict[str, object]:
    with urlopen(f"{url}/readyz") as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_it_starts_heals_and_stops_in_order(run: Run) -> None:
    url = run.address()
    assert readiness(url)["ready"] is True

    second = run.start()
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert f"already running: {url}" in said

    for name in ("governance.serving", "celery"):
        os.kill(run.parts(name)[0], signal.SIGKILL)
    assert run.process.stdout
    again = {next(line for line in run.process.stdout if "starting it again" in line).split()[1] for _ in range(2)}
    assert again <= {"web", "worker", "worker-large", "beat", "sequencer"}
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            if readiness(url)["ready"]:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)

    run.process.send_signal(signal.SIGINT)
    last, _ = run.process.communicate(timeout=PATIENCE)

    assert run.process.returncode == 0
    stopped = re.findall(r"([\w-]+) stopped", last)
    assert stopped == ["web", "beat", "worker", "sequencer", "worker-large", "postgres"]
    wait_until_gone(run)


def test_killed_outright_it_takes_its_parts_along(run: Run) -> None:
    run.address()

    run.process.kill()
    run.process.wait()

    wait_until_gone(run)


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "governance.development.devserver", "--host", "0.0.0.0"],
        cwd=PROJECT,
        env={**os.environ, "COUNTERSIGN_VAR_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 1
    assert "refused to listen on 0.0.0.0" in outcome.stderr
    assert not (tmp_path / "var").exists()


def test_a_port_that_is_taken_is_said_and_the_next_one_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(devserver, "FIRST_PORT", taken)

        chosen = devserver._free_port("127.0.0.1", None)

        assert chosen > taken
        assert f"port {taken} is taken" in capsys.readouterr().out
        with pytest.raises(devserver.StartupError, match="no free port"):
            devserver._free_port("127.0.0.1", taken)
