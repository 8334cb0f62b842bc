"""What was reported though nothing was there: per day, by kind of sound, by file."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hearing import Sensitivity

from .config import LABELS
from .ears import SWEEP
from .heard import Heard
from .metrics import per_day

DEAD_TIME_S = 60.0
"""Reports of the same sound so soon after one that counts are the same alarm to those who live there."""

EVERYDAY = frozenset(
    "speech speech_tts speech_wakewords speech_words_ja speech_words_zh speech_digits speech_read tv tv_dialogue_es "
    "music kitchen_range_hood kitchen_dishwasher_machine kitchen_boiling_kettle household_machine weather rain wind "
    "thunder quiet_room night_ambience ambience hiss room_speech_traffic crowd_room".split()
)
"""Kinds of negatives that fill a home's day: speech, television, music, the hum of a kitchen, weather, quiet."""


def false_alarms(heard: Sequence[Heard]) -> dict[str, Any]:
    """Return hours, and per sensitivity and sound the false alarms and their rate per 24 h, exact 95 % interval."""
    hours = hours_of(heard)
    figures: dict[str, Any] = {"hours": round(hours, 3), "files": len(heard)}
    if not hours:
        return figures
    for level in heard[0].raised:
        figures[level] = {label: _rate(heard, label, level, hours) for label in LABELS}
    return figures


def by_kind(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """Return the kinds of sound that raised false alarms at balanced sensitivity, the worst first."""
    kinds: dict[str, list[Heard]] = {}
    for clip in heard:
        kinds.setdefault(clip.case.kind, []).append(clip)
    rows: list[dict[str, Any]] = [
        {"kind": kind, "files": len(clips), "minutes": round(60 * hours_of(clips), 1)} | counts
        for kind, clips in kinds.items()
        if any((counts := {label: sum(clip.labels().count(label) for clip in clips) for label in LABELS}).values())
    ]
    return sorted(rows, key=lambda row: (-sum(row[label] for label in LABELS), row["kind"]))


def worst(heard: Sequence[Heard], most: int = 40) -> list[dict[str, Any]]:
    """Return the files behind the false alarms at balanced sensitivity, the surest mistakes first."""
    rows: list[dict[str, Any]] = [
        {"file": clip.case.name, "kind": clip.case.kind, "label": label, "score": round(clip.scores[label], 4)}
        | {"count": count}
        for clip in heard
        for label, count in Counter(clip.labels()).items()
    ]
    return sorted(rows, key=lambda row: (-row["score"], row["file"]))[:most]


def look_alikes(heard: Sequence[Heard]) -> dict[str, dict[str, int]]:
    """Return, per synthesised look-alike, how many there were and in how many each sound was reported."""
    kinds = list(dict.fromkeys(clip.case.kind for clip in heard))
    clips = {kind: [clip for clip in heard if clip.case.kind == kind] for kind in kinds}
    return {
        kind: {"clips": len(of_kind)} | {label: sum(label in clip.labels() for clip in of_kind) for label in LABELS}
        for kind, of_kind in clips.items()
    }


def everyday(heard: Sequence[Heard]) -> list[Heard]:
    """Return the negatives that fill a home's day."""
    return [clip for clip in heard if clip.case.kind in EVERYDAY]


def curve(heard: Sequence[Heard]) -> dict[str, list[float]]:
    """Return the false alarms per 24 h per sound, at every threshold of SWEEP."""
    hours = hours_of(heard)
    counts = {label: [sum(clip.swept[label][i] for clip in heard) for i in range(len(SWEEP))] for label in LABELS}
    return (
        {label: [round(24 * count / hours, 2) for count in found] for label, found in counts.items()} if hours else {}
    )


def hours_of(heard: Sequence[Heard]) -> float:
    """Return the hours of the recordings themselves, without the quiet around them."""
    return sum(clip.length_s for clip in heard) / 3_600


def _rate(heard: Sequence[Heard], label: str, level: Sensitivity, hours: float) -> dict[str, Any]:
    count = sum(clip.labels(level).count(label) for clip in heard)
    rate = per_day(count, hours)
    return {
        "count": count,
        "per_hour": round(count / hours, 3),
        "per_day": [round(value, 2) for value in (rate.value, rate.low, rate.high)],
        "with_dead_time": sum(_with_dead_time(clip, label, level) for clip in heard),
    }


def _with_dead_time(clip: Heard, label: str, level: Sensitivity) -> int:
    """Count the events of a clip that do not follow within DEAD_TIME_S on one that counted."""
    count, deaf_until_s = 0, float("-inf")
    for event in clip.raised[level]:
        if event.label == label and event.published_s >= deaf_until_s:
            count, deaf_until_s = count + 1, event.published_s + DEAD_TIME_S
    return count
