"""PostgreSQL killed under the gate: what was committed is there, what was not is not half there, and nothing passes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DRIVER = "tests.governance.promotions.crash_driver"


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A cluster of its own: killing the one the other tests use would be unkind."""
    home = tmp_path_factory.mktemp("crash")
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)  # as root the servers run as another user, who must be able to pass
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("COUNTERSIGN_", "PYTEST_", "DATABASE_", "REDIS_"))}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "governance.settings.development",
        "COUNTERSIGN_VAR_DIR": str(home / "var"),
        "COUNTERSIGN_LOG_LEVEL": "CRITICAL",
        "PYTHONPATH": str(ROOT),
    }


def postmaster(environment: dict[str, str]) -> int:
    found = next(Path(environment["COUNTERSIGN_VAR_DIR"]).rglob("postmaster.pid"))
    return int(found.read_text().splitlines()[0])


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("kills", [3, pytest.param(15, marks=pytest.mark.long)])
def test_postgresql_killed_under_the_gate(environment: dict[str, str], tmp_path: Path, kills: int) -> None:
    memory = tmp_path / "memory"
    memory.touch()
    migrate = start(environment, "manage.py", "migrate", "--verbosity", "0")
    output, _ = migrate.communicate(timeout=120)
    assert migrate.returncode == 0, output
    lines, killed = [], 0
    with start(environment, "-m", DRIVER, "work", str(memory), str(kills * 2)) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            lines.append(line)
            # After every other round, in the middle of the next one.
            if line.startswith("round") and killed < kills and int(line.split()[1]) % 2:
                os.kill(postmaster(environment), signal.SIGKILL)
                killed += 1
    assert worker.returncode == 0, "".join(lines)
    assert killed == kills
    assert any(line.startswith("interrupted") for line in lines), "no kill hit anything: the test proved nothing"
    judge = start(environment, "-m", DRIVER, "judge", str(memory))
    verdict, _ = judge.communicate(timeout=120)
    assert judge.returncode == 0, verdict
