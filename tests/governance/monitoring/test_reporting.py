"""Reports of production signals: what is stored, what is refused, and what a breach opens."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from governance.models import Finding, SignalReport, SignalSeries, SignalValue
from governance.monitoring.health import Health
from governance.monitoring.reports import Report, Signal
from governance.notifications import delivering, dispatching
from governance.selectors.health import health_of_models, health_of_version
from governance.services import findings, signals
from registry import access
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError, ValidationFailedError
from tests.governance.monitoring.conftest import ENTERED, Scene, auc, build, psi


def test_a_report_is_one_row_a_value_and_one_event(scene: Scene) -> None:
    made = scene.report(1, [auc(0.9, sample_size=500), psi(0.1), psi(0.2, "feature=age")])

    assert (made.is_new, made.findings) == (True, ())
    assert SignalSeries.objects.filter(version=scene.version).count() == 3
    assert SignalValue.objects.get(series__name="auc").sample_size == 500
    event = Event.objects.get(action="signal.reported")
    assert event.body["data"] == {
        "source": "nightly", "format": "countersign", "from": "2026-07-01T09:00:00.000000Z",
        "to": "2026-07-02T09:00:00.000000Z", "signals": 3, "new_series": 3, "unread": 0,
        "sha256": made.report.sha256, "stage": "staging", "policies": ["monitored-staging v1"], "breaches": 0,
    }  # fmt: skip
    connection.check_constraints()


def test_the_same_report_is_stored_once(scene: Scene) -> None:
    first = scene.report(1, [auc(0.9), psi(0.1)])
    again = scene.report(1, [psi(0.1), auc(0.9)], now=2)

    assert (again.is_new, again.report.pk) == (False, first.report.pk)
    assert Event.objects.filter(action="signal.reported").count() == 1


@pytest.mark.parametrize(
    ("day", "given", "pointer", "code"),
    [
        (1, [], "/signals", "required"),
        (1, [auc(float("nan"))], "/signals/0/value", "not_finite"),
        (1, [auc(float("inf"))], "/signals/0/value", "not_finite"),
        (1, [auc(True)], "/signals/0/value", "not_a_number"),
        (1, [Signal("", 1.0)], "/signals/0/name", "required"),
        (1, [Signal("x\u202e", 1.0)], "/signals/0/name", "invisible_characters"),
        (1, [Signal("x", 1.0, kind="sound")], "/signals/0/kind", "unknown_kind"),
        (1, [Signal("x", 1.0, slice="*")], "/signals/0/slice", "reserved"),
        (1, [Signal("x", 1.0, sample_size=-1)], "/signals/0/sample_size", "range"),
        (1, [Signal("x", 1.0, at=ENTERED + timedelta(days=3))], "/signals/0/at", "outside"),
        (1, [auc(0.9), auc(0.8)], "/signals/1", "twice"),
        (1, [Signal(f"s{n}", 1.0) for n in range(1001)], "/signals", "too_many"),
        (1.1, [auc(0.9)], "/to", "future"),
        (-735, [auc(0.9)], "/to", "too_old"),
    ],
)
def test_a_report_that_breaks_a_rule_is_refused_whole(
    scene: Scene, day: float, given: list[Signal], pointer: str, code: str
) -> None:
    with pytest.raises(ValidationFailedError) as refused, transaction.atomic():
        scene.report(day, given, now=1)
    assert (pointer, code) in {(error.pointer, error.code) for error in refused.value.errors}
    assert not SignalReport.objects.exists()


def test_a_window_is_in_order(scene: Scene) -> None:
    with clock.freeze(ENTERED), pytest.raises(ValidationFailedError) as refused:
        signals.record_report(
            actor=access.actor_for(scene.people.priya),
            version=scene.version,
            report=Report("x", ENTERED, ENTERED - timedelta(days=1), [auc(0.9)]),
        )
    assert refused.value.errors[0].pointer == "/from"


def test_the_number_of_series_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAX_SERIES", 3)
    scene.report(1, [psi(0.1, f"feature={n}") for n in range(3)])
    scene.report(2, [psi(0.1, f"feature={n}") for n in range(3)])
    with pytest.raises(ValidationFailedError) as refused, transaction.atomic():
        scene.report(3, [auc(0.9)])
    assert refused.value.errors[0].code == "too_many_series"


def test_a_token_needs_the_scope_of_signals_only(scene: Scene) -> None:
    report = Report("nightly", ENTERED, ENTERED, [auc(0.9)])
    with clock.freeze(ENTERED):
        for scope, models, refusal, code in (
            ("versions:write", None, PermissionDeniedError, "missing_scope"),
            ("signals:write", ["other"], NotFoundError, "not_found"),
        ):
            actor = scene.people.token_of(scene.people.priya, "models:read", scope, models=models)
            with pytest.raises(refusal) as refused, transaction.atomic():
                signals.record_report(actor=actor, version=scene.version, report=report)
            assert refused.value.code == code
        monitor = scene.people.token_of(scene.people.priya, "models:read", "signals:write", models=["churn"])
        assert signals.record_report(actor=monitor, version=scene.version, report=report).is_new
        assert not access.check_permission(monitor, access.Permission.REGISTER_VERSION, scene.model)


def test_a_breach_opens_one_finding_and_an_early_review(scene: Scene) -> None:
    made = scene.report(1, [auc(0.75), psi(0.1)])
    finding = scene.finding()

    assert made.findings == (finding,)
    assert (finding.words, finding.first_value, finding.state) == ("auc >= 0.8", 0.75, "open")
    assert str(finding.policy_revision) == "monitored-staging v1"
    scene.model.refresh_from_db()
    assert scene.model.next_review == date(2026, 7, 12)
    advanced = Event.objects.get(action="review.advanced")
    assert advanced.body["changes"] == [{"field": "next_review", "from": None, "to": "2026-07-12"}]

    scene.report(2, [auc(0.7), psi(0.1)])
    again = scene.finding()
    assert (again.breaches, again.last_value, again.recovered_at) == (2, 0.7, None)
    assert Event.objects.filter(action="finding.opened").count() == 1
    assert Event.objects.filter(action="review.advanced").count() == 1
    connection.check_constraints()


def test_a_recovery_is_recorded_and_closes_nothing(scene: Scene) -> None:
    scene.report(1, [auc(0.75)])
    scene.report(2, [auc(0.9)])
    assert scene.finding().recovered_at == ENTERED + timedelta(days=2)
    assert scene.finding().closed_at is None
    scene.report(3, [auc(0.7)])
    assert (scene.finding().recovered_at, scene.finding().breaches) == (None, 2)
    done = Event.objects.filter(action__startswith="finding.").order_by("pk").values_list("action", flat=True)
    assert list(done) == ["finding.opened", "finding.recovered", "finding.recurred"]


def test_a_late_report_of_an_earlier_window_opens_a_finding_that_has_recovered(scene: Scene) -> None:
    scene.report(3, [auc(0.9)])
    scene.report(2, [auc(0.7)], now=4)
    finding = scene.finding()
    assert finding.first_at == ENTERED + timedelta(days=2)
    assert finding.recovered_at is not None


def test_a_window_before_the_stage_opens_nothing(scene: Scene) -> None:
    scene.report(-1, [auc(0.1)], now=1)
    assert not Finding.objects.exists()


def test_every_slice_is_one_limit(scene: Scene) -> None:
    scene.report(1, [psi(0.3), psi(0.4, "feature=age"), psi(0.1, "feature=region"), auc(0.9)])
    finding = scene.finding()
    assert (finding.slice, finding.breaches) == ("*", 1)
    scene.report(2, [psi(0.1), psi(0.4, "feature=age"), auc(0.9)])
    assert scene.finding().recovered_at is None
    scene.report(3, [psi(0.1, "feature=age"), auc(0.9)])
    assert scene.finding().recovered_at is not None


def test_an_unregistered_version_has_no_signals(scene: Scene) -> None:
    from registry.services.versions import VersionSpec, declare_version
    from tests.factories import artifact

    declared = declare_version(
        actor=access.actor_for(scene.people.priya),
        model=scene.model,
        spec=VersionSpec(artifacts=[artifact("a", b"b")]),
    )
    with clock.freeze(ENTERED), pytest.raises(InvalidStateError), transaction.atomic():
        signals.record_report(
            actor=access.actor_for(scene.people.priya),
            version=declared,
            report=Report("x", ENTERED, ENTERED, [auc(0.9)]),
        )


def _health(scene: Scene, day: float) -> Any:
    with clock.freeze(ENTERED + timedelta(days=day)):
        return health_of_version(scene.version)


def test_health_follows_reports_silence_and_findings(scene: Scene) -> None:
    assert _health(scene, 1).health is Health.WATCH  # nothing reported yet
    assert _health(scene, 8).health is Health.SILENT  # and never healthy
    scene.report(8, [auc(0.9), psi(0.1)])
    assert _health(scene, 8).health is Health.HEALTHY
    assert _health(scene, 15).health is Health.HEALTHY
    assert _health(scene, 15.01).health is Health.SILENT
    scene.report(16, [auc(0.81), psi(0.1)])
    assert _health(scene, 16).health is Health.WATCH
    scene.report(17, [auc(0.7), psi(0.1)])
    assert _health(scene, 17).health is Health.BREACHED
    assert _health(scene, 30).health is Health.BREACHED
    scene.report(18, [auc(0.9), psi(0.1)])
    state = _health(scene, 18)
    assert (state.health, state.reasons) == (Health.WATCH, ("auc >= 0.8: recovered, the finding is not closed",))
    with clock.freeze(ENTERED + timedelta(days=18)):
        of_model = health_of_models([scene.model])[scene.model.pk]
    assert (of_model.health, list(of_model.versions)) == (Health.WATCH, [1])


def test_one_limited_signal_that_stops_makes_the_version_silent(scene: Scene) -> None:
    scene.report(1, [auc(0.9), psi(0.1)])
    scene.report(8, [psi(0.1), Signal("latency", 12.0, kind="technical")])
    state = _health(scene, 8.5)
    assert state.health is Health.SILENT
    assert state.reasons == ("auc >= 0.8: no report for more than 7 days, the last of 2026-07-02",)


def test_the_owner_is_notified_once(scene: Scene, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    dispatching.dispatch()
    with clock.freeze(ENTERED + timedelta(days=3)):
        scene.report(1, [auc(0.75)])
        scene.report(2, [auc(0.7)])
        for _ in range(2):
            dispatching.dispatch()
            for number in delivering.due():
                delivering.deliver(number)
    (sent,) = mail.outbox
    assert sent.to == ["priya@bank.example"]
    assert "is beyond its limit" in sent.subject
    assert Event.objects.get(action="finding.notified").body["data"] == {"person": scene.people.priya.uid}


def test_persons_acknowledge_and_close(scene: Scene) -> None:
    scene.report(1, [auc(0.75)])
    finding, people = scene.finding(), scene.people
    priya, marta = access.actor_for(people.priya), access.actor_for(people.marta)

    with pytest.raises(PermissionDeniedError):
        findings.close(actor=priya, finding=finding, reason="mine, and fine")
    with pytest.raises(PermissionDeniedError):
        findings.acknowledge(actor=people.token_of(people.priya, *access.SCOPES), finding=finding, note="x")
    with pytest.raises(ValidationFailedError):
        findings.acknowledge(actor=priya, finding=finding, note=" ")
    with clock.freeze(ENTERED + timedelta(days=2)):
        findings.acknowledge(actor=priya, finding=finding, note="A feed was late; it is loaded again.")
        with pytest.raises(InvalidStateError):
            findings.acknowledge(actor=priya, finding=finding, note="again")
        findings.close(actor=marta, finding=finding, reason="The feed is complete, the value is within the limit.")
        with pytest.raises(InvalidStateError):
            findings.close(actor=marta, finding=finding, reason="again")
    done = scene.finding()
    assert (done.state, done.acknowledged_by, done.closed_by) == ("closed", people.priya, people.marta)

    scene.report(1.5, [auc(0.6)], now=3)  # a window that ended before the closure
    assert Finding.objects.count() == 1
    scene.report(3, [auc(0.6)])
    assert Finding.objects.filter(closed_at=None).count() == 1
    connection.check_constraints()


STATEMENTS = (
    "UPDATE governance_signalvalue SET value = 0.99",
    "DELETE FROM governance_signalvalue",
    "UPDATE governance_signalreport SET source = 'other'",
    "UPDATE governance_signalseries SET name = 'other'",
    "UPDATE governance_monitoringfinding SET first_value = 0.9",
    "UPDATE governance_monitoringfinding SET resolved_at = NULL, resolved_by_id = NULL, resolution = ''",
    "DELETE FROM governance_monitoringfinding",
    (
        "INSERT INTO governance_signalvalue (series_id, at, report_id, value)"
        " SELECT series_id, now(), report_id, 1 FROM governance_signalvalue"
    ),
)


def test_the_database_keeps_what_was_reported(transactional_db: None) -> None:
    made = build()
    made.report(1, [auc(0.75)])
    findings.close(actor=access.actor_for(made.people.marta), finding=made.finding(), reason="Looked at.")
    for statement in STATEMENTS:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
