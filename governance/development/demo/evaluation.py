"""Evaluation tables of the demonstration and the metrics that their authors declare, computed from the rows.

Tables are constructed, not sampled, so that a version has the quality that its history needs. The scores of a ranker's
positives are the quantiles of N(d, 1), those of the others the quantiles of N(0, 1), where AUC = Φ(d / √2); Bayes' rule
turns them into calibrated probabilities.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from governance.checks import metrics_ci
from registry.services.versions import MetricSpec

HOLDOUT = "out-of-time holdout"
_CONFIDENCE = 0.95

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """An evaluation table as CSV and the metrics that its author declares."""

    table: bytes
    metrics: tuple[MetricSpec, ...]


def measure(kind: str, quality: float, slices: Mapping[str, float], *, rows: int, rate: float, seed: int) -> Measured:
    """Construct an evaluation table and compute its metrics.

    Args:
        kind: "ranker" (label and score), "classifier" (label and prediction) or "forecast" (two numbers).
        quality: the AUC, the accuracy, or the mean relative error, approximately.
        slices: names of slices of the rows and the difference of the quality there; each has a seventh of the rows.
        rows: number of rows.
        rate: share of positives for a ranker, of the first class for a classifier; weekly amplitude of a forecast.
        seed: seed of the random parts, such as the order of the rows.

    Returns:
        The table and its metrics.
    """
    random = np.random.default_rng(seed)
    segment = [*slices, "other"]
    place = np.minimum(np.arange(rows) * 7 // rows, len(slices))
    # A smaller error is better. The other rows compensate for the slices.
    changes = [-change if kind == "forecast" else change for change in slices.values()]
    wanted = [quality + change for change in (*changes, -sum(changes) / (7 - len(changes)))]
    match kind:
        case "ranker":
            columns, metrics = _ranker(random, [min(max(q, 0.52), 0.99) for q in wanted], rate, place)
        case "classifier":
            columns, metrics = _classifier(random, [min(max(q, 0.05), 0.995) for q in wanted], rate, place)
        case "forecast":
            columns, metrics = _forecast(random, [max(q, 0.005) for q in wanted], rate, place)
        case _:
            raise ValueError(f"no such kind of model: {kind}")
    order = random.permutation(rows)
    header = "label,score,segment" if kind == "ranker" else "label,prediction,segment"
    lines = (f"{columns[0][n]},{columns[1][n]},{segment[place[n]]}" for n in order)
    named = [MetricSpec(name, round(value, 4), HOLDOUT, segment[n] if n >= 0 else "") for name, value, n in metrics]
    return Measured(_csv(header, lines), tuple(named))


Columns = tuple[list[str], list[str]]
Values = list[tuple[str, float, int]]
"""Name, value, and the number of the slice; -1 for all rows."""


def _ranker(random: np.random.Generator, auc: Sequence[float], rate: float, place: Numbers) -> tuple[Columns, Values]:
    positive = np.zeros(len(place), dtype=np.bool_)
    logit = np.zeros(len(place))
    for n, value in enumerate(auc):
        here = np.flatnonzero(place == n)
        count = max(3, round(rate * len(here)))
        d = 2**0.5 * NormalDist().inv_cdf(value)
        latent = np.concatenate([_quantiles(count) + d, _quantiles(len(here) - count)])
        latent += random.normal(0, 0.02, len(here))
        positive[here[:count]] = True
        logit[here] = np.log(rate / (1 - rate)) + d * latent - d * d / 2
    score = np.round(1 / (1 + np.exp(-logit)), 5)

    def area(rows: Flags) -> float:
        return metrics_ci.auc(positive[rows], score[rows], _CONFIDENCE).value

    metrics = [
        ("AUC", area(place >= 0), -1),
        ("KS", _ks(positive, score), -1),
        ("Brier score", float(((score - positive) ** 2).mean()), -1),
        *(("AUC", area(place == n), n) for n in range(len(auc) - 1)),
    ]
    return ([str(int(y)) for y in positive], [f"{s:.5f}" for s in score]), metrics


def _classifier(
    random: np.random.Generator, accuracy: Sequence[float], rate: float, place: Numbers
) -> tuple[Columns, Values]:
    classes = 4
    label = np.where(random.random(len(place)) < rate, 0, random.integers(1, classes, len(place)))
    prediction = label.copy()
    for n, value in enumerate(accuracy):
        here = np.flatnonzero(place == n)
        wrong = random.choice(here, round((1 - value) * len(here)), replace=False)
        prediction[wrong] = (label[wrong] + random.integers(1, classes, len(wrong))) % classes
    right = label == prediction
    metrics = [
        ("Accuracy", float(right.mean()), -1),
        ("Macro F1", _macro_f1(label, prediction, classes), -1),
        *(("Accuracy", float(right[place == n].mean()), n) for n in range(len(accuracy) - 1)),
    ]
    return (["ABCD"[y] for y in label], ["ABCD"[p] for p in prediction]), metrics


def _forecast(
    random: np.random.Generator, error: Sequence[float], swing: float, place: Numbers
) -> tuple[Columns, Values]:
    days = np.arange(len(place))
    truth = np.round(100 * (1 + swing * np.sin(days * 2 * np.pi / 7)) * random.uniform(0.9, 1.1, len(place)), 1)
    off = np.zeros(len(place))
    for n, value in enumerate(error):
        here = np.flatnonzero(place == n)
        # The mean of |N(0, s)| is s √(2/π).
        off[here] = random.permutation(_quantiles(len(here))) * value * (np.pi / 2) ** 0.5
    predicted = np.round(truth * (1 + off), 1)
    miss = np.abs(predicted - truth)
    metrics = [
        ("MAPE", float((miss / truth).mean()), -1),
        ("MAE", float(miss.mean()), -1),
        ("RMSE", float((miss**2).mean() ** 0.5), -1),
        *(("MAPE", float((miss / truth)[place == n].mean()), n) for n in range(len(error) - 1)),
    ]
    return ([f"{y:.1f}" for y in truth], [f"{p:.1f}" for p in predicted]), metrics


@lru_cache(maxsize=64)
def _quantiles(count: int) -> Floats:
    """Return `count` evenly spread quantiles of the standard normal distribution."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((n + 0.5) / count) for n in range(count)])


def _ks(positive: Flags, score: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance between the scores of positives and of the others."""
    order = np.argsort(score, kind="stable")
    hits = np.cumsum(positive[order]) / positive.sum()
    others = np.cumsum(~positive[order]) / (~positive).sum()
    return float(np.abs(others - hits).max())


def _macro_f1(label: Numbers, prediction: Numbers, classes: int) -> float:
    scores = []
    for code in range(classes):
        hits = int(((label == code) & (prediction == code)).sum())
        total = int((label == code).sum()) + int((prediction == code).sum())
        scores.append(2 * hits / total if total else 0.0)
    return sum(scores) / classes


def _csv(header: str, lines: Iterable[str]) -> bytes:
    stream = io.StringIO()
    stream.write(header + "\n")
    stream.writelines(f"{line}\n" for line in lines)
    return stream.getvalue().encode()
