"""Calibration: whether a clip probability of 0.8 means that the sound is there in eight clips of ten."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .config import LABELS
from .heard import Heard

BINS = 10


def reliability(heard: Sequence[Heard]) -> dict[str, dict[str, Any]]:
    """Return, per sound, clips by their highest clip probability and how many of them hold the sound; and the error.

    The expected calibration error is the mean distance of probability and share over the bins, weighted by clips.
    """
    table: dict[str, dict[str, Any]] = {}
    for label in LABELS:
        scores = np.array([clip.scores[label] for clip in heard])
        there = np.array([clip.case.label == label for clip in heard])
        places = np.minimum((scores * BINS).astype(int), BINS - 1)
        bins = []
        error = 0.0
        for place in np.unique(places):
            inside = places == place
            mean, share = float(scores[inside].mean()), float(there[inside].mean())
            error += inside.sum() / scores.size * abs(mean - share)
            bins.append({"probability": round(mean, 4), "share": round(share, 4), "clips": int(inside.sum())})
        table[label] = {"expected_calibration_error": round(float(error), 4), "clips": len(heard), "bins": bins}
    return table
