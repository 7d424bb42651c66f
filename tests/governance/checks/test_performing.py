"""Performing a run: what a worker does from claim to completion."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.checks import runner
from governance.services import evidence
from registry import storage
from registry.models import Artifact
from tests.governance.checks.tried import ask, later, latest, runs
from tests.governance.promotions.conftest import Bank, found_bank


@pytest.fixture
def bank(db: None) -> Bank:
    return found_bank(run=runner.run)


def test_a_stored_file_that_was_changed_fails_integrity_and_is_judged_by_nothing_else(bank: Bank) -> None:
    version = bank.version(content=b"the registered bytes")
    request = bank.request(version, stage="staging")
    place = storage.path_of(Artifact.objects.get(version=version).sha256)
    place.chmod(0o644)
    place.write_bytes(b"the reGistered bytes")
    bank.run_checks(request)
    assert latest(request).conclusion == "failure"
    assert latest(request).findings[0]["code"] == "digest_differs"
    judged = runs(request, "artifact.format")[0]
    assert judged.conclusion == "error"
    assert "integrity.digest reports the details" in judged.summary
    assert bank.fresh(request).state != "promoted"


def test_the_policys_time_for_a_check_is_kept(bank: Bank) -> None:
    request = ask(bank, "[{check: integrity.digest, timeout: 17}]")
    bank.run_checks(request)
    assert latest(request).conditions["limits"]["wall"] == 17


def test_a_plug_ins_check_runs_like_any_other(bank: Bank, with_plugins: None) -> None:
    import io

    request = ask(bank, "[{check: acme.rows, params: {min_rows: 2}}]")
    assert latest(request, "acme.rows").status == "waiting_evidence"
    evidence.attach_evidence(
        actor=bank.actor("priya"),
        version=request.version,
        kind="evaluation.table",
        filename="table.csv",
        stream=io.BytesIO(b"id,label\n1,a\n2,b\n3,c\n"),
    )
    bank.run_checks(request)
    run = latest(request, "acme.rows")
    assert (run.conclusion, run.measures) == ("success", {"rows": 3})
    assert run.conditions["check_origin"] == "acme-checks 1.0.0"


def test_a_plug_in_that_breaks_blocks_until_it_is_mended(bank: Bank, with_plugins: None, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    request = ask(bank, f"[{{check: acme.flaky, params: {{mended: '{mended}'}}}}]")
    bank.run_checks(request)
    first = runs(request, "acme.flaky")[0]
    assert first.conclusion == "error"
    assert first.summary == "The check ended with an error: RuntimeError: not mended yet."
    assert "Traceback" in first.conditions["printed"]
    mended.touch()
    with later(seconds=31):
        bank.run_checks(request)
    assert latest(request, "acme.flaky").conclusion == "success"
