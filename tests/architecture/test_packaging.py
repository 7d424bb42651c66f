"""The package, its version number, its dependencies, its bill of materials, and the hosted workflow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from governance import client

# `tools.sbom` is imported where it is used: its validators take seconds, which each process of a run would spend.

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lines_of(path: str) -> list[str]:
    return [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith(("#", "-c"))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product, installed by pip into a folder from a copy of what an sdist contains."""
    folder = tmp_path_factory.mktemp("package")
    source, target = folder / "source", folder / "site"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("audit", "registry", "governance"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
            *("--disable-pip-version-check", "--no-compile", "--target", str(target), str(source)),
        ],
        check=True,
    )
    return target


def distribution_in(folder: Path) -> Distribution:
    (found,) = distributions(path=[str(folder)])
    return found


def test_an_installed_package_has_a_working_command(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = installed / "bin" / "countersign"

    version = subprocess.run([command, "--version"], env=environment, capture_output=True, text=True, check=True)
    unreachable = subprocess.run(
        [command, "whoami", "--url", "http://127.0.0.1:9"],
        env={**environment, "COUNTERSIGN_TOKEN": "cs_" + "0" * 46},
        capture_output=True,
        text=True,
        check=False,
        cwd=installed,
    )

    assert version.stdout.strip() == f"countersign {PROJECT['version']}"
    assert unreachable.returncode == client.UNREACHABLE, unreachable.stderr


def test_an_installed_package_contains_the_files_that_its_modules_read(installed: Path) -> None:
    def data_of(folder: Path) -> set[str]:
        return {
            str(path.relative_to(folder))
            for package in ("audit", "registry", "governance")
            for path in (folder / package).rglob("*")
            if path.is_file() and path.suffix not in {".py", ".pyc"}
        }

    assert data_of(ROOT) == data_of(installed)


def test_the_package_declares_what_the_product_needs_to_run(installed: Path) -> None:
    required = [Requirement(line) for line in distribution_in(installed).requires or []]
    declared = {requirement for requirement in required if "extra" not in str(requirement.marker)}

    assert declared == {Requirement(line) for line in lines_of("requirements/run.in")}


def test_every_declared_dependency_is_pinned() -> None:
    from tools import sbom

    pinned = {pin.name for pin in sbom.read_pins(ROOT / "requirements" / "run.txt")}

    assert {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]} <= pinned


def test_product_client_and_api_description_have_one_version_number() -> None:
    description = yaml.safe_load((ROOT / "tests" / "governance" / "interfaces" / "rest" / "openapi.yaml").read_text())

    assert {PROJECT["version"], client.__version__, description["info"]["version"]} == {PROJECT["version"]}


def test_the_requirements_name_no_index() -> None:
    for path in sorted((ROOT / "requirements").iterdir()):
        text = path.read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), path.name


def test_the_bill_of_materials_lists_every_pinned_package_with_its_hashes() -> None:
    from tools import sbom

    pins = sbom.read_pins(ROOT / "requirements" / "run.txt")
    bom = sbom.build_bom(ROOT / "pyproject.toml", ROOT / "requirements" / "run.txt")

    assert '"specVersion": "1.6"' in sbom.render(bom)
    assert {(component.name, component.version) for component in bom.components} == {
        (pin.name, pin.version) for pin in pins
    }
    django = next(component for component in bom.components if component.name == "django")
    (files,) = django.external_references
    assert {entry.content for entry in files.hashes} == set(next(pin.hashes for pin in pins if pin.name == "django"))
    needs = {str(entry.ref): {str(other.ref) for other in entry.dependencies} for entry in bom.dependencies}
    direct = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert {ref.partition("@")[0] for ref in needs["countersign"]} == direct
    assert any(ref.startswith("sqlparse@") for ref in needs[str(django.bom_ref)])


def test_a_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    from tools import sbom

    file = tmp_path / "run.txt"
    file.write_text("django==5.2.0\n")

    with pytest.raises(ValueError, match=r"django==5\.2\.0"):
        sbom.read_pins(file)


def test_a_package_that_is_installed_in_another_version_is_refused(tmp_path: Path) -> None:
    from tools import sbom

    file = tmp_path / "run.txt"
    file.write_text(f"django==0.0.1 \\\n    --hash=sha256:{'0' * 64}\n")

    with pytest.raises(LookupError, match=r"0\.0\.1 is pinned"):
        sbom.build_bom(ROOT / "pyproject.toml", file)


def make_targets(text: str) -> set[str]:
    commands = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", commands))


def test_the_hosted_workflow_runs_the_same_targets() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    commands = "\n".join(
        step["run"] for job in yaml.safe_load(workflow)["jobs"].values() for step in job["steps"] if "run" in step
    )
    defined = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert "bash .ci/run" in commands
    assert make_targets((ROOT / ".ci" / "run").read_text()) == {"lint", "docs", "test"}
    assert "sbom" in make_targets(commands)
    for path in [ROOT / ".ci" / "run", *sorted((ROOT / ".github" / "workflows").iterdir())]:
        assert make_targets(path.read_text()) <= defined, path.name


def test_every_commit_hook_runs_a_local_tool() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    hooks = configuration["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[0] for hook in hooks} <= {
        ".venv/bin/ruff",
        ".venv/bin/lint-imports",
        ".venv/bin/python",
        "git",
        "make",
    }


def test_the_owners_of_code_name_paths_that_exist() -> None:
    for line in lines_of(".github/CODEOWNERS"):
        path = line.split()[0]
        assert path == "*" or (ROOT / path.strip("/")).exists(), path
