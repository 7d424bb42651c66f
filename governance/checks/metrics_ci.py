"""Metrics computed from evaluation rows, with confidence bounds. NumPy only; the tests compare with SciPy.

Bounds are one-sided at the given confidence: "with 95 % confidence the true value is at least `lower`", and likewise
"at most `upper`". Arguments named `confidence` are between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BOOTSTRAPS = 2_000


@dataclass(frozen=True)
class Estimate:
    """A measured value, its bounds, and the number of rows."""

    value: float
    lower: float
    upper: float
    rows: int


class NotComputable(ValueError):
    """The rows do not define this metric; the message says why."""


def proportion(hits: int, of: int, confidence: float) -> Estimate:
    """Return a share of rows with Wilson's score bounds, which are valid at 0 and 1. Source: Wilson 1927."""
    if of < 1:
        raise NotComputable("there is no row to count")
    z = NormalDist().inv_cdf(confidence)
    share = hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half), of)


def mean(values: Floats, confidence: float) -> Estimate:
    """Return the mean of per-row values with normal bounds."""
    rows = len(values)
    if rows < 2:
        raise NotComputable("a mean with bounds needs at least two rows")
    centre = float(values.mean())
    half = NormalDist().inv_cdf(confidence) * float(values.std(ddof=1)) / rows**0.5
    return Estimate(centre, centre - half, centre + half, rows)


def root_mean(values: Floats, confidence: float) -> Estimate:
    """Return the square root of a mean of squares, given the squares per row."""
    squares = mean(values, confidence)
    return Estimate(squares.value**0.5, max(0.0, squares.lower) ** 0.5, squares.upper**0.5, squares.rows)


def f1(hits: int, false_alarms: int, misses: int, others: int, confidence: float, seed: int) -> Estimate:
    """Return F1 = 2 TP / (2 TP + FP + FN) with percentile bounds from resampled confusion counts.

    Counts of rows resampled with replacement are multinomial, so rows are not resampled individually.
    """
    if hits + false_alarms + misses == 0:
        raise NotComputable("no row is positive or predicted so")
    rows = hits + false_alarms + misses + others
    counts = np.array([hits, false_alarms, misses, others], dtype=np.float64)
    drawn = np.random.default_rng(seed).multinomial(rows, counts / rows, size=BOOTSTRAPS).astype(np.float64)
    below = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    scores = np.where(below > 0, 2 * drawn[:, 0] / np.maximum(below, 1), 0.0)
    low, high = np.quantile(scores, [1 - confidence, confidence])
    return Estimate(2 * hits / (2 * hits + false_alarms + misses), float(low), float(high), rows)


def auc(positive: Flags, scores: Floats, confidence: float) -> Estimate:
    """Return the area under the ROC curve, ties counted half, with DeLong's variance.

    Source: DeLong et al. 1988, computed by midranks (Sun and Xu 2014). For perfect separation the variance is 0;
    Wilson's bounds for the smaller class are used then.

    Args:
        positive: whether each row is positive.
        scores: score of each row.
        confidence: one-sided confidence level.
    """
    above, below = placements(positive, scores)
    value = float(above.mean())
    spread = float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
    if spread == 0.0:
        smaller = min(len(above), len(below))
        bound = proportion(round(value * smaller), smaller, confidence)
        return Estimate(value, bound.lower, bound.upper, len(scores))
    half = NormalDist().inv_cdf(confidence) * spread
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), len(scores))


def placements(positive: Flags, scores: Floats) -> tuple[Floats, Floats]:
    """Return DeLong's structural components: for each positive row the share of negative rows with a lower score, and
    for each negative row the share of positive rows with a higher score. Ties count half.

    Raises:
        NotComputable: a class has fewer than two rows.
    """
    high, low = scores[positive], scores[~positive]
    if len(high) < 2 or len(low) < 2:
        raise NotComputable("the area under the curve needs two rows of each class at least")
    together = _midranks(np.concatenate([high, low]))
    above = (together[: len(high)] - _midranks(high)) / len(low)
    below = 1 - (together[len(high) :] - _midranks(low)) / len(high)
    return above, below


def _midranks(values: Floats) -> Floats:
    """Return ranks from 1; ties share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return ((last - (count - 1) / 2.0)[place]).astype(np.float64)
