"""The lifecycle of check runs: planned, queued, claimed, completed, retried, given up.

Rows are the work queue. A worker claims a row by writing a token known only to itself, and only the holder of that
token completes it, so repeated tasks and slow or concurrent workers never produce two outcomes. Each outcome is
recorded as an event in the same transaction; claims and heartbeats are not events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from audit import canonical, clock, recorder
from audit.actions import Action
from audit.actor import Actor, process
from audit.recorder import Change, ObjectRef
from governance import task_queue
from governance.actions import CHECK_CANCELLED, CHECK_COMPLETED, CHECK_QUEUED
from governance.checks import additions, external
from governance.checks.base import CheckOutcome, Conclusion, Finding
from governance.checks.planning import PlannedRun
from governance.checks.runner import Progress
from governance.models import CheckProgress, CheckRun, ExternalRun, PromotionRequest
from registry.services.claiming import Lease, WorkQueue
from registry.services.version_lock import lock_keys

log = logging.getLogger(__name__)

WORKER = process("check-worker")
"""The actor when a check completes, is retried, or is found lost."""

MAX_RETRIES = 2
LARGE_BYTES = 256 << 20
"""A check that reads more bytes than this has a queue of its own."""


@dataclass(frozen=True)
class Result:
    """Result of a claimed run. `conditions`: limits, isolation, resource use; for operators, not part of the
    outcome.
    """

    conclusion: Conclusion
    summary: str
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, outcome: CheckOutcome, conditions: Mapping[str, Any]) -> Result:
        """Build the result from a check's outcome."""
        return cls(outcome.conclusion, outcome.summary, outcome.findings, outcome.measures, conditions)

    @classmethod
    def error(cls, summary: str, conditions: Mapping[str, Any] | None = None) -> Result:
        """Build the result of a run without an outcome. It never passes and is retried automatically."""
        return cls(Conclusion.ERROR, summary, conditions=conditions or {})


def queue_planned_runs(request: PromotionRequest, planned: Sequence[PlannedRun], *, actor: Actor) -> list[CheckRun]:
    """Create the runs that are due, cancel unfinished ones they replace, and enqueue workers on commit.

    Call with the request, its version and its model locked. Records one event per created and cancelled run.

    Args:
        request: the locked promotion request.
        planned: what `planning.plan` returned.
        actor: who caused it.

    Returns:
        The new rows.
    """
    due = [p for p in planned if p.due]
    if not due:
        return []
    unfinished = {run.check_slug: run for run in _locked_unfinished(request)}
    made: list[CheckRun] = []
    for item in due:
        old = unfinished.get(item.check_slug)
        if old is not None and item.reported is not None and old.external_run_id == item.reported.pk:
            made.append(_follow(old, item.reported, request, actor=actor))
            continue
        if old is not None:
            _cancel(old, request, actor=actor, why="The inputs changed before it was finished.")
            if item.external and item.reported is None:
                made.append(old)
                continue
        made.append(_queue(request, item, actor=actor))
    return made


def cancel_unfinished(request: PromotionRequest, *, actor: Actor) -> int:
    """Cancel the unfinished runs of a closed request. A worker on one of them finds its claim invalid.

    Args:
        request: the locked promotion request.
        actor: who caused it.

    Returns:
        The number of cancelled runs.
    """
    runs = list(_locked_unfinished(request))
    for run in runs:
        _cancel(run, request, actor=actor, why=f"Request #{request.pk} was closed.")
    return len(runs)


QUEUE = WorkQueue(
    model=CheckRun,
    waiting={"status": CheckRun.Status.QUEUED},
    running={"status": CheckRun.Status.RUNNING},
    lost_after=lambda: timedelta(seconds=settings.COUNTERSIGN_CHECK_LOST_AFTER),
    max_attempts=lambda: MAX_RETRIES + 1,
    pause=lambda attempts: timedelta(seconds=settings.COUNTERSIGN_CHECK_RETRY_PAUSES[attempts - 1]),
    eligible=lambda: Q(external_run__isnull=True),
    # A lost run is completed as an error, with its event; another attempt is another row.
    reclaims_lost=False,
)


def claim(run_id: int) -> Lease | None:
    """Claim a queued run that is due; None where it is finished, claimed, waiting for evidence or not yet due."""
    return QUEUE.claim(run_id, claimed_at=clock.now())


def complete(lease: Lease, result: Result, *, settle: Callable[[int], object]) -> bool:
    """Record the result of a claimed run with its event, and evaluate its request, in one transaction.

    If the evaluation fails, the result is kept in a transaction of its own and the request is evaluated later, so that
    a finished check is never treated as lost.

    Args:
        lease: of the run.
        result: the result; an error is queued again, at most twice.
        settle: `governance.promotions.reevaluate`, passed in because this package must not import it.

    Returns:
        False if the claim is invalid; then nothing is written.
    """
    try:
        with transaction.atomic():
            request_id = _record(lease, result)
            if request_id is not None:
                settle(request_id)
    except Exception:
        log.exception("settling after check run %s failed; its result is kept and settled later", lease.pk)
        with transaction.atomic():
            request_id = _record(lease, result)
            if request_id is not None:
                task_queue.enqueue_on_commit(task_queue.SETTLE_REQUEST, request_id)
    return request_id is not None


