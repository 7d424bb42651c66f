"""The documents name files, modules, commands and make targets that exist."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).parents[2]
PACKAGES = ("audit", "registry", "governance", "tests", "tools")
FROM_ROOT = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
DOCUMENTS = [*FROM_ROOT, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
# The changelog describes the past: names in it may be gone.
MOST_KILOBYTES = 150
"""Of a picture."""

CODE = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(rf"\b(?:{'|'.join(PACKAGES)})(?:\.[a-z_]\w*)+(?:\.[A-Z]\w*)?(?:\.[a-z_]\w*)?")
PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(PACKAGES)}|docs|requirements|templates|static|bin|examples)/[\w./-]*\w/?")


OF_MLFLOW = {
    "tests/tracking/test_model_registry.py",
    "tests/tracking/test_client_webhooks.py",
    "tests/webhooks/test_e2e.py",
}
"""Files of MLflow's repository."""

RELATIVE = re.compile(r"[a-z_]+(?:\.[a-z_]\w*)*(?:\.[A-Za-z_]\w*)")
RELATIVE_PATH = re.compile(r"[a-z_]+/(?:[\w-]+/)*(?:[\w-]+\.(?:py|md|yaml|html|css|js))?")
"""In ARCHITECTURE.md: names and paths below one of the three packages."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text_of(path: Path) -> str:
    return path.read_text()


def code_in(path: Path) -> list[str]:
    """Code spans and code blocks of a document."""
    text = text_of(path)
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return CODE.findall(re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)) + blocks


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:length])
        if is_package(folder) or folder.with_suffix(".py").is_file():
            rest = parts[length:]
            return not rest or has_attribute(".".join(parts[:length]), rest)
    return False


def is_package(folder: Path) -> bool:
    """Whether a folder has content: one that was moved may remain with compiled files only."""
    return any(path.is_file() and path.suffix != ".pyc" for path in folder.rglob("*"))


def has_attribute(module: str, names: list[str]) -> bool:
    """Whether a module has an attribute; of tests and tools only the module is looked for, without importing it."""
    if module.split(".", maxsplit=1)[0] in {"tests", "tools"}:
        return importlib.util.find_spec(module) is not None
    found: object = importlib.import_module(module)
    for name in names:
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def names_that_do_not_exist(code: list[str]) -> list[str]:
    """Dotted names and paths in code spans for which there is nothing in the repository."""
    wrong = []
    for piece in code:
        wrong += [name for name in MODULE.findall(piece) if not exists(name) and not is_table_or_address(name, piece)]
        for path in PATH.findall(piece):
            place = ROOT / path.rstrip("/")
            if path not in OF_MLFLOW and not place.exists() and not place.with_suffix(".py").exists():
                wrong.append(path)
    return wrong


def is_table_or_address(name: str, piece: str) -> bool:
    """`registry.example` is a host of examples; `registry.view_…` is a permission."""
    return name.startswith(("registry.example", "registry.invalid", "registry.internal")) or "://" in piece


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_modules_and_files_that_a_document_names_exist(path: Path) -> None:
    assert names_that_do_not_exist(code_in(path)) == []


def test_a_name_that_does_not_exist_is_found() -> None:
    assert names_that_do_not_exist(["governance.policies.absent", "docs/absent.md", "audit.clock.now()"]) == [
        "governance.policies.absent",
        "docs/absent.md",
    ]


def missing_below_packages(span: str) -> bool:
    """Whether a span is a relative name, such as `promotions.locks` or `builtin/`, of something that does not exist."""
    if RELATIVE_PATH.fullmatch(span) or re.fullmatch(r"\w+\.py", span):
        return (
            not any(next((ROOT / package).rglob(span.rstrip("/")), None) for package in PACKAGES)
            and not (ROOT / span).exists()
        )
    if not RELATIVE.fullmatch(span):
        return False
    first = span.partition(".")[0]
    known = [
        package
        for package in ("audit", "registry", "governance")
        if (ROOT / package / first).is_dir() or (ROOT / package / f"{first}.py").is_file()
    ]
    return bool(known) and not any(exists(f"{package}.{span}") for package in known)


def test_relative_names_in_the_architecture_exist() -> None:
    spans = CODE.findall(text_of(ROOT / "ARCHITECTURE.md"))

    assert [span for span in spans if missing_below_packages(span)] == []


def test_each_module_in_the_tables_of_the_architecture_is_in_its_package() -> None:
    missing = []
    sections = re.split(r"^### (audit|registry|governance)$", text_of(ROOT / "ARCHITECTURE.md"), flags=re.MULTILINE)
    for package, section in zip(sections[1::2], sections[2::2], strict=True):
        table = section.partition("\n## ")[0]
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
            for name in CODE.findall(row):
                place = ROOT / package / name.rstrip("/")
                if not is_package(place) and not place.with_suffix(".py").is_file():
                    missing.append(f"{package}/{name}")

    assert len(sections) == 7
    assert missing == []


def test_a_relative_name_that_does_not_exist_is_found() -> None:
    assert missing_below_packages("promotions.absent")
    assert missing_below_packages("promotions/absent.py")
    assert not missing_below_packages("promotions.locks")
    assert not missing_below_packages("schema.migrated")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text_of(path))
    local = [target for target in targets if not re.match(r"[a-z]+:|/", target)]
    generated = [target for target in local if target.startswith("rest/")]

    assert [target for target in local if target not in generated and not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_that_a_document_names_exist(path: Path) -> None:
    commands = {name for piece in code_in(path) for name in re.findall(r"manage\.py ([a-z_]+)", piece)}
    targets = {name for piece in code_in(path) for name in re.findall(r"(?:^|[\s`])make ([a-z][a-z-]*)", piece)}
    defined = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert sorted(commands - set(get_commands())) == []
    assert sorted(targets - defined) == []


def test_pictures_are_small_and_used() -> None:
    pictures = sorted((ROOT / "docs").rglob("*.png"))
    used = "\n".join(text_of(path) for path in DOCUMENTS)

    assert {name_of(p): p.stat().st_size // 1024 for p in pictures if p.stat().st_size > MOST_KILOBYTES * 1024} == {}
    assert [name_of(picture) for picture in pictures if picture.name not in used] == []


def test_every_document_is_on_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    listed = re.findall(r"[\w/-]+\.md", navigation)
    documents = [str(path.relative_to(ROOT / "docs")) for path in sorted((ROOT / "docs").rglob("*.md"))]

    assert [name for name in documents if name not in listed and not name.startswith("decisions/0")] == []


def test_every_decision_record_is_in_the_list() -> None:
    listed = text_of(ROOT / "docs" / "decisions" / "README.md")

    assert [p.name for p in sorted((ROOT / "docs" / "decisions").glob("0*.md")) if f"({p.name})" not in listed] == []
