"""`performance.champion`: three conclusions by the bounds of the gain, pairing by id, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from governance.checks import entry_points
from governance.checks.base import CHAMPION_EVALUATION_TABLE, EVALUATION_TABLE, CheckOutcome, Conclusion
from tests.governance.checks.test_evaluation_adequacy import A, B, dataset

Judged = Callable[..., CheckOutcome]
HOLDOUT = [dataset("evaluation", A)]


def champion(**changes: Any) -> dict[str, Any]:
    return {"number": 3, "uid": "u", "is_same": False, "datasets": HOLDOUT, **changes}


def table(columns: dict[str, Sequence[object]], order: Sequence[int] | None = None) -> bytes:
    rows = list(zip(*columns.values(), strict=True))
    chosen = rows if order is None else [rows[n] for n in order]
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in chosen)]).encode()


def hits(right: int, wrong: int, both_wrong: int = 0) -> dict[str, Sequence[object]]:
    """Predictions that are right, then wrong; and rows that every model gets wrong."""
    labels = [n % 2 for n in range(right + wrong + both_wrong)]
    predicted = [label if n < right else 1 - label for n, label in enumerate(labels)]
    return {"id": [f"c{n}" for n in range(len(labels))], "label": labels, "prediction": predicted}


@pytest.fixture
def compared(judged: Judged) -> Judged:
    def judge(
        ours: bytes,
        theirs: bytes | None,
        *,
        fact: dict[str, Any] | None = champion(),  # noqa: B008 (is not changed)
        datasets: list[dict[str, str]] = HOLDOUT,
        **params: Any,
    ) -> CheckOutcome:
        more = {CHAMPION_EVALUATION_TABLE: theirs} if theirs is not None else {}
        params = {"metric": "accuracy", **params}
        facts = {"champion": fact, "datasets": datasets}
        return judged(
            "performance.champion", {"eval.csv": ours}, kind=EVALUATION_TABLE, facts=facts, more=more, **params
        )

    return judge


def code(outcome: CheckOutcome) -> str:
    return next((finding.code for finding in outcome.findings if finding.code != "same_table"), "")


@pytest.mark.parametrize(
    ("rows", "lost", "conclusion", "found"),
    [
        (4000, 0, "success", ""),
        (4000, 10, "success", ""),
        (4000, 40, "action_required", "inconclusive"),
        (4000, 100, "failure", "worse"),
        (100, 0, "action_required", "inconclusive"),
        (100, 1, "action_required", "inconclusive"),
        (100, 20, "failure", "worse"),
    ],
)
def test_the_bounds_decide(compared: Judged, rows: int, lost: int, conclusion: str, found: str) -> None:
    ours = hits(rows - lost - rows // 10, lost, rows // 10)
    theirs = hits(rows - rows // 10, 0, rows // 10)
    # The champion is right where the version is, and about the lost rows.
    outcome = compared(table(ours), table(theirs))
    assert (outcome.conclusion, code(outcome)) == (conclusion, found)
    gain: Any = outcome.measures["gain"]
    assert gain["value"] == pytest.approx(-lost / rows)
    assert gain["lower"] < gain["value"] < gain["upper"]
    verdict = {"success": "holds", "failure": "fails"}.get(conclusion, "open")
    assert (outcome.measures["verdict"], outcome.measures["rows"]) == (verdict, rows)


RANDOM = np.random.default_rng(20261201)
LABELS = (RANDOM.random(3000) < 0.4).astype(int)
SIGNAL = LABELS + RANDOM.normal(size=3000)
GOOD, NOISY = 1 / (1 + np.exp(-SIGNAL)), 1 / (1 + np.exp(-SIGNAL - RANDOM.normal(0, 3, size=3000)))
IDS = [f"c{n}" for n in range(3000)]


def scored(scores: np.ndarray) -> dict[str, Sequence[object]]:
    return {"id": IDS, "label": LABELS.tolist(), "score": np.round(scores, 5).tolist()}


@pytest.mark.parametrize(
    ("metric", "method"),
    [
        ("auc", "delong"), ("accuracy", "score"), ("accuracy", "mean"), ("accuracy", "bootstrap"), ("recall", "score"),
        ("recall", "bootstrap"), ("precision", "bootstrap"), ("f1", "bootstrap"), ("log_loss", "mean"),
        ("brier", "mean"),
    ],
)  # fmt: skip
def test_a_better_version_passes_and_a_worse_one_fails_whatever_the_direction(
    compared: Judged, metric: str, method: str
) -> None:
    better = compared(table(scored(GOOD)), table(scored(NOISY)), metric=metric, method=method)
    worse = compared(table(scored(NOISY)), table(scored(GOOD)), metric=metric, method=method)
    same = compared(table(scored(GOOD)), table(scored(GOOD)), metric=metric, method=method, tolerance=0.05)
    assert [o.conclusion for o in (better, worse, same)] == ["success", "failure", "success"]
    assert [f.code for f in same.findings] == ["same_table"]
    gain, loss = better.measures["gain"], worse.measures["gain"]
    assert isinstance(gain, dict)
    assert isinstance(loss, dict)
    assert gain["value"] == pytest.approx(-loss["value"])
    assert gain["value"] > 0.02
    assert better.measures["method"] == method
    assert compared(table(scored(GOOD)), table(scored(NOISY)), metric=metric, method=method) == better


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_errors_of_numbers_are_compared(compared: Judged, metric: str) -> None:
    truth = np.arange(3000) % 97 + 0.5
    tables = [
        table({"id": IDS, "label": truth.tolist(), "prediction": (truth + spread * SIGNAL).round(3).tolist()})
        for spread in (1.0, 1.2)
    ]
    assert compared(*tables, metric=metric).conclusion is Conclusion.SUCCESS
    assert compared(*tables[::-1], metric=metric).conclusion is Conclusion.FAILURE
    assert compared(*tables[::-1], metric=metric, tolerance=1).conclusion is Conclusion.SUCCESS


def test_rows_are_paired_by_id_and_not_by_position(compared: Judged) -> None:
    ours, theirs = scored(GOOD), scored(NOISY)
    shuffled = RANDOM.permutation(3000).tolist()
    expected = compared(table(ours), table(theirs), metric="auc")
    assert compared(table(ours), table(theirs, shuffled), metric="auc").measures == expected.measures
    numbered = {**ours, "id": list(range(3000))}, {**theirs, "id": [f"{n}.0" for n in range(3000)]}
    assert compared(*map(table, numbered), metric="auc").measures == expected.measures


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t: {name: column for name, column in t.items() if name != "id"}, "ids_missing"),
        (lambda t: {name: [*column, column[0]] for name, column in t.items()}, "ids_repeated"),
        (lambda t: {name: column[:-1] for name, column in t.items()}, "ids_differ"),
        (lambda t: {**t, "id": [*t["id"][:-1], "other"]}, "ids_differ"),
        (lambda t: {**t, "label": [1 - t["label"][0], *t["label"][1:]]}, "labels_differ"),
        (lambda t: {**t, "label": [f"class {n}" for n in t["label"]]}, "labels_differ"),
        (lambda t: {**t, "prediction": ["nan", *t["prediction"][1:]]}, "table_unusable"),
    ],
)
def test_tables_that_are_not_of_the_same_examples_need_action(
    compared: Judged, change: Callable[[dict[str, Any]], dict[str, Any]], found: str
) -> None:
    good = hits(2000, 0)
    for tables in ((table(good), table(change(good))), (table(change(good)), table(good))):
        outcome = compared(*tables)
        assert (outcome.conclusion, code(outcome)) == (Conclusion.ACTION_REQUIRED, found)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ([], HOLDOUT, "dataset_not_declared"),
        (HOLDOUT, [], "dataset_not_declared"),
        (HOLDOUT, [dataset("evaluation", B)], "dataset_differs"),
        (HOLDOUT, [dataset("training", A)], "dataset_not_declared"),
        ([dataset("evaluation", name="e")], [dataset("evaluation", name="e")], "dataset_not_declared"),
    ],
)
def test_both_versions_declare_one_evaluation_dataset(
    compared: Judged, ours: list[dict[str, str]], theirs: list[dict[str, str]], found: str
) -> None:
    good = table(hits(2000, 0))
    outcome = compared(good, good, datasets=ours, fact=champion(datasets=theirs))
    assert (outcome.conclusion, code(outcome)) == (Conclusion.ACTION_REQUIRED, found)


def test_without_a_champion_the_policy_decides(compared: Judged) -> None:
    good = table(hits(2000, 0))
    first = compared(good, None, fact=None)
    assert (first.conclusion, code(first)) == (Conclusion.ACTION_REQUIRED, "no_champion")
    assert compared(good, None, fact=None, on_no_champion="success").conclusion is Conclusion.SUCCESS
    assert compared(good, None, fact=champion(is_same=True)).conclusion is Conclusion.NEUTRAL
    lacking = compared(good, None)
    assert (lacking.conclusion, code(lacking)) == (Conclusion.ACTION_REQUIRED, "champion_table_missing")


def test_the_table_is_waited_for_only_if_there_is_a_champion() -> None:
    check = entry_points.get("performance.champion")
    params = entry_points.parameters(check, {"metric": "auc"})
    assert check.missing(frozenset(), {"champion": champion(), "datasets": []}, params) == (EVALUATION_TABLE,)
    assert check.missing(frozenset(), {"champion": None, "datasets": []}, params) == ()


def test_what_the_rows_do_not_define_needs_action(compared: Judged) -> None:
    one_class = {**hits(50, 0), "label": [1] * 50}
    for metric in ("auc", "log_loss", "brier"):
        outcome = compared(table(one_class), table(one_class), metric=metric)
        assert (outcome.conclusion, code(outcome)) == (Conclusion.ACTION_REQUIRED, "not_computable")
    perfect = {**hits(50, 0), "label": [n * 3 for n in range(50)], "prediction": [n * 3 for n in range(50)]}
    for metric in ("mae", "rmse"):
        assert code(compared(table(perfect), table(perfect), metric=metric)) == "not_computable"
    none_positive = {**hits(50, 0), "prediction": [0] * 50}
    assert code(compared(table(none_positive), table(none_positive), metric="precision")) == "not_computable"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "required"),
        ({"metric": "kappa"}, "is not computed from rows"),
        ({"metric": "auc", "method": "mean"}, "auc is not compared by mean: name auto or delong"),
        ({"metric": "auc", "tolerance": -0.1}, "greater than or equal to 0"),
        ({"metric": "auc", "tolerance": "0.1"}, "number"),
        ({"metric": "auc", "confidence": 1}, "less than 1"),
        ({"metric": "auc", "on_no_champion": "neutral"}, "success"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(entry_points.BadParameters, match=said):
        entry_points.parameters(entry_points.get("performance.champion"), params)


def test_two_policies_are_combined_to_the_stricter_limits() -> None:
    first = {"metric": "roc_auc", "tolerance": 0.02, "confidence": 0.99, "on_no_champion": "success"}
    second = {"metric": "auc", "tolerance": 0.01, "method": "delong"}
    both = entry_points.combined_parameters("performance.champion", first, second)
    assert both is not None
    assert (both["tolerance"], both["confidence"], both["on_no_champion"]) == (0.01, 0.99, "action_required")
    for other in ({"metric": "f1"}, {"metric": "auc", "positive": "yes"}, {"metric": "auc", "decision_threshold": 0.4}):
        assert entry_points.combined_parameters("performance.champion", first, other) is None
