"""Thresholds by budgets of false alarms, and what decides: the best frame or the attention. Validation only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from hearing import ModelCard, Sensitivity
from hearing.card import Pooling

from .cases import HEADLINE, heard_in, unheard_in
from .conditions import CLEAN, DOOR, NARROW, NOISY, QUIET, ROOM
from .config import LABELS
from .ears import Ears
from .heard import Heard, Task
from .recordings import Library

BUDGETS: Mapping[Sensitivity, Mapping[str, float]] = {
    Sensitivity.HIGH: {"glass_break": 2.0, "smoke_alarm": 2.0, "co_alarm": 2.0},
    Sensitivity.BALANCED: {"glass_break": 0.5, "smoke_alarm": 0.2, "co_alarm": 0.2},
    Sensitivity.LOW: {"glass_break": 0.0, "smoke_alarm": 0.0, "co_alarm": 0.0},
}
"""False alarms per hour that each sensitivity may raise on the validation negatives, sounds chosen to be mistaken."""

MARGIN = {Sensitivity.HIGH: 0.1, Sensitivity.BALANCED: 0.25, Sensitivity.LOW: 1.0}
"""How far above the worst negative that must be refused, in the network's own scores (logits)."""

QUIET_WAYS = ((CLEAN, 0), (ROOM, 0), (ROOM, 1), (DOOR, 0), (QUIET, 0), (NARROW, 0))
"""Each negative is heard in these conditions and draws: a score's tail needs more than one hearing of few hours."""

FLOOR = 0.3
"""No threshold is lower, however quiet the negatives are."""

SURE = 1e-7
"""No threshold is closer to 1 than this: a score ends there."""

PERIODS_HOURS = {"day": 24.0, "week": 168.0, "month": 720.0}
RULE_OF_THREE = -math.log(0.05)
"""Events that may be expected, at 95 % confidence, where none was seen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of pooling, its thresholds, and what it hears at them."""

    pooling: Pooling
    thresholds: dict[str, dict[Sensitivity, float]]
    recall: dict[str, float]
    """Share of the validation clips (clean, 0 dB, room), mean over the three sensitivities, per sound."""

    @property
    def mean(self) -> float:
        """Mean recall of the sounds that there are; 0 without any."""
        return float(np.mean(list(self.recall.values()))) if self.recall else 0.0


def threshold(scores: Sequence[float], hours: float, per_hour: float, margin: float) -> float:
    """Return the threshold that lets as many negatives pass as the budget allows in these hours, and no more.

    It lies in the middle between the last score that may pass and the first that must not, and a margin above; no
    higher than the former. `scores` are the highest of every negative; the middle and the margin are those of logits.
    """
    logits = sorted((_logit(score) for score in scores), reverse=True)
    allowed = math.floor(per_hour * hours + 1e-9)
    if allowed >= len(logits):
        return FLOOR
    reached = logits[allowed] + margin
    if allowed:
        reached = min((logits[allowed - 1] + logits[allowed]) / 2 + margin, logits[allowed - 1])
    # Rounded down, so that what may pass does.
    return math.floor(1e7 * min(max(1 / (1 + math.exp(-reached)), FLOOR), 1 - SURE) + 1e-6) / 1e7


def thresholds(quiet: Sequence[Heard]) -> dict[str, dict[Sensitivity, float]]:
    """Return every threshold, from what was heard in the negatives; high ≤ balanced ≤ low."""
    hours = sum(heard.length_s for heard in quiet) / 3_600
    chosen: dict[str, dict[Sensitivity, float]] = {}
    for label in LABELS:
        scores = [heard.scores[label] for heard in quiet]
        reached = FLOOR
        chosen[label] = {}
        for level in (Sensitivity.HIGH, Sensitivity.BALANCED, Sensitivity.LOW):
            reached = max(reached, threshold(scores, hours, BUDGETS[level][label], MARGIN[level]))
            chosen[label][level] = reached
    return chosen


def calibrate(card: ModelCard, library: Library, processes: int = 2) -> Choice:
    """Return the better way of pooling with its thresholds; of equals, the best frame decides."""
    return max(compare(card, library, processes), key=lambda choice: choice.mean)


def compare(card: ModelCard, library: Library, processes: int = 2) -> list[Choice]:
    """Return what each way of pooling hears on validation, where both may raise as many false alarms."""
    if not unheard_in(library, "validation"):
        return [Choice("max", thresholds([]), {})]
    loud = [
        Task(case, condition, draw)
        for case in heard_in(library, "validation")
        if case.label and case.kind in HEADLINE[case.label]
        for condition in (CLEAN, NOISY[1], ROOM)
        for draw in range(1 if case.pattern else condition.draws)
    ]
    quiet = [Task(case, *way) for case in unheard_in(library, "validation") for way in QUIET_WAYS]
    choices = []
    for pooling in get_args(Pooling):
        with Ears(replace(card, decoder=replace(card.decoder, pooling=pooling)), library, processes) as ears:
            chosen = thresholds(ears.hear("validation", quiet, f"{pooling}: quiet"))
            heard = ears.hear("validation", loud, f"{pooling}: loud")
        choices.append(Choice(pooling, chosen, {label: _recall(heard, label, chosen) for label in _labels(heard)}))
    return choices


def support(hours: float) -> dict[str, Any]:
    """Return how far hours of negatives can support a budget of one false alarm in a period."""
    return {
        "hours": round(hours, 2),
        "least_rate_shown_per_hour": round(RULE_OF_THREE / hours, 2) if hours else None,
        "hours_needed": {name: round(period * RULE_OF_THREE) for name, period in PERIODS_HOURS.items()},
        "allowed": {
            level: {label: math.floor(budget * hours + 1e-9) for label, budget in budgets.items()}
            for level, budgets in BUDGETS.items()
        },
    }


def _recall(heard: Sequence[Heard], label: str, chosen: Mapping[str, Mapping[Sensitivity, float]]) -> float:
    scores = np.array([clip.scores[label] for clip in heard if clip.case.label == label])
    return float(np.mean([np.mean(scores >= reached) for reached in chosen[label].values()]))


def _labels(heard: Sequence[Heard]) -> list[str]:
    return [label for label in LABELS if any(clip.case.label == label for clip in heard)]


def _logit(score: float) -> float:
    sure = min(max(score, SURE), 1 - SURE)
    return math.log(sure / (1 - sure))
