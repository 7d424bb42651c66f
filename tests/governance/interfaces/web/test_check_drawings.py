"""Drawings of check results: the measures that the checks return are drawn with their numbers, others are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.template.loader import render_to_string

from governance.checks import entry_points
from governance.checks.local_files import LocalFiles
from governance.interfaces.html.check_drawings import Interval, drawings_of, interval_chart
from tests.governance.checks.test_examples import EXAMPLES, GIVEN

DRAWN = {
    "fairness.groups": ["Demographic parity difference by gender", "Favourable predictions by gender"],
    "performance.champion": ["Gain of auc over version"],
    "stability.drift": ["Distribution of the scores"],
}


def measures_of(slug: str) -> dict[str, Any]:
    """The measures of a check on its own example files, as they are stored."""
    check = entry_points.get(slug)
    params, facts = GIVEN[slug]
    files = LocalFiles(facts=facts)
    for need in check.needs:
        if need.example:
            files.add(need.kind, EXAMPLES / need.example)
    ended = files.run(check, entry_points.parameters(check, params))
    assert ended.outcome is not None, ended.message
    stored: dict[str, Any] = json.loads(ended.outcome.as_json())["measures"]
    return stored


@pytest.mark.parametrize("slug", DRAWN)
def test_what_a_check_measured_is_drawn_with_its_numbers(slug: str) -> None:
    drawn = drawings_of(slug, measures_of(slug))
    titles = [one.title for one in drawn]
    assert all(any(title.startswith(start) for title in titles) for start in DRAWN[slug]), titles
    for one in drawn:
        assert one.picture.startswith("<svg")
        assert 'aria-label="' in one.picture
        assert "style=" not in one.picture
        assert one.rows
        assert all(len(row) == len(one.headings) for row in one.rows)
    assert render_to_string("checks/drawings.html", {"drawings": drawn}).count("<table") == len(drawn)


@pytest.mark.parametrize(
    ("slug", "measures"),
    [
        ("fairness.groups", {"columns": [{"name": "gender", "groups": "many", "limits": [1]}]}),
        ("fairness.groups", {}),
        ("performance.champion", {"gain": None, "tolerance": "0.01", "metric": "auc"}),
        ("performance.champion", {"gain": {"lower": 1e400, "upper": 1}, "tolerance": 1, "metric": "auc"}),
        ("stability.drift", {"histogram": {"edges": [0, 1], "reference": [1, 2], "current": [1]}, "psi": {}}),
        ("stability.drift", []),
        ("explanation.declared", {"contributions": [{"name": 1, "contribution": 2}]}),
        ("acme.other", {"columns": []}),
    ],
)
def test_measures_of_another_form_are_not_drawn(slug: str, measures: Any) -> None:
    assert drawings_of(slug, measures) == ()


def test_names_from_evidence_are_escaped() -> None:
    drawn = interval_chart([Interval("<script>alert(1)</script>", 0.5, 0.4, 0.6)], [], label='"><b>')
    assert "<script" not in drawn
    assert '"><b>' not in drawn


def test_contributions_are_drawn_beside_the_champion() -> None:
    given = {"contributions": [{"name": "income", "contribution": 0.4}, {"name": "age", "contribution": -0.1}]}
    champion = {"contributions": [{"name": "income", "contribution": 0.3}, {"name": "race", "contribution": 0.2}]}
    (drawn,) = drawings_of("explanation.declared", given, champion)
    assert drawn.headings == ("Feature", "Contribution", "Champion", "Difference")
    assert drawn.rows == (("income", "0.4", "0.3", "0.1"), ("age", "-0.1", "not shown", "not shown"))
