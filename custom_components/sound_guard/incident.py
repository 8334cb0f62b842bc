"""An incident: one sound in the house, however many microphones hear it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .microphone import Microphone
from .news import Heard
from .proof import Proof
from .src.hearing.detection import Phase
from .src.hearing.guard import Guard, Mode, State

TOGETHER = timedelta(seconds=10)
"""Who hears the same sound within this time after it was last heard, hears the same incident."""


@dataclass(slots=True)
class Witnessed:
    """What one microphone has heard of an incident."""

    microphone_id: str
    microphone: str
    """Its name."""

    heard: Heard
    """The latest news."""

    room_dbfs: float | None
    """How loud the room was when the sound began, as far as that is known."""

    over_room_db: float = 0.0
    """How much louder than the room it was, at its loudest."""

    has_picture: bool = False
    """Whether there is a picture of the latest sound."""

    has_clip: bool = False
    """Whether the latest sound is kept."""


@dataclass(slots=True)
class Incident:
    """What happened, as far as it is known."""

    id: str
    """The id of the event it began with: 32 hexadecimal digits."""

    label: str
    began: datetime
    mode: Mode
    """How the guard was armed when it began."""

    witnessed: dict[str, Witnessed] = field(default_factory=dict)
    """By microphone, in the order in which they heard it."""

    event_ids: list[str] = field(default_factory=list)
    """All events that belong to it; each may have a clip."""

    owed: set[str] = field(default_factory=set)
    """Who is to be told of it and could not be reached yet."""

    last_heard: datetime = field(init=False)
    acknowledged: bool = False
    """Whether somebody said that all is clear, or that it was a false alarm."""

    def __post_init__(self) -> None:
        """Begin."""
        self.last_heard = self.began

    @property
    def loudest(self) -> Witnessed:
        """What the microphone has heard that is nearest to it, as far as one can tell."""
        return max(self.witnessed.values(), key=lambda each: (each.over_room_db, each.heard.confidence))

    def takes(self, microphone_id: str, now: datetime) -> bool:
        """Return whether a microphone that begins to hear the same sound now hears this incident."""
        if self.acknowledged and microphone_id not in self.witnessed and abs(now - self.began) > TOGETHER:
            # All was clear elsewhere: this is news.
            return False
        heard_now = any(each.heard.phase is not Phase.ENDED for each in self.witnessed.values())
        # Either way: after a clock was set back, the last sound lies in the future, and a new one is still new.
        return heard_now or abs(now - self.last_heard) <= TOGETHER

    def hear(self, microphone_id: str, microphone: Microphone, heard: Heard, now: datetime) -> None:
        """Take note of what a microphone hears of it, and how loud."""
        known = self.witnessed.get(microphone_id)
        if known is None:
            room = microphone.vitals.room_dbfs if microphone.vitals else None
            known = self.witnessed[microphone_id] = Witnessed(microphone_id, microphone.name, heard, room)
        known.heard = heard
        if heard.event_id not in self.event_ids:
            self.event_ids.append(heard.event_id)
            known.has_picture = known.has_clip = False
        # Later the name stays: nobody wants to be told of another room every few seconds.
        is_new = now - self.began <= TOGETHER
        if is_new and microphone.level is not None and known.room_dbfs is not None:
            known.over_room_db = max(known.over_room_db, microphone.level.rms_dbfs - known.room_dbfs)
        self.last_heard = now

    def prove(self, proof: Proof) -> bool:
        """Take note of what there is to show; return whether it is about what is named."""
        for each in self.witnessed.values():
            if each.heard.event_id == proof.clip.id:
                each.has_picture, each.has_clip = proof.picture is not None, proof.kept
                return each is self.loudest
        return False

    def end_at(self, microphone_id: str) -> None:
        """Take note that a microphone hears nothing any more."""
        if (known := self.witnessed.get(microphone_id)) is not None:
            known.heard = replace(known.heard, phase=Phase.ENDED)


def mode_now(guard: Guard) -> Mode:
    """Return how the guard is armed; whoever is still leaving is not armed yet."""
    return Mode.DISARMED if guard.state is State.ARMING else guard.mode
