"""A room that is made up as it is listened to, and the source of its sound: it delivers whatever the clock allows."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np

from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.source import BLOCK_SAMPLES, STALL_S, Backlog, Reason, SourceError

from .clock import CLOCK, Event
from .plan import Fault, RoomPlan, Trouble
from .sounds import RATE_HZ, Backdrop, alarms, loop

_DEAF = (Trouble.LOST, Trouble.CRASHED)
_WHOLE = (None, Trouble.ODD_BLOCKS)
"""With these, all sound arrives as it is."""

_LARGEST_BLOCK = 40_000
_OVERDRIVE = 100.0


@dataclass(slots=True)
class Stretch:
    """Sound that one opened source delivered without a gap and as it was."""

    start_s: float
    end_s: float


class Room:
    """What one microphone can hear, and what it was given of it."""

    def __init__(self, seed: int, number: int, plan: RoomPlan) -> None:
        """Begin with the first second."""
        self.plan = plan
        self.whole: list[Stretch] = []
        """Sound that was heard as it is, in order."""
        self.opened = 0
        self.heard_until_s = 0.0
        self.dropped_s = 0.0
        """Sound that sources said they dropped."""
        self.outages: list[Stretch] = []
        """Sound that nobody was given, in order."""
        self.seed = (seed, 3, number)
        self._scene_starts = [scene.start_s for scene in plan.scenes]
        self._fault_starts = [fault.start_s for fault in plan.faults]
        self._alarm_starts = [planted.start_s for planted in plan.alarms]
        self._second = -1
        self._sound: Block = np.zeros(0, np.int16)

    def open(self) -> "RoomSource":
        """Stand in for the engine's open_source()."""
        self.opened += 1
        return RoomSource(self)

    def backdrop_at(self, now_s: float) -> Backdrop:
        """Return what the room sounds like at a time."""
        return self.plan.scenes[bisect_right(self._scene_starts, now_s) - 1].backdrop

    def fault_at(self, now_s: float) -> Fault | None:
        """Return what is wrong at a time."""
        index = bisect_right(self._fault_starts, now_s) - 1
        return self.plan.faults[index] if index >= 0 and now_s < self.plan.faults[index].end_s else None

    def last_fault(self, now_s: float) -> int:
        """Return the number of the latest trouble that has begun, -1 if none has."""
        return bisect_right(self._fault_starts, now_s) - 1

    def note(self, start_s: float, end_s: float) -> None:
        """Take note of sound that was heard."""
        if start_s > self.heard_until_s:
            self.outages.append(Stretch(self.heard_until_s, start_s))
        self.heard_until_s = end_s

    def sound(self, start: int, end: int) -> Block:
        """Return the int16 samples of a stretch of time, the same however it is cut."""
        parts = []
        while start < end:
            second, first = divmod(start, RATE_HZ)
            last = min(end - second * RATE_HZ, RATE_HZ)
            if second != self._second:
                self._second, self._sound = second, self._make(second)
            parts.append(self._sound[first:last])
            start += last - first
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def _make(self, second: int) -> Block:
        scene = self.plan.scenes[bisect_right(self._scene_starts, second) - 1]
        minute = loop(scene.backdrop)
        # Its own place in the loop in every room, and a breath of new noise, so that nothing ever repeats itself.
        start = (second + 7 * self.seed[2]) * RATE_HZ % len(minute)
        noise = np.random.default_rng((*self.seed, second)).standard_normal(RATE_HZ, np.float32)
        sound = scene.gain * minute[start : start + RATE_HZ] + 3 * noise
        # The one that has begun last, and one that begins within this second.
        latest = bisect_right(self._alarm_starts, second) - 1
        for planted in self.plan.alarms[max(0, latest) : latest + 2]:
            at = round(planted.start_s * RATE_HZ) - second * RATE_HZ
            samples = alarms()[planted.name].samples
            part = samples[max(0, -at) : max(0, RATE_HZ - at)]
            sound[max(0, at) : max(0, at) + len(part)] += planted.gain * part
        return np.clip(sound, -32_768, 32_767).astype(np.int16)


