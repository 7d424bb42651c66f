"""The sandbox: what a check can reach, what it costs to overstep, and that the worker survives all of it."""

import errno
import fcntl
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from governance.checks import runner
from governance.checks.base import Check, Conclusion, Parameters, Sandbox
from governance.checks.builtin.integrity_digest import IntegrityDigest
from governance.checks.runner import ExitReason, Run
from tests.governance.checks.conftest import Shelf
from tests.waiting import wait_until

PLUGINS = Path(__file__).with_name("plugins")
ROOT = runner.CHILD.parents[2]
Sandboxed = Callable[..., Run]


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of hostile checks; the child finds it as this process does."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    import hostile_checks

    return hostile_checks


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Act as on a kernel that lacks a protection: take calls out of the program in the sandbox."""

    def take(*calls: str) -> None:
        source = runner.CHILD.read_text()
        for call in calls:
            assert source.count(f"= {call}") == 1
            source = source.replace(f"= {call}", "= 0")
        elsewhere = tmp_path / "child.py"
        elsewhere.write_text(source)
        monkeypatch.setattr(runner, "CHILD", elsewhere)
        monkeypatch.syspath_prepend(str(ROOT))

    return take


@pytest.fixture
def leftovers(tmp_path: Path) -> Iterator[Path]:
    """A folder for the scratch folders, which must be empty afterwards."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def test_a_check_answers(sandboxed: Sandboxed, shelf: Shelf, leftovers: Path) -> None:
    run = sandboxed(IntegrityDigest(), shelf.add(b"weights", "model.bin"), scratch=leftovers)
    assert run.ending is ExitReason.OUTCOME
    assert run.outcome is not None
    assert run.outcome.conclusion is Conclusion.SUCCESS
    assert run.conditions["limits"]["memory"] == 512 << 20
    assert run.conditions["net"] in ("isolated", "unavailable")
    assert run.conditions["calls"] in ("seccomp", "unavailable")
    assert run.conditions["files"].split()[0] in ("landlock", "unavailable")
    assert run.conditions["root"] is (os.getuid() == 0)
    assert run.conditions["max_rss"] > 1 << 20


