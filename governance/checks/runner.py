"""Runs one check in a sandbox and reports the result. Knows no database and no storage: both are passed in.

The evidence is copied to a scratch folder while it is hashed, and the check sees only those copies, so what was hashed
is what is evaluated. The check runs in a child process (`governance.checks.child`) that gives up network, memory, time
and the right to start processes. The parent enforces the wall time, reads at most 4 MB of output, and always kills the
child's whole session.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from governance.checks.base import (
    Check,
    CheckContractError,
    CheckOutcome,
    File,
    Parameters,
    Sandbox,
    outcome_from_json,
)
from governance.checks.sources import Source

CHILD = Path(__file__).with_name("child.py")
MAX_OUTPUT = 4 << 20
"""Maximum bytes read of a check's answer and printed output."""
_TICK = 0.2
_CHUNK = 1 << 20
_TAIL = 2_000
_PREFIX = "countersign-check-"
_LOCK = "lock"
_ABANDONED_AFTER = 60
"""Seconds; younger folders may be about to be locked."""

OpenBlob = Callable[[str], AbstractContextManager[BinaryIO]]
Beat = Callable[[], bool]


class ExitReason(StrEnum):
    """How a run ended. Only OUTCOME has a result; ABANDONED is no longer needed; the others are errors."""

    OUTCOME = "outcome"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    REFUSED_OUTPUT = "refused_output"
    NOT_ISOLATED = "not_isolated"
    NO_ROOM = "no_room"
    EVIDENCE_DAMAGED = "evidence_damaged"
    ABANDONED = "abandoned"


class Phase(StrEnum):
    """What a run does now."""

    COPYING = "copying"
    CHECKING = "checking"


@dataclass
class Progress:
    """How far a run is. `done` and `total` are bytes of the evidence that is copied and hashed."""

    phase: Phase = Phase.COPYING
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Job:
    """One check to run, its inputs, and its timeout (seconds of wall time; the check's own limit if None)."""

    check: Check
    params: Parameters
    sources: Sequence[Source]
    facts: Mapping[str, Any]
    now: datetime
    seed: int
    timeout: int | None = None
    isolation_demanded: bool = False
    scratch: Path | None = None
    """Parent of the scratch folder; the system's temporary folder if None."""
    progress: Progress = field(default_factory=Progress, compare=False)
    """Updated while the job runs; `run_worker` stores it."""

    @property
    def limits(self) -> Sandbox:
        """The check's limits with the policy's timeout applied."""
        own = self.check.sandbox
        return own if self.timeout is None else replace(own, wall=self.timeout, cpu=min(own.cpu, self.timeout))


@dataclass(frozen=True)
class Run:
    """How a job ended: its outcome, or a message that says why there is none; and the conditions it ran under."""

    ending: ExitReason
    message: str = ""
    outcome: CheckOutcome | None = None
    conditions: dict[str, Any] = field(default_factory=dict)


class _Ended(Exception):
    """The run ended before the check returned an outcome."""

    def __init__(self, ending: ExitReason, message: str) -> None:
        super().__init__(message)
        self.ending = ending
        self.message = message


def run(job: Job, *, open_blob: OpenBlob, beat: Beat, beat_every: float = 5.0) -> Run:
    """Run a job.

    Args:
        job: what to run.
        open_blob: opens stored bytes by SHA-256; raises FileNotFoundError.
        beat: called periodically; returns False if the result is no longer needed.
        beat_every: seconds between calls of `beat`.

    Returns:
        How it ended. Failures of the check do not raise.
    """
    began = time.monotonic()
    conditions: dict[str, Any] = {"limits": asdict(job.limits), "worker": socket.gethostname()}
    pulse = _Pulse(beat, beat_every)
    try:
        with _scratch_folder(job.scratch) as scratch:
            files = copy_inputs(job, scratch, open_blob, pulse)
            outcome = _run_child(job, files, scratch, pulse, conditions)
    except _Ended as ended:
        conditions |= {"ending": str(ended.ending), "seconds": round(time.monotonic() - began, 3)}
        return Run(ended.ending, ended.message, None, conditions)
    conditions |= {"ending": "outcome", "seconds": round(time.monotonic() - began, 3)}
    return Run(ExitReason.OUTCOME, "", outcome, conditions)


