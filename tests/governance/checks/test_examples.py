"""The example files of the built-in checks about evaluation data are what the checks accept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.checks import base, entry_points, runner
from governance.checks.base import EVALUATION_TABLE, Conclusion
from governance.checks.local_files import LocalFiles
from tests.governance.checks.conftest import NOW
from tests.governance.checks.test_evaluation_adequacy import SEPARATE
from tests.governance.checks.test_performance_champion import HOLDOUT, champion

EXAMPLES = Path(base.__file__).with_name("examples")
GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "evaluation.adequacy": ({}, {"datasets": SEPARATE}),
    "performance.threshold": ({"thresholds": [{"metric": "auc", "value": 0.8}]}, {}),
    "performance.champion": (
        {"metric": "auc", "tolerance": 0.02},
        {"champion": champion(), "datasets": HOLDOUT},
    ),
    "fairness.groups": (
        {"group_columns": ["gender"], "favourable": "1", "max_dp_diff": 0.2, "min_dp_ratio": 0.7, "max_eo_diff": 0.2},
        {},
    ),
    "stability.drift": ({}, {}),
}
"""Parameters and facts by check."""


@pytest.mark.parametrize("slug", GIVEN)
def test_the_examples_of_a_check_pass_it_in_the_sandbox(slug: str) -> None:
    check = entry_points.get(slug)
    params, facts = GIVEN[slug]
    files = LocalFiles(facts={"evaluation": {"registered_at": (NOW - timedelta(days=1)).isoformat()}, **facts})
    for need in check.needs:
        if need.example:
            assert need.form
            files.add(need.kind, EXAMPLES / need.example)
    ended = files.run(check, entry_points.parameters(check, params))
    assert ended.ending is runner.ExitReason.OUTCOME, ended.message
    assert ended.outcome is not None
    assert ended.outcome.conclusion is Conclusion.SUCCESS, ended.outcome.summary
    assert any(need.kind == EVALUATION_TABLE for need in check.needs)


@pytest.mark.parametrize("slug", GIVEN)
def test_the_check_describes_itself(slug: str) -> None:
    check = entry_points.get(slug)
    assert check.description.endswith(".")
    assert "| finding | " in check.guide
