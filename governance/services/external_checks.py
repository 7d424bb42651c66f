"""Report the results of checks that other systems run.

A pipeline begins a run, which binds it to the version's contents as they are, reports progress, attaches a report, and
completes it with a conclusion. The live requests of the version are evaluated again with each step. `skipped`,
`cancelled` and `error` are set by the product alone: a run that is not completed in time ends with an error, and a
newer run of the same account cancels an unfinished one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, BinaryIO

from django.db import transaction

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor, process
from audit.recorder import Change, ObjectRef, PrivateValue
from governance import promotions
from governance.actions import (
    EXTERNAL_REPORT_DOWNLOADED,
    EXTERNAL_RUN_ATTACHED,
    EXTERNAL_RUN_COMPLETED,
    EXTERNAL_RUN_ENDED,
    EXTERNAL_RUN_STARTED,
)
from governance.checks import entry_points, external, reports
from governance.checks.base import (
    MAX_OUTCOME_BYTES,
    Conclusion,
    finding_from_json,
)
from governance.gate import gate_inputs
from governance.models import ExternalRun, PromotionRequest
from governance.policies import DEFAULT_EXTERNAL_TIMEOUT
from governance.services.external_report import ORDER, CheckedReport, RunReport, as_json, check_report
from registry import access, storage
from registry.exceptions import (
    FieldError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import ModelVersion
from registry.services.blob_references import hold_blob, reference_blob
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

COLLECTOR = process("check-worker")
"""The actor that ends overdue runs."""
Status = ExternalRun.Status


def get_run(actor: Actor, uid: str) -> ExternalRun:
    """Return a reported run.

    Raises:
        NotFoundError: there is no such run, or its model is not visible to the actor.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    run = _RUNS.filter(uid=uid).first()
    if run is None or not access.visible_models(actor).filter(pk=run.version.model_id).exists():
        raise NotFoundError("There is no run of an external check with this id that you may see.")
    return run


