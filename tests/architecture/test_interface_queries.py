"""Interfaces query through selectors and write through services: none takes the manager of a model."""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
INTERFACES = PROJECT / "governance" / "interfaces"
MANAGERS = {"objects", "_default_manager", "_base_manager"}


def direct_queries(source: str) -> int:
    """Return how often a module takes the manager of a model class: `Model.objects`, not a value's own `objects`."""
    return sum(
        isinstance(node, ast.Attribute)
        and (
            node.attr in MANAGERS - {"objects"}
            or (node.attr == "objects" and isinstance(node.value, ast.Name) and node.value.id[:1].isupper())
        )
        for node in ast.walk(ast.parse(source))
    )


def found() -> dict[str, int]:
    counted = {str(path.relative_to(INTERFACES)): direct_queries(path.read_text()) for path in INTERFACES.rglob("*.py")}
    return {name: count for name, count in sorted(counted.items()) if count}


def test_no_interface_queries_a_manager() -> None:
    assert not found(), "move these queries to a selector"


def test_a_direct_query_is_counted() -> None:
    source = "rows = Stage.objects.all()\nothers = kind._default_manager.all()\nparts = given.objects('events')\n"
    assert direct_queries(source) == 2
