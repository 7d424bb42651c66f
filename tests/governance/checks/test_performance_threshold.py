"""`performance.threshold`: limits on declared and on computed numbers, and what is no number."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from governance.checks import entry_points
from governance.checks.base import EVALUATION_TABLE, METRICS, CheckOutcome, Conclusion


def limits_of(outcome: CheckOutcome) -> Any:
    """How each limit was judged, as it is kept."""
    return outcome.measures["limits"]


Judged = Callable[..., CheckOutcome]


def declared(*metrics: tuple[str, float] | tuple[str, float, str] | tuple[str, float, str, str]) -> dict[str, Any]:
    rows = [(*m, "", "")[:4] for m in metrics]
    return {"metrics": [{"name": n, "value": v, "dataset": d, "slice": s} for n, v, d, s in rows]}


def table(rows: Sequence[Sequence[object]], header: str = "label,prediction") -> dict[str, bytes]:
    return {"evaluation.csv": (header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode()}


def right_and_wrong(right: int, wrong: int) -> dict[str, bytes]:
    return table([(n % 2, n % 2) for n in range(right)] + [(n % 2, 1 - n % 2) for n in range(wrong)])


@pytest.fixture
def limited(judged: Judged) -> Judged:
    def judge(
        limit: dict[str, Any] | list[dict[str, Any]],
        files: dict[str, bytes] | None = None,
        facts: dict[str, Any] | None = None,
        **params: Any,
    ) -> CheckOutcome:
        limits = limit if isinstance(limit, list) else [limit]
        return judged(
            "performance.threshold",
            files or {},
            kind=EVALUATION_TABLE,
            facts=facts or declared(),
            thresholds=limits,
            **params,
        )

    return judge


# --- declared ---


@pytest.mark.parametrize(
    ("op", "value", "conclusion"),
    [
        (">=", 0.8, "success"),
        (">=", 0.85, "success"),
        (">", 0.85, "failure"),
        (">=", 0.86, "failure"),
        ("<=", 0.85, "success"),
        ("<", 0.85, "failure"),
    ],
)
def test_a_declared_number(limited: Judged, op: str, value: float, conclusion: str) -> None:
    outcome = limited({"metric": "auc", "op": op, "value": value}, facts=declared(("auc", 0.85)))
    assert outcome.conclusion == conclusion
    (limit,) = limits_of(outcome)
    assert limit["source"] == "declared"
    assert limit["value"] == 0.85


def test_every_dataset_of_a_metric_must_keep_the_limit(limited: Judged) -> None:
    facts = declared(("auc", 0.9, "holdout"), ("auc", 0.7, "2026-q3"), ("auc", 0.1, "holdout", "age<25"))
    assert limited({"metric": "auc", "value": 0.8}, facts=facts).conclusion is Conclusion.FAILURE
    assert limited({"metric": "auc", "value": 0.8, "dataset": "holdout"}, facts=facts).conclusion is Conclusion.SUCCESS
    sliced = {"metric": "auc", "value": 0.8, "slice": "age<25"}
    assert limited(sliced, facts=facts).conclusion is Conclusion.FAILURE


def test_common_spellings_are_one_metric_and_an_exact_name_comes_first(limited: Judged) -> None:
    assert limited({"metric": "AUC", "value": 0.8}, facts=declared(("roc_auc", 0.9))).conclusion is Conclusion.SUCCESS
    both = declared(("roc_auc", 0.9), ("AUC", 0.7))
    assert limited({"metric": "AUC", "value": 0.8}, facts=both).conclusion is Conclusion.FAILURE


def test_what_is_missing_needs_action(limited: Judged) -> None:
    outcome = limited({"metric": "kappa", "value": 0.8}, facts=declared(("auc", 0.9)))
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert "kappa" in outcome.summary


def test_one_missed_limit_outweighs_any_number_of_kept_and_missing_ones(limited: Judged) -> None:
    limits = [{"metric": m, "value": v} for m, v in (("auc", 0.8), ("kappa", 0.5), ("f1", 0.99))]
    outcome = limited(limits, facts=declared(("auc", 0.9), ("f1", 0.5)))
    assert outcome.conclusion is Conclusion.FAILURE
    assert [j["verdict"] for j in limits_of(outcome)] == ["holds", "open", "fails"]


# --- computed ---


def test_rows_are_judged_by_the_lower_bound(limited: Judged) -> None:
    limit = {"metric": "accuracy", "value": 0.88}
    assert limited(limit, right_and_wrong(900, 100)).conclusion is Conclusion.SUCCESS
    few = limited(limit, right_and_wrong(90, 10))
    assert few.conclusion is Conclusion.ACTION_REQUIRED
    assert few.findings[0].code == "inconclusive"
    assert "too few rows" in few.summary
    assert limited({**limit, "bound": "point"}, right_and_wrong(90, 10)).conclusion is Conclusion.SUCCESS
    missed = limited(limit, right_and_wrong(870, 130))
    assert missed.conclusion is Conclusion.FAILURE


def test_limits_from_above_are_judged_by_the_upper_bound(limited: Judged) -> None:
    rows = [(n % 7, n % 7 + (0.1 if n % 3 else 0.4)) for n in range(600)]
    outcome = limited([{"metric": "mae", "op": "<=", "value": v} for v in (0.25, 0.201, 0.1)], table(rows))
    assert [j["verdict"] for j in limits_of(outcome)] == ["holds", "open", "fails"]


def test_rows_outweigh_what_was_declared_and_the_difference_is_shown(limited: Judged) -> None:
    outcome = limited(
        {"metric": "accuracy", "value": 0.95}, right_and_wrong(900, 100), facts=declared(("accuracy", 0.99))
    )
    assert outcome.conclusion is Conclusion.FAILURE
    assert [f.code for f in outcome.findings] == ["declared_differs", "limit_missed"]
    assert limits_of(outcome)[0]["source"] == "computed"


def test_a_bound_needs_rows(limited: Judged) -> None:
    limit = {"metric": "auc", "value": 0.8, "bound": "lower"}
    assert limited(limit, facts=declared(("auc", 0.99))).conclusion is Conclusion.ACTION_REQUIRED
    # The table has predictions, but the area under the curve needs scores.
    assert limited(limit, right_and_wrong(50, 0), declared(("auc", 0.99))).conclusion is Conclusion.ACTION_REQUIRED


def test_a_metric_the_table_does_not_define_is_taken_as_declared(limited: Judged) -> None:
    outcome = limited({"metric": "auc", "value": 0.8}, right_and_wrong(50, 0), declared(("auc", 0.9)))
    assert outcome.conclusion is Conclusion.SUCCESS
    assert limits_of(outcome)[0]["source"] == "declared"


def test_scores_decide_where_there_is_no_prediction(limited: Judged) -> None:
    rows = [(1, 0.7)] * 300 + [(0, 0.2)] * 300
    limit = {"metric": "accuracy", "value": 0.9}
    assert limited(limit, table(rows, "label,score")).conclusion is Conclusion.SUCCESS
    strict = limited(limit, table(rows, "label,score"), decision_threshold=0.8)
    assert strict.conclusion is Conclusion.FAILURE


def test_which_label_is_positive_must_be_known(limited: Judged) -> None:
    rows = [("bad", "bad")] * 100 + [("good", "good")] * 100
    limit = {"metric": "recall", "value": 0.9}
    unknown = limited(limit, table(rows))
    assert unknown.conclusion is Conclusion.ACTION_REQUIRED
    assert "positive" in unknown.summary
    assert limited(limit, table(rows), positive="bad").conclusion is Conclusion.SUCCESS
    assert limited(limit, table(rows), positive="ugly").conclusion is Conclusion.ACTION_REQUIRED
    assert limited({"metric": "accuracy", "value": 0.9}, table(rows)).conclusion is Conclusion.SUCCESS


def test_numbers_written_otherwise_are_the_same_label(limited: Judged) -> None:
    rows = [("1", "1.0"), ("0", "0.0")] * 200
    assert limited({"metric": "accuracy", "value": 0.9}, table(rows)).conclusion is Conclusion.SUCCESS


def test_labels_and_predictions_that_never_meet_are_not_zero_accuracy(limited: Judged) -> None:
    rows = [("1", "yes"), ("0", "no")] * 100
    outcome = limited({"metric": "accuracy", "value": 0.9}, table(rows))
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert "no value in common" in outcome.summary


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"label,prediction\n",
        b"label\n1\n",
        b"prediction,score\n1,0.5\n",
        b"label,score\n1,nan\n",
        b"label,score\n1,inf\n",
        b"label,score\n1,\n",
        b"label,score\n1,high\n",
        b"label,score\n1,1_000\n",
        b"label,score\n1,True\n",
        b"label,score\n1,1e999\n",
        b"label,prediction\n,1\n",
        b"label,prediction\nNaN,1\n",
        b"label,prediction\n1,1,1\n",
        b"label,prediction\n1\n",
        b"label,label,prediction\n1,1,1\n",
        b'label,prediction\n"1,1\n',
        b"label,prediction\n\x81,1\n",
        b"label,prediction\n1," + b"x" * 200_000 + b"\n",
        b"\x80\x04N.",
    ],
)
def test_a_table_that_is_none_is_never_a_pass(limited: Judged, content: bytes) -> None:
    outcome = limited({"metric": "accuracy", "value": 0.1}, {"t.csv": content}, declared(("accuracy", 0.99)))
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert outcome.findings[0].code == "table_unusable"


def test_a_table_as_spreadsheets_write_it(limited: Judged) -> None:
    content = b'\xef\xbb\xbfid,label,prediction\r\n"a,1",1,1\r\nb,0,0\r\n\r\n' + b"".join(
        b"c%d,1,1\r\n" % n for n in range(500)
    )
    assert limited({"metric": "accuracy", "value": 0.9}, {"t.csv": content}).conclusion is Conclusion.SUCCESS


# --- what it waits for ---


@pytest.mark.parametrize(
    ("limits", "available", "metrics", "waits"),
    [
        ([{"metric": "auc", "value": 0.8}], [], [], 1),
        ([{"metric": "auc", "value": 0.8}], [METRICS], ["auc"], 0),
        ([{"metric": "auc", "value": 0.8}], [METRICS], ["f1"], 1),
        ([{"metric": "auc", "value": 0.8}], [EVALUATION_TABLE], [], 0),
        ([{"metric": "kappa", "value": 0.8}], [EVALUATION_TABLE], [], 1),
        ([{"metric": "auc", "value": 0.8, "bound": "lower"}], [METRICS], ["auc"], 1),
        ([{"metric": "auc", "value": 0.8}, {"metric": "f1", "value": 0.8}], [METRICS], ["auc"], 1),
    ],
)
def test_what_it_waits_for(limits: list[dict[str, Any]], available: list[str], metrics: list[str], waits: int) -> None:
    check = entry_points.get("performance.threshold")
    params = entry_points.parameters(check, {"thresholds": limits})
    missing = check.missing(frozenset(available), declared(*((m, 0.9) for m in metrics)), params)
    assert len(missing) == waits
    for words in missing:
        assert "metric" in words or "evaluation.table" in words


def test_limits_must_be_named() -> None:
    check = entry_points.get("performance.threshold")
    without: tuple[dict[str, Any], ...] = ({}, {"thresholds": []})
    for params in without:
        with pytest.raises(entry_points.BadParameters):
            entry_points.parameters(check, params)
