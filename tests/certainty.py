"""An attention model that is never certain, so that the second look decides; for both import names of the engine."""

from dataclasses import replace
from typing import Any


def never_certain(card: Any) -> Any:
    """Return a model's card whose threshold at *low* is out of reach."""
    thresholds = {
        label: {level: 1.0 if level == "low" else reached for level, reached in levels.items()}
        for label, levels in card.thresholds.items()
    }
    return replace(card, thresholds=thresholds)
