"""The command line against the real server: what it does, what it says, what it exits with."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from governance import client
from governance.checks import base, entry_points
from registry.models import Artifact, Evidence, ModelVersion, RegisteredModel
from tests import factories
from tests.governance.client.conftest import CARD, PROJECT, Command, Organisation
from tests.permission_matrix.inputs import notify

# --- one file --------------------------------------------------------------------------------------------------------


def test_it_is_one_file_that_runs_alone(organisation: Organisation, tmp_path: Path) -> None:
    shutil.copy(client.__file__, tmp_path / "client.py")
    (tmp_path / "selectors.py").write_text("raise SystemExit('not the standard library')")

    run = subprocess.run(
        [sys.executable, "-S", "client.py", "whoami"],
        cwd=tmp_path, env=organisation.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["person"]["username"] == "priya"


def test_it_is_written_in_python_3_9() -> None:
    ast.parse(Path(client.__file__).read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("way", [["governance/client.py"], ["-m", "governance.client"]])
def test_it_runs_from_the_clone(way: list[str]) -> None:
    run = subprocess.run([sys.executable, *way, "--version"], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert run.stdout.strip() == f"countersign {client.__version__}", run.stderr


# --- whoami, and where the token comes from --------------------------------------------------------------------------


def test_whoami_says_who_and_what(countersign: Command) -> None:
    run = countersign("whoami", "--table")

    assert run.status == 0
    assert "signed in as  Priya Nair (priya)" in run.out
    assert "versions:write" in run.out


def test_the_token_may_come_from_a_file_others_should_not_read(
    organisation: Organisation, countersign: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(os.environ["COUNTERSIGN_TOKEN"] + "\n")
    file.chmod(0o644)
    monkeypatch.delenv("COUNTERSIGN_TOKEN")
    monkeypatch.setenv("COUNTERSIGN_TOKEN_FILE", str(file))

    run = countersign("whoami")

    assert run.status == 0
    assert "chmod 600" in run.err
    file.chmod(0o600)
    assert countersign("whoami").err == ""


def test_without_a_token_it_says_where_to_get_one(countersign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COUNTERSIGN_TOKEN")

    run = countersign("whoami")

    assert (run.status, "Access tokens" in run.err) == (3, True)


def test_a_token_the_server_refuses_is_3(countersign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", "cs_" + "a" * 46)

    run = countersign("whoami")

    assert run.status == 3
    assert run.json["error"]["code"] == "token_refused"


def test_a_missing_scope_is_3_and_says_who_asked(
    organisation: Organisation, countersign: Command, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", organisation.token(organisation.people.priya, "models:read"))

    run = countersign("register", "credit-risk-pd", files / "model", "--create")

    assert run.status == 3
    assert "models:write" in run.err
    assert "signed in as  Priya Nair (priya)" in run.err
    assert not RegisteredModel.objects.exists()


def test_nothing_is_given_to_a_person_without_a_role(
    organisation: Organisation, countersign: Command, registered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", organisation.token(organisation.people.eve))

    run = countersign("promote", registered, "--to", "staging", "--reason", "because")

    assert run.status == 2  # invisible: the same answer as for a name that does not exist
    assert run.json["error"]["code"] == "not_found"


# --- register and attach ---------------------------------------------------------------------------------------------


def test_register_makes_model_and_version_with_all_that_belongs_to_it(countersign: Command, registered: str) -> None:
    version = ModelVersion.objects.get()

    assert (version.model.slug, version.model.risk_tier, version.status) == ("credit-risk-pd", 2, "registered")
    assert version.registered_with is not None
    assert list(Artifact.objects.order_by("path").values_list("path", flat=True)) == [
        "config/features.json",
        "weights.json",
    ]
    assert all(artifact.blob_id == artifact.sha256 for artifact in Artifact.objects.all())
    assert version.metrics.get().value == 0.91
    assert version.cards.get().text == CARD
    assert Evidence.objects.get().kind == "evaluation.table"


def test_a_job_that_runs_again_finds_its_version(countersign: Command, registered: str, files: Path) -> None:
    before = ModelVersion.objects.get()

    run = countersign(
        "register", "credit-risk-pd", files / "model", "--create", "--risk-tier", 2,
        "--card", files / "card.md", "--metrics", files / "metrics.json",
        "--evidence", f"evaluation.table={files / 'table.csv'}",
    )  # fmt: skip

    assert (run.status, run.json["created"], run.json["number"]) == (0, False, 1)
    assert ModelVersion.objects.get().revision == before.revision
    assert Evidence.objects.count() == 1


def test_a_job_that_was_cut_off_goes_on_where_it_was(organisation: Organisation, files: Path) -> None:
    api = organisation.client(organisation.people.priya)
    api.ensure_model("credit-risk-pd")
    chosen = client.local_files([str(files / "model")])
    lost = files / "model" / "weights.json"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(client.UsageError, match=r"weights\.json cannot be read"):
        api.register("credit-risk-pd", chosen)
    assert Artifact.objects.filter(blob__isnull=False).count() == 1
    lost.write_bytes(content)
    sent: list[str] = []
    again = client.Client(organisation.url, api._token, progress=lambda name, done, size: sent.append(name))

    version = again.register("credit-risk-pd", chosen)

    assert (version["number"], version["created"], version["status"]) == (1, False, "registered")
    assert sent == ["weights.json"]


@pytest.mark.parametrize("change", ["another byte", "shorter"])
def test_a_file_that_changes_while_it_is_sent_is_9_and_is_not_kept(
    organisation: Organisation, files: Path, change: str
) -> None:
    api = organisation.client(organisation.people.priya)
    api.ensure_model("credit-risk-pd")
    file = client.LocalFile.read(files / "card.md")
    text = file.path.read_bytes()
    file.path.write_bytes(text[:-1] + b"!" if change == "another byte" else text[:-1])

    with pytest.raises(client.VerificationError, match=r"card\.md") as refusal:
        api.register("credit-risk-pd", [file])

    assert refusal.value.exit_code == 9
    assert not Artifact.objects.filter(blob__isnull=False).exists()
    assert ModelVersion.objects.get().status == "registering"


def test_two_files_of_one_name_are_refused_before_anything_is_sent(countersign: Command, files: Path) -> None:
    (files / "weights.json").write_text("{}")

    run = countersign("register", "credit-risk-pd", files / "model", files / "weights.json", "--create")

    assert (run.status, "would both be “weights.json”" in run.err) == (2, True)
    assert not RegisteredModel.objects.exists()


def test_attach_adds_card_metrics_and_evidence(countersign: Command, files: Path) -> None:
    countersign("register", "credit-risk-pd", files / "model", "--create")

    run = countersign(
        "attach", "credit-risk-pd@latest", "--card", files / "card.md", "--metric", "auc=0.83@holdout",
        "--evidence", f"evaluation.table={files / 'table.csv'}",
    )  # fmt: skip

    assert run.status == 0, run.err
    assert run.json["card"]["revision"] == 1
    assert [(m["name"], m["value"], m["dataset"]) for m in run.json["metrics"]] == [("auc", 0.83, "holdout")]
    assert [(e["kind"], e["filename"]) for e in run.json["evidence"]] == [("evaluation.table", "table.csv")]
    assert countersign("attach", "credit-risk-pd/1").status == 2
    assert countersign("attach", "credit-risk-pd").status == 2


def test_attach_completes_a_version_that_was_registered_by_its_source(
    organisation: Organisation, countersign: Command, files: Path
) -> None:
    model = factories.model(organisation.people.priya, "churn")
    bare = factories.version(model, organisation.people.priya, source="models:/m-1")

    first = countersign("attach", "churn", bare.number, files / "model", "--metric", "auc=0.9")
    again = countersign("attach", "churn/1", files / "model")

    assert first.status == 0, first.err
    assert {a["path"] for a in first.json["artifacts"]} == {"weights.json", "config/features.json"}
    assert first.json["fingerprint"] != bare.fingerprint
    assert again.status == 0
    assert again.json["fingerprint"] == first.json["fingerprint"]
    (files / "model" / "weights.json").write_text("others")
    other = countersign("attach", "churn/1", files / "model")
    assert other.status == 6, other.err
    assert "weights.json" in other.err


def test_attach_adds_no_file_to_a_version_that_was_registered_with_its_files(
    registered: str, countersign: Command, files: Path
) -> None:
    run = countersign("attach", registered, files / "card.md")

    assert run.status != 0
    assert "declare" in run.err


def test_datasets_are_given_in_the_forms_people_have(countersign: Command, files: Path) -> None:
    (files / "train.csv").write_text("age,default\n30,0\n")
    (files / "test.csv.dvc").write_text("outs:\n- md5: a304afb96060aad90176268345e10355\n  path: test.csv\n")
    locked = "".join(f"    - {{path: {p}, hash: md5, md5: {'e' * 32}}}\n" for p in ("a.csv", "b.csv"))
    (files / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n  train:\n    deps:\n{locked}")
    given = [
        f"training={files / 'train.csv'}",
        f"evaluation={files / 'test.csv.dvc'}",
        f"training={files / 'dvc.lock'}:b.csv",
        "validation=lakefs://loans/main/2026.parquet",
        f"validation=pachyderm:loans@{'c' * 32}",
    ]

    run = countersign(
        "register", "credit-risk-pd", files / "model", "--create", *(part for d in given for part in ("--dataset", d))
    )

    assert run.status == 0, run.err
    assert {(d["role"], d["form"], d["name"], d["strength"]) for d in run.json["datasets"]} == {
        ("training", "sha256", "train.csv", "strong"),
        ("evaluation", "dvc", "test.csv", "weak"),
        ("training", "dvc", "b.csv", "medium"),
        ("validation", "lakefs", "2026.parquet", "weak"),
        ("validation", "pachyderm", "loans", "medium"),
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("register", "credit-risk-pd"),
        ("register", "credit-risk-pd", "pyproject.toml", "--dataset", "test=pyproject.toml"),
        ("register", "credit-risk-pd", "pyproject.toml", "--dataset", "training=no-such-file"),
        ("register", "credit-risk-pd", "no-such-file"),
        ("attach", "credit-risk-pd/1", "--metric", "auc=nan"),
        ("promote", "credit-risk-pd/1", "--to", "staging"),
        ("wait", "seven"),
        ("wait", "7", "--timeout", "soon"),
        ("gate", "999"),
        ("resolve", "credit-risk-pd@champion"),
        ("attach", "credit-risk-pd/1", "--evidence", "Not A Kind=/dev/null"),
    ],
)
def test_wrong_usage_and_wrong_names_are_2(countersign: Command, arguments: tuple[str, ...]) -> None:
    run = countersign(*arguments)

    assert run.status == 2
    assert run.err


def test_every_fault_the_server_finds_is_said_with_its_place(countersign: Command, files: Path) -> None:
    (files / "facts.json").write_text(json.dumps({"datasets": [{"role": "decoration", "name": "x"}], "colour": 1}))

    run = countersign("register", "credit-risk-pd", files / "model", "--create", "--facts", files / "facts.json")

    assert run.status == 2
    assert "/datasets/0/role:" in run.err
    assert "/colour:" in run.err


def test_in_github_actions_code_and_run_are_known(
    countersign: Command, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs"
    job = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "bank/pd",
        "GITHUB_SHA": "c0ffee" + "0" * 34,
        "GITHUB_RUN_ID": "77",
        "GITHUB_OUTPUT": str(outputs),
    }
    for name, value in job.items():
        monkeypatch.setenv(name, value)

    run = countersign("register", "credit-risk-pd", files / "model", "--create")

    assert run.status == 0, run.err
    version = ModelVersion.objects.get()
    assert version.code_repository == "https://github.example/bank/pd"
    assert version.code_commit == job["GITHUB_SHA"]
    assert version.run_link == "https://github.example/bank/pd/actions/runs/77"
    assert f"digest={version.fingerprint}\n" in outputs.read_text()


# --- resolve ---------------------------------------------------------------------------------------------------------


def test_resolve_names_the_version_and_holds_files_against_it(
    countersign: Command, registered: str, files: Path
) -> None:
    good = countersign("resolve", "credit-risk-pd@latest", "--verify", files / "model", "--table")
    (files / "model" / "weights.json").write_text("{}")
    (files / "model" / "extra.json").write_text("{}")
    bad = countersign("resolve", registered, "--verify", files / "model")

    assert good.status == 0
    assert "2 files" in good.out
    assert bad.status == 9
    assert "weights.json has SHA-256" in bad.err
    assert "extra.json is not the version's" in bad.err


# --- search ----------------------------------------------------------------------------------------------------------


def test_search_finds_models_and_versions_by_the_registry_s_language(countersign: Command, registered: str) -> None:
    models = countersign("search", "name:credit* -status:archived", "--table")
    versions = countersign("search", "name:credit-risk-pd", "--versions")
    nothing = countersign("search", "tier:3 nothing-like-it", "--table")

    assert (models.status, versions.status, nothing.status) == (0, 0, 0)
    assert models.out.startswith("credit-risk-pd  tier ")
    assert [(item["model"], item["number"]) for item in versions.json["items"]] == [("credit-risk-pd", 1)]
    assert versions.json["more"] is False
    assert "nothing you can see fits" in nothing.out


def test_search_shows_where_a_query_is_wrong(countersign: Command, registered: str) -> None:
    wrong = countersign("search", "credit teir:1")

    assert wrong.status == 2
    assert "  credit teir:1\n         ^^^^\n" in wrong.err
    assert "Did you mean “tier”?" in wrong.err


# --- manners ---------------------------------------------------------------------------------------------------------


def test_quiet_says_nothing_on_a_table_and_only_json_otherwise(countersign: Command, registered: str) -> None:
    table = countersign("resolve", registered, "--quiet", "--table")
    document = countersign("resolve", registered, "--quiet")

    assert (table.out, table.err) == ("", "")
    assert (document.json["version"], document.err) == (1, "")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ('{"datasets": 5}', "“datasets” must be a list"),
        ('{"datasets": [5]}', "“datasets” must be a list"),
        ('{"metrics": {"auc": 1}}', "“metrics” must be a list"),
        ('{"parents": [{"a": 1}]}', "“parents” must be a list"),
        ("[]", "must hold a JSON object"),
        ("[" * 100_000, "nested too deep"),
        ("{", "is not JSON"),
    ],
)
def test_facts_of_another_form_are_wrong_input(countersign: Command, files: Path, facts: str, said: str) -> None:
    (files / "facts.json").write_text(facts)
    run = countersign("register", "credit-risk-pd", files / "model", "--create", "--facts", files / "facts.json")
    assert run.status == 2
    assert said in run.err
    assert "Traceback" not in run.err


def test_a_report_of_a_monitor_is_pushed(countersign: Command, registered: str, tmp_path: Path) -> None:
    report = tmp_path / "exposition.txt"
    report.write_text('auc{kind="metric"} 0.91\nbroken{ 1\n')

    run = countersign("signals", "push", registered, report, "--format", "prometheus", "--source", "exporter")
    assert (run.status, run.json["signals"], run.json["source"]) == (0, 1, "exporter"), run.err
    shown = countersign("signals", "push", registered, report, "--format", "prometheus", "--to", "x", "--table")
    assert shown.status == 2
    table = countersign("signals", "push", registered, report, "--format", "prometheus", "--table").out
    assert "not stored   1" in table
    assert "line 2: its labels are not written as" in table
    assert "health       not_monitored" in table
    assert countersign("signals", "push", registered).status == 2
    assert countersign("signals", "push", registered, report).status == 2  # no JSON


def test_the_help_lists_the_evidence_that_the_built_in_checks_read() -> None:
    given_otherwise = {base.ARTIFACT_FILES, base.MODEL_CARD, base.METRICS}
    read = {
        need.kind for check in entry_points.BUILTIN for need in check.needs if not need.kind.startswith("champion.")
    }
    assert read - given_otherwise <= client.EVIDENCE_KINDS.keys()


def test_notifications_are_listed_and_marked_as_read(organisation: Organisation, countersign: Command) -> None:
    row = notify(organisation.people.priya)
    run = countersign("notifications", "--table", "--mark-read")
    assert run.status == 0
    assert "Token ci expires" in run.out
    row.refresh_from_db()
    assert row.read_at is not None
    assert "no unread notifications" in countersign("notifications", "--table").out
    assert countersign("notifications", "--reason", "none").status == 2
