"""The example of a check plug-in works as docs/checks.md says: installed as a package, found, run in the sandbox."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.checks import entry_points

EXAMPLE = Path(__file__).parents[2] / "examples" / "check_plugin"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
            *("--disable-pip-version-check", "--target", str(tmp_path / "site"), str(tmp_path / "source")),
        ],
        check=True,
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    entry_points.installed.cache_clear()


@pytest.fixture(autouse=True)
def forget_plugins() -> Iterator[None]:
    yield
    entry_points.installed.cache_clear()
    sys.modules.pop("bank_checks", None)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "holdout.csv"
    file.write_text("label,prediction\n" + "0,0\n" * 55 + "1,1\n" * 116)
    return file


def run_check(*arguments: object) -> str:
    out = StringIO()
    call_command("run_check", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("installed")
def test_the_installed_example_is_listed_and_judges_a_table(table: Path) -> None:
    evidence = ("--evidence", f"evaluation.table={table}")

    assert "bank.rows_per_class  1.0.0  bank-checks 1.0.0" in run_check()
    assert run_check("bank.rows_per_class", *evidence).splitlines() == [
        "bank.rows_per_class 1.0.0: success",
        "2 classes; the smallest has 55 rows, 50 are required.",
    ]
    with pytest.raises(CommandError, match="failure") as few:
        run_check("bank.rows_per_class", *evidence, "--params", "{min_rows: 100}")
    assert few.value.returncode == 4
    table.write_text("# no table\n")
    with pytest.raises(CommandError, match="action_required"):
        run_check("bank.rows_per_class", *evidence)
