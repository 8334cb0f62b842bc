"""What the house reported, set against what was planted."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback

from .clock import BEGIN
from .plan import Planted
from .room import Room, Stretch

BEFORE_S = 3.0
"""Sound that must have come from the same source before an alarm begins: a listener needs something to compare with."""

BEHIND_S = 1.0
"""Sound that must have come after it: the model hears in chunks."""

ONSET_S = 1.0
"""An onset that is further away than this is wrong."""

AFTERMATH_S = 12.0
"""For so long after a trouble its sound is still in the model's window."""


@dataclass
class Findings:
    """Everything that was reported, sorted as it comes. Belongs to the event loop."""

    rooms: Sequence[Room]
    errors_s: dict[Planted, float] = field(default_factory=dict)
    """How far the onset of each alarm that was found is from where it is: negative, too early."""

    again: int = 0
    """Reports of an alarm that had been reported."""

    mistaken: Counter[str] = field(default_factory=Counter)
    """Reports of another sound while an alarm sounded."""

    false: Counter[str] = field(default_factory=Counter)
    """Reports of nothing, by what there was instead."""

    false_at: list[str] = field(default_factory=list)
    """What they were, where and when, to listen to."""

    triggered: int = 0
    """How often the guard raised its alarm."""

    def __post_init__(self) -> None:
        """Remember what was reported last."""
        self._starts = [[planted.start_s for planted in room.plan.alarms] for room in self.rooms]
        self._last = [""] * len(self.rooms)

    def follow(self, hass: HomeAssistant, panel: str) -> None:
        """Take note from now on of what Home Assistant's states say."""
        events = {f"event.room_{number}_sound_heard": number for number in range(len(self.rooms))}

        @callback
        def take(event: Event[EventStateChangedData]) -> None:
            entity_id, state = event.data["entity_id"], event.data["new_state"]
            if state is None:
                return
            if entity_id in events:
                self._take(events[entity_id], state.attributes)
            elif entity_id == panel and state.state == "triggered":
                old = event.data["old_state"]
                self.triggered += old is None or old.state != "triggered"

        hass.bus.async_listen(EVENT_STATE_CHANGED, take)

    def promised(self) -> list[Planted]:
        """Return the alarms that had to be found: every sample of them was heard as it is, in one go."""
        return [planted for room in self.rooms for planted in room.plan.alarms if _is_within(room.whole, planted)]

    def missed(self) -> list[Planted]:
        """Return the alarms that had to be found and were not."""
        return [planted for planted in self.promised() if planted not in self.errors_s]

    def misplaced(self) -> list[Planted]:
        """Return the alarms that were found with a wrong onset."""
        return [each for each in self.promised() if abs(self.errors_s.get(each, 0.0)) > ONSET_S]

    def _take(self, number: int, attributes: Any) -> None:
        clip = attributes.get("clip")
        # A state that is restored or becomes available again is no news.
        if clip is None or clip == self._last[number]:
            return
        self._last[number] = clip
        onset_s = datetime.fromisoformat(attributes["onset"]).timestamp() - BEGIN
        self._sort(number, attributes["event_type"], onset_s)

    def _sort(self, number: int, label: str, onset_s: float) -> None:
        room = self.rooms[number]
        index = bisect_right(self._starts[number], onset_s + ONSET_S) - 1
        planted = room.plan.alarms[index] if index >= 0 else None
        if planted is None or onset_s > planted.end_s + ONSET_S:
            self.false[_instead(room, onset_s)] += 1
            since = f", {onset_s - planted.end_s:.1f} s after {planted.name}" if planted else ""
            self.false_at.append(f"{label} in room {number} at {onset_s:.1f} s{since}")
        elif planted.label != label:
            self.mistaken[f"{label} instead of {planted.name}"] += 1
        elif planted in self.errors_s:
            self.again += 1
        else:
            self.errors_s[planted] = onset_s - planted.onset_s


def _is_within(stretches: Sequence[Stretch], planted: Planted) -> bool:
    index = bisect_right(stretches, planted.start_s - BEFORE_S, key=lambda stretch: stretch.start_s) - 1
    return index >= 0 and stretches[index].end_s >= planted.end_s + BEHIND_S


def _instead(room: Room, at_s: float) -> str:
    """Return what there was where nothing should have been reported: the latest trouble, or the room itself."""
    number = room.last_fault(at_s)
    if number >= 0 and at_s < (fault := room.plan.faults[number]).end_s + AFTERMATH_S:
        return f"trouble: {fault.trouble}"
    return room.backdrop_at(at_s)
