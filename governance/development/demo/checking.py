"""Doing what a worker does, at once and in this process.

The way is the worker's: claim the run, put its inputs together, copy and hash the evidence, judge it by the check's own
code, complete the run and settle its request. Left out is the child process alone that a worker locks a check into; the
evidence here is the demonstration's own, and the run's conditions say how it ran.
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
    """Carry out every run that is queued, each taking its seconds; the last of a request settles it."""
    while queued := dict(CheckRun.objects.filter(pk__in=check_runs.due_runs()).values_list("pk", "request_id")):
        last = {request_id: run_id for run_id, request_id in sorted(queued.items())}
        for run_id, request_id in sorted(queued.items()):
            world.wait(seconds=world.random.uniform(0.2, 4))
            settle = _settle if last[request_id] == run_id else _not_yet
            if not run_worker.run_claimed_check(run_id, settle=settle, run=_run_here):
                raise RuntimeError(f"Check run {run_id} was taken by somebody else while the demonstration was made.")
        if broken := CheckRun.objects.filter(pk__in=queued, conclusion=CheckRun.Conclusion.ERROR).first():
            raise RuntimeError(f"The check {broken.check_slug} gave no answer: {broken.summary}")


def recognise_all() -> None:
    """Say of every stored file what it is."""
    while format_detection.detect_formats(run=_run_here):
        pass


_settle = partial(promotions.reevaluate, bump_revision=True)


def _not_yet(request_id: int) -> None:
    """Leave a request unsettled until its other runs have answered too."""


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
        # Through the bytes in which it would leave the sandbox, and so through the contract.
        outcome = outcome_from_json(job.check.run(given, job.params).as_json())
    conditions |= {"ending": str(runner.ExitReason.OUTCOME), "seconds": round(time.monotonic() - began, 3)}
    return runner.Run(runner.ExitReason.OUTCOME, "", outcome, conditions)
