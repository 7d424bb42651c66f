"""Interfaces query through selectors. Files that still query a manager directly are listed; the list only shrinks."""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
INTERFACES = PROJECT / "governance" / "interfaces"
MANAGERS = {"objects", "_default_manager", "_base_manager"}

REMAINING: dict[str, int] = {
    "admin/base.py": 1,
    "admin/forms.py": 1,
    "html/event_labels.py": 1,
    "mlflow/lookups.py": 3,
    "mlflow/stage_names.py": 1,
    "rest/idempotency.py": 4,
    "web/audit.py": 1,
    "web/catalogue.py": 4,
    "web/datasets.py": 1,
    "web/models.py": 1,
    "web/packets.py": 1,
    "web/profile.py": 1,
    "web/quick_search.py": 2,
    "web/trends.py": 2,
}
"""Number of direct queries by file, relative to governance/interfaces."""


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


def test_no_interface_queries_a_manager_more_often_than_before() -> None:
    grown = {name: count for name, count in found().items() if count > REMAINING.get(name, 0)}
    assert not grown, "move these queries to a selector"


def test_the_list_is_as_short_as_the_code() -> None:
    fewer = {name: count for name, count in REMAINING.items() if found().get(name, 0) < count}
    assert not fewer, "lower these numbers in REMAINING"


def test_a_direct_query_is_counted() -> None:
    source = "rows = Stage.objects.all()\nothers = kind._default_manager.all()\nparts = given.objects('events')\n"
    assert direct_queries(source) == 2