class RoomSource:
    """Delivers a room's sound from the moment it is opened, as far as the clock has come, with all the troubles."""

    def __init__(self, room: Room) -> None:
        """Get ready."""
        self.description = "made-up sound"
        self.backlog = Backlog(dropped_s=0.0)
        self._room = room
        self._closed = Event()
        self._rng = np.random.default_rng((*room.seed, room.opened))

    def __enter__(self) -> Self:
        """Open, or fail as the plan says."""
        fault = self._room.fault_at(CLOCK.now_s())
        if fault is not None and fault.trouble in _DEAF:
            raise _failure(fault.trouble, Reason.NO_DEVICE)
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield the room's sound, block by block, each when its last sample is there."""
        room = self._room
        stretch: Stretch | None = None
        position = round(CLOCK.now_s() * RATE_HZ)
        last_fault = room.last_fault(position / RATE_HZ)
        while True:
            now_s = position / RATE_HZ
            fault = room.fault_at(now_s)
            begins = (number := room.last_fault(now_s)) != last_fault
            if begins:
                last_fault = number
                self._break(room.plan.faults[number])
                if room.plan.faults[number].trouble is Trouble.ENDED:
                    return
            trouble = fault.trouble if fault is not None else None
            if fault is not None and trouble in (Trouble.STALLED, Trouble.OVERRUN):
                stretch = None
                if not self._skip(fault, now_s):
                    return
                position = ceil(fault.end_s * RATE_HZ)
                continue
            size = int(self._rng.integers(_LARGEST_BLOCK)) if trouble is Trouble.ODD_BLOCKS else BLOCK_SAMPLES
            end_s = (position + size) / RATE_HZ
            if CLOCK.wait(end_s, self._closed, stops_clock=False):
                return
            CLOCK.live_at(end_s)
            yield self._spoil(room.sound(position, position + size), trouble)
            # Only now it has been heard.
            room.note(now_s, end_s)
            position += size
            if trouble not in _WHOLE:
                stretch = None
            elif stretch is None:
                stretch = Stretch(now_s, end_s)
                room.whole.append(stretch)
            else:
                stretch.end_s = end_s

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()

    def _break(self, fault: Fault) -> None:
        """Fail, if that is how a trouble begins."""
        if fault.trouble in _DEAF:
            raise _failure(fault.trouble, Reason.LOST)

    def _skip(self, fault: Fault, now_s: float) -> bool:
        """Deliver nothing until a trouble is over; return False once closed."""
        if fault.trouble is Trouble.OVERRUN:
            self._room.dropped_s += fault.end_s - now_s
            self.backlog = Backlog(dropped_s=(self.backlog.dropped_s or 0) + fault.end_s - now_s)
        elif CLOCK.wait(min(fault.end_s, now_s + STALL_S), self._closed):
            return False
        elif fault.end_s > now_s + STALL_S:
            raise SourceError(Reason.STALLED, "made-up sound: nothing has come for a while")
        return True

    def _spoil(self, sound: Block, trouble: Trouble | None) -> Block:
        match trouble:
            case Trouble.SILENT:
                return np.zeros_like(sound)
            case Trouble.GARBAGE:
                return self._rng.integers(-32_768, 32_768, len(sound)).astype(np.int16)
            case Trouble.CLIPPING:
                return np.clip(_OVERDRIVE * sound.astype(np.float32), -32_768, 32_767).astype(np.int16)
        return sound


def _failure(trouble: Trouble, reason: Reason) -> Exception:
    if trouble is Trouble.CRASHED:
        return RuntimeError("rtsp://user:secret@camera/stream: nobody expected this")
    return SourceError(reason, "made-up sound: is gone")
