"""Reports of production signals: stored with one event and judged by the limits in force; breaches open findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock, leaf, recorder
from audit.actor import Actor, process
from audit.recorder import ObjectRef
from governance.actions import FINDING_OPENED, FINDING_RECOVERED, FINDING_RECURRED, SIGNAL_REPORTED
from governance.models import Finding, SignalReport, SignalSeries, SignalValue
from governance.monitoring.health import judged_values
from governance.monitoring.reports import Report, Signal, cleaned_report, digest_of
from governance.policies.monitoring import ApprovedLimit, Judgement
from governance.selectors.health import Approved, approved_for, entered_stage, latest_values
from registry import access
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import ModelVersion
from registry.services import reviews
from registry.services.version_lock import lock_version

SCOPE: Final = "signals:write"
"""The scope that a token needs to report."""
MONITORING: Final = process("monitoring")
"""The actor of what follows from a report."""
MAX_SERIES: Final = 5_000
"""Different signals of one version, counted over all reports."""


@dataclass(frozen=True)
class Recorded:
    """A stored report.

    Attributes:
        report: the row.
        is_new: False if an identical report was stored before, and nothing was written.
        findings: the open findings that the report opened or to which it was attached.
    """

    report: SignalReport
    is_new: bool
    findings: tuple[Finding, ...] = ()


@transaction.atomic
def record_report(*, actor: Actor, version: ModelVersion, report: Report) -> Recorded:
    """Store a report of production signals, and compare it with the limits in force where the version is now.

    A value beyond its limit opens a finding, or attaches to the open finding of the limit. Values of windows that ended
    before the version entered its stage, or before the last finding of the limit was closed, open none. A new finding
    brings the next review of the model forward and notifies the owner by mail.

    Args:
        actor: the person or token that reports.
        version: a registered version.
        report: the report as received.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION, or its token lacks the scope `signals:write`.
        ValidationFailedError: the report breaks a rule, or the version has too many different signals.
        InvalidStateError: the version is not registered yet.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model, scope=SCOPE)
    person = access.require_person(actor)
    now = clock.now()
    report = cleaned_report(report, now=now)
    sha256 = digest_of(report)
    _, version = lock_version(version)
    if version.status != ModelVersion.Status.REGISTERED:
        raise InvalidStateError("Signals belong to a registered version: complete its registration first.")
    same = SignalReport.objects.filter(version=version, sha256=sha256).first()
    if same is not None:
        return Recorded(same, is_new=False)
    series, added = _series(version, report.signals)
    approved = approved_for(version)
    row = SignalReport(
        uid=uuid4(),
        version=version,
        source=report.source,
        format=report.format,
        window_from=report.window_from,
        window_to=report.window_to,
        signals=len(report.signals),
        sha256=sha256,
        unread=[{"where": part.where, "reason": part.reason} for part in report.unread],
        unread_total=report.unread_total,
        reported_by=person,
        reported_at=now,
    )
    breaches = _breaches(version, approved, report.signals)
    held = _open_findings(version)
    attached = [held[limit.key] for limit, _ in breaches if limit.key in held]
    recorder.record_event(
        SIGNAL_REPORTED,
        actor=actor,
        target=ObjectRef("signal_report", str(row.uid)),
        stream=f"model:{version.model.uid}",
        related_objects=[
            ObjectRef("version", str(version.uid)),
            *(ObjectRef("finding", str(finding.uid)) for finding in attached),
        ],
        data={
            "source": report.source,
            "format": report.format,
            "from": leaf.timestamp(report.window_from),
            "to": leaf.timestamp(report.window_to),
            "signals": row.signals,
            "new_series": added,
            "unread": row.unread_total,
            "sha256": sha256,
            "stage": version.stage.slug,
            "policies": [f"{slug} v{revision.number}" for slug, revision in approved.revisions.items()]
            if approved is not None
            else [],
            "breaches": len(breaches),
        },
    )
    row.save(force_insert=True)
    SignalValue.objects.bulk_create(
        [
            SignalValue(
                series_id=series[signal.series],
                at=signal.at or report.window_to,
                report_id=row.pk,
                value=signal.value,
                sample_size=signal.sample_size,
            )
            for signal in report.signals
        ]
    )
    for finding, (_, values) in zip(attached, (one for one in breaches if one[0].key in held), strict=True):
        _attach(finding, values)
    opened = [
        _open(version, limit, values, approved, now) for limit, values in breaches if limit.key not in held and approved
    ]
    if approved is not None and (held or opened):
        reported = {signal.series[:2] for signal in report.signals}
        _follow(version, approved, [*held.values(), *opened], reported, now)
    return Recorded(row, is_new=True, findings=(*attached, *opened))


