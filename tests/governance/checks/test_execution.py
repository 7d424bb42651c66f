"""The life of a check run's row, from plan to conclusion, on the database."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import promotions, selectors, task_queue
from governance.checks import check_runs, entry_points, run_worker, runner
from governance.checks.base import CheckOutcome, Conclusion
from governance.checks.builtin.integrity_digest import IntegrityDigest
from governance.checks.check_runs import Result
from governance.models import CheckRun
from governance.services import evidence
from registry import access, storage
from registry.exceptions import ConflictError, ValidationFailedError
from registry.models import ModelVersion
from registry.services import verification_keys, versions
from registry.services.claiming import Lease
from registry.services.versions import MetricSpec
from tests import factories
from tests.fixtures.scenes import Share
from tests.governance.checks.tried import PASSED, actions, ask, claimed, for_champion, later, latest, runs, settle
from tests.governance.promotions.conftest import CARD, Bank, found_bank


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(found_bank)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None) -> Bank:
    return _shared_bank.again()


# --- planning ---


def test_a_request_queues_its_policys_checks_with_an_event_each(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    found = {run.check_slug: run for run in CheckRun.objects.filter(request=request)}
    assert set(found) == {"integrity.digest", "artifact.format", "artifact.scan", "docs.model_card"}
    assert {run.status for run in found.values()} == {"queued"}
    assert found["docs.model_card"].mode == "advisory"
    assert found["docs.model_card"].params["min_words"] == 20
    for run in found.values():
        (event,) = events_for_object(ObjectRef("check_run", str(run.uid)))
        assert event.action == "check.queued"
        assert event.body["data"]["inputs"] == run.inputs_digest
        assert event.stream_id == f"model:{request.model.uid}"


def test_nothing_is_due_where_nothing_changed(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    before = CheckRun.objects.count()
    promotions.reevaluate(request.pk)
    promotions.reevaluate(request.pk)
    assert CheckRun.objects.count() == before


def test_the_digest_covers_what_a_check_reads_and_nothing_else(bank: Bank) -> None:
    version = bank.version()
    request = for_champion(bank, version)
    before = {run.check_slug: run.inputs_digest for run in CheckRun.objects.filter(request=request)}
    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")
    after = {slug: latest(request, slug).inputs_digest for slug in before}
    assert {slug for slug in before if before[slug] != after[slug]} == {"docs.model_card"}
    evidence.attach_metrics(actor=bank.actor("priya"), version=version, metrics=[MetricSpec("accuracy", 0.93)])
    again = {slug: latest(request, slug).inputs_digest for slug in before}
    assert {slug for slug in before if again[slug] != after[slug]} == {"performance.threshold"}


def test_a_check_that_lacks_evidence_waits_and_says_for_what(bank: Bank) -> None:
    version = factories_version(bank)
    request = for_champion(bank, version)
    waiting = latest(request, "docs.model_card")
    assert waiting.status == "waiting_evidence"
    assert waiting.summary.startswith("Add to the version: model.card. Run: countersign attach ")
    assert check_runs.claim(waiting.pk) is None
    assert "accuracy" in latest(request, "performance.threshold").summary

    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.conclusion) == ("completed", "cancelled")
    assert actions(waiting) == ["check.cancelled", "check.queued"]
    assert latest(request, "docs.model_card").status == "queued"
    assert latest(request, "docs.model_card").attempt == 1


def factories_version(bank: Bank) -> ModelVersion:
    """A version with a file and nothing else."""

    return factories.version(bank.model, bank.people["priya"], {"model.json": b"{}"})


def test_new_evidence_cancels_the_run_that_has_begun(bank: Bank) -> None:
    version = bank.version()
    request = for_champion(bank, version)
    begun = latest(request, "docs.model_card")
    held = claimed(begun)
    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")
    assert check_runs.QUEUE.heartbeat(held) is False
    assert check_runs.complete(held, PASSED, settle=settle) is False
    begun.refresh_from_db()
    assert begun.conclusion == "cancelled"
    assert latest(request, "docs.model_card").status == "queued"


def test_evidence_that_changed_unnoticed_is_not_judged_under_the_old_digest(bank: Bank) -> None:
    version = bank.version()
    request = for_champion(bank, version)
    run = latest(request, "docs.model_card")
    # The registry's own service, without the gate's refresh.
    versions.add_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")
    assert run_worker.run_claimed_check(run.pk, settle=settle)
    run.refresh_from_db()
    assert run.conclusion == "cancelled"
    again = latest(request, "docs.model_card")
    assert (again.pk != run.pk, again.status) == (True, "queued")
    assert run_worker.run_claimed_check(again.pk, settle=settle)
    again.refresh_from_db()
    assert again.conclusion == "success"


def test_evidence_taken_back_to_what_it_was_is_judged_again(bank: Bank) -> None:
    version = bank.version()
    request = for_champion(bank, version)
    for text in (CARD + "\nMore.\n", CARD):
        evidence.attach_card(actor=bank.actor("priya"), version=version, text=text)
    first, second, third = runs(request, "docs.model_card")
    assert first.inputs_digest == third.inputs_digest != second.inputs_digest
    assert (first.attempt, second.attempt, third.attempt) == (1, 1, 2)


def test_a_result_grows_too_old(bank: Bank) -> None:
    request = ask(bank, "[{check: integrity.digest, max_age_days: 5}]")
    bank.run_checks(request)
    with later(days=4):
        promotions.reevaluate(request.pk)
        assert len(runs(request)) == 1
    with later(days=6):
        promotions.reevaluate(request.pk)
        assert [r.status for r in runs(request)] == ["completed", "queued"]
        assert latest(request).attempt == 2


def test_a_new_version_of_the_check_makes_the_result_stale(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ask(bank, "[{check: integrity.digest}]")
    bank.run_checks(request)
    monkeypatch.setattr(IntegrityDigest, "version", "2.0.0")
    promotions.reevaluate(request.pk)
    assert [(r.check_version, r.status) for r in runs(request)] == [("1.0.0", "completed"), ("2.0.0", "queued")]


def test_beat_settles_requests_with_stale_results(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (ask(bank, f"[{{check: integrity.digest{age}}}]") for age in (", max_age_days: 5", ""))
    for request in (old, new):
        bank.run_checks(request)
    assert promotions.to_settle(timedelta(0)) == []
    with later(days=6):
        assert promotions.to_settle(timedelta(0)) == [old.pk]
    monkeypatch.setattr(IntegrityDigest, "version", "2.0.0")
    assert promotions.to_settle(timedelta(0)) == [old.pk, new.pk]
    for number in promotions.to_settle(timedelta(0)):
        promotions.reevaluate(number)
    assert promotions.to_settle(timedelta(0)) == []


def test_beat_settles_requests_that_a_change_of_the_keys_affects(bank: Bank) -> None:
    officers = [factories.officer(), factories.officer()]
    key = factories.verification_key(*officers)
    signed = ask(bank, "[{check: integrity.signature}]")
    other = ask(bank, "[{check: integrity.digest}]")
    with later(days=2):
        assert promotions.to_settle(timedelta(days=1)) == []
        verification_keys.revoke(actor=access.actor_for(officers[0]), key=key, reason="lost with a laptop")
        assert promotions.to_settle(timedelta(days=1)) == [signed.pk]
        before = latest(signed, "integrity.signature").inputs_digest
        promotions.reevaluate(signed.pk)
        assert latest(signed, "integrity.signature").inputs_digest != before
    assert other.is_live


def test_a_decision_over_a_stale_result_has_the_check_run_again(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    request = for_champion(bank, bank.version())
    bank.run_checks(request)
    shown = selectors.request_page(bank.actor("marta"), request.pk).packet_digest
    monkeypatch.setattr(IntegrityDigest, "version", "2.0.0")
    with pytest.raises(ConflictError, match="changed while you were reading"):
        bank.decide(request, "marta", "request_changes", packet=shown)
    assert latest(request, "integrity.digest").status == "queued"
    assert not request.decisions.exists()


def test_a_check_that_is_not_installed_blocks_and_says_so(
    bank: Bank, with_plugins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence_policy = "[{check: acme.flaky, params: {mended: /nowhere}}]"
    request = ask(bank, evidence_policy)
    entry_points.installed.cache_clear()
    monkeypatch.setattr(entry_points, "entry_points", lambda group: ())
    promotions.reevaluate(request.pk)
    gone = latest(request, "acme.flaky")
    assert (gone.status, gone.conclusion) == ("completed", "error")
    assert "No check called acme.flaky is installed" in gone.summary
    assert actions(gone) == ["check.completed", "check.queued"]
    assert bank.fresh(request).state == "blocked"
    promotions.reevaluate(request.pk)
    assert latest(request, "acme.flaky").pk == gone.pk

    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(Path(__file__).with_name("plugins")))
    entry_points.installed.cache_clear()
    promotions.reevaluate(request.pk)
    assert latest(request, "acme.flaky").status == "queued"


def test_a_check_that_cannot_say_what_it_lacks_blocks_and_says_so(bank: Bank, with_plugins: None) -> None:
    request = ask(bank, "[{check: acme.clumsy}]")
    run = latest(request, "acme.clumsy")
    assert (run.status, run.conclusion) == ("completed", "error")
    assert "RuntimeError: missing() does not work" in run.summary
    assert bank.fresh(request).state == "blocked"
    promotions.reevaluate(request.pk)
    assert latest(request, "acme.clumsy").pk == run.pk


def test_a_policy_that_names_a_broken_check_is_refused_with_its_fault(bank: Bank, with_plugins: None) -> None:
    with pytest.raises(ValidationFailedError, match="asks for the facts “salaries”"):
        ask(bank, "[{check: acme.curious}]")


# --- claiming and completing ---


def test_a_run_is_claimed_once_and_completed_by_its_claim_alone(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    run = latest(request)
    held = claimed(run)
    assert check_runs.claim(run.pk) is None
    assert check_runs.complete(Lease(run.pk, uuid4()), PASSED, settle=settle) is False
    run.refresh_from_db()
    assert run.status == "running"
    assert check_runs.QUEUE.heartbeat(held)
    assert check_runs.complete(held, PASSED, settle=settle)
    run.refresh_from_db()
    assert (run.status, run.conclusion) == ("completed", "success")
    assert check_runs.complete(held, Result.error("late"), settle=settle) is False
    assert check_runs.QUEUE.heartbeat(held) is False
    assert run_worker.run_claimed_check(run.pk, settle=settle) is False
    assert actions(run) == ["check.completed", "check.queued"]


def test_a_completion_is_recorded_by_its_digest(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    run = latest(request)
    run_worker.run_claimed_check(run.pk, settle=settle)
    run.refresh_from_db()
    event = events_for_object(ObjectRef("check_run", str(run.uid)))[0]
    assert event.body["actor"] == {"type": "process", "id": "check-worker", "auth": "process"}
    assert event.body["data"]["outcome"] == check_runs.outcome_digest(run)
    assert event.body["changes"] == [{"field": "conclusion", "from": None, "to": "success"}]
    assert run.conditions["check_origin"] == "countersign"
    assert run.conditions["limits"]["memory"] == 512 << 20
    assert run.measures == {"files": 1, "bytes": 16, "faults": 0}


def test_a_run_that_is_not_due_yet_is_left_alone(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    check_runs.complete(claimed(latest(request)), Result.error("broke"), settle=settle)
    again = latest(request)
    assert again.status == "queued"
    assert check_runs.claim(again.pk) is None
    assert again.pk not in check_runs.due_runs()
    with later(seconds=31):
        assert again.pk in check_runs.due_runs()
        assert check_runs.claim(again.pk)


def test_two_workers_and_one_run(transactional_db: None) -> None:
    bank = found_bank()
    with task_queue.suppress_enqueue():  # a worker that other tests left running must not hear of it
        request = bank.request(bank.version(), stage="staging")
    run = latest(request)
    start = threading.Barrier(4)
    claims: list[Lease | None] = []

    def compete() -> None:
        try:
            start.wait()
            claims.append(check_runs.claim(run.pk))
        finally:
            connection.close()

    workers = [threading.Thread(target=compete) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(claims) == 4
    (held,) = [c for c in claims if c is not None]

    done: list[bool] = []

    def complete(result: Result) -> None:
        try:
            done.append(check_runs.complete(held, result, settle=settle))
        finally:
            connection.close()

    both = [threading.Thread(target=complete, args=(r,)) for r in (PASSED, Result.error("late"))]
    for worker in both:
        worker.start()
    for worker in both:
        worker.join()
    assert sorted(done) == [False, True]
    assert actions(run).count("check.completed") == 1


def test_the_result_is_kept_where_settling_fails(bank: Bank, django_capture_on_commit_callbacks: Any) -> None:
    request = bank.request(bank.version(), stage="staging")
    run = latest(request)

    def broken(number: int) -> None:
        assert CheckRun.objects.get(pk=run.pk).status == "completed"
        raise RuntimeError("a fault in the gate")

    with django_capture_on_commit_callbacks() as bells:
        assert check_runs.complete(claimed(run), PASSED, settle=broken)
    run.refresh_from_db()
    assert run.conclusion == "success"
    assert [bell.args[:2] for bell in bells] == [("governance.tasks.settle_request", (request.pk,))]
    assert request.pk in check_runs.lately_completed(timedelta(minutes=2))


# --- errors, and trying again ---


def test_an_error_is_tried_twice_more_with_longer_pauses(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    pauses = []
    with clock.freeze(clock.now()):
        for _ in range(3):
            run = latest(request)
            if run.run_after is not None:
                pauses.append((run.run_after - clock.now()).total_seconds())
                clock.advance(run.run_after - clock.now())
            check_runs.complete(claimed(run), Result.error("The check broke."), settle=settle)
    assert pauses == list(settings.COUNTERSIGN_CHECK_RETRY_PAUSES) == [30.0, 120.0]
    assert [(r.attempt, r.conclusion) for r in runs(request)] == [(1, "error"), (2, "error"), (3, "error")]
    assert bank.fresh(request).state == "blocked"


def test_while_it_is_tried_again_the_request_waits_and_does_not_block(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    check_runs.complete(claimed(latest(request)), Result.error("broke"), settle=settle)
    assert bank.fresh(request).state == "open"
    with later(seconds=31):
        bank.run_checks(request)
    assert bank.fresh(request).state == "promoted"
    assert [r.conclusion for r in runs(request)] == ["error", "success"]


def test_new_inputs_begin_with_new_attempts(bank: Bank) -> None:
    version = bank.version()
    request = for_champion(bank, version)
    check_runs.complete(claimed(latest(request, "docs.model_card")), Result.error("broke"), settle=settle)
    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")
    retry, fresh = runs(request, "docs.model_card")[1:]
    assert (retry.attempt, retry.conclusion) == (2, "cancelled")
    assert (fresh.attempt, fresh.status, fresh.run_after) == (1, "queued", None)


@pytest.mark.parametrize("conclusion", [Conclusion.FAILURE, Conclusion.ACTION_REQUIRED, Conclusion.NEUTRAL])
def test_an_answer_is_never_tried_again(bank: Bank, conclusion: Conclusion) -> None:
    request = bank.request(bank.version(), stage="staging")
    check_runs.complete(claimed(latest(request)), Result.of(CheckOutcome(conclusion, "No."), {}), settle=settle)
    assert len(runs(request)) == 1
    assert bank.fresh(request).state == "blocked"


def test_a_closed_request_has_its_runs_cancelled_and_nothing_is_tried_again(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    held = claimed(latest(request))
    promotions.withdraw(actor=bank.actor("priya"), request=request, reason="a mistake")
    assert {run.conclusion for run in CheckRun.objects.filter(request=request)} == {"cancelled"}
    assert check_runs.complete(held, Result.error("late"), settle=settle) is False
    assert len(runs(request)) == 1
    assert check_runs.due_runs() == []


def test_a_worker_that_went_silent_is_given_up_and_the_check_tried_again(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    held = claimed(latest(request))
    with later(seconds=settings.COUNTERSIGN_CHECK_LOST_AFTER - 1):
        assert check_runs.fail_lost_runs(settle=settle) == 0
        check_runs.QUEUE.heartbeat(held)
    with later(seconds=settings.COUNTERSIGN_CHECK_LOST_AFTER + 10):
        assert check_runs.fail_lost_runs(settle=settle) == 0
    with later(seconds=3 * settings.COUNTERSIGN_CHECK_LOST_AFTER):
        assert check_runs.fail_lost_runs(settle=settle) == 1
        assert check_runs.fail_lost_runs(settle=settle) == 0
        lost, again = runs(request)
        assert (lost.conclusion, again.status) == ("error", "queued")
        assert "lost" in lost.summary
        # It was only slow, and comes back: too late.
        assert check_runs.complete(held, PASSED, settle=settle) is False
    lost.refresh_from_db()
    assert lost.conclusion == "error"


def test_whatever_goes_wrong_on_the_way_is_an_error_of_the_run(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    request = bank.request(bank.version(), stage="staging")
    monkeypatch.setattr(storage, "open_blob", None)
    assert run_worker.run_claimed_check(latest(request).pk, settle=settle)
    assert runs(request)[0].conclusion == "error"
    assert "TypeError" in runs(request)[0].summary
    assert latest(request).status == "queued"


# --- what the database refuses ---


def refused(sql: str, *arguments: str | int | None) -> None:
    def attempt() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            connection.check_constraints()

    with pytest.raises(IntegrityError):
        attempt()


def test_a_conclusion_without_its_event_is_refused(transactional_db: None) -> None:
    bank = found_bank()
    request = bank.request(bank.version(), stage="staging")
    run = latest(request)
    assert check_runs.claim(run.pk)
    passed = "status = 'completed', conclusion = 'success', completed_at = now()"
    refused(f"UPDATE governance_checkrun SET {passed} WHERE id = %s", run.pk)
    refused("UPDATE governance_checkrun SET summary = 'fine' WHERE id = %s", run.pk)
    run.refresh_from_db()
    assert (run.status, run.conclusion) == ("running", "")


def test_a_conclusion_is_final_even_with_an_event(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    run = latest(request)
    check_runs.complete(claimed(run), Result.of(CheckOutcome(Conclusion.FAILURE, "No."), {}), settle=settle)
    for change in (
        "conclusion = 'success'",
        "summary = 'fine'",
        "findings = '[]'",
        "status = 'queued'",
        "claim = NULL",
    ):
        refused(f"UPDATE governance_checkrun SET {change} WHERE id = %s", run.pk)
    refused("DELETE FROM governance_checkrun WHERE id = %s", run.pk)


def test_what_a_run_was_asked_stays_as_it_was_asked(bank: Bank) -> None:
    run = latest(bank.request(bank.version(), stage="staging"))
    for change in (
        "mode = 'advisory'",
        "params = '{\"a\": 1}'",
        "inputs_digest = repeat('0', 64)",
        "check_slug = 'docs.model_card'",
        "attempt = 9",
    ):
        refused(f"UPDATE governance_checkrun SET {change} WHERE id = %s", run.pk)


def test_a_check_of_much_evidence_has_a_queue_of_its_own_and_reports_its_progress(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    run = CheckRun.objects.filter(request=request, check_slug="integrity.digest").get()
    assert run.input_bytes == sum(artifact.size for artifact in request.version.artifacts.all())
    assert check_runs.queue_of(run.input_bytes) is None
    assert check_runs.queue_of(check_runs.LARGE_BYTES + 1) == task_queue.LARGE_CHECKS
    lease = check_runs.claim(run.pk)
    assert lease is not None
    assert check_runs.note_progress(lease, runner.Progress(done=5, total=9))
    assert "5 of 9 bytes" in str(CheckRun.objects.get(pk=run.pk).progress)
    assert check_runs.note_progress(lease, runner.Progress(runner.Phase.CHECKING, 9, 9))
    assert str(CheckRun.objects.get(pk=run.pk).progress) == "the check runs"
    check_runs.complete(lease, Result.error("gone"), settle=lambda number: None)
    again = CheckRun.objects.filter(request=request, check_slug="integrity.digest").order_by("-pk")[0]
    assert (again.attempt, again.input_bytes) == (2, run.input_bytes)
    assert not check_runs.note_progress(lease, runner.Progress())
