"""What was heard of what should be: per sound and kind, by group, by condition, by length; and what was mistaken."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hearing import Sensitivity

from .cases import HEADLINE, KINDS
from .config import LABELS
from .heard import Heard
from .metrics import share

LENGTHS_S = ((0.0, 1.0), (1.0, 3.0), (3.0, 6.0), (6.0, float("inf")))


def figure(heard: Sequence[Heard], hit: Callable[[Heard], bool]) -> dict[str, Any]:
    """Return clips and groups that were hit; a group is when at least half of its clips are. Exact 95 % interval."""
    groups: dict[str, list[bool]] = {}
    for clip in heard:
        groups.setdefault(clip.case.group, []).append(hit(clip))
    found = int(sum(np.mean(hits) >= 0.5 for hits in groups.values()))
    interval = share(found, len(groups))
    return {
        "clips": [sum(map(sum, groups.values())), len(heard)],
        "groups": [found, len(groups)],
        "interval": [round(interval.low, 3), round(interval.high, 3)],
    }


def by_condition(heard: Sequence[Heard]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return recall at balanced sensitivity per sound, kind ("all" is the headline) and condition."""
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    conditions = list(dict.fromkeys(clip.condition for clip in heard))
    for label, kinds in KINDS.items():
        rows = {"all": HEADLINE[label]} | {kind: (kind,) for kind in kinds}
        of_label = [clip for clip in heard if clip.case.label == label]
        tables[label] = {}
        for name, members in rows.items():
            clips = [clip for clip in of_label if clip.case.kind in members]
            if clips:
                tables[label][name] = {
                    condition: figure([clip for clip in clips if clip.condition == condition], _reported)
                    for condition in conditions
                }
    return tables


def by_sensitivity(
    heard: Sequence[Heard], thresholds: Mapping[str, Mapping[Sensitivity, float]]
) -> dict[str, dict[str, Any]]:
    """Return recall of the headline kinds per sound and sensitivity: what reaches its threshold is reported."""

    def reaches(label: str, level: Sensitivity) -> Callable[[Heard], bool]:
        return lambda clip: clip.scores[label] >= thresholds[label][level]

    return {
        label: {level: figure(clips, reaches(label, level)) for level in Sensitivity}
        for label in LABELS
        if (clips := headline(heard, label))
    }


def by_length(heard: Sequence[Heard]) -> dict[str, dict[str, Any]]:
    """Return recall of the headline kinds per sound and length of the event."""
    tables: dict[str, dict[str, Any]] = {}
    for label in LABELS:
        for low_s, high_s in LENGTHS_S:
            clips = [clip for clip in headline(heard, label) if low_s <= clip.length_s < high_s]
            if clips:
                name = f"over {low_s:g} s" if high_s == float("inf") else f"{low_s:g}–{high_s:g} s"
                tables.setdefault(label, {})[name] = figure(clips, _reported)
    return tables


def confusion(heard: Sequence[Heard]) -> dict[str, dict[str, Any]]:
    """Return, per sound and kind, how many clips there are and in how many each other sound was reported."""
    table: dict[str, dict[str, Any]] = {}
    for label, kinds in KINDS.items():
        for kind in kinds:
            clips = [clip for clip in heard if (clip.case.label, clip.case.kind) == (label, kind)]
            if clips:
                others = {other: sum(other in clip.labels() for clip in clips) for other in LABELS if other != label}
                table[f"{label}, {kind}"] = {"clips": len(clips)} | others
    return table


def missed(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """Return the recordings that were not heard, with their score."""
    return [
        {"file": clip.case.name, "label": label, "kind": clip.case.kind, "score": round(clip.scores[label], 4)}
        for clip in heard
        if (label := clip.case.label) is not None and clip.case.pattern is None and label not in clip.labels()
    ]


def headline(heard: Sequence[Heard], label: str) -> list[Heard]:
    """Return the clips that the headline figure of a sound is made of."""
    return [clip for clip in heard if clip.case.label == label and clip.case.kind in HEADLINE[label]]


def _reported(clip: Heard) -> bool:
    return clip.case.label in clip.labels()