def _series(version: ModelVersion, signals: Sequence[Signal]) -> tuple[dict[tuple[str, str, str, str], int], int]:
    """Return the keys of the series of signals, with the number of new ones.

    Raises:
        ValidationFailedError: the version would have more than MAX_SERIES.
    """
    columns = ("kind", "name", "slice", "dataset")
    known = {
        (kind, name, slice_, dataset): pk
        for kind, name, slice_, dataset, pk in SignalSeries.objects.filter(version=version)
        .order_by()
        .values_list(*columns, "pk")
    }
    new = [key for key in dict.fromkeys(signal.series for signal in signals) if key not in known]
    if len(known) + len(new) > MAX_SERIES:
        raise ValidationFailedError(
            [
                FieldError(
                    "/signals",
                    "too_many_series",
                    f"A version has at most {MAX_SERIES:,} different signals, counted with kind, slice and dataset; "
                    f"with this report it would have {len(known) + len(new):,}. Report fewer slices, and put no time "
                    "or identifier into a name.",
                )
            ]
        )
    made = SignalSeries.objects.bulk_create(
        [SignalSeries(version=version, **dict(zip(columns, key, strict=True))) for key in new]
    )
    known |= {key: row.pk for key, row in zip(new, made, strict=True)}
    return known, len(new)


def _breaches(
    version: ModelVersion, approved: Approved | None, signals: Sequence[Signal]
) -> list[tuple[ApprovedLimit, list[Signal]]]:
    """Return the broken limits, each with the values beyond it, in order of time."""
    if approved is None:
        return []
    found = []
    since: datetime | None = None
    for limit in approved.monitoring.limits:
        beyond = [
            signal
            for signal in signals
            if limit.applies_to(*signal.series)
            and limit.judges(signal.sample_size)
            and limit.judge(signal.value) is Judgement.BREACH
        ]
        if not beyond:
            continue
        since = since or entered_stage(version)
        after = max(since, _closed(version, limit) or since)
        if counted := sorted((one for one in beyond if one.at and one.at > after), key=_time):
            found.append((limit, counted))
    return found


def _time(signal: Signal) -> datetime:
    assert signal.at is not None  # filled in by cleaned_report
    return signal.at


def _of_limit(version: ModelVersion, limit: ApprovedLimit) -> dict[str, object]:
    kind, signal, slice_, dataset, direction = limit.key
    return {
        "source": Finding.Source.SIGNAL,
        "version": version,
        "kind": kind,
        "signal__iexact": signal,
        "slice": slice_,
        "dataset": dataset,
        "direction": direction,
    }


def _closed(version: ModelVersion, limit: ApprovedLimit) -> datetime | None:
    """Return when the last finding of a limit was closed."""
    found = Finding.objects.filter(**_of_limit(version, limit), closed_at__isnull=False)
    return found.order_by("-closed_at").values_list("closed_at", flat=True).first()


