"""Interfaces query through selectors. Files that still query a manager directly are listed; the list only shrinks."""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
INTERFACES = PROJECT / "governance" / "interfaces"
MANAGERS = {"objects", "_default_manager", "_base_manager"}

REMAINING: dict[str, int] = {
    "admin/base.py": 1,
    "admin/change_proposals.py": 1,
    "admin/events.py": 2,
    "admin/forms.py": 1,
    "admin/grants.py": 1,
    "admin/groups.py": 1,
    "admin/lifecycle.py": 1,
    "admin/people.py": 3,
    "admin/policies.py": 3,
    "admin/risk.py": 1,
    "html/event_labels.py": 3,
    "mlflow/lookups.py": 3,
    "mlflow/stage_names.py": 1,
    "rest/access.py": 2,
    "rest/aliases.py": 3,
    "rest/artifacts.py": 1,
    "rest/evidence.py": 2,
    "rest/idempotency.py": 4,
    "rest/long_poll.py": 1,
    "rest/models.py": 1,
    "rest/people.py": 1,
    "rest/risk.py": 3,
    "rest/stages.py": 3,
    "rest/version_schemas.py": 1,
    "rest/versions.py": 1,
    "web/access.py": 5,
    "web/access_requests.py": 1,
    "web/audit.py": 3,
    "web/catalogue.py": 7,
    "web/change_proposals.py": 1,
    "web/datasets.py": 2,
    "web/documents.py": 3,
    "web/model_forms.py": 1,
    "web/model_reviews.py": 1,
    "web/models.py": 7,
    "web/packets.py": 2,
    "web/population.py": 3,
    "web/profile.py": 3,
    "web/promotions.py": 3,
    "web/quick_search.py": 2,
    "web/request_view_model.py": 2,
    "web/risk.py": 2,
    "web/trends.py": 2,
    "web/version_facts.py": 1,
    "web/versions.py": 7,
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
