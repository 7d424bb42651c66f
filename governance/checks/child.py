"""The program inside the sandbox: confines itself, imports one check, runs it once, says what it answered.

Started by `governance.checks.runner` as `python -I -B child.py`, in a new session, with an empty environment and an
empty directory. Only the standard library is imported before the limits hold. The job is read from standard input; the
answer goes to what was standard output, as two lines of JSON: how the process is confined, then how the check ended.
What the check prints goes to standard error.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
_ERROR_LENGTH = 1_000


def main() -> None:
    """Run the job."""
    job = json.loads(sys.stdin.buffer.read())
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    root = os.getuid() == 0
    network = confine(job["limits"], parent=job["parent"])
    _say(answer, {"net": network, "root": root})
    if job["isolation_demanded"] and network != "isolated":
        _say(answer, {"kind": "not_isolated"})
        return
    try:
        outcome = _run(job)
    except MemoryError:
        _say(answer, {"kind": "out_of_memory"})
    except Exception as error:
        kind = "refused_output" if type(error).__name__ == "ContractBroken" else "crashed"
        _say(answer, {"kind": kind, "error": f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]})
        raise
    else:
        _say(answer, {"kind": "outcome"})
        answer.write(outcome)
        answer.flush()


def confine(limits: dict[str, int], *, parent: int) -> str:
    """Take from this process what a check does not need, for good. Returns what became of the network: "isolated" or
    "unavailable".

    `RLIMIT_NPROC` binds everyone but root, so workers are run as another user.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # A new user namespace lets anyone have a network namespace of their own, with no interface up in it.
    isolated = libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWNET) == 0
    # After unshare, which would undo it.
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits["open_files"], limits["open_files"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"], limits["file_size"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu"], limits["cpu"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    return "isolated" if isolated else "unavailable"


def _run(job: dict[str, Any]) -> bytes:
    # Numerical libraries start a thread a core otherwise, each with address space of its own.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    sys.path[:] = job["path"]
    from datetime import datetime  # noqa: PLC0415 - nothing but the limits comes before the limits
    from importlib import import_module  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from governance.checks.contract import Context, ContractBroken, File, Outcome  # noqa: PLC0415

    found: Any = import_module(job["module"])
    for part in job["name"].split("."):
        found = getattr(found, part)
    check = found()
    context = Context(
        files=tuple(File(**{**f, "local": Path(f["local"]) if f["local"] else None}) for f in job["files"]),
        facts=job["facts"],
        now=datetime.fromisoformat(job["now"]),
        seed=job["seed"],
    )
    outcome = check.run(context, check.Params.model_validate_json(json.dumps(job["params"])))
    if not isinstance(outcome, Outcome):
        raise ContractBroken(f"run() must return an Outcome, not {type(outcome).__name__}")
    return outcome.as_json()


def _say(answer: Any, line: dict[str, Any]) -> None:
    answer.write(json.dumps(line).encode() + b"\n")
    answer.flush()


if __name__ == "__main__":
    main()
