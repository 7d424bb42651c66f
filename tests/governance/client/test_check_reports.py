"""`countersign check report`, as a job calls it that ran a check itself, and `countersign gate` before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.models import ExternalRun
from governance.services import policies, setup
from registry.access import Role
from tests import factories
from tests.governance.client.conftest import Command, Organisation

NAME = "acme.robustness"
POLICY = f"""
slug: robust-staging
title: Staging needs a robustness test from outside
applies_to: {{stages: [staging]}}
priority: 90
checks: [{{check: {NAME}, external: true}}]
on_ready: hold
"""
PASSED = '<testsuite><testcase name="a"/></testsuite>'
FAILED = '<testsuite><testcase name="a"><failure message="too slow"/></testcase></testsuite>'


def test_a_job_begins_and_reports_a_check(
    countersign: Command, registered: str, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policies.publish(actor=setup.INSTALLER, source=POLICY, reason="the scene of a test")
    request = countersign("promote", registered, "--to", "staging", "--reason", "nightly").json["id"]
    gate = countersign("gate", request, "--table")
    assert gate.status == 5, gate.err
    assert f"countersign check report credit-risk-pd 1 {NAME}" in gate.out
    report = ("check", "report", "credit-risk-pd", 1, NAME)
    assert countersign(*report, "--conclusion", "success").status == 3

    factories.grant(Role.REGISTRAR, to=organisation.people.ci_retail)
    scopes = ("models:read", "checks:write")
    secret = factories.token(organisation.people.ci_retail, scopes, checks=[NAME])[1]
    monkeypatch.setenv("COUNTERSIGN_TOKEN", secret)
    assert countersign(*report).status == 2
    begun = countersign(*report, "--status", "running", "--progress", "3 of 9")
    assert (begun.status, begun.json["status"], begun.json["progress"]) == (0, "running", "3 of 9"), begun.err
    (tmp_path / "junit.xml").write_text(FAILED)
    contradicted = countersign(*report, "--conclusion", "success", "--junit", tmp_path / "junit.xml")
    assert contradicted.status == 2
    assert "1 of 1 tests failed" in contradicted.err
    (tmp_path / "junit.xml").write_text(PASSED)
    done = countersign(
        *report, "--conclusion", "success", "--summary", "All passed.", "--junit", tmp_path / "junit.xml"
    )
    assert (done.status, done.json["id"], done.json["conclusion"]) == (0, begun.json["id"], "success"), done.err
    assert countersign("gate", request).status == 0
    assert countersign(*report, "--conclusion", "failure", "--inputs", "0" * 64).status == 6
    assert ExternalRun.objects.count() == 1
    other = countersign("check", "report", "credit-risk-pd", 1, "acme.other", "--conclusion", "success")
    assert (other.status, other.json["error"]["code"]) == (3, "check_not_named")
