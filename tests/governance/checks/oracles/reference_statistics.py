"""Reference answers for the statistics of the checks: `make oracles` writes reference_statistics.json beside this file.

Runs in .venv-oracles, with SciPy, scikit-learn and fairlearn, and imports nothing of the product. The cases are stored
with the answers, so that both sides compute from the same numbers. What no library computes (DeLong, Tango) is computed
here from its definition, in the slow way.
"""

from __future__ import annotations

import json
import math
import warnings
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from scipy import optimize, stats
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

RANDOM = np.random.default_rng(20261201)


def number(value: Any) -> float | None:
    """A number as JSON has it; NaN and infinity are null."""
    return float(value) if math.isfinite(value) else None


# --- intervals of a share


def shares() -> list[dict[str, Any]]:
    found = []
    for hits, rows in [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (7, 200), (100, 200), (1999, 2000)]:
        for confidence in (0.8, 0.95, 0.99):
            test = stats.binomtest(hits, rows)
            # A one-sided bound is an end of the two-sided interval with twice the error.
            wilson = test.proportion_ci(2 * confidence - 1, method="wilson")
            exact = test.proportion_ci(2 * confidence - 1, method="exact")
            found.append(
                {"hits": hits, "rows": rows, "confidence": confidence, "wilson": list(wilson), "exact": list(exact)}
            )
    return found


# --- areas under the curve


