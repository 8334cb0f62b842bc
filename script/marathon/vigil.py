"""Whether the house says so when it cannot hear: looks at Home Assistant's states at times that the plan gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from custom_components.sound_guard.deafness import PAUSES, SILENT_AFTER_S
from custom_components.sound_guard.session import LONGEST_RETRY_S
from custom_components.sound_guard.src.hearing.source import STALL_S
from custom_components.sound_guard.vitals import REPORT_S

from .clock import STEP_S
from .plan import LENGTH_S, Act, Deed, Fault, Trouble
from .room import Room

NOTICED_S: dict[Trouble, float] = {
    Trouble.LOST: STEP_S,
    Trouble.CRASHED: STEP_S,
    Trouble.STALLED: STALL_S + STEP_S,
    Trouble.SILENT: SILENT_AFTER_S + REPORT_S + STEP_S,
}
"""How long a trouble may last before the connectivity sensor must be off."""

BACK_S = LONGEST_RETRY_S + STEP_S + 1.0
"""How long after a trouble the sensor may still be off."""

_CHANGING = (Act.RELOAD, Act.OPTIONS, Act.PAUSE, Act.REMOVE)
"""What people do that closes microphones."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a connectivity sensor must say at a time."""

    at_s: float
    microphone: int
    expected: str
    fault: Fault


def looks(rooms: Sequence[Room], deeds: Sequence[Deed]) -> list[Look]:
    """Return when to look, in order of time."""
    found = [look for number, room in enumerate(rooms) for look in _looks(number, room.plan.faults, deeds)]
    return sorted(found, key=lambda look: look.at_s)


def _looks(number: int, faults: Sequence[Fault], deeds: Sequence[Deed]) -> Iterator[Look]:
    silences = 0
    for fault in faults:
        silences += fault.trouble is Trouble.SILENT
        back_s = fault.end_s + BACK_S
        if any(deed.start_s < back_s and deed.end_s > fault.start_s - BACK_S for deed in closing(deeds)):
            continue
        # A microphone that is silent again and again is taken for one with a noise gate.
        is_told = fault.trouble is not Trouble.SILENT or silences <= PAUSES
        if is_told and fault.end_s - 1 >= fault.start_s + NOTICED_S.get(fault.trouble, LENGTH_S[fault.trouble][1]):
            yield Look(fault.end_s - 1, number, "off", fault)
        yield Look(back_s, number, "on", fault)


def closing(deeds: Sequence[Deed]) -> Iterator[Deed]:
    """Return what people did that closes microphones."""
    return (deed for deed in deeds if deed.act in _CHANGING)
