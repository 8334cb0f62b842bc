"""Two listeners on the same clips, at equal false alarms: which of them misses less."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import Interval, share
from .peer import threshold_at


@dataclass(frozen=True, slots=True)
class Point:
    """What a listener does at one threshold."""

    threshold: float
    false_alarms_per_hour: float
    clips: Interval
    """Share of the clips with the sound that are heard."""

    groups: Interval
    """Share of their groups of which at least half of the clips are heard."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The highest score that a listener gave one sound, clip by clip."""

    positives: Sequence[float]
    """Clips in which the sound is."""

    groups: Sequence[str]
    """The group of each of them."""

    negatives: Sequence[float]
    """Clips in which it is not."""

    hours: float
    """Length of all negatives."""

    def at(self, threshold: float) -> Point:
        """Return what is heard, right and wrong, of the clips whose score reaches a threshold."""
        false_alarms = sum(score >= threshold for score in self.negatives)
        heard = [score >= threshold for score in self.positives]
        by_group: dict[str, list[bool]] = {}
        for hit, group in zip(heard, self.groups, strict=True):
            by_group.setdefault(group, []).append(hit)
        groups_heard = sum(bool(np.mean(hits) >= 0.5) for hits in by_group.values())
        clips = share(sum(heard), len(heard))
        return Point(threshold, false_alarms / self.hours, clips, share(groups_heard, len(by_group)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours at its threshold, and the peer at the thresholds around the same rate of false alarms.

    YAMNet is quantised to 32 different scores: many clips tie, so it has no threshold for just any rate.
    """

    ours: Point
    peer: Point
    """With no more false alarms than ours."""

    peer_more: Point
    """At its next score below: with more false alarms than ours, unless there is none below."""

    @property
    def peer_at_equal(self) -> float:
        """Its recall of clips at exactly our rate, on the straight line between its two points."""
        rates = (self.peer.false_alarms_per_hour, self.peer_more.false_alarms_per_hour)
        recalls = (self.peer.clips.value, self.peer_more.clips.value)
        return float(np.interp(self.ours.false_alarms_per_hour, rates, recalls)) if rates[0] < rates[1] else recalls[0]


def compare(ours: Scored, peer: Scored, threshold: float) -> Comparison:
    """Compare what both hear where the peer raises as many false alarms per hour as ours does at a threshold."""
    at_ours = ours.at(threshold)
    peer_threshold = threshold_at(peer.negatives, peer.hours, at_ours.false_alarms_per_hour)
    score_below = math.nextafter(peer_threshold, 0.0)
    at_peer = peer.at(peer_threshold)
    return Comparison(at_ours, at_peer, peer.at(score_below) if score_below > 0 else at_peer)
