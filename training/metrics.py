"""Figures with their uncertainty."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What `sed_eval` 0.2.1 counts for one sound by onset: sounds there were, reported ones, and those that are both.

    Counted here, because `sed_eval` needs a setuptools of years ago; its own figures are in the tests.
    """

    events: int = 0
    reported: int = 0
    hits: int = 0

    @classmethod
    def of(cls, true_s: Sequence[float], heard_s: Sequence[float], collar_s: float = 0.5) -> "EventCounts":
        """Compare the onsets of one file, in seconds; each counts once, and as many as possible find a partner."""
        waiting = sorted(heard_s)
        hits = 0
        # In order of time the first partner within reach is always a best one: all collars are as wide.
        for onset_s in sorted(true_s):
            while waiting and waiting[0] < onset_s and not abs(onset_s - waiting[0]) <= collar_s:
                waiting.pop(0)
            if waiting and abs(onset_s - waiting[0]) <= collar_s:
                waiting.pop(0)
                hits += 1
        return cls(len(true_s), len(heard_s), hits)

    def __add__(self, other: "EventCounts") -> "EventCounts":
        return EventCounts(self.events + other.events, self.reported + other.reported, self.hits + other.hits)

    @property
    def error_rate(self) -> float:
        """Missed and false events per event there was; NaN without one."""
        return (self.events + self.reported - 2 * self.hits) / self.events if self.events else float("nan")

    @property
    def f_measure(self) -> float:
        """Harmonic mean of precision and recall; NaN where there was nothing and nothing was reported."""
        total = self.events + self.reported
        return 2 * self.hits / total if total else float("nan")
