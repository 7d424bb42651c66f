"""Rates of groups, and how much the rates of any two groups differ, with confidence bounds. NumPy only.

Bounds of a rate are Wilson's. Bounds of the difference and of the ratio of two independent rates follow from them.
Sources: Newcombe 1998 (difference, method 10); Donner and Zou 2012 (ratio). Arguments named `confidence` are one-sided
levels between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from governance.checks.metrics_ci import Floats


@dataclass(frozen=True)
class Rates:
    """The rate of each group with its bounds; arrays have one element a group."""

    value: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Extreme:
    """The largest difference, or the smallest ratio, between the rates of any two groups.

    The bound that shows that a limit is kept is that of the worst pair; the bound that shows that it is exceeded is
    corrected for the number of pairs. `value` is None if it is not defined.
    """

    value: float | None
    lower: float
    upper: float


def rates(hits: Floats, rows: Floats, confidence: float) -> Rates:
    """Return rates with Wilson's score bounds. Source: Wilson 1927.

    Args:
        hits: number of rows of each group that count.
        rows: number of rows of each group, at least 1.
        confidence: one-sided confidence level.
    """
    z = NormalDist().inv_cdf(confidence)
    share = hits / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    # At 0 and 1 the bound is the rate itself, but for rounding.
    lower = np.where(hits == 0, 0.0, np.maximum(0.0, centre - half))
    return Rates(share, lower, np.where(hits == rows, 1.0, np.minimum(1.0, centre + half)))


def largest_difference(hits: Floats, rows: Floats, confidence: float, *, comparisons: int = 1) -> Extreme:
    """Return the largest difference between the rates of any two groups.

    That all differences are at most `upper` holds with the given confidence without a correction, because it must hold
    for each pair. That some difference is at least `lower` is corrected for the number of pairs (Bonferroni).

    Args:
        hits: number of rows of each group that count.
        rows: number of rows of each group, at least 1; at least two groups.
        confidence: one-sided confidence level.
        comparisons: number of rates that are compared for one conclusion.
    """
    upper = _difference_bounds(rates(hits, rows, confidence))[1]
    lower = _difference_bounds(rates(hits, rows, corrected(confidence, len(rows), comparisons)))[0]
    share = hits / rows
    return Extreme(float(share.max() - share.min()), max(0.0, float(lower.max())), float(upper.max()))


def smallest_ratio(hits: Floats, rows: Floats, confidence: float) -> Extreme:
    """Return the smallest ratio between the rates of any two groups; arguments and bounds as `largest_difference`."""
    lower = _ratio_bounds(rates(hits, rows, confidence))[0]
    upper = _ratio_bounds(rates(hits, rows, corrected(confidence, len(rows), 1)))[1]
    share = hits / rows
    value = float(share.min() / share.max()) if share.max() > 0 else None
    return Extreme(value, float(lower.min()), min(1.0, float(upper.min())))


def corrected(confidence: float, groups: int, comparisons: int) -> float:
    """Return the confidence of each ordered pair of groups, so that all together have the given one (Bonferroni)."""
    return 1 - (1 - confidence) / (groups * (groups - 1) * comparisons)


def _pairs(groups: int) -> np.ndarray:
    return ~np.eye(groups, dtype=bool)


def _difference_bounds(of: Rates) -> tuple[Floats, Floats]:
    """Return the bounds of first minus second rate of all ordered pairs."""
    first, second = np.s_[:, None], np.s_[None, :]
    difference = of.value[first] - of.value[second]
    down, up = of.value - of.lower, of.upper - of.value
    lower = difference - np.hypot(down[first], up[second])
    upper = difference + np.hypot(up[first], down[second])
    pairs = _pairs(len(of.value))
    return lower[pairs], upper[pairs]


def _ratio_bounds(of: Rates) -> tuple[Floats, Floats]:
    """Return the bounds of first divided by second rate of all ordered pairs."""
    first, second = np.s_[:, None], np.s_[None, :]
    down, up = of.value - of.lower, of.upper - of.value
    product = of.value[first] * of.value[second]
    numerator = of.lower * (2 * of.value - of.lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(_discriminant(of.value[first], down[first], of.value[second], up[second]))
        lower = np.nan_to_num(numerator[first] / (product + root))
        root = np.sqrt(_discriminant(of.value[first], up[first], of.value[second], down[second]))
        upper = np.where(numerator[second] > 0, (product + root) / numerator[second], np.inf)
    pairs = _pairs(len(of.value))
    return lower[pairs], upper[pairs]


def _discriminant(first: Floats, spread: Floats, second: Floats, other_spread: Floats) -> Floats:
    found = (first * other_spread) ** 2 + (second * spread) ** 2 - (spread * other_spread) ** 2
    return np.maximum(found, 0.0)