def runs_of(actor: Actor, version: ModelVersion, check: str) -> Any:
    """Return the reported runs of a check on a version, for a list.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_permission(actor, access.Permission.VIEW, version.model)
    return _RUNS.filter(version=version, check_slug=check)


def policies_requiring(check: str) -> list[str]:
    """Return the slugs of the policies in force that name an external check."""
    return [
        document.slug
        for document in gate_inputs.documents_in_force()
        if any(rule.check == check and rule.external for rule in document.checks)
    ]


@transaction.atomic
def begin(
    *, actor: Actor, version: ModelVersion, check: str, report: RunReport, inputs_digest: str | None = None
) -> ExternalRun:
    """Begin a run of an external check on a version; with a conclusion, report a finished one.

    An unfinished run of the same check, version and account is cancelled: its job was started again.

    Args:
        actor: a token that names the check; its account needs REGISTER_VERSION.
        version: the version.
        check: name of the check.
        report: what is known of the run.
        inputs_digest: the digest of the contents that were checked. Required with a conclusion; otherwise the run is
            bound to the current contents.

    Returns:
        The run.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not report this check.
        ValidationFailedError: the name is that of a check of the product, or a value breaks a rule.
        InvalidStateError: the version is still registering, or its contents changed since `inputs_digest`
            (`stale_inputs`).
    """
    access.require_report_permission(actor, check, version.model)
    faults = ErrorCollector()
    if refused := entry_points.why_not_external(check):
        faults.add("/check", "not_external", refused)
    faults.check_name("/check", check)
    checked = check_report(faults, report, Status.RUNNING)
    if checked.status == Status.COMPLETED and inputs_digest is None:
        faults.add(
            "/inputs_digest",
            "required",
            "A result needs the inputs_digest of what was checked: GET this address before the check begins, or begin "
            "the run here (status running) and send the conclusion with PATCH.",
        )
    faults.raise_if_any()
    _, version = lock_version(version)
    if version.status != ModelVersion.Status.REGISTERED:
        raise InvalidStateError(
            f"Version {version.number} is still registering: upload its files and complete it first.",
            code="version_registering",
        )
    digest = external.inputs_digest(version, check)
    if inputs_digest is not None and inputs_digest != digest:
        raise _stale(version, check, digest)
    person, token = access.require_person_and_token(actor)
    assert token is not None  # only tokens report
    for old in _unfinished(version, check).filter(reported_by=person).select_for_update(no_key=True, of=("self",)):
        _end(old, Conclusion.CANCELLED, "Another run of the same account began.", actor=actor)
    now = clock.now()
    run = ExternalRun(
        version=version,
        check_slug=check,
        status=checked.status,
        inputs_digest=digest,
        reported_by=person,
        reported_with=token,
        created_at=now,
        reported_at=now,
        started_at=now if checked.status != Status.QUEUED else None,
    )
    _apply(run, checked)
    run.save(force_insert=True)
    _record(EXTERNAL_RUN_STARTED, run, actor=actor, data={"check": check, "inputs": digest})
    if run.status == Status.COMPLETED:
        _record_completed(run, actor=actor)
    _evaluate(run, actor=actor)
    return run


@transaction.atomic
def update(*, actor: Actor, run: ExternalRun, report: RunReport) -> ExternalRun:
    """Report progress or the result of a run that the same account began.

    The same result again changes nothing, so a request can be repeated.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not report this check, or another account began the run.
        ValidationFailedError: a value breaks a rule.
        InvalidStateError: the run is completed with another result (`run_completed`), or the version's contents changed
            since it began (`stale_inputs`).
    """
    faults = ErrorCollector()
    run = _locked(actor, run)
    checked = check_report(faults, report, run.status, objections=run.objections)
    faults.raise_if_any()
    if run.status == Status.COMPLETED:
        if _is_same_report(run, checked):
            return run
        raise InvalidStateError(
            f"The run is completed ({run.conclusion}) and final: begin another run to report another result.",
            code="run_completed",
        )
    if ORDER.index(Status(checked.status)) < ORDER.index(Status(run.status)):
        raise ValidationFailedError([FieldError("/status", "backwards", f"The run is {run.status} already.")])
    if run.inputs_digest != (digest := external.inputs_digest(run.version, run.check_slug)):
        raise _stale(run.version, run.check_slug, digest)
    before = run.status
    _apply(run, checked)
    run.save()
    if run.status == Status.COMPLETED:
        _record_completed(run, actor=actor)
    if run.status != before:
        _evaluate(run, actor=actor)
    return run


def _is_same_report(run: ExternalRun, checked: CheckedReport) -> bool:
    """Return whether a report repeats the result of a completed run, which has the contents of its attachment, too."""
    values = dict(checked.values)
    findings, measures = values.pop("findings", []), values.pop("measures", {})
    return (
        checked.conclusion == run.conclusion
        and all(getattr(run, name) == value for name, value in values.items())
        and all(finding in run.findings for finding in findings)
        and measures.items() <= run.measures.items()
    )


def attach(*, actor: Actor, run: ExternalRun, form: str, filename: str, raw: bytes) -> ExternalRun:
    """Attach the report of a tool to an unfinished run; its findings and measures are added to the run's.

    A second report replaces the first. The bytes are parsed and stored before the transaction.

    Args:
        actor: as `update`.
        run: the run.
        form: "sarif", "junit" or "json".
        filename: name of the file, without folders.
        raw: its bytes, at most `reports.MAX_BYTES`.

    Raises:
        NotFoundError, PermissionDeniedError, InvalidStateError: as `update`.
        ValidationFailedError: it is not such a report, too large, or the file name is invalid.
    """
    access.require_report_permission(actor, run.check_slug, run.version.model)
    faults = ErrorCollector()
    if "/" in filename or len(filename) > 250:
        faults.add("/filename", "filename", "A file name has no folders and at most 250 characters.")
    else:
        faults.path("/filename", filename)
    if form not in ExternalRun.Format.values:
        faults.add("/format", "format", f"The formats are {', '.join(ExternalRun.Format.values)}.")
    faults.raise_if_any()
    try:
        found = reports.read(raw, form)
    except reports.ReportFormatError as error:
        raise ValidationFailedError(
            [FieldError("", "not_a_report", f"This is not a {ExternalRun.Format(form).label} report: {error}.")]
        ) from None
    blob = storage.write(io.BytesIO(raw), limit=reports.MAX_BYTES)
    return _attach_stored(actor=actor, run=run, form=form, filename=filename, blob=blob, found=found)


@transaction.atomic
def _attach_stored(
    *, actor: Actor, run: ExternalRun, form: str, filename: str, blob: storage.StoredBlob, found: reports.Report
) -> ExternalRun:
    held = hold_blob(blob)
    run = _locked(actor, run)
    if run.status == Status.COMPLETED:
        if (run.attachment_id, run.attachment_format) == (blob.sha256, form):
            return run
        raise InvalidStateError(
            f"The run is completed ({run.conclusion}) and final: attach the report before the conclusion is sent.",
            code="run_completed",
        )
    if run.inputs_digest != (digest := external.inputs_digest(run.version, run.check_slug)):
        raise _stale(run.version, run.check_slug, digest)
    reference_blob(held)
    run.attachment_id, run.attachment_format, run.attachment_name = blob.sha256, form, filename
    run.findings, run.measures, run.objections = (
        [as_json(finding) for finding in found.findings],
        dict(found.measures),
        list(found.objections),
    )
    run.reported_at = clock.now()
    run.save()
    _record(
        EXTERNAL_RUN_ATTACHED,
        run,
        actor=actor,
        data={
            "check": run.check_slug,
            "format": form,
            "filename": PrivateValue(filename),
            "sha256": blob.sha256,
            "size": blob.size,
        },
    )
    return run


@transaction.atomic
def open_attachment(*, actor: Actor, run: ExternalRun) -> BinaryIO:
    """Open the report attached to a run and record the download. The interface sends and closes it.

    Raises:
        NotFoundError: the model is not visible to the actor, or the bytes are missing.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_permission(actor, access.Permission.VIEW, run.version.model)
    try:
        stream = storage.open_file(run.attachment_id or "")
    except FileNotFoundError:
        raise NotFoundError("The stored report is missing.") from None
    _record(EXTERNAL_REPORT_DOWNLOADED, run, actor=actor, data={"check": run.check_slug, "sha256": run.attachment_id})
    return stream


