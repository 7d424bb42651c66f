"""The statistics of the checks against the answers of SciPy, scikit-learn and fairlearn (`make oracles`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from governance.checks import distributions, group_rates, metrics_ci, paired

ANSWERS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "oracles" / "reference_statistics.json").read_text(encoding="utf-8")
)
Z = 1.6448536269514722


def flags(values: list[Any]) -> np.ndarray:
    return np.array(values, dtype=bool)


def test_bounds_of_a_share_are_wilsons_and_close_to_the_exact_ones() -> None:
    for case in ANSWERS["shares"]:
        found = metrics_ci.proportion(case["hits"], case["rows"], case["confidence"])
        assert (found.lower, found.upper) == pytest.approx(case["wilson"], abs=1e-12)
        both = group_rates.rates(np.array([case["hits"]]), np.array([case["rows"]]), case["confidence"])
        assert (both.lower[0], both.upper[0]) == pytest.approx(case["wilson"], abs=1e-12)
        # The bounds of Clopper and Pearson keep the confidence for every share; Wilson's are close to them.
        assert (found.lower, found.upper) == pytest.approx(case["exact"], abs=2.5 / case["rows"])


def test_areas_and_their_variances_are_delongs() -> None:
    for case in ANSWERS["areas"]:
        positive, first, second = flags(case["positive"]), np.array(case["first"]), np.array(case["second"])
        found = paired.auc(positive, first, second, 0.95)
        assert [found.first, found.second] == pytest.approx(case["areas"], abs=1e-12)
        for scores, area, variance in zip((first, second), case["areas"], case["variances"], strict=True):
            single = metrics_ci.auc(positive, scores, 0.95)
            assert single.value == pytest.approx(area, abs=1e-12)
            if variance > 0:
                assert single.upper == pytest.approx(min(1, area + Z * variance**0.5), abs=1e-9)
        spread = case["variance_of_difference"]
        smaller = min(sum(case["positive"]), len(case["positive"]) - sum(case["positive"]))
        if smaller >= 20 and spread > 1e-15:
            assert found.upper == pytest.approx(min(1, found.value + Z * spread**0.5), abs=1e-9)
        else:
            assert found.upper >= min(1, found.value + Z * spread**0.5) - 1e-9
        assert found.lower < found.value < found.upper or abs(found.value) == 1, case["case"]


def test_a_difference_that_few_rows_carry_is_not_certain() -> None:
    random = np.random.default_rng(9)
    positive, scores = np.arange(60) < 30, random.random(60)
    changed = scores.copy()
    changed[40] = 0.99
    assert paired.auc(positive, changed, scores, 0.95).lower < -0.05
    losses = random.random(60)
    changed = losses.copy()
    changed[3] += 1e-3
    assert paired.mean(changed, losses, 0.95).lower < -0.03
    assert paired.mean(losses + random.normal(0, 0.01, 60), losses, 0.95).lower > -0.01


def test_bounds_of_paired_shares_are_tangos() -> None:
    for case in ANSWERS["paired_shares"]:
        both = case["rows"] - case["better"] - case["worse"]
        first = flags([1] * case["better"] + [0] * case["worse"] + [1] * both)
        second = flags([0] * case["better"] + [1] * case["worse"] + [1] * both)
        found = paired.share(first, second, 0.95)
        assert (found.lower, found.upper) == pytest.approx(case["bounds"], abs=2e-6)


def test_bounds_of_independent_shares_are_newcombes_and_those_of_donner_and_zou() -> None:
    for case in ANSWERS["independent_shares"]:
        hits, rows = (np.array(each, dtype=float) for each in zip(case["first"], case["second"], strict=True))
        rates = group_rates.rates(hits, rows, 0.95)
        lower, upper = group_rates._difference_bounds(rates)
        assert (lower[0], upper[0]) == pytest.approx(case["difference"], abs=1e-9)
        lower, upper = group_rates._ratio_bounds(rates)
        assert (lower[0], upper[0]) == pytest.approx(case["ratio"], abs=1e-9)
    # The example of Newcombe 1998, Statistics in Medicine 17, 873-890, method 10: 56/70 against 48/80.
    published = group_rates._difference_bounds(group_rates.rates(np.array([56.0, 48.0]), np.array([70.0, 80.0]), 0.975))
    assert (published[0][0], published[1][0]) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_drift_agrees_with_scipy() -> None:
    for case in ANSWERS["drift"]["distances"]:
        distance, chance = distributions.kolmogorov_smirnov(np.array(case["first"]), np.array(case["second"]))
        assert (distance, chance) == pytest.approx((case["d"], case["p"]), abs=1e-9)
    for case in ANSWERS["drift"]["chi_squared"]:
        found = distributions.chi_squared_quantile(case["probability"], case["degrees"])
        assert found == pytest.approx(case["value"], rel=1e-9)
    for case in ANSWERS["drift"]["psi"]:
        shares = [np.array(each) for each in case["shares"]]
        many = distributions.Histogram(np.arange(len(shares[0]) - 1.0), shares[0], shares[1])
        found = distributions.population_stability_index(many, 10**9, 10**9)
        assert found == pytest.approx(case["psi"], abs=1e-7)


def test_differences_and_ratios_of_rates_agree_with_fairlearn() -> None:
    for case in ANSWERS["groups"]:
        if case["case"] in ("one group", "probabilities as predictions"):
            continue
        _, of_row = np.unique(case["group"], return_inverse=True)
        labels, predictions = flags(case["label"]), flags(case["prediction"])

        def count(rows: np.ndarray, of_row: np.ndarray = of_row) -> Any:
            return np.bincount(of_row, weights=rows)

        everyone, selected = count(np.ones(len(labels))), count(predictions)
        difference = group_rates.largest_difference(selected, everyone, 0.95)
        assert difference.value == pytest.approx(case["fairlearn"]["demographic_parity_difference"])
        ratio = group_rates.smallest_ratio(selected, everyone, 0.95)
        assert ratio.value == pytest.approx(case["fairlearn"]["demographic_parity_ratio"])
        parts = [(count(predictions & rows), count(rows)) for rows in (labels, ~labels)]
        if all((rows > 0).all() for _, rows in parts):
            largest = max(group_rates.largest_difference(hits, rows, 0.95).value or 0.0 for hits, rows in parts)
            assert largest == pytest.approx(case["fairlearn"]["equalized_odds_difference"])


def test_losses_agree_with_scikit_learn() -> None:
    for case in ANSWERS["losses"]:
        actual, scores = flags(case["labels"]), np.array(case["scores"])
        loss = metrics_ci.mean(-np.log(np.where(actual, scores, 1 - scores)), 0.95)
        assert loss.value == pytest.approx(case["log_loss"], abs=1e-12)
        assert metrics_ci.mean((scores - actual) ** 2, 0.95).value == pytest.approx(case["brier"], abs=1e-12)


def test_the_psi_of_two_samples_of_one_distribution_exceeds_its_noise_as_often_as_promised() -> None:
    random = np.random.default_rng(6)
    exceeded = 0
    for _ in range(1000):
        first, second = random.normal(size=400), random.normal(size=300)
        found = distributions.histogram(first, second, 10)
        psi = distributions.population_stability_index(found, 400, 300)
        exceeded += psi > distributions.psi_noise(10, 400, 300, 0.95)
    assert 0.02 <= exceeded / 1000 <= 0.08


def test_equal_groups_exceed_a_difference_of_0_no_more_often_than_promised() -> None:
    random = np.random.default_rng(7)
    rows = np.array([200.0, 300.0, 250.0, 400.0])
    wrong = sum(
        group_rates.largest_difference(random.binomial(rows.astype(int), 0.3).astype(float), rows, 0.95).lower > 0
        for _ in range(1000)
    )
    assert wrong / 1000 <= 0.06


def test_ratios_of_rates_of_0_are_not_defined() -> None:
    found = group_rates.smallest_ratio(np.zeros(2), np.array([200.0, 200.0]), 0.95)
    assert (found.value, found.lower, found.upper) == (None, 0.0, 1.0)
    one = group_rates.smallest_ratio(np.array([0.0, 100.0]), np.array([200.0, 200.0]), 0.95)
    assert (one.value, one.lower) == (0.0, 0.0)
    assert 0 < one.upper < 0.1


def test_bins_hold_equal_shares_and_never_separate_equal_values() -> None:
    even = distributions.histogram(np.arange(1000.0), np.arange(1000.0), 10)
    assert even.reference.tolist() == pytest.approx([0.1] * 10)
    ties = distributions.histogram(np.repeat([0.0, 1.0], [950, 50]), np.repeat([0.0, 1.0, 2.0], 10), 10)
    assert (ties.edges.tolist(), ties.reference.tolist()) == ([0.0], [0.95, 0.05])
    assert ties.current.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert distributions.histogram(np.zeros(100), np.ones(100), 10).edges.tolist() == []
