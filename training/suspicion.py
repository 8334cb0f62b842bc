"""When a second look is taken, and how sure it must be: chosen by budgets of false alarms, on validation only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hearing import ModelCard, Sensitivity
from hearing.rcrnn_card import RcrnnCard

from .cases import HEADLINE, heard_in, unheard_in
from .conditions import CLEAN, NOISY, ROOM
from .config import LABELS
from .ears import Ears
from .heard import Heard, Task
from .recordings import Library
from .thresholds import BUDGETS, MARGIN, QUIET_WAYS, threshold

HALF = 0.5
"""The two together may raise so much of the false alarms that the attention model alone may."""

STEPS = (0.0, 0.7, 1.5)
"""How far below the attention model's threshold at high sensitivity suspicion may begin, in its own scores (logits)."""

WEIGHTS = (0.3, 0.5, 1.0)
"""How much the R-CRNN may count beside the attention model."""

NEVER = 1.0
"""No joint confidence is higher than this: nothing is told but what the attention model is certain of, so that nearly
every look is taken and noted."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Suspicion and thresholds of one sound, and what they hear."""

    suspicion: float
    thresholds: Mapping[Sensitivity, float]
    recall: float
    """Share of the validation clips (clean, 0 dB, room), mean over the sensitivities."""

    looks_per_hour: float
    """On the validation negatives, for all sounds together."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is heard of the validation with one suspicion, whatever the thresholds."""

    suspicion: Mapping[str, float]
    quiet: Sequence[Heard]
    loud: Sequence[Heard]

    def choose(self, card: RcrnnCard, label: str) -> Choice:
        """Return the thresholds of one sound at half the budgets, and what they hear."""
        hours = sum(heard.length_s for heard in self.quiet) / 3_600
        chosen = _thresholds([heard.joint(label, card) for heard in self.quiet], hours, label)
        scores = [heard.joint(label, card) for heard in self.loud if heard.case.label == label]
        recall = [sum(score >= reached for score in scores) / max(1, len(scores)) for reached in chosen.values()]
        looks_per_hour = sum(heard.taken for heard in self.quiet) / hours
        return Choice(self.suspicion[label], chosen, sum(recall) / len(recall), looks_per_hour)


def calibrate(
    card: RcrnnCard, attention: ModelCard, library: Library, processes: int = 2, steps: Sequence[float] = STEPS
) -> RcrnnCard:
    """Return a card whose suspicion, weight and thresholds hear most at the budgets; of equals, that which looks less.

    The weight is one for all sounds.
    """
    if not unheard_in(library, "validation"):
        return card
    trials = [_trial(card, attention, library, processes, step) for step in steps]
    best: list[tuple[float, float, dict[str, Choice]]] = []
    for weight in WEIGHTS:
        weighed = replace(card, weight=weight)
        choices = {
            label: max((trial.choose(weighed, label) for trial in trials), key=lambda choice: choice.recall)
            for label in LABELS
        }
        best.append((sum(choice.recall for choice in choices.values()), weight, choices))
        print(f"weight {weight}: " + "; ".join(f"{label} {choice}" for label, choice in choices.items()))
    _, weight, chosen = max(best, key=lambda found: found[0])
    return replace(
        card,
        weight=weight,
        suspicion={label: choice.suspicion for label, choice in chosen.items()},
        thresholds={label: dict(choice.thresholds) for label, choice in chosen.items()},
    )


def suspicion_at(attention: ModelCard, label: str, step: float) -> float:
    """Return the clip probability that lies so far below the threshold at high sensitivity."""
    high = attention.thresholds[label][Sensitivity.HIGH]
    return round(1 / (1 + math.exp(step) * (1 - high) / high), 7)


def _trial(card: RcrnnCard, attention: ModelCard, library: Library, processes: int, step: float) -> _Trial:
    suspicion = {label: suspicion_at(attention, label, step) for label in LABELS}
    never = {label: dict.fromkeys(Sensitivity, NEVER) for label in LABELS}
    with Ears(attention, library, processes, second=replace(card, suspicion=suspicion, thresholds=never)) as ears:
        quiet = ears.hear("validation", _quiet(library), f"{step:g} below: quiet")
        return _Trial(suspicion, quiet, ears.hear("validation", _loud(library), f"{step:g} below: loud"))


def _thresholds(scores: Sequence[float], hours: float, label: str) -> dict[Sensitivity, float]:
    """Return the thresholds at half the budgets; high ≤ balanced ≤ low."""
    chosen: dict[Sensitivity, float] = {}
    reached = 0.0
    for level in (Sensitivity.HIGH, Sensitivity.BALANCED, Sensitivity.LOW):
        reached = max(reached, threshold(scores, hours, HALF * BUDGETS[level][label], MARGIN[level]))
        chosen[level] = reached
    return chosen


def _quiet(library: Library) -> list[Task]:
    return [Task(case, *way) for case in unheard_in(library, "validation") for way in QUIET_WAYS]


def _loud(library: Library) -> list[Task]:
    return [
        Task(case, condition, draw)
        for case in heard_in(library, "validation")
        if case.label and case.kind in HEADLINE[case.label]
        for condition in (CLEAN, NOISY[1], ROOM)
        for draw in range(1 if case.pattern else condition.draws)
    ]
