"""One attempt at one check in a worker, from claim to completion."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from django.conf import settings
from django.db import Error

from audit import clock
from governance.checks import advisory_facts, check_runs, entry_points, inputs, runner
from governance.checks.base import Conclusion
from governance.checks.check_runs import Result
from governance.models import CheckRun
from governance.policies import PolicyDocument
from registry import storage
from registry.services.claiming import Lease

BEATS_UNTIL_LOST = 9
"""Heartbeats a worker may miss before its run counts as lost."""

log = logging.getLogger(__name__)


class Runner(Protocol):
    """Runs a job: `governance.checks.runner.run`, or a replacement without a sandbox for the product's own evidence."""

    def __call__(
        self, job: runner.Job, *, open_blob: runner.OpenBlob, beat: runner.Beat, beat_every: float
    ) -> runner.Run: ...


def run_claimed_check(run_id: int, *, settle: Callable[[int], object], run: Runner = runner.run) -> bool:
    """Claim a run, execute it, complete it.

    Unexpected errors become an error of the run, which is retried. On a database error the run is left to be found
    lost.

    Args:
        run_id: primary key of the run.
        settle: `governance.promotions.reevaluate`.
        run: runs the job.

    Returns:
        False if there was nothing to claim or the claim was lost.
    """
    lease = check_runs.claim(run_id)
    if lease is None:
        return False
    try:
        result = _attempt(lease, run)
    except Error:
        raise
    except Exception as error:
        log.exception("check run %s could not be carried out", run_id)
        result = Result.error(f"The check could not be run on this worker ({type(error).__name__}). It is run again.")
    return result is not None and check_runs.complete(lease, result, settle=settle)


def _attempt(lease: Lease, carry_out: Runner) -> Result | None:
    """Run the check; None if the claim was lost."""
    run = CheckRun.objects.select_related("request__version", "request__target_stage").get(pk=lease.pk)
    check = entry_points.find(run.check_slug)
    if check is None or check.version != run.check_version:
        found = "it is not installed" if check is None else f"version {check.version} is installed"
        return Result.error(f"{run.check_slug} {run.check_version} was asked for, and on this worker {found}.")
    params = entry_points.parameters(check, run.params)
    given = inputs.InputResolver(run.request).inputs(check, params)
    if given.digest != run.inputs_digest:
        return Result(Conclusion.CANCELLED, "The inputs changed before it ran; it is queued again on the new ones.")
    facts = given.facts
    if advisory_facts.ADVISORIES in check.facts:
        try:
            facts = advisory_facts.with_advisories(given, storage.open_blob)
        except advisory_facts.MirrorReplacedError:
            return Result(Conclusion.CANCELLED, "The advisories were replaced; it is queued again on the new ones.")
    job = runner.Job(
        check=check,
        params=params,
        sources=given.sources,
        facts=facts,
        now=clock.now(),
        seed=inputs.seed(given.digest),
        timeout=_timeout(run),
        isolation_demanded=settings.COUNTERSIGN_CHECKS_NEED_ISOLATION,
    )
    ended = carry_out(
        job,
        open_blob=storage.open_blob,
        beat=lambda: check_runs.note_progress(lease, job.progress),
        beat_every=settings.COUNTERSIGN_CHECK_LOST_AFTER / BEATS_UNTIL_LOST,
    )
    if ended.ending is runner.ExitReason.ABANDONED:
        return None
    conditions = {**ended.conditions, "check_origin": entry_points.installed().origins.get(run.check_slug, "")}
    if ended.outcome is None:
        return Result.error(ended.message, conditions)
    return Result.of(ended.outcome, conditions)


def _timeout(run: CheckRun) -> int | None:
    """Return the shortest timeout that the request's policies give this check, in seconds; None if none does."""
    documents = (PolicyDocument.model_validate(bound.policy_revision.document) for bound in run.request.governing)
    rules = (rule for document in documents for rule in document.checks if rule.check == run.check_slug)
    return min((rule.timeout for rule in rules if rule.timeout is not None), default=None)