def copy_inputs(job: Job, scratch: Path, open_blob: OpenBlob, pulse: Callable[[], None]) -> tuple[File, ...]:
    """Copy the evidence to the scratch folder while hashing it. Copies are numbered; registered paths are not used.

    Missing or changed bytes end the run, unless the check sets `judges_damage`.
    """
    folder = scratch / "evidence"
    folder.mkdir()
    left = job.limits.scratch
    job.progress.total = sum(source.size for source in job.sources)
    files = []
    for number, source in enumerate(job.sources):
        local: Path | None = folder / f"{number:06d}"
        digest, size = hashlib.sha256(), 0
        try:
            with _opened(source, open_blob) as stream, local.open("xb") as copy:  # type: ignore[union-attr]  # files to copy have a local path
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if size > left:
                        raise _Ended(
                            ExitReason.NO_ROOM,
                            f"The evidence has more bytes than the check may copy ({job.limits.scratch:,}).",
                        )
                    digest.update(chunk)
                    copy.write(chunk)
                    job.progress.done += len(chunk)
                    pulse()
        except FileNotFoundError:
            local = None
        except OSError as error:
            raise _Ended(ExitReason.NO_ROOM, f"The evidence could not be copied: {error.strerror}.") from error
        left -= size
        if not job.check.judges_damage and (local is None or digest.hexdigest() != source.sha256):
            fault = "is not in storage" if local is None else "is not, byte for byte, what was registered"
            raise _Ended(
                ExitReason.EVIDENCE_DAMAGED,
                f"{source.path} {fault}, so it was not evaluated. The check integrity.digest reports the details.",
            )
        files.append(File(source.kind, source.path, source.sha256, source.size, local))
    return tuple(files)


@contextmanager
def _opened(source: Source, open_blob: OpenBlob) -> Iterator[BinaryIO]:
    if source.text is not None:
        yield io.BytesIO(source.text.encode())
        return
    if not source.stored:
        raise FileNotFoundError(source.path)
    with open_blob(source.sha256) as stream:
        yield stream


def _run_child(
    job: Job, files: Sequence[File], scratch: Path, pulse: Callable[[], None], conditions: dict[str, Any]
) -> CheckOutcome:
    job.progress.phase = Phase.CHECKING
    work = scratch / "work"
    work.mkdir()
    order = scratch / "job.json"
    order.write_text(json.dumps(_as_json(job, files, scratch)), encoding="utf-8")
    with order.open("rb") as job_file:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", str(CHILD)],
            stdin=job_file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=work,
            env={},
            start_new_session=True,
        )
    try:
        answer, printed, status = _listen(child, time.monotonic() + job.limits.wall, pulse, conditions)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        if child.returncode is None:
            child.wait()
        for pipe in (child.stdout, child.stderr):
            assert pipe is not None
            pipe.close()
    return _answer(answer, printed, status, conditions)


def _as_json(job: Job, files: Sequence[File], scratch: Path) -> dict[str, Any]:
    kind = type(job.check)
    path, readable = _importable(scratch)
    return {
        "module": kind.__module__,
        "name": kind.__qualname__,
        "params": job.params.model_dump(mode="json"),
        "files": [{**asdict(f), "local": str(f.local) if f.local is not None else None} for f in files],
        "facts": job.facts,
        "now": job.now.isoformat(),
        "seed": job.seed,
        "limits": asdict(job.limits),
        "isolation_demanded": job.isolation_demanded,
        "parent": os.getpid(),
        "path": path,
        "readable": [*readable, str(scratch / "evidence")],
        "writable": [str(scratch / "work")],
    }


def _importable(scratch: Path) -> tuple[list[str], list[str]]:
    """Return import paths of the child, and what it may read for imports.

    The child imports the same code as this process. Folders of an installation are allowed whole. Of any other folder
    (the product's source, a plug-in's, PYTHONPATH) only modules and packages are: settings, sockets and stored files
    may be beside them. Those are given as links, because permission to list a folder includes everything below it.
    """
    prefixes = tuple({f"{Path(prefix)}{os.sep}" for prefix in (sys.prefix, sys.base_prefix)})
    path: list[str] = []
    readable: list[str] = []
    entries = [*filter(os.path.isabs, sys.path), str(CHILD.parents[2])]
    for number, entry in enumerate(dict.fromkeys(entries)):
        if entry.startswith(prefixes) or not os.path.isdir(entry):
            path.append(entry)
            readable.append(entry)
            continue
        links = scratch / "code" / str(number)
        links.mkdir(parents=True)
        for found in os.scandir(entry):
            if found.name.endswith((".py", ".so")) or os.path.isfile(os.path.join(found.path, "__init__.py")):
                (links / found.name).symlink_to(found.path)
                readable.append(found.path)
        path.append(str(links))
    return path, [*readable, str(scratch / "code")]


