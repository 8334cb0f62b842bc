"""What a soak has shown: its figures, and the promises that it found broken."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .findings import ONSET_S
from .footprint import Footprint
from .plan import Trouble
from .soak import Outcome
from .vigil import BACK_S, closing

WARM_UP_S = 3_600.0
"""Memory may grow for so long. Half of a shorter run is taken for it, and what comes then is shown and not judged."""

GROWTH_MB = 10.0
"""More than this after that is a leak."""

_DEAFENING = (Trouble.LOST, Trouble.ENDED, Trouble.CRASHED, Trouble.STALLED)


def figures(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Return everything that was counted, ready for JSON."""
    rooms, findings = outcome.rooms, outcome.findings
    planted = sum(len(room.plan.alarms) for room in rooms)
    promised, missed = findings.promised(), findings.missed()
    errors_s = [findings.errors_s[each] for each in promised if each in findings.errors_s]
    offered_s = seconds * len(rooms)
    lost_s = sum(outage.end_s - outage.start_s for room in rooms for outage in room.outages)
    hours = seconds / 3600
    return {
        "hours": round(hours, 3),
        "microphones": len(rooms),
        "runtime": outcome.runtime,
        "second_look": outcome.second_look,
        "looks": outcome.looks,
        "sound_hours": round(offered_s / 3600, 2),
        "wall_s": round(outcome.wall_s, 1),
        "times_real_time": round(offered_s / outcome.wall_s),
        "cpu_ms_per_audio_s": round(1000 * outcome.cpu_s / offered_s, 2),
        "alarms": {
            "planted": planted,
            "undisturbed": len(promised),
            "undisturbed_found": len(promised) - len(missed),
            "disturbed": planted - len(promised),
            "disturbed_found": len(findings.errors_s) - len(errors_s),
            "by_label": {
                label: {
                    "undisturbed": sum(each.label == label for each in promised),
                    "missed": sum(each.label == label for each in missed),
                }
                for label in sorted({each.label for each in promised})
            },
        },
        "onset_error_s": _spread(errors_s),
        "reported_again": findings.again,
        "mistaken": dict(findings.mistaken),
        "false_alarms": dict(sorted(findings.false.items())),
        "false_alarms_at": findings.false_at,
        "guard_triggered": findings.triggered,
        "troubles": _count(fault.trouble for room in rooms for fault in room.plan.faults),
        "deeds": _count(deed.act for deed in outcome.deeds),
        "sound_lost": {
            "outages": sum(len(room.outages) for room in rooms),
            "seconds": round(lost_s, 1),
            "percent": round(100 * lost_s / offered_s, 2),
            "said_to_be_dropped_s": round(sum(room.dropped_s for room in rooms), 1),
        },
        "heard_again_after_s": {trouble.value: _recovery(outcome, trouble) for trouble in _DEAFENING},
        "connectivity": {"looked": outcome.looked, "wrong": len(outcome.wrong_looks)},
        "log": dict(outcome.log),
        "footprint": _footprint(outcome.footprints),
    }


def broken(outcome: Outcome) -> list[str]:
    """Return every promise that was broken, in words; none if all is well."""
    return list(_broken(outcome))


def _broken(outcome: Outcome) -> Iterator[str]:
    findings = outcome.findings
    if not findings.promised():
        yield "not one alarm could be heard: nothing was shown"
    for planted in findings.missed():
        yield f"missed: {planted.name} at {planted.onset_s:.1f} s"
    for planted in findings.misplaced():
        error_s = findings.errors_s[planted]
        yield f"onset off by {error_s:+.2f} s (more than {ONSET_S} s): {planted.name} at {planted.onset_s:.1f} s"
    for look in outcome.wrong_looks:
        yield f"microphone {look.microphone} was not {look.expected} at {look.at_s:.0f} s ({look.fault.trouble})"
    for trouble in _DEAFENING:
        if (again := _recovery(outcome, trouble)) is not None and again["max"] > BACK_S:
            yield f"heard again only {again['max']} s after a source was {trouble} (more than {BACK_S} s)"
    footprint = _footprint(outcome.footprints)
    is_warm = outcome.footprints[-1].at_s > WARM_UP_S
    if is_warm and footprint["growth_mb"] > GROWTH_MB:
        yield f"resident memory grew by {footprint['growth_mb']} MB (more than {GROWTH_MB} MB)"
    first, last = outcome.footprints[0], outcome.footprints[-1]
    if last.descriptors > first.descriptors:
        yield f"descriptors: {first.descriptors} at the start, {last.descriptors} in the end"
    # That of second looks comes with the first of them.
    if more := _more(first.thread_names, last.thread_names, "second look"):
        yield f"threads that were not there at the start: {', '.join(more)}"
    if more := _more(first.task_names, last.task_names):
        yield f"tasks that were not there at the start: {', '.join(more)}"
    for name in outcome.threads_left:
        yield f"the thread {name!r} was left behind"
    if outcome.secrets:
        yield f"{outcome.secrets} records of the log give a password away"
    for error, count in outcome.errors.items():
        yield f"logged {count} times: {error}"


