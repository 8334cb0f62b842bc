"""Ours and the peer on the same clips at equal false alarms, and the peer as Frigate runs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from hearing import Sensitivity

from .compare import Comparison, Scored, compare
from .conditions import CLEAN, NOISY
from .config import LABELS
from .false_alarms import hours_of
from .heard import Heard
from .recall import figure, headline

FRIGATE_THRESHOLD = 0.8
LEVELS = (Sensitivity.BALANCED, Sensitivity.HIGH)
CONDITIONS = (CLEAN, *NOISY)


def rivals(
    quiet: Sequence[Heard], loud: Sequence[Heard], thresholds: Mapping[str, Mapping[Sensitivity, float]]
) -> dict[str, Any]:
    """Return recall of both per sensitivity, sound and condition, where both mistake as many negatives.

    A negative counts once, however often it is mistaken, because that is what a highest score tells.
    """
    cells: dict[str, dict[str, dict[str, Any]]] = {}
    for level in LEVELS:
        cells[level] = {}
        for label in LABELS:
            clips = [clip for clip in headline(loud, label) if clip.peer]
            if clips and quiet:
                reached = thresholds[label][level]
                cells[level][label] = {
                    condition.name: _figures(_compared(quiet, clips, label, condition.name, reached))
                    for condition in CONDITIONS
                }
    return {"at_equal_false_alarms": cells, "as_frigate_runs_it": _frigate(quiet, loud)}


def peer_thresholds(results: Mapping[str, Any]) -> dict[str, float]:
    """Return the peer's threshold per sound that it knows, at our false alarms at balanced sensitivity."""
    cells = results["at_equal_false_alarms"][Sensitivity.BALANCED]
    return {label: of_label["clean"]["peer_threshold"] for label, of_label in cells.items() if label != "co_alarm"}


def _compared(
    quiet: Sequence[Heard], loud: Sequence[Heard], label: str, condition: str, threshold: float
) -> Comparison:
    clips = [clip for clip in loud if clip.condition == condition]
    groups, hours = [clip.case.group for clip in clips], hours_of(quiet)
    ours = Scored([c.scores[label] for c in clips], groups, [c.scores[label] for c in quiet], hours)
    tuned = [[clip.peer["tuned"][label] for clip in part] for part in (clips, quiet)]
    theirs = Scored(tuned[0], groups, tuned[1], hours)
    return compare(ours, theirs, threshold)


def _frigate(quiet: Sequence[Heard], loud: Sequence[Heard]) -> dict[str, Any]:
    """Return recall and mistaken negatives of the peer with Frigate's window, gate and threshold."""
    table: dict[str, Any] = {}
    for label in LABELS:
        clips = [clip for clip in headline(loud, label) if clip.peer]
        if not clips or not quiet:
            continue
        mistaken = sum(clip.peer["frigate"][label] >= FRIGATE_THRESHOLD for clip in quiet)
        table[label] = {"mistaken": mistaken, "per_hour": round(mistaken / hours_of(quiet), 3)} | {
            condition.name: figure(
                [clip for clip in clips if clip.condition == condition.name],
                lambda clip: clip.peer["frigate"][clip.case.label or ""] >= FRIGATE_THRESHOLD,
            )
            for condition in CONDITIONS
        }
    return table


def _figures(comparison: Comparison) -> dict[str, Any]:
    ours, peer = comparison.ours, comparison.peer
    best = max(peer.clips.value, comparison.peer_at_equal)
    return {
        "false_alarms_per_hour": round(ours.false_alarms_per_hour, 3),
        "ours": [round(point.value, 3) for point in (ours.clips, ours.groups)],
        "peer": [round(point.value, 3) for point in (peer.clips, peer.groups)],
        "peer_at_equal": round(best, 3),
        "peer_threshold": peer.threshold,
        "ours_is": "better" if ours.clips.value > best else "equal" if ours.clips.value == best else "worse",
    }