def fail_lost_runs(*, settle: Callable[[int], object]) -> int:
    """Complete as errors the runs without a heartbeat for too long.

    Args:
        settle: `governance.promotions.reevaluate`.

    Returns:
        The number of completed runs.
    """
    result = Result.error("The worker that ran this check was lost before it answered. It is run again by itself.")
    lost = QUEUE.lost().order_by("pk").values_list("pk", "claim")
    return sum(complete(Lease(pk, token), result, settle=settle) for pk, token in lost if token)


def queue_of(size: int) -> str | None:
    """Return the queue of a check that reads `size` bytes; None for the queue of the task."""
    return task_queue.LARGE_CHECKS if size > LARGE_BYTES else None


def enqueue_due_runs() -> None:
    """Enqueue again the queued runs that a worker should have claimed by now."""
    for pk, size in QUEUE.claimable().order_by("pk").values_list("pk", "input_bytes"):
        task_queue.enqueue_now(task_queue.RUN_CHECK, pk, queue=queue_of(size))


def note_progress(lease: Lease, progress: Progress) -> bool:
    """Report that the holder of a claim works, and what it does.

    Returns:
        False if the claim is invalid; the work can stop.
    """
    if not QUEUE.heartbeat(lease):
        return False
    now = {"phase": str(progress.phase), "done": progress.done, "total": progress.total, "noted_at": clock.now()}
    CheckProgress.objects.update_or_create(run_id=lease.pk, defaults=now)
    return True


def due_runs() -> list[int]:
    """Keys of the queued runs that a worker should have claimed by now."""
    return QUEUE.claimable_ids(None)


def lately_completed(span: timedelta) -> list[int]:
    """Return the numbers of the live requests with a run completed within `span`, in case an evaluation was missed."""
    rows = CheckRun.objects.filter(completed_at__gte=clock.now() - span, request__state__in=PromotionRequest.LIVE)
    return list(rows.order_by("request_id").values_list("request_id", flat=True).distinct())


def _record(lease: Lease, result: Result) -> int | None:
    where = CheckRun.objects.filter(pk=lease.pk).values_list("request__model_id", "version_id", "request_id").first()
    if where is None:
        return None
    model_id, version_id, request_id = where
    model, version = lock_keys(model_id, version_id)
    request = PromotionRequest.objects.get_for_update(request_id)
    run = QUEUE.held(lease).select_for_update(no_key=True, of=("self",)).first()
    if run is None:
        return None
    request.model, run.version = model, version
    run.status = CheckRun.Status.COMPLETED
    run.conclusion = result.conclusion
    run.summary = result.summary
    run.findings = [{**asdict(f), "severity": str(f.severity)} for f in result.findings]
    run.measures = dict(result.measures)
    run.conditions = dict(result.conditions)
    run.completed_at = clock.now()
    run.save(update_fields=["status", "conclusion", "summary", "findings", "measures", "conditions", "completed_at"])
    _append_completed(run, request, actor=WORKER)
    if result.conclusion == Conclusion.ERROR:
        _retry(run, request)
    return request.pk


def _retry(run: CheckRun, request: PromotionRequest) -> None:
    """Queue another attempt after a pause, unless the maximum of errors in a row is reached or the request is
    closed.
    """
    earlier = (
        CheckRun.objects.filter(request=request, check_slug=run.check_slug, inputs_digest=run.inputs_digest)
        .order_by("-attempt")
        .values_list("conclusion", flat=True)[: MAX_RETRIES + 1]
    )
    errors = len(list(takewhile(lambda conclusion: conclusion == Conclusion.ERROR, earlier)))
    if QUEUE.is_last_attempt(errors) or not request.is_live:
        return
    again = CheckRun(
        check_slug=run.check_slug,
        check_version=run.check_version,
        mode=run.mode,
        params=run.params,
        inputs_digest=run.inputs_digest,
        input_bytes=run.input_bytes,
        run_after=clock.now() + QUEUE.pause(errors),
    )
    _insert(again, request, actor=WORKER, data={"after_error_of": str(run.uid)})


def _follow(run: CheckRun, reported: ExternalRun, request: PromotionRequest, *, actor: Actor) -> CheckRun:
    """Bring an unfinished check run to the state of the reported run that it follows."""
    _copy_reported(run, reported)
    run.save(
        update_fields=["status", "conclusion", "summary", "findings", "measures", "conditions", "completed_at"],
    )
    if run.status == CheckRun.Status.COMPLETED:
        _append_completed(run, request, actor=actor)
    return run


