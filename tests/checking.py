"""Carrying out queued checks at once, in the process of the test.

The steps are a worker's, without the child process that confines a check: starting it takes a third of a second, many
times what checking a small file takes. Tests of the confinement use `governance.checks.runner.run`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from governance import promotions
from governance.checks import check_runs, run_worker, runner
from governance.checks.base import Context, outcome_from_json


def run_unconfined(job: runner.Job, *, open_blob: runner.OpenBlob, beat: runner.Beat, beat_every: float) -> runner.Run:
    """Run a check in this process, on copies of the evidence, as `runner.run` does in a child process."""
    with tempfile.TemporaryDirectory(prefix="countersign-tests-") as folder:
        files = runner.copy_inputs(job, Path(folder), open_blob, lambda: None)
        outcome = job.check.run(Context(files=files, facts=job.facts, now=job.now, seed=job.seed), job.params)
        # As text, which is how it leaves the child process, so that the contract's limits hold here, too.
        return runner.Run(runner.ExitReason.OUTCOME, "", outcome_from_json(outcome.as_json()))


def run_due_checks(run: run_worker.Runner = run_unconfined) -> None:
    """Carry out every check run that is due, and settle its request after each.

    Args:
        run: what carries a check out; `runner.run` confines it in a child process.
    """
    for run_id in check_runs.due_runs():
        run_worker.run_claimed_check(
            run_id, settle=lambda number: promotions.reevaluate(number, bump_revision=True), run=run
        )
