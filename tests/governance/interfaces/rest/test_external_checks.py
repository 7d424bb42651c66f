"""Results of checks that other systems run: reported with a token that names the check, bound to what was checked."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit import clock
from audit.models import Event
from governance.models import CheckRun, ExternalRun, Packet, PromotionRequest
from governance.services import external_checks, policies, setup
from registry.access import Role
from registry.exceptions import ValidationFailedError
from registry.models import User
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.rest.conftest import Caller
from tests.personas import People

NAME = "acme.robustness"
POLICY = f"""
slug: robust-staging
title: Staging needs a robustness test from outside
applies_to: {{stages: [staging]}}
priority: 90
checks:
  - check: {NAME}
    external: true
    timeout: 60
on_ready: hold
"""
RUNS = f"/models/credit-risk-pd/versions/1/checks/{NAME}/runs"
SCOPES = ("models:read", "versions:write", "promotions:write", "checks:write")


def junit(inner: str) -> bytes:
    return f'<?xml version="1.0"?><testsuites><testsuite name="s">{inner}</testsuite></testsuites>'.encode()


PASSED, FAILED = '<testcase name="a"/>', '<testcase name="b" classname="c"><failure message="too slow"/></testcase>'


def sarif(*results: dict[str, Any], **run: Any) -> bytes:
    tool = {"driver": {"name": "robust", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}).encode()


@pytest.fixture
def ci(installed: People, priya_calls: Caller) -> Caller:
    """A pipeline that may report this check, and a version that Priya registered."""
    priya_calls.register_model(risk_tier=3)
    priya_calls.register_version("credit-risk-pd", {"model.json": b'{"weights": [1]}'})
    factories.grant(Role.DEVELOPER, to=installed.ci_retail)
    policies.publish(actor=setup.INSTALLER, source=POLICY, reason="the scene of a test")
    return reporter(installed.ci_retail)


def reporter(account: Any, *names: str) -> Caller:
    return Caller(factories.token(account, SCOPES, checks=names or (NAME,))[1])


def ask(caller: Caller) -> int:
    made = caller.post(
        "/promotions", {"model": "credit-risk-pd", "version": 1, "target": {"stage": "staging"}, "reason": "why not"}
    )
    assert made.status == 201, made
    return int(made.json["id"])


def gate(caller: Caller, number: int) -> tuple[str, dict[str, Any]]:
    shown = caller.get(f"/promotions/{number}").json
    (found,) = [each for each in shown["requirements"] if each["id"] == f"check:{NAME}"]
    return PromotionRequest.objects.get(pk=number).state, found


def shown_request(person: User, path: str) -> dict[str, Any]:
    """Return the body of the request with curl that a page shows."""
    browser = Client()
    browser.force_login(person, backend="registry.access.backend.RoleBackend")
    page = html.unescape(browser.get(path).content.decode())
    assert f"/api/v1{RUNS}" in page
    assert f"countersign check report credit-risk-pd 1 {NAME} \\\n" in page
    body: dict[str, Any] = json.loads(re.search(r"-d '(.+?)'\n?</pre>", page)[1])  # type: ignore[index]  # it is shown
    return body


@pytest.mark.django_db
class TestReporting:
    def test_the_pages_show_a_request_that_reports_the_result(self, installed: People, ci: Caller) -> None:
        before = shown_request(installed.priya, "/models/credit-risk-pd/versions/1/?target=staging")
        number = ask(ci)
        body = shown_request(installed.priya, f"/promotions/{number}/")
        assert body == before

        assert ci.post(RUNS, body).status == 201

        assert gate(ci, number)[1]["state"] == "met"

    def test_a_required_check_is_expected_until_its_result_is_reported(self, ci: Caller) -> None:
        number = ask(ci)
        state, expected = gate(ci, number)
        assert (state, expected["state"]) == ("open", "waiting")
        assert "expected" in expected["detail"]
        assert f"countersign check report credit-risk-pd 1 {NAME}" in expected["how_to_fulfil"]

        begun = ci.post(RUNS, {"status": "queued"})
        assert begun.status == 201, begun
        run = begun.json
        assert (run["status"], run["conclusion"], run["stale"]) == ("queued", None, False)
        assert run["required_by"] == ["robust-staging"]
        assert begun.headers["Location"].endswith(f"/check-runs/{run['id']}")
        assert gate(ci, number)[1]["detail"] == "queued"

        path = f"/check-runs/{run['id']}"
        assert ci.patch(path, {"status": "running", "progress": "3 of 9 attacks"}).json["progress"] == "3 of 9 attacks"
        assert gate(ci, number)[1]["detail"] == "running"
        assert ci.upload(f"{path}/attachment?format=junit&filename=r.xml", junit(PASSED)).status == 200
        result = {
            "conclusion": "success",
            "summary": "All attacks were survived.",
            "details_url": "https://ci.example/7",
            "findings": [{"code": "slow", "message": "One attack was slow.", "severity": "info"}],
            "measures": {"attacks": 9},
        }
        done = ci.patch(path, result)
        assert done.status == 200, done
        assert done.json["measures"] == {"attacks": 9, "tests": 1, "failed": 0, "skipped": 0}
        assert ci.patch(path, result).json == done.json
        assert gate(ci, number)[0] == "ready"
        ci.patch(path, {"conclusion": "failure"}).problem(409, "run_completed")

        (shown,) = ci.get(f"/promotions/{number}/checks").json["items"]
        assert (shown["source"], shown["details_url"]) == ("external", "https://ci.example/7")
        assert shown["reported_by"]["name"] == "CI retail"
        packet = json.loads(bytes(Packet.objects.get(request=number).body))
        (checked,) = packet["checks"]
        assert checked["reported"]["source"] == "external"
        assert checked["reported"]["reported_by"] == ExternalRun.objects.get().reported_by.uid
        assert checked["reported"]["attachment"] == done.json["attachment"]["sha256"]
        actions = [e.action for e in Event.objects.order_by("pk") if e.action.startswith("external_run.")]
        assert actions == ["external_run.started", "external_run.attached", "external_run.completed"]
        downloaded = ci.get(f"{path}/attachment")
        assert downloaded.raw == junit(PASSED)

    def test_a_result_may_be_older_than_the_request_and_is_bound_to_what_was_checked(self, ci: Caller) -> None:
        digest = ci.get(RUNS).json["inputs_digest"]
        problem = ci.post(RUNS, {"conclusion": "success"}).problem(422, "invalid_input")
        assert problem["errors"][0]["pointer"] == "/inputs_digest"
        assert ci.post(RUNS, {"conclusion": "success", "inputs_digest": digest}).status == 201
        number = ask(ci)
        assert gate(ci, number)[0] == "ready"

        running = ci.post(RUNS, {}).json
        assert gate(ci, number)[0] == "open"
        added = ci.post("/models/credit-risk-pd/versions/1/metrics", {"metrics": [{"name": "auc", "value": 0.9}]})
        assert added.status == 201
        state, stale = gate(ci, number)
        assert (state, "expected" in stale["detail"] or "stale" in stale["detail"]) == ("open", True)
        assert "countersign check report" in stale["how_to_fulfil"]
        ci.patch(f"/check-runs/{running['id']}", {"conclusion": "success"}).problem(409, "stale_inputs")
        ci.post(RUNS, {"conclusion": "success", "inputs_digest": digest}).problem(409, "stale_inputs")
        assert ci.get(f"/check-runs/{running['id']}").json["stale"] is True
        assert external_checks.end_overdue() == 1
        assert ci.get(f"/check-runs/{running['id']}").json["conclusion"] == "cancelled"

        now = ci.get(RUNS).json["inputs_digest"]
        assert now != digest
        assert ci.post(RUNS, {"conclusion": "failure", "inputs_digest": now}).status == 201
        assert gate(ci, number)[0] == "blocked"
        assert ci.post(RUNS, {"conclusion": "success", "inputs_digest": now}).status == 201
        assert gate(ci, number)[0] == "ready"

    @pytest.mark.parametrize("conclusion", ["failure", "action_required", "neutral"])
    def test_only_success_satisfies(self, ci: Caller, conclusion: str) -> None:
        number = ask(ci)
        ci.patch(f"/check-runs/{ci.post(RUNS, {}).json['id']}", {"conclusion": conclusion})
        state, found = gate(ci, number)
        assert (state, found["state"]) == ("blocked", "failed")
        run = CheckRun.objects.get(request=number)
        assert (run.conclusion, run.status) == (conclusion, "completed")

    @pytest.mark.parametrize("conclusion", ["skipped", "cancelled", "error", "passed", ""])
    def test_other_conclusions_are_set_by_the_product_alone(self, ci: Caller, conclusion: str) -> None:
        run = ci.post(RUNS, {}).json
        assert ci.patch(f"/check-runs/{run['id']}", {"conclusion": conclusion}).status in (400, 422)
        assert ci.get(f"/check-runs/{run['id']}").json["status"] == "running"

    def test_a_run_that_is_not_completed_in_time_is_an_error(self, ci: Caller) -> None:
        number = ask(ci)
        run = ci.post(RUNS, {}).json
        assert external_checks.end_overdue() == 0
        ExternalRun.objects.filter(uid=run["id"]).update(started_at=clock.now() - timedelta(seconds=61))
        assert external_checks.end_overdue() == 1
        state, found = gate(ci, number)
        assert (state, found["state"]) == ("blocked", "failed")
        assert "within 60 seconds" in found["detail"]
        assert "countersign check report" in found["how_to_fulfil"]
        assert CheckRun.objects.get(request=number).conclusion == "error"
        run_due_checks()  # an error of the outside is not retried by a worker
        assert CheckRun.objects.filter(request=number).count() == 1
        ci.patch(f"/check-runs/{run['id']}", {"conclusion": "success"}).problem(409, "run_completed")

    def test_a_newer_run_of_the_same_account_cancels_an_unfinished_one(self, ci: Caller) -> None:
        first = ci.post(RUNS, {}).json
        key = {"Idempotency_Key": "a"}
        second = ci.post(RUNS, {}, **key).json
        assert ci.post(RUNS, {}, **key).json["id"] == second["id"]
        runs = {run["id"]: run["conclusion"] for run in ci.get(RUNS).json["items"]}
        assert runs == {first["id"]: "cancelled", second["id"]: None}


@pytest.mark.django_db
class TestWhoMayReport:
    def test_a_token_reports_the_checks_it_names_and_no_other(self, ci: Caller, installed: People) -> None:
        other = reporter(installed.ci_retail, "acme.other")
        problem = other.post(RUNS, {}).problem(403, "check_not_named")
        assert "acme.other" in problem["detail"]
        run = ci.post(RUNS, {}).json
        other.patch(f"/check-runs/{run['id']}", {"conclusion": "success"}).problem(403, "check_not_named")
        other.upload(f"/check-runs/{run['id']}/attachment?format=json&filename=a.json", b"{}").problem(
            403, "check_not_named"
        )
        unscoped = Caller(factories.token(installed.ci_retail, ("models:read", "versions:write"))[1])
        unscoped.post(RUNS, {}).problem(403, "missing_scope")
        assert ci.get("/whoami").json["checks"] == [NAME]

    def test_only_the_account_that_began_a_run_completes_it(self, ci: Caller, installed: People) -> None:
        factories.grant(Role.REGISTRAR, to=installed.aiko)
        run = ci.post(RUNS, {}).json
        aiko = reporter(installed.aiko)
        aiko.patch(f"/check-runs/{run['id']}", {"conclusion": "success"}).problem(403, "other_reporter")
        reporter(installed.eve).post(RUNS, {}).problem(404, "not_found")
        reporter(installed.eve).get(f"/check-runs/{run['id']}").problem(404, "not_found")

    def test_people_do_not_judge_their_own_request(self, ci: Caller, installed: People) -> None:
        priya = reporter(installed.priya)
        number = ask(priya)
        assert (
            priya.post(RUNS, {"inputs_digest": ci.get(RUNS).json["inputs_digest"], "conclusion": "success"}).status
            == 201
        )
        state, found = gate(ci, number)
        assert (state, found["state"]) == ("open", "waiting")
        assert "Priya Nair reported a result and requested the promotion" in found["detail"]
        factories.grant(Role.REGISTRAR, to=installed.aiko)
        reporter(installed.aiko).patch(
            f"/check-runs/{reporter(installed.aiko).post(RUNS, {}).json['id']}", {"conclusion": "success"}
        )
        assert gate(ci, number)[0] == "ready"

    def test_a_policy_may_count_service_accounts_only(self, ci: Caller, installed: People) -> None:
        policies.publish(
            actor=setup.INSTALLER,
            source=POLICY.replace("timeout: 60", "reported_by: service_account"),
            reason="the scene of a test",
        )
        factories.grant(Role.REGISTRAR, to=installed.aiko)
        number, aiko = ask(ci), reporter(installed.aiko)
        aiko.patch(f"/check-runs/{aiko.post(RUNS, {}).json['id']}", {"conclusion": "success"})
        assert "service accounts only" in gate(ci, number)[1]["detail"]
        ci.patch(f"/check-runs/{ci.post(RUNS, {}).json['id']}", {"conclusion": "success"})
        assert gate(ci, number)[0] == "ready"

    @pytest.mark.parametrize("name", ["integrity.digest", "artifact.virus"])
    def test_checks_of_the_product_are_not_reported(self, ci: Caller, installed: People, name: str) -> None:
        caller = reporter(installed.ci_retail, name)
        problem = caller.post(RUNS.replace(NAME, name), {}).problem(422, "invalid_input")
        assert problem["errors"][0]["code"] == "not_external"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "raw", "code"),
    [
        ("junit", b'<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>', "not_a_report"),
        ("junit", b"<html/>", "not_a_report"),
        ("junit", b"<testsuites>", "not_a_report"),
        ("junit", b"<testsuite>" * 100, "not_a_report"),
        ("junit", b'<?xml version="1.0" encoding="no-such"?><testsuites/>', "not_a_report"),
        ("sarif", b'{"version": "2.0.0", "runs": [{}]}', "not_a_report"),
        ("sarif", b'{"version": "2.1.0", "runs": []}', "not_a_report"),
        ("sarif", b"[" * 10_000, "not_a_report"),
        ("json", b'{"findings": [{"code": "Bad Code", "message": "m"}]}', "not_a_report"),
        ("json", b'{"measures": {"a": NaN}}', "not_a_report"),
        ("json", b"", "not_a_report"),
    ],
)
def test_a_report_that_cannot_be_read_is_refused(ci: Caller, form: str, raw: bytes, code: str) -> None:
    run = ci.post(RUNS, {}).json
    answer = ci.upload(f"/check-runs/{run['id']}/attachment?format={form}&filename=r", raw)
    assert answer.problem(422, "invalid_input")["errors"][0]["code"] == code
    assert ci.get(f"/check-runs/{run['id']}").json["attachment"] is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "raw", "severities", "contradicts"),
    [
        ("junit", junit(PASSED + FAILED), ["high"], True),
        ("junit", junit(""), [], True),
        ("junit", junit('<testcase name="a"><skipped/></testcase>'), [], True),
        ("sarif", sarif({"ruleId": "R1", "message": {"text": "m"}}), ["high"], True),
        ("sarif", sarif({"ruleId": "R1", "message": {"text": "m"}, "suppressions": [{"kind": "external"}]}), [], False),
        ("sarif", sarif({"ruleId": "R2"}, {"ruleId": "R3", "level": "note"}), ["warning", "info"], False),
        ("sarif", sarif(invocations=[{"executionSuccessful": False}]), [], True),
        ("sarif", b'{"version": "2.1.0", "runs": [{"tool": {}}]}', [], True),
        ("json", b'{"findings": [{"code": "a", "message": "m", "severity": "critical"}], "x": 1}', ["critical"], False),
    ],
)  # fmt: skip
def test_a_report_becomes_findings_and_may_contradict_a_success(
    ci: Caller, form: str, raw: bytes, severities: list[str], contradicts: bool
) -> None:
    path = f"/check-runs/{ci.post(RUNS, {}).json['id']}"
    attached = ci.upload(f"{path}/attachment?format={form}&filename=report", raw)
    assert [finding["severity"] for finding in attached.json["findings"]] == severities
    answer = ci.patch(path, {"conclusion": "success"})
    assert answer.status == (422 if contradicts else 200), answer
    if contradicts:
        assert ci.patch(path, {"conclusion": "failure"}).status == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url", ["http://ci.example/1", "javascript:alert(1)", "https://user:pw@ci.example/", "https:///x", "//ci.example"]
)
def test_the_link_is_https_without_credentials(ci: Caller, url: str) -> None:
    assert ci.post(RUNS, {"details_url": url}).status in (400, 422)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ("{check: acme.unknown}", "/checks/0/check"),
        ("{check: integrity.digest, external: true}", "/checks/0/check"),
        ("{check: license.mine, external: true}", "/checks/0/check"),
        ("{check: acme.a, external: true, params: {a: 1}}", "/checks/0"),
        ("{check: integrity.digest, reported_by: service_account}", "/checks/0"),
        ("{check: integrity.digest, timeout: 3601}", "/checks/0"),
        ("{check: acme.a, external: 1}", "/checks/0/external"),
    ],
)
def test_a_policy_names_external_checks_explicitly(installed: People, rule: str, where: str) -> None:
    source = f"slug: a\ntitle: Of a test\napplies_to: {{stages: [staging]}}\npriority: 91\nchecks: [{rule}]\n"
    with pytest.raises(ValidationFailedError) as refusal:
        policies.read(source)
    assert [error.pointer for error in refusal.value.errors] == [where]
