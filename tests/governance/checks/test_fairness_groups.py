"""`fairness.groups`: what is judged, by which bound, what is open, and what the result does not disclose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from governance.checks import entry_points
from governance.checks.base import EVALUATION_TABLE, CheckOutcome, Conclusion
from tests.governance.checks.test_statistics import ANSWERS

Judged = Callable[..., CheckOutcome]
LIMITS = ["demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference"]


def people(*groups: tuple[str, int, float, float], label: str = "{}") -> list[tuple[str, str, str]]:
    """Rows (group, label, prediction) of groups with a size, a share of favourable labels, and of predictions.

    Labels and predictions are independent, so that both error rates are the share of favourable predictions.
    """
    rows = []
    for name, size, favourable, selected in groups:
        for n in range(size):
            actual = int((n % 10) < favourable * 10)
            rank = n // 10
            rows.append((name, label.format(actual), label.format(int(rank / (size / 10) < selected))))
    return rows


def table(rows: Sequence[Sequence[object]], header: str = "gender,label,prediction") -> bytes:
    numbered = (f"{n}," + ",".join(map(str, row)) for n, row in enumerate(rows))
    return "\n".join([f"id,{header}", *numbered]).encode()


@pytest.fixture
def fair(judged: Judged) -> Judged:
    def judge(content: bytes, **params: Any) -> CheckOutcome:
        params = {"group_columns": ["gender"], "favourable": "1", **params}
        return judged("fairness.groups", {"eval.csv": content}, kind=EVALUATION_TABLE, **params)

    return judge


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


def limits_of(outcome: CheckOutcome) -> dict[str, Any]:
    columns: Any = outcome.measures["columns"]
    return {limit["measure"]: limit for limit in columns[0]["limits"]}


@pytest.mark.parametrize(
    ("size", "selected", "conclusion"),
    [
        (4000, 0.5, "success"),
        (4000, 0.45, "success"),
        (4000, 0.4, "action_required"),
        (4000, 0.3, "failure"),
        (200, 0.5, "action_required"),
        (200, 0.1, "failure"),
    ],
)
def test_the_bounds_decide(fair: Judged, size: int, selected: float, conclusion: str) -> None:
    outcome = fair(table(people(("f", size, 0.5, 0.5), ("m", size, 0.5, selected))))
    assert outcome.conclusion == conclusion
    assert codes(outcome) <= {"failure": {"limit_exceeded", "inconclusive"}, "success": set()}.get(
        conclusion, {"inconclusive"}
    )
    for limit in limits_of(outcome).values():
        assert limit["lower"] <= limit["value"] <= limit["upper"]


def test_a_fair_model_with_small_groups_is_not_failed(fair: Judged) -> None:
    random = np.random.default_rng(8)
    for _ in range(20):
        rows = [(g, int(random.random() < 0.5), int(random.random() < 0.3)) for g in "fm" for _ in range(200)]
        outcome = fair(table(rows))
        assert outcome.conclusion is Conclusion.ACTION_REQUIRED


def test_rates_and_differences_agree_with_fairlearn_where_it_defines_them(fair: Judged) -> None:
    cases = {case["case"]: case for case in ANSWERS["groups"]}
    for name in ("two groups", "three groups", "everyone selected"):
        case = cases[name]
        rows = list(zip(case["group"], case["label"], case["prediction"], strict=True))
        outcome = fair(table(rows), min_group=10)
        for measure in LIMITS:
            # Some counts are below 10, so that two decimals are shown.
            assert limits_of(outcome)[measure]["value"] == pytest.approx(case["fairlearn"][measure], abs=0.0051)
        columns: Any = outcome.measures["columns"]
        for group in columns[0]["groups"]:
            for ours, theirs in (
                ("selection", "selection_rate"),
                ("true_positive", "true_positive_rate"),
                ("false_positive", "false_positive_rate"),
            ):
                if group[ours]["value"] is not None:
                    assert group[ours]["value"] == pytest.approx(case["rates"][theirs][group["name"]])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("one group", "few_groups"),
        ("a group of one", "few_groups"),
        ("probabilities as predictions", "predictions_not_labels"),
        ("no row selected", "inconclusive"),
        ("a group without positives", "rate_undefined"),
    ],
)
def test_what_fairlearn_passes_by_accident_needs_action(fair: Judged, name: str, found: str) -> None:
    case = next(case for case in ANSWERS["groups"] if case["case"] == name)
    rows = list(zip(case["group"], case["label"], case["prediction"], strict=True))
    outcome = fair(table(rows), min_group=10, max_dp_diff=1.0, min_dp_ratio=0.001, max_eo_diff=1.0)
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert found in codes(outcome)


def test_no_row_selected_among_many_has_no_ratio(fair: Judged) -> None:
    outcome = fair(table(people(("f", 4000, 0.5, 0.0), ("m", 4000, 0.5, 0.0))))
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert limits_of(outcome)["demographic_parity_ratio"]["value"] is None
    without = fair(table(people(("f", 4000, 0.5, 0.0), ("m", 4000, 0.5, 0.0))), min_dp_ratio=None)
    assert without.conclusion is Conclusion.SUCCESS


def test_small_groups_are_listed_and_not_judged(fair: Judged) -> None:
    rows = people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.5), ("x", 190, 0.5, 0.0))
    outcome = fair(table(rows))
    assert (outcome.conclusion, codes(outcome)) == (Conclusion.SUCCESS, {"small_group"})
    columns: Any = outcome.measures["columns"]
    assert [(g["name"], g["rows"], g["judged"]) for g in columns[0]["groups"]] == [
        ("f", 4000, True),
        ("m", 4000, True),
        ("x", 190, False),
    ]
    assert fair(table(rows), min_group=150).conclusion is Conclusion.FAILURE


def test_blank_groups_are_a_group_of_their_own(fair: Judged) -> None:
    rows = people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.5), ("", 1000, 0.5, 0.0), (" nan", 1000, 0.5, 0.0))
    outcome = fair(table(rows))
    columns: Any = outcome.measures["columns"]
    assert {(g["name"], g["rows"]) for g in columns[0]["groups"]} == {("f", 4000), ("m", 4000), ("(not stated)", 2000)}
    assert outcome.conclusion is Conclusion.FAILURE


def test_every_column_is_judged(fair: Judged) -> None:
    rows = [(*row, "ab"[n // 4000]) for n, row in enumerate(people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.5)))]
    mixed = [(g, label, p, "ab"[int(n % 20 == 0) if p == "0" else 1]) for n, (g, label, p, _) in enumerate(rows)]
    header = "gender,label,prediction,Age Band"
    assert fair(table(rows, header), group_columns=["gender", "age_band"]).conclusion is Conclusion.SUCCESS
    outcome = fair(table(mixed, header), group_columns=["gender", "age_band"])
    assert outcome.conclusion is Conclusion.FAILURE
    assert {finding.where for finding in outcome.findings} == {"age_band"}
    absent = fair(table(rows, header), group_columns=["region"])
    assert (absent.conclusion, codes(absent)) == (Conclusion.ACTION_REQUIRED, {"table_unusable"})


def test_scores_are_compared_with_a_declared_threshold(fair: Judged) -> None:
    rows = [
        (g, label, 0.7 if p == "1" else 0.2) for g, label, p in people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.3))
    ]
    scored = table(rows, "gender,label,score")
    assert "prediction_missing" in codes(fair(scored))
    assert fair(scored, decision_threshold=0.5).conclusion is Conclusion.FAILURE
    low: Any = fair(scored, decision_threshold=0.5, favourable_scores="low").measures["columns"]
    shares = {group["name"]: group["selection"]["value"] for group in low[0]["groups"]}
    assert shares == pytest.approx({"f": 0.5, "m": 0.7})
    assert "score_missing" in codes(fair(table(people(("f", 400, 0.5, 0.5))), decision_threshold=0.5))


@pytest.mark.parametrize(
    ("rows", "params", "found"),
    [
        (people(("f", 400, 0.5, 0.5), label="class{}"), {}, "not_two_labels"),
        ([*people(("f", 400, 0.5, 0.5)), ("m", 2, 1)], {}, "not_two_labels"),
        ([*people(("f", 400, 0.5, 0.5)), ("m", 1, 2)], {}, "predictions_not_labels"),
        ([(f"person {n}", n % 2, 1) for n in range(400)], {}, "too_many_groups"),
        (people(("f", 400, 0.5, 0.5), ("m", 400, 0.5, 0.5)), {"two_groups_of": 500}, "few_groups"),
        (people(("f", 400, 0.5, 0.5), ("m", 400, 1.0, 0.5)), {}, "rate_undefined"),
    ],
)
def test_what_cannot_be_judged_needs_action(
    fair: Judged, rows: list[tuple[object, ...]], params: Mapping[str, Any], found: str
) -> None:
    outcome = fair(table(rows), **params)
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert found in codes(outcome)


def test_labels_in_words_are_compared_as_written(fair: Judged) -> None:
    rows = people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.5), label="granted{}")
    assert fair(table(rows), favourable="granted1").conclusion is Conclusion.SUCCESS
    assert fair(table(people(("f", 4000, 0.5, 0.5), ("m", 4000, 0.5, 0.5), label="{}.0"))).conclusion == "success"


def test_the_result_holds_only_aggregates_without_small_counts(fair: Judged) -> None:
    secret = [("Anna Smith", 1, 1)] * 3 + [("Ben Jones", 0, 0)] * 5
    rows = [*people(("f", 4000, 0.5, 0.5), ("m", 300, 0.5, 0.0)), *secret]
    outcome = fair(table(rows))
    text = outcome.as_json().decode()
    assert "Anna" not in text
    assert "Ben" not in text
    (column,) = json.loads(text)["measures"]["columns"]
    by_name = {group["name"]: group for group in column["groups"]}
    assert column["small_groups"] == 2
    assert by_name["m"]["rows"] is None, "the number of hidden rows follows from it"
    assert by_name["m"]["selection"]["value"] is None
    assert by_name["f"]["rows"] == 4000
    for limit in column["limits"]:
        if limit["value"] is not None:
            assert limit["value"] == round(limit["value"], 2)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"favourable": "1"}, "group_columns"),
        ({"group_columns": [], "favourable": "1"}, "at least 1"),
        ({"group_columns": ["a", " A"], "favourable": "1"}, "a column is named twice"),
        ({"group_columns": ["a"]}, "favourable"),
        ({"group_columns": ["a"], "favourable": "1", "min_group": 5}, "greater than or equal to 10"),
        ({"group_columns": ["a"], "favourable": "1", "max_dp_diff": 1.5}, "less than or equal to 1"),
        ({"group_columns": ["a"], "favourable": "1", "max_dp_diff": None, "min_dp_ratio": None, "max_eo_diff": None},
         "every limit is null"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(entry_points.BadParameters, match=said):
        entry_points.parameters(entry_points.get("fairness.groups"), params)


def test_two_policies_are_combined_to_the_stricter_limits() -> None:
    first = {"group_columns": ["gender"], "favourable": "1", "max_dp_diff": 0.2, "min_group": 100, "confidence": 0.9}
    second = {"group_columns": ["age"], "favourable": "1", "min_dp_ratio": 0.9, "max_eo_diff": None}
    both = entry_points.combined_parameters("fairness.groups", first, second)
    assert both is not None
    assert both["group_columns"] == ["gender", "age"]
    names = ("max_dp_diff", "min_dp_ratio", "max_eo_diff", "min_group", "two_groups_of", "confidence")
    assert [both[name] for name in names] == [0.1, 0.9, 0.1, 100, 200, 0.95]
    for other in ({"favourable": "0"}, {"decision_threshold": 0.4}):
        assert entry_points.combined_parameters("fairness.groups", first, {**second, **other}) is None
