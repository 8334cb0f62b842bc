"""From scores to events, by network scores alone: one rule for every sound."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .attention import Scores, clip_probability
from .card import ModelCard, Sensitivity
from .detection import Detection, Phase


@dataclass(frozen=True, slots=True)
class _Region:
    """Where the attention marks a sound."""

    onset_s: float
    offset_s: float
    confidence: float


class Decoder:
    """Follows the events of one stream. Not threadsafe, except that `sensitivity` may be set at any time."""

    def __init__(self, card: ModelCard, sensitivity: Sensitivity = Sensitivity.BALANCED) -> None:
        """Start with no event open."""
        self.sensitivity = sensitivity
        self.max_scores: dict[str, float] = dict.fromkeys(card.labels, 0.0)
        """Highest clip probability so far, per label."""
        self._labels = card.labels
        self._config = card.decoder
        self._thresholds: Mapping[str, Mapping[Sensitivity, float]] = card.thresholds
        self._open: dict[str, Detection] = {}
        self._closed_until_s: dict[str, float] = dict.fromkeys(card.labels, -np.inf)

    def push(self, scores: Scores, pooled: Sequence[float] | None = None) -> list[Detection]:
        """Take the newest scores and return what is new: events that start, continue or end.

        `pooled` are the clip probabilities of the whole window, where somebody has them already.
        """
        detections = []
        firsts = [self._first(label, scores) for label in self._labels]
        confidences = self._confidences(scores, firsts, pooled)
        for index, (label, confidence) in enumerate(zip(self._labels, confidences, strict=True)):
            self.max_scores[label] = max(self.max_scores[label], confidence)
            heard = confidence >= self._thresholds[label][self.sensitivity]
            # Nearly always there is nothing to hear, and where it would be need not be known.
            region = _region(scores, index, firsts[index], confidence, self._config.region_level) if heard else None
            detection = self._follow(label, region, scores.end_s)
            if detection is not None:
                detections.append(detection)
        return detections

    def confidence(self, label: str) -> float:
        """Return the highest clip probability of the event that is open, 0 if there is none."""
        return self._open[label].confidence if label in self._open else 0.0

    def flush(self) -> list[Detection]:
        """Return the end of every event that is still open."""
        return [self._close(label) for label in tuple(self._open)]

    def _first(self, label: str, scores: Scores) -> int:
        """Return the first step that no ended event of the label has claimed."""
        behind_s = self._closed_until_s[label] - scores.start_s
        return 0 if behind_s <= 0 else min(math.ceil(behind_s / scores.step_s), len(scores.logits))

    def _confidences(self, scores: Scores, firsts: Sequence[int], pooled: Sequence[float] | None) -> list[float]:
        """Return the clip probability of every label within its unclaimed steps."""
        if pooled is None:
            pooled = clip_probability(scores.logits, self._config.pooling).tolist()
        confidences = list(pooled)
        for index, first in enumerate(firsts):
            if first:
                unclaimed = scores.logits[first:, index : index + 1]
                confidences[index] = float(clip_probability(unclaimed, self._config.pooling)[0])
        return confidences

    def _follow(self, label: str, region: _Region | None, now_s: float) -> Detection | None:
        known = self._open.get(label)
        if known is None:
            if region is None:
                return None
            self._open[label] = Detection(label, Phase.STARTED, region.onset_s, region.offset_s, region.confidence)
            return self._open[label]
        if region is not None and region.confidence > known.confidence:
            known = self._open[label] = replace(known, confidence=region.confidence)
        if region is not None and region.offset_s > known.offset_s:
            self._open[label] = replace(known, phase=Phase.CONTINUED, offset_s=region.offset_s)
            return self._open[label]
        if now_s - known.offset_s > self._config.release_s:
            return self._close(label)
        return None

    def _close(self, label: str) -> Detection:
        ended = replace(self._open.pop(label), phase=Phase.ENDED)
        self._closed_until_s[label] = ended.offset_s
        return ended


def _region(scores: Scores, index: int, first: int, confidence: float, level: float) -> _Region:
    """Return the strongest stretch of one sound from the step `first` on, which must leave some."""
    attention = scores.attention[first:, index]
    peak = int(attention.argmax())
    quiet = np.flatnonzero(attention < level * attention[peak])
    before, after = quiet[quiet < peak], quiet[quiet > peak]
    onset = first + (int(before[-1]) + 1 if before.size else 0)
    offset = first + (int(after[0]) if after.size else len(attention))
    # The window reaches before the stream at first; an event does not.
    onset_s = max(0.0, scores.start_s + onset * scores.step_s)
    return _Region(onset_s, max(onset_s, scores.start_s + offset * scores.step_s), confidence)