def end_overdue() -> int:
    """End the unfinished runs that were not completed in time with an error, and those on outdated contents.

    The time is the shortest `timeout` of the policies of the version's live requests, one day where none gives one.

    Returns:
        The number of runs that ended.
    """
    waiting = ExternalRun.objects.exclude(status=Status.COMPLETED).order_by("pk").values_list("pk", "version_id")
    return sum(_end_if_overdue(pk, version) for pk, version in list(waiting))


@transaction.atomic
def _end_if_overdue(pk: int, version_id: int) -> bool:
    version = ModelVersion.objects.get(pk=version_id)
    _, version = lock_version(version)
    run = _unfinished(version, None).select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
    if run is None:
        return False
    run.version = version
    limit = _timeout(run)
    if run.inputs_digest != external.inputs_digest(version, run.check_slug):
        _end(run, Conclusion.CANCELLED, "The version changed before the result was reported.", actor=COLLECTOR)
    elif clock.now() - (run.started_at or run.created_at) > limit:
        _end(
            run,
            Conclusion.ERROR,
            f"No result was reported within {int(limit.total_seconds())} seconds: begin another run.",
            actor=COLLECTOR,
        )
    else:
        return False
    _evaluate(run, actor=COLLECTOR)
    return True


def _timeout(run: ExternalRun) -> timedelta:
    live = PromotionRequest.objects.filter(version=run.version, state__in=PromotionRequest.LIVE)
    found = []
    for request in live.select_related("policy_revision").prefetch_related("policies"):
        document = gate_inputs.get_policy_document(request)
        found += [
            rule.timeout
            for rule in (document.checks if document is not None else ())
            if rule.check == run.check_slug and rule.external and rule.timeout is not None
        ]
    return timedelta(seconds=min(found, default=DEFAULT_EXTERNAL_TIMEOUT))


