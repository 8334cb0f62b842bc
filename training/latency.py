"""How long after its onset, and after the end of the evidence, a sound was reported."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hearing import Sensitivity

from .cases import KINDS
from .heard import Heard


def latency(heard: Sequence[Heard]) -> dict[str, dict[str, Any]]:
    """Return the median and the 95th percentile of the latency per sound and kind, in seconds, of what was heard.

    The first report of the sound counts, at balanced sensitivity, in stream time: what the listener had heard by then.
    """
    table: dict[str, dict[str, Any]] = {}
    for label, kinds in KINDS.items():
        for kind in kinds:
            clips = [clip for clip in heard if (clip.case.label, clip.case.kind) == (label, kind)]
            published_s = [(clip, first) for clip in clips if (first := _first_s(clip, label)) is not None]
            if not published_s:
                continue
            row: dict[str, Any] = {
                "heard": len(published_s),
                "from_onset_s": _percentiles([first - clip.onset_s for clip, first in published_s]),
            }
            after_s = [first - clip.evidence_s for clip, first in published_s if clip.evidence_s is not None]
            if after_s:
                row["from_evidence_s"] = _percentiles(after_s)
            table[f"{label}, {kind}"] = row
    return table


def _first_s(clip: Heard, label: str) -> float | None:
    """Return when the sound was first reported after it began, if it was."""
    events = clip.raised[Sensitivity.BALANCED]
    return next((e.published_s for e in events if e.label == label and e.published_s >= clip.onset_s), None)


def _percentiles(values_s: Sequence[float]) -> list[float]:
    return [round(float(np.percentile(values_s, percent)), 2) for percent in (50, 95)]
