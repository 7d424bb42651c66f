"""The statistics, against scipy and scikit-learn as oracles and by their coverage."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from governance.checks import metrics_ci
from governance.checks.metrics_ci import NotComputable

RANDOM = np.random.default_rng(20261101)


@pytest.mark.parametrize(("hits", "rows"), [(0, 1), (0, 30), (7, 20), (90, 100), (1000, 1000)])
def test_a_proportion_has_wilsons_bounds(hits: int, rows: int) -> None:
    found = metrics_ci.proportion(hits, rows, 0.95)
    # A one-sided bound of 95 % is an end of the two-sided interval of 90 %.
    oracle = stats.binomtest(hits, rows).proportion_ci(0.90, method="wilson")
    assert (found.lower, found.upper) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert found.value == hits / rows


def test_auc_agrees_with_the_oracle_ties_included() -> None:
    for _ in range(20):
        actual = RANDOM.random(300) < 0.3
        scores = np.round(actual * 0.6 + RANDOM.normal(size=300), 1)
        found = metrics_ci.auc(actual, scores, 0.95)
        assert found.value == pytest.approx(metrics.roc_auc_score(actual, scores), abs=1e-12)
        assert found.lower < found.value < found.upper


def test_the_lower_bound_of_auc_is_kept_as_often_as_promised() -> None:
    truth = stats.norm.cdf(1 / np.sqrt(2))
    kept = 0
    for _ in range(600):
        actual = np.arange(240) < 120
        kept += metrics_ci.auc(actual, actual + RANDOM.normal(size=240), 0.95).lower <= truth
    assert 0.92 <= kept / 600 <= 0.98


def test_perfect_separation_is_not_certainty() -> None:
    actual = np.arange(20) < 10
    found = metrics_ci.auc(actual, actual.astype(float), 0.95)
    assert found.value == 1.0
    assert found.lower == pytest.approx(metrics_ci.proportion(10, 10, 0.95).lower)


def test_f1_agrees_with_the_oracle_and_draws_the_same_twice() -> None:
    actual, predicted = RANDOM.random(500) < 0.4, RANDOM.random(500) < 0.5
    hits, alarms = int((actual & predicted).sum()), int((~actual & predicted).sum())
    misses = int((actual & ~predicted).sum())
    found = metrics_ci.f1(hits, alarms, misses, 500 - hits - alarms - misses, 0.95, seed=3)
    assert found.value == pytest.approx(metrics.f1_score(actual, predicted))
    assert found.lower < found.value < found.upper
    assert found == metrics_ci.f1(hits, alarms, misses, 500 - hits - alarms - misses, 0.95, seed=3)


def test_a_mean_has_normal_bounds() -> None:
    values = RANDOM.exponential(size=400)
    found = metrics_ci.mean(values, 0.95)
    low, high = stats.norm.interval(0.90, loc=values.mean(), scale=stats.sem(values))
    assert (found.lower, found.upper) == pytest.approx((low, high))
    squares = metrics_ci.root_mean(values**2, 0.95)
    assert squares.value == pytest.approx(float(np.sqrt((values**2).mean())))
    assert squares.lower < squares.value < squares.upper


def test_what_the_rows_do_not_define() -> None:
    one_class = np.ones(10, dtype=bool)
    judged: tuple[Callable[[], object], ...] = (
        lambda: metrics_ci.auc(one_class, np.arange(10.0), 0.95),
        lambda: metrics_ci.proportion(0, 0, 0.95),
        lambda: metrics_ci.mean(np.array([1.0]), 0.95),
        lambda: metrics_ci.f1(0, 0, 0, 10, 0.95, 1),
    )
    for broken in judged:
        with pytest.raises(NotComputable):
            broken()
