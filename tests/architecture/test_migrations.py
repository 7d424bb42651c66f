"""Migrations that have landed are frozen: a later change is a later migration."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANDED = Path(__file__).with_name("landed_migrations.txt")
OWN_DEFAULTS = {"registry.models.dataset", "registry.models.token", "registry.models.user"}
"""Django names a field's default function and expression class in the migration that adds the field."""


def migration_files() -> list[Path]:
    return sorted(
        path
        for app in ("audit", "registry", "governance")
        for path in (ROOT / app / "migrations").rglob("*")
        if path.suffix in {".py", ".sql"} and path.name != "__init__.py"
    )


def imports_of(source: str) -> set[str]:
    """The modules of this project that a migration imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] in {"audit", "registry", "governance"}}


def test_landed_migrations_are_unchanged() -> None:
    landed = dict(line.split("  ")[::-1] for line in LANDED.read_text().splitlines())
    found = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in migration_files()}

    assert {name: found.get(name) for name in landed} == landed, "write a new migration instead"
    assert set(found) == set(landed), "add the new migration to landed_migrations.txt when it lands"


def test_migrations_import_no_code_of_the_project() -> None:
    found = {
        str(path.relative_to(ROOT)): imports_of(path.read_text()) - OWN_DEFAULTS
        for path in migration_files()
        if path.suffix == ".py"
    }

    assert {name: modules for name, modules in found.items() if modules} == {}
    assert imports_of("from audit import recorder\nimport registry.services") == {"audit", "registry.services"}