def _listen(
    child: subprocess.Popen[bytes], deadline: float, pulse: Callable[[], None], conditions: dict[str, Any]
) -> tuple[bytes, bytes, int]:
    """Read the child's output until it ends, its time is up, it writes too much, or the run is abandoned.

    Returns:
        Its answer, what it printed, and its exit status as in `subprocess` (negative signal number).
    """
    assert child.stdout is not None
    assert child.stderr is not None
    output: dict[int, bytearray] = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in output:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        ended = False
        while True:
            for key, _ in selector.select(0 if ended else _TICK):
                chunk = os.read(key.fd, _CHUNK)
                output[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            if sum(map(len, output.values())) > MAX_OUTPUT:
                raise _Ended(
                    ExitReason.REFUSED_OUTPUT, f"The check answered or printed more than {MAX_OUTPUT:,} bytes."
                )
            if ended:
                break
            # Left as a zombie, so that its session id stays reserved until the session is killed.
            ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            if ended:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            elif time.monotonic() > deadline:
                raise _Ended(ExitReason.TIMED_OUT, "The check took longer than the policy lets it.")
            elif not selector.get_map():
                time.sleep(_TICK / 10)
            pulse()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    conditions["cpu_seconds"] = round(usage.ru_utime + usage.ru_stime, 3)
    conditions["max_rss"] = usage.ru_maxrss * 1024
    answer, printed = (bytes(output[pipe.fileno()]) for pipe in (child.stdout, child.stderr))
    return answer, printed, child.returncode


def _answer(answer: bytes, printed: bytes, status: int, conditions: dict[str, Any]) -> CheckOutcome:
    """Interpret how the child ended."""
    lines = answer.split(b"\n", 2)
    with suppress(ValueError):
        conditions |= _line(lines[0])
    if status == -signal.SIGXCPU:
        raise _Ended(ExitReason.TIMED_OUT, "The check used more processor time than it may.")
    try:
        end = _line(lines[1])
    except (IndexError, ValueError):
        conditions["printed"] = _tail(printed)
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        raise _Ended(ExitReason.CRASHED, f"The check {how} before it answered.") from None
    kind, error = str(end.get("kind")), str(end.get("error", ""))
    if kind == "outcome":
        try:
            return outcome_from_json(lines[2])
        except CheckContractError as fault:
            raise _Ended(ExitReason.REFUSED_OUTPUT, f"The check's answer was refused: {fault}.") from fault
    if kind not in _SENTENCES:
        raise _Ended(
            ExitReason.REFUSED_OUTPUT, "The check's answer was refused: it does not state how the check ended."
        )
    if kind != ExitReason.OUT_OF_MEMORY:
        conditions["printed"] = _tail(printed)
    raise _Ended(ExitReason(kind), _SENTENCES[ExitReason(kind)].format(_clean(error)))


_SENTENCES = {
    ExitReason.OUT_OF_MEMORY: "The check needed more memory than it may use.",
    ExitReason.CRASHED: "The check ended with an error: {}.",
    ExitReason.REFUSED_OUTPUT: "The check's answer was refused: {}.",
    ExitReason.NOT_ISOLATED: (
        "This machine cannot keep a check from sockets and from files of the product (it needs Linux with Landlock and "
        "seccomp), and the operator requires that it does."
    ),
}


def _line(raw: bytes) -> dict[str, Any]:
    try:
        output = json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(output, dict):
        raise ValueError("not an object")
    return {name: value for name, value in output.items() if isinstance(value, str | bool)}


def _tail(printed: bytes) -> str:
    return _clean(printed[-_TAIL:].decode(errors="replace"))


def _clean(text: str) -> str:
    """Return text that PostgreSQL can store."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:_TAIL]


@contextmanager
def _scratch_folder(parent: Path | None) -> Iterator[Path]:
    """Create a folder for this run, locked while this process uses it and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            sweep(folder.parent)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove the folders of runs whose worker was killed: a minute old and not locked."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            # The age is measured by the system clock, not by the product's clock, which tests and the demonstration
            # set.
            if folder.stat().st_mtime > time.time() - _ABANDONED_AFTER:
                continue
            with (folder / _LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


class _Pulse:
    """Calls `beat` every few seconds; ends the run if the result is no longer needed."""

    def __init__(self, beat: Beat, every: float) -> None:
        self._beat = beat
        self._every = every
        self._next = time.monotonic() + every

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        if not self._beat():
            raise _Ended(ExitReason.ABANDONED, "The run was cancelled or given up while it ran.")