def _copy_reported(run: CheckRun, reported: ExternalRun) -> None:
    run.status = reported.status
    if reported.status == ExternalRun.Status.COMPLETED:
        run.conclusion, run.completed_at = reported.conclusion, reported.completed_at
        run.summary, run.findings, run.measures = reported.summary, reported.findings, reported.measures
        run.conditions = external.provenance(reported)


def _queue(request: PromotionRequest, item: PlannedRun, *, actor: Actor) -> CheckRun:
    run = CheckRun(
        check_slug=item.check_slug,
        check_version=item.check_version,
        mode=item.mode,
        params=dict(item.params),
        inputs_digest=item.inputs_digest,
        input_bytes=item.size,
    )
    if item.reported is not None:
        run.external_run = item.reported
        _copy_reported(run, item.reported)
    elif item.external:
        run.status, run.conclusion, run.completed_at = CheckRun.Status.COMPLETED, Conclusion.CANCELLED, clock.now()
        run.summary = item.uncounted or "The reported result does not count any more."
    elif item.problem:
        run.status, run.conclusion, run.completed_at = CheckRun.Status.COMPLETED, Conclusion.ERROR, clock.now()
        run.summary = item.problem
    elif item.missing:
        run.status = CheckRun.Status.WAITING_EVIDENCE
        added_by = additions.command(request.model.slug, request.version.number, item.missing)
        run.summary = f"Add to the version: {'; '.join(additions.named(item.missing))}. Run: {added_by}"
    return _insert(run, request, actor=actor, data={"waiting_for": list(item.missing)} if item.missing else {})


def _insert(run: CheckRun, request: PromotionRequest, *, actor: Actor, data: Mapping[str, Any]) -> CheckRun:
    run.request, run.version = request, request.version
    run.created_at = clock.now()
    same = CheckRun.objects.filter(request=request, check_slug=run.check_slug, inputs_digest=run.inputs_digest)
    run.attempt = (same.aggregate(last=Max("attempt"))["last"] or 0) + 1
    run.save(force_insert=True)
    _append(
        CHECK_QUEUED,
        run,
        request,
        actor=actor,
        data={
            "check": run.check_slug,
            "version": run.check_version,
            "mode": run.mode,
            "inputs": run.inputs_digest,
            "attempt": run.attempt,
            **({"external_run": str(run.external_run.uid)} if run.external_run is not None else {}),
            **data,
        },
    )
    if run.status == CheckRun.Status.COMPLETED:
        _append_completed(run, request, actor=actor)
    elif run.status == CheckRun.Status.QUEUED and run.run_after is None and run.external_run_id is None:
        task_queue.enqueue_on_commit(task_queue.RUN_CHECK, run.pk, queue=queue_of(run.input_bytes))
    return run


def _cancel(run: CheckRun, request: PromotionRequest, *, actor: Actor, why: str) -> None:
    before = run.status
    run.status, run.conclusion, run.completed_at = CheckRun.Status.COMPLETED, Conclusion.CANCELLED, clock.now()
    run.summary = why
    run.save(update_fields=["status", "conclusion", "completed_at", "summary"])
    _append(CHECK_CANCELLED, run, request, actor=actor, changes=[Change("status", before, "cancelled")])


def _append_completed(run: CheckRun, request: PromotionRequest, *, actor: Actor) -> None:
    """Record the digest of the outcome, not its text: findings quote evidence, which may contain anything."""
    _append(
        CHECK_COMPLETED,
        run,
        request,
        actor=actor,
        changes=[Change("conclusion", None, str(run.conclusion))],
        data={
            "check": run.check_slug,
            "version": run.check_version,
            "inputs": run.inputs_digest,
            "attempt": run.attempt,
            "findings": sorted({f["code"] for f in run.findings}),
            "outcome": outcome_digest(run),
        },
    )


def outcome_digest(run: CheckRun) -> str:
    """Return the SHA-256 of a completed run's outcome, in hex; its event refers to it."""
    return canonical.digest(
        {
            "conclusion": str(run.conclusion),
            "summary": run.summary,
            "findings": run.findings,
            "measures": run.measures,
        }
    )


def _append(
    action: Action,
    run: CheckRun,
    request: PromotionRequest,
    *,
    actor: Actor,
    changes: Sequence[Change] = (),
    data: Mapping[str, Any] | None = None,
) -> None:
    recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("check_run", str(run.uid)),
        stream=f"model:{request.model.uid}",
        related_objects=[ObjectRef("promotion", str(request.uid)), ObjectRef("version", str(run.version.uid))],
        changes=changes,
        data=data,
    )


def _locked_unfinished(request: PromotionRequest) -> QuerySet[CheckRun]:
    unfinished = CheckRun.objects.filter(request=request).exclude(status=CheckRun.Status.COMPLETED)
    return unfinished.select_related("version").select_for_update(no_key=True, of=("self",)).order_by("pk")