def kernel(high: float, low: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def components(positive: list[bool], scores: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Structural components of DeLong, pair by pair."""
    high = [s for s, p in zip(scores, positive, strict=True) if p]
    low = [s for s, p in zip(scores, positive, strict=True) if not p]
    pairs = np.array([[kernel(h, other) for other in low] for h in high])
    return pairs.mean(axis=1), pairs.mean(axis=0)


def areas() -> list[dict[str, Any]]:
    def made(rows: int, positives: int, digits: int) -> tuple[list[bool], list[float], list[float]]:
        positive = [bool(n < positives) for n in range(rows)]
        signal = RANDOM.normal(size=rows) + np.array(positive)
        columns = [np.round(signal + RANDOM.normal(size=rows) * 0.5, digits).tolist() for _ in range(2)]
        return positive, columns[0], columns[1]

    cases = {
        "usual": made(60, 25, 6),
        "ties": made(60, 25, 0),
        "few of one class": made(40, 2, 3),
        "smallest": made(4, 2, 3),
        "constant": ([True, True, False, False], [0.5] * 4, [0.5] * 4),
        "one constant": ([True, True, True, False, False], [0.5] * 5, [0.9, 0.1, 0.4, 0.3, 0.2]),
        "reversed": ([True, True, False, False], [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1]),
    }
    found = []
    for name, (positive, first, second) in cases.items():
        parts = [components(positive, scores) for scores in (first, second)]
        across = [np.cov(np.stack([parts[0][side], parts[1][side]])) for side in (0, 1)]
        covariance = across[0] / len(parts[0][0]) + across[1] / len(parts[0][1])
        found.append(
            {
                "case": name,
                "positive": positive,
                "first": first,
                "second": second,
                "areas": [roc_auc_score(positive, scores) for scores in (first, second)],
                "variances": [covariance[0, 0], covariance[1, 1]],
                "variance_of_difference": covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1],
            }
        )
    return found


# --- paired shares: Tango's score interval, with the likelihood maximised by SciPy


def tango_statistic(better: int, worse: int, rows: int, difference: float) -> float:
    """The score statistic, where the share of rows that only the second gets right is its constrained estimate."""

    def loss(rare: float) -> float:
        cells = ((better, rare + difference), (worse, rare), (rows - better - worse, 1 - 2 * rare - difference))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in cells if count)

    low, high = max(0.0, -difference), (1 - difference) / 2
    best = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-14})
    candidates = [(loss(low), low), (loss(high), high), (best.fun, best.x)]
    rare = min(candidates)[1]
    variance = rows * (2 * rare + difference - difference**2)
    return float((better - worse - rows * difference) / math.sqrt(variance)) if variance > 0 else math.inf


def paired_shares() -> list[dict[str, Any]]:
    found = []
    for better, worse, rows in [(0, 0, 50), (5, 5, 100), (1, 0, 300), (0, 4, 300), (12, 30, 400), (20, 0, 20)]:
        z = float(stats.norm.ppf(0.95))
        value = (better - worse) / rows
        ends = []
        for sign, edge in ((1, -1 + 1e-9), (-1, 1 - 1e-9)):
            near = min(max(value - sign * 1e-9, -1 + 1e-9), 1 - 1e-9)

            def off(difference: float, sign: int = sign) -> float:
                return tango_statistic(better, worse, rows, difference) - sign * z  # noqa: B023 (called at once)

            crosses = (off(near) > 0) != (off(edge) > 0)
            ends.append(optimize.brentq(off, near, edge, xtol=1e-13) if crosses else round(edge))
        found.append({"better": better, "worse": worse, "rows": rows, "bounds": ends})
    return found


# --- drift


def drift() -> dict[str, Any]:
    samples = [
        (RANDOM.normal(size=80), RANDOM.normal(0.3, 1, size=60)),
        (np.round(RANDOM.random(90), 1), np.round(RANDOM.random(70), 1)),
        (np.arange(12.0), np.arange(12.0)),
        (np.zeros(10), np.ones(10)),
    ]
    distances = []
    for first, second in samples:
        test = stats.ks_2samp(first, second)
        rows = len(first) * len(second) / (len(first) + len(second))
        tail = stats.kstwobign.sf(math.sqrt(rows) * test.statistic)
        distances.append(
            {"first": first.tolist(), "second": second.tolist(), "d": float(test.statistic), "p": float(tail)}
        )
    quantiles = [
        {"probability": p, "degrees": n, "value": float(stats.chi2.ppf(p, n))}
        for p in (0.05, 0.5, 0.8, 0.95, 0.999)
        for n in (1, 2, 5, 9, 19, 99)
    ]
    indices = []
    for shares in (
        [[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]],
        [[0.5, 0.5], [0.5, 0.5]],
        [[0.9, 0.1], [0.2, 0.8]],
    ):
        both = stats.entropy(*shares) + stats.entropy(*reversed(shares))
        indices.append({"shares": shares, "psi": float(both)})
    return {"distances": distances, "chi_squared": quantiles, "psi": indices}


# --- groups


def groups() -> list[dict[str, Any]]:
    def people(sizes: dict[str, int], rates: dict[str, float]) -> dict[str, list[Any]]:
        named = [group for group, size in sizes.items() for _ in range(size)]
        labels = [int(RANDOM.random() < 0.4) for _ in named]
        predictions = [int(RANDOM.random() < rates[group]) for group in named]
        return {"group": named, "label": labels, "prediction": predictions}

    two = people({"a": 40, "b": 60}, {"a": 0.3, "b": 0.6})
    three = people({"a": 30, "b": 50, "c": 20}, {"a": 0.5, "b": 0.5, "c": 0.7})
    cases = {
        "two groups": two,
        "three groups": three,
        "one group": people({"a": 50}, {"a": 0.5}),
        "no row selected": {**two, "prediction": [0] * 100},
        "everyone selected": {**two, "prediction": [1] * 100},
        "a group without positives": {
            **two,
            "label": [0 if group == "a" else label for group, label in zip(two["group"], two["label"], strict=True)],
        },
        "probabilities as predictions": {**two, "prediction": [round(0.2 + 0.6 * p, 2) for p in two["prediction"]]},
        "a group of one": people({"a": 1, "b": 60}, {"a": 1.0, "b": 0.5}),
    }
    found = []
    for name, case in cases.items():
        given = {"y_true": case["label"], "y_pred": case["prediction"], "sensitive_features": case["group"]}
        answers: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for measure in (demographic_parity_difference, demographic_parity_ratio, equalized_odds_difference):
                try:
                    answers[measure.__name__] = number(measure(**given))
                except ValueError as error:
                    answers[measure.__name__] = f"ValueError: {error}"[:80]
            rates: dict[str, dict[str, float | None]] = {}
            for rate in (selection_rate, true_positive_rate, false_positive_rate):
                try:
                    frame = MetricFrame(metrics=rate, **given)
                except ValueError:
                    continue
                rates[rate.__name__] = {group: number(value) for group, value in frame.by_group.items()}
        found.append({"case": name, **case, "fairlearn": answers, "rates": rates})
    return found


# --- bounds of differences and ratios of independent shares, by their definition as roots


def independent_shares() -> list[dict[str, Any]]:
    def wilson(hits: int, rows: int) -> tuple[float, float]:
        ends = stats.binomtest(hits, rows).proportion_ci(0.9, method="wilson")
        return float(ends.low), float(ends.high)

    found = []
    for first, second in permutations([(30, 200), (90, 300), (180, 250), (2, 40)], 2):
        (one, other), (ours, theirs) = (h / n for h, n in (first, second)), (wilson(*first), wilson(*second))
        gap = one - other
        lower = gap - math.hypot(one - ours[0], theirs[1] - other)
        upper = gap + math.hypot(ours[1] - one, other - theirs[0])

        def lower_contrast(ratio: float, p: Any = (one, other, ours, theirs)) -> float:
            return float(p[0] - ratio * p[1] - math.hypot(p[0] - p[2][0], ratio * (p[3][1] - p[1])))

        def upper_contrast(ratio: float, p: Any = (one, other, ours, theirs)) -> float:
            return float(p[0] - ratio * p[1] + math.hypot(p[2][1] - p[0], ratio * (p[1] - p[3][0])))

        ratios = [optimize.brentq(lower_contrast, 0, 100), optimize.brentq(upper_contrast, 0, 1000)]
        found.append({"first": first, "second": second, "difference": [lower, upper], "ratio": ratios})
    return found


def losses() -> list[dict[str, Any]]:
    found = []
    for rows in (2, 30):
        labels = [n % 2 for n in range(rows)]
        chances = np.round(RANDOM.uniform(0.01, 0.99, size=rows), 4).tolist()
        found.append(
            {
                "labels": labels,
                "scores": chances,
                "log_loss": log_loss(labels, chances),
                "brier": brier_score_loss(labels, chances),
            }
        )
    return found


if __name__ == "__main__":
    answers = {
        "shares": shares(),
        "areas": areas(),
        "paired_shares": paired_shares(),
        "independent_shares": independent_shares(),
        "drift": drift(),
        "groups": groups(),
        "losses": losses(),
    }
    lines = [f"{json.dumps(part)}: {json.dumps(cases, allow_nan=False)}" for part, cases in answers.items()]
    Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
