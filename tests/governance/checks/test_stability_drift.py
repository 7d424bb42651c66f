"""`stability.drift`: limits on PSI beyond chance and on D, and samples that cannot be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from governance.checks import entry_points
from governance.checks.base import CHAMPION_EVALUATION_TABLE, EVALUATION_TABLE, CheckOutcome, Conclusion
from governance.checks.builtin.stability_drift import CURRENT_SCORES, REFERENCE_SCORES
from tests.governance.checks.test_performance_champion import champion

Judged = Callable[..., CheckOutcome]
RANDOM = np.random.default_rng(20261202)


def scores(values: np.ndarray) -> bytes:
    return "\n".join(["score", *map("{:.6f}".format, values)]).encode()


SAME = scores(RANDOM.normal(size=2000))
OTHER = scores(RANDOM.normal(size=1500))


@pytest.fixture
def stable(judged: Judged) -> Judged:
    def judge(files: dict[str, bytes], *, fact: dict[str, Any] | None = None, **params: Any) -> CheckOutcome:
        return judged("stability.drift", {}, facts={"champion": fact}, more=files, **params)

    return judge


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


@pytest.mark.parametrize(
    ("shift", "conclusion", "found"),
    [
        (0.0, "success", set()),
        (0.1, "success", set()),
        (0.35, "failure", {"ks_exceeded"}),
        (0.8, "failure", {"psi_exceeded", "ks_exceeded"}),
    ],
)
def test_the_limits(stable: Judged, shift: float, conclusion: str, found: set[str]) -> None:
    current = scores(np.random.default_rng(4).normal(shift, size=1500))
    outcome = stable({REFERENCE_SCORES: SAME, CURRENT_SCORES: current})
    assert (outcome.conclusion, codes(outcome)) == (conclusion, found)
    histogram: Any = outcome.measures["histogram"]
    assert len(histogram["edges"]) + 1 == len(histogram["reference"]) == len(histogram["current"]) == 10
    assert sum(histogram["reference"]) == pytest.approx(1)
    assert sum(histogram["current"]) == pytest.approx(1)


def test_a_psi_that_chance_explains_is_reported_and_does_not_fail(stable: Judged) -> None:
    samples = (scores(np.random.default_rng(seed).normal(size=60)) for seed in (1, 2))
    files = dict(zip((REFERENCE_SCORES, CURRENT_SCORES), samples, strict=True))
    outcome = stable(files, min_rows=50, max_psi=0.05, max_ks_d=1)
    psi: Any = outcome.measures["psi"]
    assert psi["limit"] < psi["value"] < psi["noise"]
    assert (outcome.conclusion, codes(outcome)) == (Conclusion.SUCCESS, {"within_noise"})


def test_a_distance_without_a_shift_of_shares_is_seen(stable: Judged) -> None:
    within_bins = np.concatenate([np.full(1000, 0.01), np.full(1000, 0.99)])
    spread = np.linspace(0.01, 0.99, 2000)
    files = {REFERENCE_SCORES: scores(spread), CURRENT_SCORES: scores(within_bins + spread / 1e4)}
    assert "ks_exceeded" in codes(stable(files, bins=2))


def test_scores_are_those_of_the_evaluation_table_unless_current_ones_are_attached(stable: Judged) -> None:
    evaluation = b"label;" + OTHER.replace(b"\n", b"\n1;")
    outcome = stable({REFERENCE_SCORES: SAME, EVALUATION_TABLE: evaluation})
    assert (outcome.conclusion, codes(outcome)) == (Conclusion.SUCCESS, {"table_form"})
    assert outcome.measures["current"] == {"file": "evaluation.table.csv", "rows": 1500}
    shifted = scores(RANDOM.normal(2, size=1500))
    both = stable({REFERENCE_SCORES: SAME, EVALUATION_TABLE: evaluation, CURRENT_SCORES: shifted})
    assert both.conclusion is Conclusion.FAILURE


def test_the_reference_can_be_the_version_in_the_target(stable: Judged) -> None:
    files = {CHAMPION_EVALUATION_TABLE: SAME, CURRENT_SCORES: OTHER}
    assert stable(files, fact=champion(), reference="production").conclusion is Conclusion.SUCCESS
    lacking = {CURRENT_SCORES: OTHER}
    assert codes(stable(lacking, fact=champion(), reference="production")) == {"champion_table_missing"}
    for fact in (None, champion(is_same=True)):
        outcome = stable(lacking, fact=fact, reference="production")
        assert (outcome.conclusion, codes(outcome)) == (Conclusion.ACTION_REQUIRED, {"no_champion"})


@pytest.mark.parametrize(
    ("reference", "current", "found"),
    [
        (SAME, scores(RANDOM.normal(size=999)), "few_rows"),
        (scores(RANDOM.normal(size=999)), SAME, "few_rows"),
        (scores(np.zeros(2000)), OTHER, "constant_scores"),
        (b"id,score\n" + b"".join(b"%d,0.5\n" % n for n in range(2000)), OTHER, "constant_scores"),
        (SAME, OTHER + b"\nnan", "table_unusable"),
        (SAME, OTHER + b"\ninf", "table_unusable"),
        (SAME, b"score\n", "table_unusable"),
        (SAME, b"label\n1\n", "table_unusable"),
        (SAME, b"", "table_unusable"),
        (SAME, scores(np.tile(RANDOM.normal(size=100), 20)), "few_rows"),
    ],
)
def test_samples_that_cannot_be_compared_need_action(
    stable: Judged, reference: bytes, current: bytes, found: str
) -> None:
    outcome = stable({REFERENCE_SCORES: reference, CURRENT_SCORES: current})
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert found in codes(outcome)


def test_what_it_waits_for() -> None:
    check = entry_points.get("stability.drift")
    training, production = (entry_points.parameters(check, {"reference": name}) for name in ("training", "production"))
    assert len(check.missing(frozenset(), {}, training)) == 2
    assert check.missing(frozenset({EVALUATION_TABLE}), {}, training) == (REFERENCE_SCORES,)
    assert check.missing(frozenset({CURRENT_SCORES}), {}, production) == ()


@pytest.mark.parametrize(
    "params", [{"bins": 1}, {"max_psi": -1}, {"max_ks_d": 2}, {"min_rows": 10}, {"reference": "x"}]
)
def test_wrong_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(entry_points.BadParameters):
        entry_points.parameters(entry_points.get("stability.drift"), params)


def test_two_policies_are_combined_to_the_stricter_limits() -> None:
    both = entry_points.combined_parameters(
        "stability.drift", {"max_psi": 0.1, "min_rows": 500}, {"max_ks_d": 0.05, "min_rows": 2000}
    )
    assert both is not None
    assert (both["max_psi"], both["max_ks_d"], both["min_rows"]) == (0.1, 0.05, 2000)
    assert entry_points.combined_parameters("stability.drift", {"bins": 5}, {}) is None
    assert entry_points.combined_parameters("stability.drift", {"reference": "production"}, {}) is None
