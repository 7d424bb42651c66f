"""Differences between two models on the same rows, with confidence bounds. NumPy only.

Every difference is a gain: first minus second model, so that a positive value means that the first has the higher
metric. Bounds are one-sided at the given confidence, between 0 and 1, as in `metrics_ci`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from governance.checks.metrics_ci import BOOTSTRAPS, Flags, Floats, NotComputable, placements, proportion

FEWEST_EFFECTIVE = 4
"""With fewer rows that carry a difference, its standard error says little: another sample could show many more."""


@dataclass(frozen=True)
class Difference:
    """The metric of both models, their difference with its bounds, and the number of rows."""

    first: float
    second: float
    lower: float
    upper: float
    rows: int
    method: str

    @property
    def value(self) -> float:
        """The metric of the first model minus that of the second."""
        return self.first - self.second

    def reversed(self) -> Difference:
        """Return the difference for a metric of which less is better: a positive value means a lower metric."""
        return Difference(-self.first, -self.second, -self.upper, -self.lower, self.rows, self.method)


def auc(positive: Flags, first: Floats, second: Floats, confidence: float) -> Difference:
    """Return the difference of two areas under the ROC curve with the variance of DeLong for paired curves.

    Source: DeLong, DeLong and Clarke-Pearson 1988. If few rows carry the difference, or none, as for identical
    rankings, the bounds are at least as wide as Wilson's for no difference among the rows of the smaller class.

    Args:
        positive: whether each row is positive.
        first: scores of the first model, one a row.
        second: scores of the second model.
        confidence: one-sided confidence level.

    Raises:
        NotComputable: a class has fewer than two rows.
    """
    (above, below), (other_above, other_below) = placements(positive, first), placements(positive, second)
    value, other = float(above.mean()), float(other_above.mean())
    variance = (above - other_above).var(ddof=1) / len(above) + (below - other_below).var(ddof=1) / len(below)
    half = NormalDist().inv_cdf(confidence) * float(variance) ** 0.5
    if min(_effective(above - other_above), _effective(below - other_below)) < FEWEST_EFFECTIVE:
        half = max(half, _unseen(min(len(above), len(below)), confidence))
    return _within(value, other, half, len(positive), "delong", largest=1)


def mean(first: Floats, second: Floats, confidence: float) -> Difference:
    """Return the difference of two means of per-row values: mean and standard error of the paired differences.

    If few rows carry the difference, or none, the bounds are at least as wide as those of a difference that no row
    showed, times the largest value.

    Raises:
        NotComputable: there are fewer than two rows, or every value is 0.
    """
    if len(first) < 2:
        raise NotComputable("a comparison needs at least two rows")
    return _of_rows(first - second, float(first.mean()), float(second.mean()), first, second, confidence)


def root_mean(first: Floats, second: Floats, confidence: float) -> Difference:
    """Return the difference of two roots of mean squares, given the squares per row, by the delta method."""
    value, other = float(first.mean()) ** 0.5, float(second.mean()) ** 0.5
    if len(first) < 2 or value == 0 or other == 0:
        raise NotComputable("a comparison of roots of mean squares needs two rows, and errors of both models")
    rows = first / (2 * value) - second / (2 * other)
    return _of_rows(rows, value, other, np.sqrt(first), np.sqrt(second), confidence)


def share(first: Flags, second: Flags, confidence: float) -> Difference:
    """Return the difference of two shares of the same rows with Tango's score bounds.

    They are valid for few rows on which the models differ, and for none, where mean and standard error are not.
    Source: Tango 1998, Statistics in Medicine 17.

    Args:
        first: whether the first model is right about each row.
        second: whether the second model is.
        confidence: one-sided confidence level.

    Raises:
        NotComputable: there is no row.
    """
    rows = len(first)
    if rows < 1:
        raise NotComputable("there is no row to compare")
    better, worse = int((first & ~second).sum()), int((~first & second).sum())
    z = NormalDist().inv_cdf(confidence)

    def statistic(difference: float) -> float:
        a, b = 2 * rows, (2 * rows - better + worse) * difference - better - worse
        rare = ((b * b + 4 * a * worse * difference * (1 - difference)) ** 0.5 - b) / (2 * a)
        variance = rows * (2 * rare + difference * (1 - difference))
        distance = better - worse - rows * difference
        return distance / variance**0.5 if variance > 0 else float(np.sign(distance)) * np.inf

    value = (better - worse) / rows
    lower = _root(lambda d: statistic(d) - z, -1.0, value)
    upper = _root(lambda d: statistic(d) + z, value, 1.0)
    return Difference(float(first.mean()), float(second.mean()), lower, upper, rows, "score")


def of_confusion(
    metric: Callable[[Floats, Floats, Floats], Floats],
    positive: Flags,
    first: Flags,
    second: Flags,
    confidence: float,
    seed: int,
) -> Difference:
    """Return the difference of a metric of the confusion matrix with percentile bounds of a paired bootstrap.

    Rows are resampled within each class. Counts of resampled rows are multinomial, so rows are not drawn one by one.
    One is added to the number of rows on which only one model is right, so that a difference that no row showed
    remains possible.

    Args:
        metric: from true positives, false positives and false negatives; vectorised.
        positive: whether each row is positive.
        first: whether the first model predicts so.
        second: whether the second model does.
        confidence: one-sided confidence level.
        seed: seed of the resampling.

    Raises:
        NotComputable: the metric of a model is not defined.
    """
    cells = [_cells(first[rows], second[rows]) for rows in (positive, ~positive)]
    observed = [metric(*_confusion(cells[0][None], cells[1][None], model))[0] for model in (0, 1)]
    if not np.isfinite(observed).all():
        raise NotComputable("no row is predicted positive by one of the models")
    random = np.random.default_rng(seed)
    drawn = []
    for counts in cells:
        smoothed = counts + np.array([0, 1, 1, 0])
        total = int(counts.sum())
        drawn.append(random.multinomial(total, smoothed / smoothed.sum(), size=BOOTSTRAPS).astype(np.float64))
    both = [np.nan_to_num(metric(*_confusion(drawn[0], drawn[1], model))) for model in (0, 1)]
    low, high = np.quantile(both[0] - both[1], [1 - confidence, confidence])
    value, other = map(float, observed)
    lower, upper = min(float(low), value - other), max(float(high), value - other)
    return Difference(value, other, lower, upper, len(positive), "bootstrap")


def _cells(first: Flags, second: Flags) -> Floats:
    """Return how many rows both, only the first, only the second, and neither model predicts positive."""
    both, one, other = (first & second).sum(), (first & ~second).sum(), (~first & second).sum()
    return np.array([both, one, other, len(first) - both - one - other], dtype=np.float64)


def _confusion(positives: Floats, negatives: Floats, model: int) -> tuple[Floats, Floats, Floats]:
    """Return true positives, false positives and false negatives of a model, from cells as `_cells` returns them."""
    chosen = [0, 1 + model]
    hits = positives[:, chosen].sum(axis=1)
    return hits, negatives[:, chosen].sum(axis=1), positives.sum(axis=1) - hits


def _of_rows(
    differences: Floats, value: float, other: float, first: Floats, second: Floats, confidence: float
) -> Difference:
    rows = len(differences)
    half = NormalDist().inv_cdf(confidence) * float(differences.std(ddof=1)) / rows**0.5
    if _effective(differences) < FEWEST_EFFECTIVE or np.ptp(differences) == 0:
        largest = float(max(np.abs(first).max(), np.abs(second).max()))
        if largest == 0:
            raise NotComputable("no row has an error of either model, so the size of errors is unknown")
        half = max(half, _unseen(rows, confidence) * largest)
    return _within(value, other, half, rows, "mean")


def _effective(differences: Floats) -> float:
    """Return how many rows carry a difference: the number of rows if all differ alike, 0 if none does."""
    squares = differences**2
    total = float((squares**2).sum())
    return float(squares.sum()) ** 2 / total if total > 0 else 0.0


def _unseen(rows: int, confidence: float) -> float:
    """Return the upper bound of the share of rows with a property that none of the given number has."""
    return proportion(0, rows, confidence).upper


def _within(value: float, other: float, half: float, rows: int, method: str, *, largest: float = np.inf) -> Difference:
    gain = value - other
    return Difference(value, other, max(gain - half, -largest), min(gain + half, largest), rows, method)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a decreasing function is 0, by bisection; an end if it has one sign."""
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
