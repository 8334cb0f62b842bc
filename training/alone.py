"""The R-CRNN by itself, without the attention model in front of it: what it would report if it heard everything."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hearing.features import Block
from hearing.rcrnn import Rcrnn
from hearing.rcrnn_card import RcrnnCard

from .synthesis import RATE_HZ

HOP_S = 2.0
"""A clip is looked at so often; it is five times as long."""

RELEASE_S = 4.0
"""The same sound again so soon is the same event, as the listener has it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A region, in seconds of the whole sound, and when it was seen first."""

    label: str
    onset_s: float
    offset_s: float
    confidence: float
    seen_s: float


def hear_alone(card: RcrnnCard, rcrnn: Rcrnn, samples: Block) -> list[Found]:
    """Look at a clip every HOP_S, from the sound's beginning to behind its end, and return every region."""
    found = []
    hop, last = round(HOP_S * RATE_HZ), samples.size + round(HOP_S * RATE_HZ)
    padded = np.concatenate((samples, np.zeros(hop, np.int16)))
    for end in range(hop, last + 1, hop):
        start = max(0, end - card.clip_samples)
        for region in rcrnn.verify(padded[start:end]):
            times_s = (region.onset_s + start / RATE_HZ, region.offset_s + start / RATE_HZ)
            found.append(Found(region.label, *times_s, region.confidence, end / RATE_HZ))
    return found


def events(found: list[Found], thresholds: Mapping[str, float]) -> list[Found]:
    """Return the first region of every event that reaches its threshold."""
    begun: list[Found] = []
    until_s = dict.fromkeys(thresholds, float("-inf"))
    for region in sorted(found, key=lambda each: each.onset_s):
        if region.confidence < thresholds[region.label]:
            continue
        if region.onset_s > until_s[region.label] + RELEASE_S:
            begun.append(region)
        until_s[region.label] = max(until_s[region.label], region.offset_s)
    return begun
