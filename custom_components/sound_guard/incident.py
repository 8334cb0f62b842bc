"""An incident: one sound in the house, however many microphones hear it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from homeassistant.util.hass_dict import HassKey

from .clip import Clip
from .const import DOMAIN
from .microphone import Microphone
from .news import Heard
from .proof import Proof
from .src.hearing.detection import Phase
from .src.hearing.guard import Guard, Mode, State

TOGETHER = timedelta(seconds=10)
"""Who hears the same sound within this time after it was last heard, hears the same incident."""

FORGOTTEN_AFTER = timedelta(days=1)
"""Nobody is told any more of what is older, unless they know of it."""

MOST_SOUNDS = 50
"""So many of the latest are remembered: some devices beep every few seconds for days."""


@dataclass(slots=True)
class Witnessed:
    """What one microphone has heard of an incident."""

    sound: Clip
    """The latest."""

    last_heard: datetime
    """When there was news of it."""

    goes_on: bool = False
    """Whether it is heard now."""

    verified: bool = False
    """Whether a second look has confirmed it."""

    room_dbfs: float | None = None
    """How loud the room was when the sound began, as far as that is known."""

    over_room_db: float = 0.0
    """How much louder than the room it was, at its loudest."""

    has_picture: bool = False
    """Whether there is a picture of the latest sound."""

    has_clip: bool = False
    """Whether the latest sound is kept."""

    def hears(self, now: datetime) -> bool:
        """Return whether it is heard now, or was a moment ago."""
        # Either way: after a clock was set back, the last sound lies in the future, and a new one is still new.
        return self.goes_on or abs(now - self.last_heard) <= TOGETHER


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

    sounds: dict[str, Clip] = field(default_factory=dict)
    """What belongs to it, by the id of the event, the latest last; each may be kept as a clip."""

    owed: set[str] = field(default_factory=set)
    """Who is to be told of it and could not be reached yet."""

    pursued: bool = True
    """Whether it is tried again and repeated; not any more when there is a newer one with the same sound."""

    acknowledged: bool = False
    """Whether somebody said that all is clear, or that it was a false alarm."""

    @property
    def loudest(self) -> Witnessed:
        """What the microphone has heard that is nearest to it, as far as one can tell."""
        return max(self.witnessed.values(), key=lambda each: (each.over_room_db, each.sound.confidence))

    def takes(self, microphone_id: str, now: datetime) -> bool:
        """Return whether a microphone that begins to hear the same sound now hears this incident."""
        if self.acknowledged:
            # All was clear: what any other microphone hears is news, and what this one hears again later, too.
            known = self.witnessed.get(microphone_id)
            return known is not None and known.hears(now)
        return any(each.hears(now) for each in self.witnessed.values())

    def hear(self, microphone_id: str, microphone: Microphone, heard: Heard, now: datetime) -> None:
        """Take note of what a microphone hears of it, and how loud."""
        sound = Clip(
            id=heard.event_id,
            label=heard.label,
            microphone=microphone.name,
            microphone_id=microphone_id,
            onset=heard.onset,
            duration_s=heard.duration_s,
            confidence=heard.confidence,
            updated=now,
        )
        known = self.witnessed.get(microphone_id)
        if known is None:
            room = microphone.vitals.room_dbfs if microphone.vitals else None
            known = self.witnessed[microphone_id] = Witnessed(sound, now, room_dbfs=room)
        if sound.id not in self.sounds:
            known.has_picture = known.has_clip = False
        # The latest comes last.
        self.sounds.pop(sound.id, None)
        known.sound = self.sounds[sound.id] = sound
        while len(self.sounds) > MOST_SOUNDS:
            del self.sounds[next(iter(self.sounds))]
        known.last_heard, known.goes_on = now, heard.phase is not Phase.ENDED
        known.verified = heard.verified is True
        # Later the name stays: nobody wants to be told of another room every few seconds.
        is_new = now - self.began <= TOGETHER
        if is_new and microphone.level is not None and known.room_dbfs is not None:
            known.over_room_db = max(known.over_room_db, microphone.level.rms_dbfs - known.room_dbfs)

    def prove(self, proof: Proof) -> bool:
        """Take note of what there is to show; return whether it is about what is named."""
        for each in self.witnessed.values():
            if each.sound.id == proof.clip.id:
                each.has_picture, each.has_clip = proof.picture is not None, proof.kept
                return each is self.loudest
        return False

    def end_at(self, microphone_id: str) -> None:
        """Take note that a microphone hears nothing any more."""
        if (known := self.witnessed.get(microphone_id)) is not None:
            known.goes_on = False


INCIDENTS: HassKey[dict[str, Incident]] = HassKey(f"{DOMAIN}_incidents")
"""By id, the latest last. They outlive a change of the options, which sets everything up anew."""


def mode_now(guard: Guard) -> Mode:
    """Return how the guard is armed; whoever is still leaving is not armed yet."""
    return Mode.DISARMED if guard.state is State.ARMING else guard.mode