def _open_findings(version: ModelVersion) -> dict[tuple[str, str, str, str, str], Finding]:
    """Return the findings of signals of a version that are not closed, locked, by the key of their limit."""
    rows = Finding.objects.filter(
        version=version, source=Finding.Source.SIGNAL, closed_at__isnull=True
    ).select_for_update(no_key=True, of=("self",))
    return {(row.kind, row.signal.casefold(), row.slice, row.dataset, row.direction): row for row in rows}


def _attach(finding: Finding, values: Sequence[Signal]) -> None:
    """Attach a report with values beyond the limit to an open finding. The event of the report accounts for it."""
    finding.breaches += 1
    last = values[-1]
    if finding.last_at is None or _time(last) >= finding.last_at:
        finding.last_value, finding.last_slice, finding.last_at = last.value, last.slice, _time(last)
    finding.save(update_fields=["breaches", "last_value", "last_slice", "last_at"])


def _open(
    version: ModelVersion, limit: ApprovedLimit, values: Sequence[Signal], approved: Approved, now: datetime
) -> Finding:
    first, last = values[0], values[-1]
    revision = approved.revisions[limit.policy]
    finding = Finding(
        uid=uuid4(),
        version=version,
        model=version.model,
        source=Finding.Source.SIGNAL,
        severity=Finding.Severity.HIGH,
        owner=version.model.active_owner,
        due=now.date() + timedelta(days=approved.monitoring.review_within_days),
        kind=limit.kind,
        signal=limit.signal,
        slice=limit.slice,
        dataset=limit.dataset or "",
        direction=limit.direction,
        op=limit.op,
        limit=limit.limit,
        policy_revision=revision,
        stage=version.stage,
        first_value=first.value,
        first_slice=first.slice,
        first_at=_time(first),
        opened_at=now,
        last_value=last.value,
        last_slice=last.slice,
        last_at=_time(last),
        breaches=1,
    )
    about = ObjectRef("finding", str(finding.uid))
    recorder.record_event(
        FINDING_OPENED,
        actor=MONITORING,
        target=about,
        stream=f"model:{version.model.uid}",
        related_objects=[ObjectRef("version", str(version.uid)), ObjectRef("model", str(version.model.uid))],
        data={
            "source": str(finding.source),
            "severity": str(finding.severity),
            "kind": limit.kind,
            "signal": limit.signal,
            "slice": first.slice,
            "op": limit.op,
            "limit": repr(limit.limit),
            "value": repr(first.value),
            "at": leaf.timestamp(_time(first)),
            "policy": str(revision),
            "stage": version.stage.slug,
        },
    )
    finding.save(force_insert=True)
    due = now.date() + timedelta(days=approved.monitoring.review_within_days)
    reviews.advance(
        actor=MONITORING,
        model=version.model,
        due=due,
        because=about,
        reason=f"{limit.words} is broken by v{version.number}: {first.value:g}",
    )
    return finding


def _follow(
    version: ModelVersion,
    approved: Approved,
    findings: Iterable[Finding],
    reported: set[tuple[str, str]],
    now: datetime,
) -> None:
    """Record which open findings recovered or recurred, by the latest values after a report."""
    latest = latest_values(approved.monitoring.limits, [version.pk])[version.pk]
    limits = {limit.key: limit for limit in approved.monitoring.limits}
    signals = {(kind, name.casefold()) for kind, name in reported}
    for finding in findings:
        key = (finding.kind, finding.signal.casefold(), finding.slice, finding.dataset, finding.direction)
        limit = limits.get(key)
        if limit is None or key[:2] not in signals:
            continue
        broken = any(limit.judge(value.value) is Judgement.BREACH for value in judged_values(limit, latest))
        if broken == (finding.recovered_at is None):
            continue
        recorder.record_event(
            FINDING_RECURRED if broken else FINDING_RECOVERED,
            actor=MONITORING,
            target=ObjectRef("finding", str(finding.uid)),
            stream=f"model:{version.model.uid}",
            related_objects=[ObjectRef("version", str(version.uid))],
        )
        finding.recovered_at = None if broken else now
        finding.save(update_fields=["recovered_at"])
