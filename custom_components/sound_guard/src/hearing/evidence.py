"""The sound of a detection, with a little before it: what is shown and kept of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np

from .detection import Detection, Phase
from .features import Block
from .ring import Ring
from .source import SAMPLE_RATE_HZ

PRE_ROLL_S = 2.0
"""Sound before the onset: what happened before, and how loud the room was."""

POST_ROLL_S = 1.0
"""Sound behind the offset."""

CLIP_S = 14.0
"""Longest clip, a little less than the ring holds: of a sound that goes on, the beginning tells enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was heard when an event was reported. Its samples are read-only."""

    event_id: str
    """32 hexadecimal digits that cannot be guessed."""

    label: str
    began: datetime
    """When the first sample was recorded."""

    onset_s: float
    """Seconds into the samples at which the event begins."""

    offset_s: float
    """Seconds into the samples at which it ends, as far as it was heard and the samples reach."""

    confidence: float
    samples: Block
    """16 kHz mono int16, at most CLIP_S."""

    complete: bool
    """Whether the event has ended or fills the clip; if not, a longer clip of it follows."""

    @property
    def onset(self) -> datetime:
        """When the event began."""
        return self.began + timedelta(seconds=self.onset_s)


@dataclass(slots=True)
class _Event:
    """An event that is being followed."""

    found: Detection
    event_id: str = field(default_factory=lambda: uuid4().hex)
    shown: bool = False
    """Whether a first clip was cut."""

    complete: bool = False
    """Whether the last clip was cut."""


class Cutter:
    """Cuts the sound of every event out of a ring, twice: as soon as it is reported, and when the clip is complete.

    Belongs to the thread that owns the ring.
    """

    def __init__(self, ring: Ring) -> None:
        """Start with no event."""
        self._ring = ring
        self._events: dict[str, _Event] = {}

    def follow(self, found: Detection) -> str:
        """Take note of a detection and return the id of its event."""
        event = self._events.get(found.label)
        if event is None:
            event = self._events[found.label] = _Event(found)
        event.found = found
        return event.event_id

    def cut(self, now: datetime, position_s: float) -> list[Evidence]:
        """Return the clips that have become due; `position_s` of the stream is `now` on the clock."""
        clips = []
        for label, event in tuple(self._events.items()):
            ended = event.found.phase is Phase.ENDED
            complete = ended or position_s - _start_s(event.found) >= CLIP_S
            if not event.shown or (complete and not event.complete):
                event.shown, event.complete = True, complete
                clips.append(self._clip(event, now, position_s))
            if ended:
                del self._events[label]
        return clips

    def _clip(self, event: _Event, now: datetime, position_s: float) -> Evidence:
        found, start_s = event.found, _start_s(event.found)
        end_s = min(position_s, start_s + CLIP_S)
        if found.phase is Phase.ENDED:
            end_s = min(end_s, found.offset_s + POST_ROLL_S)
        samples = self._ring.read(start_s, end_s)
        samples.setflags(write=False)
        # What the ring has lost is missing at the beginning.
        start_s = end_s - samples.size / SAMPLE_RATE_HZ
        onset_s, offset_s = np.clip((found.onset_s - start_s, found.offset_s - start_s), 0, end_s - start_s).tolist()
        return Evidence(
            event_id=event.event_id,
            label=found.label,
            began=now - timedelta(seconds=position_s - start_s),
            onset_s=onset_s,
            offset_s=offset_s,
            confidence=found.confidence,
            samples=samples,
            complete=event.complete,
        )


def _start_s(found: Detection) -> float:
    """Return the stream time at which the clip of an event begins."""
    return max(0.0, found.onset_s - PRE_ROLL_S)
