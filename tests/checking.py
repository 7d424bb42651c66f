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
from governance.models import CheckRun


def run_unconfined(job: runner.Job, *, open_blob: runner.OpenBlob, beat: runner.Beat, beat_every: float) -> runner.Run:
    """Run a check in this process, on copies of the evidence, as `runner.run` does in a child process."""
    with tempfile.TemporaryDirectory(prefix="countersign-tests-") as folder:
        files = runner.copy_inputs(job, Path(folder), open_blob, lambda: None)
        outcome = job.check.run(Context(files=files, facts=job.facts, now=job.now, seed=job.seed), job.params)
        # As text, which is how it leaves the child process, so that the contract's limits hold here, too.
        return runner.Run(runner.ExitReason.OUTCOME, "", outcome_from_json(outcome.as_json()))


def run_due_checks(run: run_worker.Runner = run_unconfined) -> None:
    """Carry out every check run that is due, and settle each request with the last of its runs.

    A worker settles after each run, which takes longer than a check of a small file; `tests/governance/test_worker.py`
    has one do it.

    Args:
        run: what carries a check out; `runner.run` confines it in a child process.
    """
    due = list(check_runs.due_runs())
    requests = dict(CheckRun.objects.filter(pk__in=due).values_list("pk", "request_id"))
    last = {number: run_id for run_id, number in ((each, requests[each]) for each in due)}

    def settle(number: int) -> None:
        promotions.reevaluate(number, bump_revision=True)

    for run_id in due:
        settles = last[requests[run_id]] == run_id
        run_worker.run_claimed_check(run_id, settle=settle if settles else lambda _: None, run=run)