_RUNS = ExternalRun.objects.select_related(
    "version__model", "version__stage", "reported_by", "reported_with", "attachment"
)


def _unfinished(version: ModelVersion, check: str | None) -> Any:
    rows = ExternalRun.objects.filter(version=version).exclude(status=Status.COMPLETED).order_by("pk")
    rows = rows.select_related("reported_by", "reported_with")
    return rows if check is None else rows.filter(check_slug=check)


def _locked(actor: Actor, run: ExternalRun) -> ExternalRun:
    """Lock the version and the run, after the permission check. The account that began a run completes it."""
    access.require_report_permission(actor, run.check_slug, run.version.model)
    _, version = lock_version(run.version)
    locked = _RUNS.select_for_update(no_key=True, of=("self",)).get(pk=run.pk)
    locked.version = version
    if locked.reported_by.uid != actor.person:
        raise PermissionDeniedError(
            f"{locked.reported_by.name} began this run, and its results are recorded in that name: begin a run of your "
            "own.",
            code="other_reporter",
        )
    return locked


def _apply(run: ExternalRun, checked: CheckedReport) -> None:
    """Write validated values into a run. Findings and measures are added to those of an attached report."""
    now = clock.now()
    values = dict(checked.values)
    findings = [*values.pop("findings", []), *run.findings]
    run.findings = [
        as_json(finding) for finding in reports.shortened(tuple(finding_from_json(each) for each in findings))
    ]
    run.measures = {**run.measures, **values.pop("measures", {})}
    for name, value in values.items():
        setattr(run, name, value)
    if len(json.dumps([run.findings, run.measures])) > MAX_OUTCOME_BYTES:
        raise ValidationFailedError(
            [FieldError("/findings", "too_large", f"Findings and measures have at most {MAX_OUTCOME_BYTES:,} bytes.")]
        )
    run.status, run.reported_at = checked.status, now
    if run.status != Status.QUEUED and run.started_at is None:
        run.started_at = now
    if run.status == Status.COMPLETED:
        run.conclusion, run.completed_at = checked.conclusion, now
        run.summary = run.summary or f"{run.reported_by.name} reported {checked.conclusion} without a summary."


def _end(run: ExternalRun, conclusion: Conclusion, why: str, *, actor: Actor) -> None:
    run.status, run.conclusion, run.summary, run.completed_at = Status.COMPLETED, conclusion, why, clock.now()
    run.save(update_fields=["status", "conclusion", "summary", "completed_at"])
    _record(
        EXTERNAL_RUN_ENDED,
        run,
        actor=actor,
        data={"check": run.check_slug},
        changes=[Change("conclusion", None, str(conclusion))],
    )


def _stale(version: ModelVersion, check: str, digest: str) -> InvalidStateError:
    return InvalidStateError(
        f"The contents of version {version.number} changed since this run of {check} began: check them again and "
        f"report the result for the inputs {digest}.",
        code="stale_inputs",
    )


def _evaluate(run: ExternalRun, *, actor: Actor) -> None:
    live = PromotionRequest.objects.filter(version=run.version, state__in=PromotionRequest.LIVE).order_by("pk")
    for number in live.values_list("pk", flat=True):
        promotions.reevaluate(number, actor=actor, bump_revision=True)


def _record_completed(run: ExternalRun, *, actor: Actor) -> None:
    _record(
        EXTERNAL_RUN_COMPLETED,
        run,
        actor=actor,
        data={
            "check": run.check_slug,
            "inputs": run.inputs_digest,
            "findings": sorted({finding["code"] for finding in run.findings}),
            **({"attachment": run.attachment_id} if run.attachment_id else {}),
        },
        changes=[Change("conclusion", None, str(run.conclusion))],
    )


def _record(
    action: Action,
    run: ExternalRun,
    *,
    actor: Actor,
    data: Mapping[str, Any],
    changes: Sequence[Change] = (),
) -> None:
    recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("external_run", str(run.uid)),
        stream=f"model:{run.version.model.uid}",
        related_objects=[ObjectRef("version", str(run.version.uid))],
        changes=changes,
        data=data,
    )
