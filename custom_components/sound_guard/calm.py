"""Calm in daily life: what a microphone hears passes here before anybody is told; glass sometimes has to wait.

Smoke and carbon-monoxide alarms always pass at once, and so does everything else unless the owner wants it otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .area import microphone_area
from .const import CONF_AGREE, CONF_PLAYING_PERCENT, DEFAULT_PLAYING_PERCENT
from .diversion import Diversion
from .microphone import Microphone
from .news import Heard, News, Status
from .playing import is_playing
from .src.hearing.detection import Phase
from .src.hearing.evidence import Evidence
from .vitals import REPORT_S, Vitals

LATE_S = 5.0
"""So long after a sound a microphone has recognised it; one that is lost later was there, and did not hear it."""

GLASS = "glass_break"
"""The only sound that is ever held back for the sake of calm."""


@dataclass(frozen=True, slots=True)
class CalmConfig:
    """What the owner decided."""

    playing_confidence: float = DEFAULT_PLAYING_PERCENT / 100
    """Lowest confidence of glass while a media player plays in the area, 0 to 1; 0 is as at any other time."""

    agree_s: float = 0.0
    """Seconds within which a second microphone has to hear the glass, too; 0: one is enough."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the part about calm of the entry's options."""
        percent = options.get(CONF_PLAYING_PERCENT, DEFAULT_PLAYING_PERCENT)
        return cls(playing_confidence=percent / 100, agree_s=options.get(CONF_AGREE, 0))


@dataclass(slots=True)
class _Sound:
    """One sound that a microphone hears, or has just heard."""

    heard: Heard
    """The latest news of it."""

    evidence: Evidence | None = None
    """The latest, while nobody was told."""

    told: bool = False
    hushed: bool = False
    """Whether it began during a walk test."""

    waits: bool = False
    """Whether another microphone has to hear it, too."""

    @property
    def end(self) -> datetime:
        """Up to when it was heard."""
        return self.heard.onset + timedelta(seconds=self.heard.duration_s)


