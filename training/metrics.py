"""Figures with their uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its exact 95 % interval."""

    value: float
    low: float
    high: float


def share(hits: int, total: int) -> Interval:
    """Return a proportion with its Clopper-Pearson interval."""
    if not total:
        return Interval(float("nan"), 0.0, 1.0)
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, total - hits + 1))
    high = 1.0 if hits == total else float(beta.ppf(0.975, hits + 1, total - hits))
    return Interval(hits / total, low, high)


def per_day(count: int, hours: float) -> Interval:
    """Return a rate per 24 hours with its Garwood (exact Poisson) interval."""
    days = hours / 24
    low = 0.0 if count == 0 else float(chi2.ppf(0.025, 2 * count)) / 2 / days
    return Interval(count / days, low, float(chi2.ppf(0.975, 2 * count + 2)) / 2 / days)


def average_precision(targets: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the area under precision over recall; NaN without a positive."""
    if not targets.any():
        return float("nan")
    hits = targets[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())
