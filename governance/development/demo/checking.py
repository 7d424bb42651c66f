"""Execution of check runs in this process, without a worker.

The steps are those of a worker: claim the run, collect its inputs, copy and hash the evidence, execute the code of the
check, complete the run and settle its request. Only the sandbox process is left out, because the evidence is the
demonstration's own; the recorded conditions of the run state it.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from governance import promotions
from governance.checks import check_runs, format_detection, run_worker, runner
from governance.checks.base import Context, outcome_from_json
from governance.development.demo.world import World
from governance.models import CheckRun


def check_all(world: World) -> None:
    """Execute every queued run. The last run of a request settles the request."""
    while queued := dict(CheckRun.objects.filter(pk__in=check_runs.due_runs()).values_list("pk", "request_id")):
        last = {request_id: run_id for run_id, request_id in sorted(queued.items())}
        for run_id, request_id in sorted(queued.items()):
            world.wait(seconds=world.random.uniform(0.2, 4))
            settle = _settle if last[request_id] == run_id else _not_yet
            if not run_worker.run_claimed_check(run_id, settle=settle, run=_run_here):
                raise RuntimeError(
                    f"Check run {run_id} was claimed by another process while the demonstration was made."
                )
        if broken := CheckRun.objects.filter(pk__in=queued, conclusion=CheckRun.Conclusion.ERROR).first():
            raise RuntimeError(f"The check {broken.check_slug} ended in an error: {broken.summary}")


def recognise_all() -> None:
    """Recognise the format of every stored file."""
    while format_detection.detect_formats(run=_run_here):
        pass


_settle = partial(promotions.reevaluate, bump_revision=True)


def _not_yet(request_id: int) -> None:
    """Do not settle a request until its other runs are complete."""


def _run_here(job: runner.Job, *, open_blob: runner.OpenBlob, beat: runner.Beat, beat_every: float) -> runner.Run:
    began = time.monotonic()
    conditions: dict[str, Any] = {"sandbox": "none: run in the process that made the demonstration"}
    with tempfile.TemporaryDirectory(prefix="countersign-demo-") as folder:
        given = Context(
            files=runner.copy_inputs(job, Path(folder), open_blob, lambda: None),
            facts=job.facts,
            now=job.now,
            seed=job.seed,
        )
        # Through the bytes in which it would leave the sandbox, so that the contract is checked.
        outcome = outcome_from_json(job.check.run(given, job.params).as_json())
    conditions |= {"ending": str(runner.ExitReason.OUTCOME), "seconds": round(time.monotonic() - began, 3)}
    return runner.Run(runner.ExitReason.OUTCOME, "", outcome, conditions)