def test_a_check_finds_nothing_around_it_but_its_evidence(
    sandboxed: Sandboxed, shelf: Shelf, hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret@db/countersign")
    run = sandboxed(hostile.Surroundings(), shelf.add(b"a", "../../etc/passwd"), shelf.add(b"b", "b/c.txt"))
    assert run.outcome is not None, run.message
    found: dict[str, Any] = dict(run.outcome.measures)
    assert set(found["environment"]) <= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_CTYPE"}
    assert found["here"] == []
    assert found["isolated"] == 1
    assert found["writes_bytecode"] is False
    assert found["session"] is True
    assert found["django"] is False
    assert found["cores"] == 0
    assert found["processes"] == 0
    assert found["memory"] == 1 << 30
    assert found["privileges"] == ["NoNewPrivs:\t1\n"]
    assert found["files"] == [["../../etc/passwd", "000000"], ["b/c.txt", "000001"]]
    assert found["seed"] == 7
    assert found["now"] == "2026-11-01T12:00:00+00:00"


def test_too_much_memory(sandboxed: Sandboxed, hostile: Any, leftovers: Path) -> None:
    run = sandboxed(hostile.Allocate(), scratch=leftovers)
    assert run.ending is ExitReason.OUT_OF_MEMORY
    assert "memory" in run.message


def test_too_much_processor_time(sandboxed: Sandboxed, hostile: Any) -> None:
    run = sandboxed(hostile.Spin())
    assert run.ending is ExitReason.TIMED_OUT
    assert "processor time" in run.message


def test_too_much_time(sandboxed: Sandboxed, hostile: Any, leftovers: Path) -> None:
    run = sandboxed(hostile.Sleep(), scratch=leftovers)
    assert run.ending is ExitReason.TIMED_OUT


def test_the_policys_time_replaces_the_checks_own(sandboxed: Sandboxed, hostile: Any) -> None:
    class Patient(hostile.Sleep):  # type: ignore[misc]  # the plug-in is untyped
        sandbox = Sandbox(wall=3600)

    Patient.__qualname__, Patient.__module__ = "Sleep", "hostile_checks"
    run = sandboxed(Patient(), timeout=1)
    assert run.ending is ExitReason.TIMED_OUT
    assert run.conditions["limits"]["wall"] == 1


def test_no_network(sandboxed: Sandboxed, hostile: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = sandboxed(hostile.Connect(), facts={"port": server.getsockname()[1]})
    if run.conditions["calls"] == "seccomp":
        assert run.ending is ExitReason.CRASHED
        assert os.strerror(errno.EPERM) in run.message
    elif run.conditions["net"] == "isolated":
        assert run.outcome is not None
        assert run.outcome.summary == ", ".join([os.strerror(errno.ENETUNREACH)] * 2)


ATTRIBUTES = ("permissions", "owner", "times", "attributes", "watch")
"""What begins the names of the attempts that no right of Landlock covers: the filter of system calls refuses them."""


def test_a_check_reaches_nothing_of_the_product(
    sandboxed: Sandboxed, shelf: Shelf, hostile: Any, tmp_path: Path
) -> None:
    """Real sockets, files and processes. Where the kernel has neither protection, the run says so."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("SECRET_KEY=x")
    mode, written = (outside / "secret").stat().st_mode & 0o777, (outside / "secret").stat().st_mtime_ns
    (tmp_path / ".env").write_text("SECRET_KEY=x")
    database = Path(str(settings.DATABASES["default"]["HOST"]))
    sockets = [next(database.glob(".s.PGSQL.*[0-9]")), Path(urlsplit(settings.CELERY_BROKER_URL).path)]
    assert [path for path in sockets if not path.is_socket()] == []
    own = tmp_path / "own.sock"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        named.bind(str(own))
        named.listen()
        name = f"countersign-test-{os.getpid()}"
        abstract.bind("\x00" + name)
        abstract.listen()
        run = sandboxed(
            hostile.Reach(),
            shelf.add(b"evidence", "a"),
            facts={
                "port": server.getsockname()[1],
                "abstract": name,
                "sockets": [*map(str, sockets), str(own)],
                "outside": str(outside),
                "files": [str(outside / "secret"), str(tmp_path / ".env"), str(ROOT / "README.md")],
                "folders": [str(ROOT), str(database), str(Path(settings.COUNTERSIGN_STORAGE_DIR).parent), "/proc"],
            },
        )
    assert run.outcome is not None, run.message
    tried: dict[str, str] = dict(run.outcome.measures["tried"])  # type: ignore[arg-type]  # simplified for the test
    reached = {name for name, ended in tried.items() if ended == "reached"}
    if run.conditions["calls"] == "seccomp" and run.conditions["files"] != "unavailable":
        assert reached == set(), tried
        attributes = {name: ended for name, ended in tried.items() if name.startswith(ATTRIBUTES)}
        assert set(attributes.values()) == {"EPERM"}, attributes
        assert len(attributes) == 8
        assert (outside / "secret").stat().st_mode & 0o777 == mode
        assert (outside / "secret").stat().st_mtime_ns == written
        assert not (outside / "written").exists()
        assert (outside / "secret").exists()
    else:
        assert "unavailable" in (run.conditions["calls"], run.conditions["files"])
    assert run.outcome.measures["left"] == []


@pytest.mark.parametrize("taken", ["_limit_calls(libc)", "_limit_files(libc, readable, writable)"])
def test_isolation_that_is_demanded_and_not_to_be_had_is_an_error(
    sandboxed: Sandboxed, hostile: Any, without: Callable[..., None], taken: str
) -> None:
    without(taken)
    run = sandboxed(hostile.Chatter(), isolation_demanded=True)
    assert run.ending is ExitReason.NOT_ISOLATED
    assert "unavailable" in (run.conditions["calls"], run.conditions["files"])
    assert sandboxed(hostile.Chatter()).ending is ExitReason.OUTCOME


def test_isolation_that_is_demanded_and_to_be_had(sandboxed: Sandboxed, hostile: Any) -> None:
    run = sandboxed(hostile.Chatter(), isolation_demanded=True)
    had = "unavailable" not in (run.conditions["calls"], run.conditions["files"])
    assert run.ending is (ExitReason.OUTCOME if had else ExitReason.NOT_ISOLATED)


def test_no_large_files(sandboxed: Sandboxed, hostile: Any, leftovers: Path) -> None:
    run = sandboxed(hostile.Write(), scratch=leftovers)
    assert run.ending is ExitReason.CRASHED
    assert os.strerror(errno.EFBIG) in run.message


def test_no_processes(sandboxed: Sandboxed, hostile: Any, without: Callable[..., None]) -> None:
    run = sandboxed(hostile.Fork())
    assert run.ending is ExitReason.CRASHED
    assert os.strerror(errno.EPERM if run.conditions["calls"] == "seccomp" else errno.EAGAIN) in run.message
    if os.getuid() != 0:  # RLIMIT_NPROC does not bind root.
        without("_limit_calls(libc)")
        assert os.strerror(errno.EAGAIN) in sandboxed(hostile.Fork()).message


@pytest.mark.skipif(os.getuid() != 0, reason="only root's checks can start processes, without the filter of calls")
def test_processes_left_behind_are_ended_with_the_check(
    sandboxed: Sandboxed, hostile: Any, without: Callable[..., None]
) -> None:
    without("_limit_calls(libc)", "_limit_files(libc, readable, writable)")
    run = sandboxed(hostile.Linger())
    assert run.outcome is not None
    left = Path(f"/proc/{run.outcome.summary}/status")
    wait_until(lambda: gone(left))


def test_too_much_output(sandboxed: Sandboxed, hostile: Any) -> None:
    assert sandboxed(hostile.Print()).ending is ExitReason.REFUSED_OUTPUT
    assert sandboxed(hostile.Floods()).ending is ExitReason.REFUSED_OUTPUT


def test_what_a_check_prints_is_not_what_it_answers(sandboxed: Sandboxed, hostile: Any) -> None:
    run = sandboxed(hostile.Chatter())
    assert run.outcome is not None
    assert run.outcome.conclusion is Conclusion.FAILURE
    assert run.outcome.summary == "the true answer"


@pytest.mark.parametrize(
    ("name", "ending", "says"),
    [
        ("Raise", ExitReason.CRASHED, "ValueError"),
        ("Exit", ExitReason.CRASHED, "ended with status 0"),
        ("Segfault", ExitReason.CRASHED, "SIGSEGV"),
        ("NotFinite", ExitReason.REFUSED_OUTPUT, "not JSON"),
        ("Skips", ExitReason.REFUSED_OUTPUT, "may conclude"),
        ("Nothing", ExitReason.REFUSED_OUTPUT, "Outcome"),
        ("Forges", ExitReason.REFUSED_OUTPUT, "refused"),
    ],
)
def test_no_answer_is_no_pass(sandboxed: Sandboxed, hostile: Any, name: str, ending: ExitReason, says: str) -> None:
    run = sandboxed(getattr(hostile, name)())
    assert run.ending is ending
    assert run.outcome is None
    assert says in run.message
    assert "\x00" not in run.message + str(run.conditions)
    (run.message + str(run.conditions)).encode()


def test_a_check_that_cannot_be_imported(sandboxed: Sandboxed, hostile: Any) -> None:
    class Local(IntegrityDigest):
        """Not to be found by its name."""

    Local.__module__ = "hostile_checks"
    run = sandboxed(Local())
    assert run.ending is ExitReason.CRASHED
    assert "AttributeError" in run.message


def test_bytes_that_are_not_the_registered_ones_are_not_judged(
    sandboxed: Sandboxed, shelf: Shelf, hostile: Any
) -> None:
    good = shelf.add(b"weights", "model.bin")
    shelf.blobs[good.sha256] = b"wEights"
    run = sandboxed(hostile.Surroundings(), good)
    assert run.ending is ExitReason.EVIDENCE_DAMAGED
    assert "model.bin" in run.message
    del shelf.blobs[good.sha256]
    assert sandboxed(hostile.Surroundings(), good).ending is ExitReason.EVIDENCE_DAMAGED
    assert sandboxed(hostile.Surroundings(), replace(good, stored=False)).ending is ExitReason.EVIDENCE_DAMAGED


def test_integrity_is_judged_on_exactly_such_bytes(sandboxed: Sandboxed, shelf: Shelf) -> None:
    whole, changed, gone = shelf.add(b"a", "a"), shelf.add(b"bb", "b"), shelf.add(b"ccc", "c")
    shelf.blobs[changed.sha256] = b"bB"
    del shelf.blobs[gone.sha256]
    run = sandboxed(IntegrityDigest(), whole, changed, gone)
    assert run.outcome is not None
    assert run.outcome.conclusion is Conclusion.FAILURE
    assert {f.code: f.where for f in run.outcome.findings} == {"digest_differs": "b", "file_missing": "c"}
    assert hashlib.sha256(b"bB").hexdigest() in run.outcome.findings[0].message


def test_what_was_hashed_is_what_is_judged(sandboxed: Sandboxed, shelf: Shelf) -> None:
    """The bytes in storage change while the check runs: it has a copy of its own, fetched once."""
    source = shelf.add(b"weights", "model.bin")
    opened = []
    original = shelf.open

    def once(sha256: str) -> Any:
        opened.append(sha256)
        return original(sha256)

    shelf.open = once  # type: ignore[method-assign]  # counts the calls
    assert sandboxed(IntegrityDigest(), source).ending is ExitReason.OUTCOME
    assert opened == [source.sha256] * len(opened)


def test_evidence_larger_than_the_scratch_folder_may_be(sandboxed: Sandboxed, shelf: Shelf, leftovers: Path) -> None:
    class Narrow(IntegrityDigest):
        sandbox = Sandbox(scratch=10)

    run = sandboxed(Narrow(), shelf.add(b"1234567", "a"), shelf.add(b"12345678", "b"), scratch=leftovers)
    assert run.ending is ExitReason.NO_ROOM
    assert "10" in run.message


def test_what_a_killed_worker_left_is_swept_away(sandboxed: Sandboxed, shelf: Shelf, tmp_path: Path) -> None:
    left, used, young = (tmp_path / f"countersign-check-{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        (folder / "evidence").mkdir(parents=True)
        (folder / "evidence" / "000000").write_bytes(b"weights")
    for folder in (left, used):
        os.utime(folder, (0, 0))
    (used / "lock").touch()
    os.utime(used, (0, 0))
    with (used / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sandboxed(IntegrityDigest(), shelf.add(b"a", "a"), scratch=tmp_path).ending is ExitReason.OUTCOME
    assert sorted(p.name for p in tmp_path.glob("countersign-check-*")) == [used.name, young.name]


def test_a_run_without_waiting_caller_is_ended(
    sandboxed: Sandboxed, hostile: Any, monkeypatch: pytest.MonkeyPatch, leftovers: Path
) -> None:
    beats = iter([True, True, False])

    class Patient(hostile.Sleep):  # type: ignore[misc]  # the plug-in is untyped
        sandbox = Sandbox(wall=3600)

    Patient.__qualname__, Patient.__module__ = "Sleep", "hostile_checks"
    run = sandboxed(Patient(), beat=lambda: next(beats), beat_every=0.05, scratch=leftovers)
    assert run.ending is ExitReason.ABANDONED
    assert list(beats) == []


def test_a_check_ends_with_its_worker(tmp_path: Path) -> None:
    """The worker is killed without a word; its check must not go on alone."""
    script = """
import sys
sys.path.insert(0, {plugins!r})
from datetime import UTC, datetime
from pathlib import Path
import hostile_checks
from governance.checks import runner
from governance.checks.base import Sandbox
hostile_checks.Sleep.sandbox = Sandbox(wall=600)
check = hostile_checks.Sleep()
job = runner.Job(check, check.Params(), (), {{}}, datetime.now(UTC), 1, scratch=Path({scratch!r}))
runner.run(job, open_blob=None, beat=lambda: True)
"""
    code = script.format(plugins=str(PLUGINS), scratch=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], cwd=runner.CHILD.parents[2]) as worker:
        try:
            wait_until(lambda: list(tmp_path.glob("*/work/begun")))
            (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        finally:
            worker.kill()
    wait_until(lambda: gone(Path(f"/proc/{child}/status")))


def gone(status: Path) -> bool:
    """Whether a process ended; it may still wait for init to take note of it."""
    try:
        return "\nState:\tZ" in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_limits_are_those_of_the_check_unless_the_policy_is_stricter() -> None:
    class Quick(Check):
        slug, version, title, category = "acme.quick", "1.0.0", "Quick", "tests"
        sandbox = Sandbox(cpu=100, wall=200)

    job = runner.Job(Quick(), Parameters(), (), {}, None, 1, timeout=50)  # type: ignore[arg-type]  # simplified for the test
    assert (job.limits.wall, job.limits.cpu) == (50, 50)
    job = replace(job, timeout=500)
    assert (job.limits.wall, job.limits.cpu) == (500, 100)
