"""What of a folder is sent: no secrets, nothing that a link leads to; many files go over one connection."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any

import pytest

from governance import client
from governance.client import Selection, UsageError, local_files
from registry.models import Artifact
from tests.governance.client.conftest import Command, Organisation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as a training job leaves it, with what belongs to no version."""
    made = tmp_path / "model"
    for name in (
        "model.json",
        "sub/weights.json",
        ".git/config",
        ".env",
        ".env.local",
        "__pycache__/a.pyc",
        "notes.md",
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("{}")
    return made


def names(folder: Path, *patterns: str) -> list[str]:
    return [file.name for file in local_files([str(folder)], Selection(patterns))]


def test_what_belongs_to_no_version_is_left_out_and_listed(folder: Path) -> None:
    selection = Selection()
    found = [file.name for file in local_files([str(folder)], selection)]
    assert found == ["model.json", "notes.md", "sub/weights.json"]
    assert sorted(selection.left_out) == [".env", ".env.local", ".git/", "__pycache__/"]


def test_patterns_leave_out_and_take_back(folder: Path) -> None:
    assert names(folder, "*.md", "sub/") == ["model.json"]
    assert names(folder, "sub/*.json") == ["model.json", "notes.md"]
    assert names(folder, "!.env.local") == [".env.local", "model.json", "notes.md", "sub/weights.json"]
    (folder / ".countersignignore").write_text("# words for people\n\n*.md\n")
    assert names(folder) == ["model.json", "sub/weights.json"]
    assert names(folder, "!notes.md") == ["model.json", "notes.md", "sub/weights.json"]


def test_a_symbolic_link_is_refused_wherever_it_leads(folder: Path, tmp_path: Path) -> None:
    link = folder / "link.txt"
    link.symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="is a symbolic link to /etc/passwd"):
        names(folder)
    assert "link.txt" not in names(folder, "link.txt")
    with pytest.raises(UsageError, match="symbolic link"):
        local_files([str(link)])
    link.unlink()
    (folder / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="symbolic link"):
        names(folder)


def test_what_is_no_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="no regular file"):
        names(folder)


def test_a_folder_without_files_is_refused_in_words(tmp_path: Path, countersign: Command) -> None:
    with pytest.raises(UsageError, match="contains no file to send"):
        local_files([str(tmp_path)])
    (tmp_path / ".env").write_text("SECRET=1")
    run = countersign("register", "credit-risk-pd", str(tmp_path), "--create", "--risk-tier", "2")
    assert run.status == 2
    assert "contains no file to send: .env left out" in run.err


def test_register_says_what_it_left_out(folder: Path, countersign: Command) -> None:
    run = countersign("register", "credit-risk-pd", str(folder), "--create", "--risk-tier", "2", "--exclude", "*.md")
    assert run.status == 0, run.err
    assert "left out: " in run.err
    assert sorted(json.loads(run.out)["left_out"]) == [".env", ".env.local", ".git/", "__pycache__/", "notes.md"]
    assert sorted(Artifact.objects.values_list("path", flat=True)) == ["model.json", "sub/weights.json"]


def test_many_files_go_over_one_connection(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    connect = http.client.HTTPConnection.connect

    def counted(self: http.client.HTTPConnection) -> None:
        opened.append(self)
        connect(self)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", counted)
    for number in range(20):
        (tmp_path / f"{number:02}.json").write_text(f"[{number}]")
    api = organisation.client(organisation.people.priya)
    api.ensure_model("many", risk_tier=2)
    api.register("many", local_files([str(tmp_path)]))
    assert Artifact.objects.filter(blob__isnull=False).count() == 20
    # The development server of the tests closes after some answers; a connection for each of 25 requests it is not.
    assert len(opened) < 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"datasets": 5}', "“datasets” must be a list"),
        ("[1]", "must hold a JSON object"),
        ('{"parameters": {"lr": NaN}}', "NaN is not a JSON number"),
        ('{"tags": {}, "tags": {}}', "“tags” occurs twice"),
        ("[" * 100_000, "nested too deep"),
        ("", "is not JSON"),
    ],
)
def test_facts_that_cannot_be_right_are_2(
    folder: Path, tmp_path: Path, countersign: Command, content: str, said: str
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(content)
    run = countersign("register", "credit-risk-pd", str(folder), "--facts", str(facts))
    assert run.status == 2
    assert said in run.err


def test_an_unknown_kind_of_evidence_is_refused_with_the_nearest(folder: Path, countersign: Command) -> None:
    made = countersign("register", "credit-risk-pd", str(folder), "--create", "--risk-tier", "2")
    assert made.status == 0, made.err
    run = countersign("attach", "credit-risk-pd/1", "--evidence", f"evaluation.tabel={folder / 'notes.md'}")
    assert run.status == 2
    assert "did you mean evaluation.table?" in run.err


def test_help_lists_the_kinds_of_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        client.main(["attach", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "evaluation.table: a CSV file" in said
    assert "document.NAME" in said


def test_a_proxy_that_is_away_is_named(countersign: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    run = countersign("whoami", "--url", "https://registry.example", "--attempts", "1")
    assert run.status == 8
    assert "Nothing listens at the proxy 127.0.0.1:9" in run.err
    assert "NO_PROXY" in run.err
