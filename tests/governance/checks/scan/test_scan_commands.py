"""`countersign scan` and `manage.py scan_artifact`: one entry for each path, and an exit status that cannot mislead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance import client
from tests.governance.checks.scan.made import LOADER

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "code").mkdir(parents=True)
    (made / "MLmodel").write_text(LOADER.replace("data:", "code: code\n    data:"))
    (made / "model.ubj").write_bytes(b"{}")
    (made / "code" / "x.py").write_text("import os\n")
    return made


def managed(*arguments: str | Path) -> tuple[list[dict[str, Any]], int]:
    out = StringIO()
    try:
        call_command("scan_artifact", *map(str, arguments), "--json", stdout=out)
    except CommandError as refusal:
        return json.loads(out.getvalue() or "[]"), refusal.returncode
    return json.loads(out.getvalue()), 0


def scanned(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], int]:
    status = client.main(["scan", *map(str, arguments), "--json"])
    found = json.loads(capsys.readouterr().out)
    return (found if isinstance(found, list) else []), status


def test_both_commands_give_the_same_entry_for_each_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [folder, folder / "code" / "x.py"]
    found, status = managed(*paths)
    assert (found, status) == scanned(*paths, capsys=capsys)
    assert status == 1
    assert [entry["path"] for entry in found] == [str(path) for path in paths]
    assert [entry["format"] for entry in found] == ["mlflow", "code"]
    assert all(set(entry) == {"path", "verdict", "format", "findings"} for entry in found)
    assert all(set(f) == {"code", "message", "where", "severity"} for entry in found for f in entry["findings"])
    assert ("code_runs", "code/x.py") in {(f["code"], f["where"]) for f in found[0]["findings"]}
    assert [(f["code"], f["where"]) for f in found[1]["findings"]] == [("code_file", "")]


def _symbolic_link(folder: Path) -> Path:
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder


def _no_utf8(folder: Path) -> Path:
    (folder / os.fsdecode(b"caf\xe9")).write_text("1")
    return folder


def assert_unusable(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert that both commands report the path, also the one after it, and exit with status 2."""
    harmless = path.parent / "labels.txt"
    harmless.write_text("cat\ndog\n")
    found, status = managed(path, harmless)
    assert (found, status) == scanned(path, harmless, capsys=capsys)
    assert status == 2
    assert [(entry["verdict"], [f["code"] for f in entry["findings"]]) for entry in found] == [
        ("unreadable", ["path_unusable"]),
        ("safe", []),
    ]
    assert [entry["path"] for entry in found] == [str(path), str(harmless)]


@pytest.mark.parametrize("spoil", [_symbolic_link, _pipe, _no_utf8, lambda folder: folder / "missing"])
def test_a_path_that_cannot_be_scanned_does_not_hide_the_others(
    folder: Path, spoil: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_unusable(spoil(folder), capsys)


@pytest.mark.parametrize("path", ["", "x" * 300, os.fsdecode(b"caf\xe9"), "a\x07"])
def test_a_name_that_no_file_can_have_is_reported(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, status = managed(path)
    assert (found, status) == scanned(path, capsys=capsys)
    assert (status, [entry["verdict"] for entry in found]) == (2, ["unreadable"])


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_folder_without_permission_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "code").chmod(0)
    try:
        assert_unusable(folder, capsys)
    finally:
        (folder / "code").chmod(0o700)


def test_an_empty_folder_is_not_safe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, status = managed(tmp_path)
    assert (found, status) == scanned(tmp_path, capsys=capsys)
    assert status == 1
    assert [finding["code"] for finding in found[0]["findings"]] == ["no_files"]


def test_the_client_scans_without_settings_and_says_where_the_engine_is(folder: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    here = [sys.executable, str(ROOT / "governance" / "client.py"), "scan", str(folder), "--table"]
    done = subprocess.run(here, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "code_runs" in done.stdout
    copy = shutil.copy(ROOT / "governance" / "client.py", tmp_path / "client.py")
    alone = [sys.executable, "-S", str(copy), "scan", str(folder), "--json"]
    done = subprocess.run(alone, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "pip install countersign" in json.loads(done.stdout)["error"]["detail"]
