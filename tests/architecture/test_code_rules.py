"""Rules of the code that neither the import contracts nor the linter can check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
APPS = ("audit", "registry", "governance")
INTERFACES = ("interfaces", "tasks", "management")
LINES = 480
"""A module of about 400 lines becomes a package; a fifth more is accepted."""

ONE_FILE = {"governance/client.py", "audit/verifier.py"}
"""What people copy to another machine stays one file, whatever its length."""

CLOCKS = {("timezone", "now"), ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
# Tables that belong to an interface and hold nothing governed: stored responses, the record of migrations.
OWN_BOOKKEEPING = {"governance/interfaces/rest/idempotency.py", "governance/management/commands/migrate.py"}
WRITES = {"create", "bulk_create", "get_or_create", "update_or_create", "bulk_update"}


@cache
def modules(*apps: str) -> tuple[Path, ...]:
    found = [path for app in apps or APPS for path in sorted((PROJECT / app).rglob("*.py"))]
    return tuple(path for path in found if "migrations" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def named(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def interface_modules() -> list[Path]:
    return [path for path in modules("governance") if path.relative_to(PROJECT).parts[1].split(".")[0] in INTERFACES]


def test_no_module_exceeds_the_length_limit() -> None:
    full = {named(path): len(path.read_text().splitlines()) for path in modules() if named(path) not in ONE_FILE}

    assert {name: lines for name, lines in full.items() if lines > LINES} == {}


def test_every_module_is_named_after_a_subject() -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}

    assert [named(path) for path in modules() if nameless & {part.removesuffix(".py") for part in path.parts}] == []


def test_every_module_has_a_docstring() -> None:
    assert [named(path) for path in modules() if path.read_text().strip() and not ast.get_docstring(tree(path))] == []


def test_nothing_is_left_for_later() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

    assert [
        f"{named(path)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unfinished.search(line)
    ] == []


def test_there_is_one_clock() -> None:
    others = [
        f"{named(path)}:{call.lineno}"
        for path in modules()
        if named(path) != "audit/clock.py"
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr) in CLOCKS
    ]

    assert others == []


def test_whatever_is_recorded_has_an_actor_who_is_named_by_the_caller() -> None:
    """An act in which `recorder.append` is called takes `actor` by keyword, and it has no default."""
    nameless = []
    for path in modules("registry", "governance"):
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            appends = any(
                isinstance(call.func, ast.Attribute)
                and call.func.attr == "append"
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "recorder"
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
            )
            defaults = dict(zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True))
            mandatory = [argument.arg for argument, default in defaults.items() if default is None]
            taken = [argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]]
            if appends and "actor" in taken and "actor" not in mandatory:
                nameless.append(f"{named(path)}:{node.lineno} {node.name}")

    assert nameless == []


def test_interface_modules_translate_and_never_write_a_model_or_an_event() -> None:
    writes = [
        f"{named(path)}:{call.lineno} {ast.unparse(call.func)}"
        for path in interface_modules()
        if named(path) not in OWN_BOOKKEEPING
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and (
            (call.func.attr in WRITES and "objects" in ast.unparse(call.func.value))
            or ast.unparse(call.func) in {"recorder.append", "connection.cursor"}
        )
    ]

    assert writes == []


@pytest.mark.parametrize("name", ["audit.actions", "registry.actions", "governance.actions"])
def test_actions_are_noun_and_past_participle(name: str) -> None:
    from audit.actions import all_actions

    import_module(name)

    grammar = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
    assert [action for action in all_actions() if not grammar.fullmatch(str(action))] == []


def test_no_business_through_signals() -> None:
    signals = [
        named(path)
        for path in modules("audit", "registry", "governance")
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals")
        or (isinstance(node, ast.ImportFrom) and node.module == "django.dispatch")
    ]

    assert signals == []


@pytest.mark.parametrize(
    "room",
    ["governance/client.py", "audit/verifier.py", "governance/embedded/*.py", "governance/embedded/processes.py"],
)
def test_what_runs_on_its_own_needs_the_standard_library_only(room: str) -> None:
    own = {"governance.embedded", "governance.embedded.processes"}
    foreign = [
        f"{named(path)}: {module}"
        for path in sorted(PROJECT.glob(room))
        for module in imported(path)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not any(module == allowed or module.startswith(f"{allowed}.") for allowed in own)
    ]

    assert foreign == []


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