class Calm:
    """Decides what passes from the microphones to all the rest. Belongs to the event loop; holds up nothing else."""

    def __init__(self, hass: HomeAssistant, entry_id: str, config: CalmConfig) -> None:
        """Let everything pass until a microphone is watched."""
        self._hass = hass
        self._entry_id = entry_id
        self._config = config
        self._microphones: dict[str, Microphone] = {}
        self._sounds: dict[tuple[str, str], _Sound] = {}
        """The latest sound of each kind by microphone and label."""
        self._lost: dict[str, datetime] = {}
        """Since when microphones deliver no sound."""
        self._stopped = False
        self._diversions: dict[str, Diversion] = {}
        """The walk test of each microphone that runs, or the latest."""

    @callback
    def watch(self, microphone_id: str, microphone: Microphone) -> CALLBACK_TYPE:
        """Decide from now on what of a microphone's news passes; return what ends that."""
        self._microphones[microphone_id] = microphone
        microphone.screen = partial(self._take, microphone_id)

        @callback
        def end() -> None:
            microphone.screen = None

        return end

    @callback
    def divert(self, microphone_id: str, take: Callable[[Heard], None]) -> CALLBACK_TYPE:
        """Let nobody but `take` know of sounds that begin from now on, for a walk test; return what ends that.

        A sound that goes on long after the end is told to everybody after all: it may be a real fire. If `take` ends
        that itself, it takes the sound that it was just told for one, and nothing is held back any more.
        """
        before = self._diversions.get(microphone_id)
        since = before.since if before is not None and before.hushes else dt_util.utcnow()
        diversion = self._diversions[microphone_id] = Diversion(take, since)

        @callback
        def end() -> None:
            diversion.until = dt_util.utcnow()

        return end

    @callback
    def stop(self) -> None:
        """Take note that the microphones are about to be closed: none of them is lost."""
        self._stopped = True

    @callback
    def _take(self, microphone_id: str, news: News) -> None:
        if isinstance(news, Heard):
            self._hear(microphone_id, news)
        elif isinstance(news, Evidence):
            self._see(microphone_id, news)
        else:
            if isinstance(news, Status) and news.connected:
                self._lost.pop(microphone_id, None)
            elif isinstance(news, Status):
                self._lost.setdefault(microphone_id, dt_util.utcnow())
                self._forget(microphone_id)
            self._microphones[microphone_id].tell(news)
            if isinstance(news, Vitals) and not self._stopped:
                # Not at once: one that is back a moment later is not gone.
                self._wait_for_nobody()

    @callback
    def _hear(self, microphone_id: str, heard: Heard) -> None:
        key = microphone_id, heard.label
        sound = self._sounds.get(key)
        if sound is None or heard.phase is Phase.STARTED or sound.heard.event_id != heard.event_id:
            diversion = self._diversions.get(microphone_id)
            sound = self._sounds[key] = _Sound(heard, hushed=diversion is not None and diversion.covers(heard.onset))
        sound.heard = heard
        if sound.told:
            self._microphones[microphone_id].tell(heard)
        elif sound.hushed and self._is_diverted(microphone_id):
            self._diversions[microphone_id].take(heard)
            if not self._is_diverted(microphone_id):
                del self._diversions[microphone_id]
                self._pass(microphone_id, sound)
        elif self._passes(microphone_id, sound):
            self._pass(microphone_id, sound)

    @callback
    def _see(self, microphone_id: str, evidence: Evidence) -> None:
        sound = self._sounds.get((microphone_id, evidence.label))
        if sound is None or sound.heard.event_id != evidence.event_id or sound.told:
            self._microphones[microphone_id].tell(evidence)
        else:
            # That of a walk test, too: it may turn out to have heard a real fire.
            sound.evidence = evidence

    @callback
    def _forget(self, microphone_id: str) -> None:
        """Follow no sound of a microphone that is gone; what it has just heard still counts for the others."""
        for (owner, _), sound in self._sounds.items():
            if owner == microphone_id:
                sound.heard = replace(sound.heard, phase=Phase.ENDED)

    def _passes(self, microphone_id: str, sound: _Sound) -> bool:
        """Return whether everybody may know of a sound now; let the same glass at other microphones pass with it."""
        if sound.hushed:
            diversion = self._diversions.get(microphone_id)
            over = diversion is None or not diversion.hushes
            return over and sound.heard.phase is not Phase.ENDED
        if sound.heard.label != GLASS:
            return True
        if not self._is_sure(microphone_id, sound):
            return False
        sound.waits = bool(self._config.agree_s) and self._others_hear(microphone_id)
        if not sound.waits:
            return True
        agreeing = [
            (other_id, other)
            for (other_id, label), other in self._sounds.items()
            if other_id != microphone_id and label == GLASS and not other.hushed and self._is_same(sound, other)
            if other.told or self._is_sure(other_id, other)
        ]
        for other_id, other in agreeing:
            if not other.told:
                self._pass(other_id, other)
        return bool(agreeing)

    @callback
    def _wait_for_nobody(self) -> None:
        """Tell of glass that has just been heard and waits, if no other microphone was there that could agree."""
        now, within = dt_util.utcnow(), timedelta(seconds=self._config.agree_s + REPORT_S)
        for (microphone_id, _), sound in self._sounds.items():
            waits = sound.waits and not sound.told and abs(now - sound.end) <= within
            others = self._microphones.keys() - {microphone_id}
            if waits and not any(self._was_there(other_id, sound) for other_id in others):
                self._pass(microphone_id, sound)

    def _was_there(self, microphone_id: str, sound: _Sound) -> bool:
        """Return whether a microphone could have heard a sound at another one."""
        microphone = self._microphones[microphone_id]
        late = sound.end + timedelta(seconds=LATE_S)
        if not microphone.status.connected:
            return microphone_id in self._lost and self._lost[microphone_id] > late
        # One that is muted or covered is found out late: it was so before.
        if not microphone.status.hears or (microphone.vitals and microphone.vitals.silent):
            return False
        diversion = self._diversions.get(microphone_id)
        return diversion is None or not diversion.is_on or diversion.since > late

    @callback
    def _pass(self, microphone_id: str, sound: _Sound) -> None:
        """Tell everybody of a sound, and all that belongs to it: for them, it begins now."""
        tell = self._microphones[microphone_id].tell
        sound.told = True
        tell(replace(sound.heard, phase=Phase.STARTED))
        if sound.heard.phase is Phase.ENDED:
            tell(sound.heard)
        if sound.evidence is not None:
            tell(sound.evidence)
            sound.evidence = None

    def _is_sure(self, microphone_id: str, sound: _Sound) -> bool:
        if sound.heard.confidence >= self._config.playing_confidence:
            return True
        return not is_playing(self._hass, microphone_area(self._hass, self._entry_id, microphone_id))

    def _is_same(self, one: _Sound, other: _Sound) -> bool:
        apart = timedelta(seconds=self._config.agree_s)
        return one.heard.onset <= other.end + apart and other.heard.onset <= one.end + apart

    def _others_hear(self, microphone_id: str) -> bool:
        """Return whether there is another microphone that could agree."""
        return any(
            other.status.hears and not self._is_diverted(other_id)
            for other_id, other in self._microphones.items()
            # One that is muted says for a minute that it hears, and one with a noise gate for hours.
            if other_id != microphone_id and not (other.vitals and other.vitals.silent)
        )

    def _is_diverted(self, microphone_id: str) -> bool:
        """Return whether a microphone is in a walk test."""
        diversion = self._diversions.get(microphone_id)
        return diversion is not None and diversion.is_on
