"""promote, wait and gate, as a pipeline calls them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from governance.client import ApiError, Client, VerificationError, summary_of_export
from governance.models import PromotionRequest
from registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.fixtures.workers import WorkerProcess
from tests.governance.client.conftest import Command, Organisation


def test_the_starter_policy_lets_it_into_staging_by_checks_alone(
    countersign: Command, registered: str, worker_process: WorkerProcess
) -> None:
    run = countersign("promote", registered, "--to", "staging", "--reason", "nightly", "--wait", "--timeout", "2m")

    assert (run.status, run.json["state"]) == (0, "promoted"), run.err
    assert "File integrity" in run.err
    assert ModelVersion.objects.get().stage.slug == "staging"
    again = countersign("promote", registered, "--to", "staging", "--reason", "nightly")
    assert (again.status, again.json["code"]) == (0, "already_there")


def test_a_target_that_no_move_leads_to_is_reached_by_way_of_the_others(
    countersign: Command, registered: str, worker_process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ("promote", registered, "--to", "production", "--reason", "quarterly")
    refused = countersign(*ask)
    assert (refused.status, refused.json["error"]["way"]) == (7, ["staging", "production"])
    assert "First: countersign promote credit-risk-pd/1 --to staging … or add --wait" in refused.err
    follow, asked = Client.follow, []

    def only_the_first(self: Client, number: int, **options: Any) -> Any:
        asked.append(number)
        return follow(self, number, **options) if len(asked) == 1 else self.promotion(number)

    monkeypatch.setattr(Client, "follow", only_the_first)
    run = countersign(*ask, "--wait", "--timeout", "2m")

    assert run.status == 5, run.err
    assert "staging → production" in run.err
    assert ModelVersion.objects.get().stage.slug == "staging"
    assert PromotionRequest.objects.get(state="open").target_name == "Production"


def test_a_model_without_a_tier_is_assessed_by_the_next_command(
    countersign: Command, files: Path, tmp_path: Path
) -> None:
    countersign("register", "no-tier", files / "model", "--create")
    questions = countersign("assess", "no-tier").json["document"]["questions"]
    answers = {question["id"]: question["answers"][0]["id"] for question in questions}
    assert countersign("assess", "no-tier", "--answer", "materiality=severe").status == 2
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    made = countersign(
        "assess", "no-tier", "--answers", tmp_path / "answers.json", "--answer", "materiality=severe",
        "--rationale", "The portfolio is small.",
    )  # fmt: skip
    assert (made.status, made.json["tier"]) == (0, 2), made.err
    assert countersign("promote", "no-tier/1", "--to", "staging", "--reason", "nightly").status == 0


def test_what_was_added_after_the_promotion_is_said_and_can_be_approved_again(
    countersign: Command, registered: str, worker_process: WorkerProcess
) -> None:
    countersign("promote", registered, "--to", "staging", "--reason", "nightly", "--wait", "--timeout", "2m")
    approved = countersign("resolve", registered).json["fingerprint"]

    attached = countersign("attach", registered, "--metric", "recall=0.7", "--table")

    for said in (attached.out, countersign("resolve", "credit-risk-pd/staging", "--table").out):
        assert f"approved     {approved} for staging by request #" in said
        assert "✗ staging: added to since" in said
        assert "metric recall = 0.7" in said
    again = countersign("promote", registered, "--to", "staging", "--reason", "recall", "--wait", "--timeout", "2m")
    assert (again.status, again.json["state"], bool(again.json["reapproves"])) == (0, "promoted", True)
    assert "added to since" not in countersign("resolve", registered, "--table").out


@pytest.fixture
def waiting(countersign: Command, registered: str, worker_process: WorkerProcess) -> int:
    """Give a request for Production that waits for people."""
    countersign("promote", registered, "--to", "staging", "--reason", "nightly", "--wait", "--timeout", "2m")
    run = countersign("promote", registered, "--to", "production", "--reason", "better", "--wait", "--timeout", "1s")
    assert run.status == 5, run.err
    number: int = run.json["id"]
    deadline = time.monotonic() + 60
    while not PromotionRequest.objects.get(pk=number).packet_digest:
        assert time.monotonic() < deadline, "the checks did not finish"
        countersign("wait", number, "--timeout", "1s")
    return number


def test_a_request_that_waits_for_people(countersign: Command, registered: str, waiting: int) -> None:
    run = countersign("wait", waiting, "--timeout", "0", "--table")

    assert run.status == 5
    assert "✓ Model card is complete" in run.out
    assert "… 2 of reviewers" in run.out
    assert "0 of 2" in run.out
    for name in ("Marta Kovač", "Aiko Tanaka", "Chen Wei"):
        assert name in run.out
    assert f"/promotions/{waiting}/" in run.out
    assert f"countersign wait {waiting}" in run.err
    assert countersign("gate", waiting).status == 5

    execute = countersign("execute", waiting)
    assert (execute.status, execute.json["error"]["code"]) == (5, "not_ready")
    assert "2 of reviewers" in execute.err

    ask = ("promote", registered, "--to", "production", "--reason", "again")
    again, followed = countersign(*ask), countersign(*ask, "--follow-existing")
    assert (again.status, again.json["error"]["existing"]["id"]) == (6, waiting)
    assert f"countersign wait {waiting}" in again.err
    assert (followed.status, followed.json["id"]) == (0, waiting)

    posted = countersign("comment", waiting, "Is the *card* enough, @unknown-name?")
    assert (posted.status, posted.json["unknown_mentions"]) == (0, ["unknown-name"])
    assert countersign("comment", waiting, "Yes.", "--thread", posted.json["thread"]).status == 0
    assert [one["text"] for one in countersign("comments", waiting).json["items"]][1:] == ["Yes."]
    assert countersign("comment", waiting, " ").status == 2

    withdrawn = countersign("withdraw", waiting, "--reason", "a better one is coming")
    assert (withdrawn.status, withdrawn.json["state"]) == (0, "withdrawn")
    assert countersign("wait", waiting).status == 4
    assert countersign("withdraw", waiting, "--reason", "again").status == 6


def test_it_waits_until_people_have_decided(
    organisation: Organisation, countersign: Command, registered: str, waiting: int
) -> None:
    organisation.decide(waiting, organisation.people.marta)
    told: list[Any] = []

    def changed(document: dict[str, Any]) -> None:
        told.append(document["state"])
        if len(told) == 1:  # the client has seen it open: now, behind its back
            organisation.decide(waiting, organisation.people.aiko)

    document = organisation.client(organisation.people.priya).follow(waiting, timeout=60, changed=changed)

    assert told == ["open", "promoted"]
    assert document["live"] is False
    assert (countersign("gate", waiting).status, countersign("wait", waiting).status) == (0, 0)
    assert ModelVersion.objects.get().stage.slug == "production"

    out = countersign("promote", registered, "--to", "archived", "--reason", "it drifted").json["id"]
    organisation.decide(out, organisation.people.chen, "reject")
    assert countersign("wait", out).status == 4
    assert countersign("gate", out).json["state"] == "rejected"


def test_what_no_policy_or_lifecycle_allows_is_7(countersign: Command, files: Path, registered: str) -> None:
    ask = ("--reason", "at once")
    illegal = countersign("promote", registered, "--to", "production", *ask)
    countersign("register", "no-tier", files / "model", "--create")
    incomplete = countersign("promote", "no-tier/1", "--to", "staging", *ask)
    unknown = countersign("promote", registered, "--to", "heaven", *ask)

    assert (illegal.status, illegal.json["error"]["code"]) == (7, "illegal_move")
    assert (incomplete.status, incomplete.json["error"]["code"]) == (7, "model_incomplete")
    assert unknown.status == 2


def test_a_failed_check_is_4_and_named(
    countersign: Command, files: Path, worker_process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "model" / "weights.json").write_bytes(b"\x80\x05 no format anybody knows")
    countersign("register", "credit-risk-pd", files / "model", "--create", "--risk-tier", 2)
    refused = countersign("promote", "credit-risk-pd/1", "--to", "staging", "--reason", "try it")
    assert "declared without answering the questionnaire" in refused.err
    factories.assessed(RegisteredModel.objects.get(slug="credit-risk-pd"))
    summary = files / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    run = countersign(
        "promote", "credit-risk-pd/1", "--to", "staging", "--reason", "try it", "--wait", "--timeout", "2m"
    )

    assert (run.status, run.json["state"]) == (4, "blocked")
    assert "✗ Artifact formats are accepted" in run.err
    written = summary.read_text()
    assert "### credit\\-risk\\-pd version 1 → staging: blocked" in written
    assert "| ✗ | Artifact formats are accepted | failed |" in written


def test_a_promotion_is_simulated_before_it_is_requested(
    countersign: Command, registered: str, organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = countersign("simulate", registered, "--to", "staging", "--table")
    assert run.status == 5, run.err
    assert "unknown, required checks have no result on these inputs" in run.out
    assert "… File integrity" in run.out
    assert countersign("simulate", registered, "--to", "production").status == 7
    champion = countersign("simulate", registered, "--to", "@champion")
    assert (champion.status, champion.json["draft"]) == (5, None)
    assert countersign("simulate", registered, "--to", "@shadow", "--quiet", "--table").status == 0
    draft = tmp_path / "draft.yaml"
    draft.write_text("slug: starter-staging\ntitle: Without checks\napplies_to: {stages: [staging]}\n")
    refused = countersign("simulate", registered, "--to", "staging", "--policy", draft)
    assert (refused.status, refused.json["error"]["code"]) == (3, "not_permitted")
    monkeypatch.setenv("COUNTERSIGN_TOKEN", organisation.token(organisation.people.henrik))
    drafted = countersign("simulate", registered, "--to", "staging", "--policy", draft)
    assert drafted.json["policies"] == [{"slug": "starter-staging", "revision": 2}]
    assert drafted.status == 7, "an officer may not request it"
    assert countersign("simulate", registered, "--to", "staging", "--policy", tmp_path / "none.yaml").status == 2
    assert PromotionRequest.objects.count() == 0


def test_an_auditor_exports_the_log_and_a_cut_file_is_noticed(
    organisation: Organisation, registered: str, tmp_path: Path
) -> None:
    auditor = organisation.client(organisation.people.ingrid, "audit:read")
    for form in ("csv", "jsonl"):
        file = tmp_path / f"log.{form}"
        summary = auditor.export_events(file, form=form, action="version.registered")
        assert summary["events"] == 1
        assert summary["filter"] == {"action": "version.registered"}
        assert summary_of_export(file, form) == summary
        first, *_ = lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:-1]))
        with pytest.raises(VerificationError):
            summary_of_export(file, form)
        file.write_bytes(first.replace(b"v", b"w", 1) + b"".join(lines[1:]))
        with pytest.raises(VerificationError):
            summary_of_export(file, form)
    with pytest.raises(ApiError):
        auditor.export_events(tmp_path / "none", model="absent")
    assert not (tmp_path / "none").exists()
