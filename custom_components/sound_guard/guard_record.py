"""The guard as plain values, so that it outlives a restart.

After a restart the guard is what it was: disarmed or armed; pending with the time that is left, and triggered at once
if there is none; triggered for as long as an alarm lasts. Only the exit delay is not continued: whoever was leaving
has left, so one that was arming is armed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .moment import read_moment
from .src.hearing.guard import Cause, Guard, Mode, State


def guard_as_dict(guard: Guard) -> dict[str, Any]:
    """Return a guard as plain values."""
    return {
        "mode": guard.mode,
        "state": guard.state,
        "since": guard.since.isoformat(),
        "cause": _cause_as_dict(guard.cause) if guard.cause else None,
    }


def guard_from_dict(stored: Mapping[str, Any]) -> Guard | None:
    """Return the guard that was stored, None when it makes no sense."""
    try:
        mode, state, since = Mode(stored["mode"]), State(stored["state"]), read_moment(stored["since"])
    except (KeyError, TypeError, ValueError):
        return None
    if state in (State.PENDING, State.TRIGGERED):
        return Guard(since, mode, state, _cause_from_dict(stored.get("cause")))
    return Guard(since, mode, State(mode))


def guard_from_state(state: str, since: datetime) -> Guard | None:
    """Return the guard as far as its state alone tells, None when it tells nothing."""
    match state:
        case State.TRIGGERED | State.PENDING:
            return Guard(since, state=State.TRIGGERED)
        case State.ARMING:
            # Which mode is not known, but whoever was leaving wants to be guarded.
            return Guard(since, Mode.ARMED_AWAY, State.ARMED_AWAY)
        case Mode.ARMED_AWAY | Mode.ARMED_HOME | Mode.ARMED_NIGHT:
            return Guard(since, Mode(state), State(state))
    return None


def _cause_as_dict(cause: Cause) -> dict[str, Any]:
    return {
        "label": cause.label,
        "microphone": cause.microphone,
        "confidence": cause.confidence,
        "onset": cause.onset.isoformat(),
        "area_id": cause.area_id,
        "area": cause.area,
    }


def _cause_from_dict(stored: Mapping[str, Any] | None) -> Cause | None:
    """Return the cause that was stored; None when there is none that makes sense: the alarm is raised all the same."""
    try:
        cause = Cause(**{**stored, "onset": read_moment(stored["onset"])}) if stored else None
    except (KeyError, TypeError, ValueError):
        return None
    return cause if cause is not None and _makes_sense(cause) else None


def _makes_sense(cause: Cause) -> bool:
    names = isinstance(cause.label, str) and isinstance(cause.microphone, str)
    places = all(place is None or isinstance(place, str) for place in (cause.area_id, cause.area))
    return names and places and isinstance(cause.confidence, int | float) and 0 <= cause.confidence <= 1
