"""`manage.py run_check`: what an author of a check, or of a model, sees at a terminal."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.checks import base
from governance.checks.builtin.artifact_format import ArtifactFormat
from tests.governance.checks import formats_made

EXAMPLES = Path(base.__file__).with_name("examples")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "data" / "m.ubj").write_bytes(formats_made.ubj_model())
    return tmp_path / "model"


def run(*arguments: str | Path) -> str:
    out = StringIO()
    call_command("run_check", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_check_runs_on_a_folder(folder: Path) -> None:
    assert run("artifact.format", folder).splitlines()[0] == f"artifact.format {ArtifactFormat.version}: success"
    outcome = json.loads(run("artifact.format", folder, "--json"))
    assert outcome["measures"]["formats"] == {"ubj": 1}
    params = "{allowed: {production: [onnx]}}"
    with pytest.raises(CommandError, match="failure") as caught:
        run("artifact.format", folder, "--params", params)
    assert caught.value.returncode == 4
    assert run("artifact.format", folder, "--params", "{allowed: {'@x': [ubj]}}", "--target", "@x")


def test_the_card_metrics_and_evidence_are_given(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Model\n")
    card = "{required_metadata: [license], required_sections: []}"
    assert "success" in run("docs.model_card", folder, "--params", card)
    limit = "{thresholds: [{metric: accuracy, value: 0.5}]}"
    assert "success" in run("performance.threshold", folder, "--params", limit, "--metric", "accuracy=0.9")
    table = folder.parent / "eval.csv"
    table.write_text("label;score\n" + "1;0,9\n0;0,2\n" * 50)
    assert "semicolons" in run("performance.threshold", "--params", limit, "--evidence", f"evaluation.table={table}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme.nothing", "{folder}"], "No check called acme.nothing"),
        (["artifact.format", "{folder}/absent"], "is not a folder"),
        (["artifact.format"], "Evidence is missing: artifact.files"),
        (["artifact.format", "{folder}", "--params", "{allowed: 5}"], "/allowed"),
        (["artifact.format", "{folder}", "--params", "!!bool maybe"], "--params"),
        (["artifact.format", "{folder}", "--params", "[1]"], "mapping"),
        (["artifact.format", "{folder}", "--metric", "x"], "NAME=VALUE"),
        (["artifact.format", "{folder}", "--metric", "x=y"], "number"),
        (["docs.model_card", "--card", "{folder}/absent.md"], "cannot be read"),
    ],
)
def test_wrong_input_exits_2(folder: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        run(*(argument.replace("{folder}", str(folder)) for argument in arguments))
    assert caught.value.returncode == 2


def test_links_out_of_the_folder_are_refused(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(CommandError, match="symbolic link"):
        run("artifact.format", folder)


@pytest.mark.usefixtures("with_plugins")
def test_the_checks_and_the_broken_ones_are_listed() -> None:
    listed = run()
    assert f"artifact.format  {ArtifactFormat.version}  countersign" in listed
    assert "acme.curious  cannot be used  acme-checks 1.0.0" in listed


def test_facts_with_members_are_given_as_yaml() -> None:
    table = f"evaluation.table={EXAMPLES / 'evaluation_table.csv'}"
    digests = {"training": "a" * 64, "evaluation": "b" * 64}
    sets = [{"role": role, "name": role, "algorithm": "sha256", "digest": digest} for role, digest in digests.items()]
    given = ("evaluation.adequacy", "--evidence", table, "--fact", f"datasets={json.dumps(sets)}")
    assert "success" in run(*given)
    with pytest.raises(CommandError, match="failure"):
        run(*given, "--fact", "evaluation={registered_at: '2020-01-01T00:00:00Z'}")
    assert "success" in run(*given[:3], "--evidence", f"training.ids={EXAMPLES / 'training_ids.csv'}")
    for wrong, said in (
        ("datasets=5", "datasets: Input should be a valid list"),
        ("datasets=[{role: test, name: x}]", "datasets/0/role: Input should be 'training'"),
        ("evaluation={registered_at: yesterday}", "evaluation/registered_at"),
        ("champion={version: 3}", "champion/number: Field required"),
    ):
        with pytest.raises(CommandError, match=said) as caught:
            run(*given, "--fact", wrong)
        assert caught.value.returncode == 2