def _footprint(footprints: Sequence[Footprint]) -> dict[str, Any]:
    """Return the footprint in the first and in the last calm minute, and every hour between them."""
    first, last = footprints[0], footprints[-1]
    warm_s = min(WARM_UP_S, last.at_s / 2)
    warm = min(footprints, key=lambda each: abs(each.at_s - warm_s))
    hourly = [each for each in footprints if each.at_s % 3600 == 0]
    return {
        "first": _shown(first),
        "warm": _shown(warm),
        "last": _shown(last),
        "most": {
            "rss_mb": round(max(each.rss_mb for each in footprints), 1),
            "threads": max(each.threads for each in footprints),
            "descriptors": max(each.descriptors for each in footprints),
            "tasks": max(each.tasks for each in footprints),
        },
        "growth_mb": round(_growth_mb(footprints, warm_s), 1),
        "hourly": [_shown(each) for each in hourly],
    }


def _growth_mb(footprints: Sequence[Footprint], warm_s: float) -> float:
    """Return how much memory has grown since it was warm: from ten minutes' level to the highest of any hour's.

    A level is a median: what a picture or a reload takes for a moment is no growth.
    """
    before = [each.rss_mb for each in footprints if warm_s - 600 < each.at_s <= warm_s]
    hours: dict[int, list[float]] = {}
    for each in footprints:
        if each.at_s > warm_s:
            hours.setdefault(int((each.at_s - warm_s - 1) // 3_600), []).append(each.rss_mb)
    levels = [float(np.median(hour)) for hour in hours.values()]
    return max(levels, default=0.0) - float(np.median(before)) if levels and before else 0.0


def _more(first: Iterable[str], last: Iterable[str], *allowed: str) -> list[str]:
    """Return the names that are more often there at last than at first, allowing for one each of those."""
    return sorted((Counter(last) - Counter(first) - Counter(allowed)).elements())


def _shown(footprint: Footprint) -> dict[str, float]:
    return {
        "hours": round(footprint.at_s / 3600, 2),
        "rss_mb": round(footprint.rss_mb, 1),
        "threads": footprint.threads,
        "descriptors": footprint.descriptors,
        "tasks": footprint.tasks,
    }


def _recovery(outcome: Outcome, trouble: Trouble) -> dict[str, float] | None:
    """Return how long after the end of a trouble there was sound again, where nobody closed a microphone meanwhile."""
    waits_s = [
        outage.end_s - fault.end_s
        for room in outcome.rooms
        for fault in room.plan.faults
        for outage in room.outages
        if fault.trouble is trouble and outage.start_s <= fault.end_s + 0.2 and outage.end_s >= fault.end_s
        if not any(deed.start_s < outage.end_s and deed.end_s > fault.start_s for deed in closing(outcome.deeds))
    ]
    return _spread(waits_s)


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, 95th percentile and the largest by size; None of nothing."""
    if not values:
        return None
    sizes = np.abs(values)
    return {
        "median": round(float(np.median(values)), 3),
        "p95": round(float(np.percentile(sizes, 95)), 3),
        "max": round(float(sizes.max()), 3),
    }


def _count(names: Iterator[Any]) -> dict[str, int]:
    return dict(sorted(Counter(str(name) for name in names).items()))
