"""Differences between two distributions of numbers, and how large they are by chance. NumPy only.

Sources: population stability index: Siddiqi 2006, its distribution without a shift: Yurdakul and Naranjo 2020 (a
multiple of chi-squared); Kolmogorov-Smirnov: the asymptotic distribution of the two-sample statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from governance.checks.metrics_ci import Floats

_STEPS = 200


@dataclass(frozen=True)
class Histogram:
    """Shares of two samples in common bins: `edges` separate the bins, so there is one fewer than bins."""

    edges: Floats
    reference: Floats
    current: Floats


def histogram(reference: Floats, current: Floats, bins: int) -> Histogram:
    """Return the shares of two samples in bins that hold about equal shares of the reference.

    A bin contains its upper edge; the first and the last bin are open. Equal values are never separated, so that there
    can be fewer bins than wanted.

    Args:
        reference: the sample that defines the bins.
        current: the other sample.
        bins: the wanted number of bins.
    """
    ordered = np.sort(reference)
    places = np.ceil(np.arange(1, bins) * len(ordered) / bins).astype(int) - 1
    edges = np.unique(ordered[np.clip(places, 0, len(ordered) - 1)])
    edges = edges[edges < ordered[-1]]
    counts = [
        np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1) / len(sample)
        for sample in (reference, current)
    ]
    return Histogram(edges, *counts)


def population_stability_index(found: Histogram, reference_rows: int, current_rows: int) -> float:
    """Return the PSI. Half a row is added to each bin, because an empty bin has no logarithm."""
    bins = len(found.reference)
    first = (found.reference * reference_rows + 0.5) / (reference_rows + 0.5 * bins)
    second = (found.current * current_rows + 0.5) / (current_rows + 0.5 * bins)
    return float(((second - first) * np.log(second / first)).sum())


def psi_noise(bins: int, reference_rows: int, current_rows: int, confidence: float) -> float:
    """Return the value that the PSI exceeds by chance with the probability 1 - `confidence` if there is no shift."""
    return chi_squared_quantile(confidence, bins - 1) * (1 / reference_rows + 1 / current_rows)


def kolmogorov_smirnov(reference: Floats, current: Floats) -> tuple[float, float]:
    """Return the largest difference D of the two empirical distribution functions, and its asymptotic p-value."""
    first, second = np.sort(reference), np.sort(current)
    values = np.concatenate([first, second])
    below = np.searchsorted(first, values, side="right") / len(first)
    other = np.searchsorted(second, values, side="right") / len(second)
    distance = float(np.abs(below - other).max())
    rows = len(first) * len(second) / (len(first) + len(second))
    return distance, kolmogorov_tail(math.sqrt(rows) * distance)


def kolmogorov_tail(value: float) -> float:
    """Return the probability that the Kolmogorov distribution exceeds a value."""
    if value < 0.2:  # below, the tail differs from 1 by less than a float shows, and the series converges slowly
        return 1.0
    terms = (math.exp(-2 * k * k * value * value) * (1 if k % 2 else -1) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))


def chi_squared_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of the chi-squared distribution, by bisection of its distribution function."""
    low, high = 0.0, degrees + 40.0 * math.sqrt(2.0 * degrees) + 40.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _lower_gamma(degrees / 2, middle / 2) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _lower_gamma(shape: float, value: float) -> float:
    """Return the regularised lower incomplete gamma function, by its series."""
    if value <= 0:
        return 0.0
    term = total = 1.0 / shape
    step = shape
    while term > total * 1e-17:
        step += 1
        term *= value / step
        total += term
    return min(1.0, total * math.exp(shape * math.log(value) - value - math.lgamma(shape)))
