"""Judges whether a microphone is deaf: sound arrives from it, and nothing of its room is in it."""

from collections import deque
from collections.abc import Iterable

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .src.hearing.level import Level
from .src.hearing.noise_floor import NoiseFloor

SILENT = "silent"
"""The problem of a microphone that delivers digital silence."""

DEAF = "deaf"
"""The problem of a microphone that lies dead still, far below its noise floor."""

COMPLAINTS = {
    SILENT: "is completely silent: is it muted?",
    DEAF: "lies dead still far below its noise floor: is it covered, unplugged or broken?",
}
"""What the log says of a problem."""

SILENT_AFTER_S = 50.0
"""Digital silence for this long means that a microphone is muted or unplugged; it is told of within a minute."""

PAUSE_S = 3
PAUSES = 10
PAUSES_WITHIN_S = 86_400
"""So many silences of this length, each ended by a sound, are no mute button: the microphone itself goes silent in
quiet moments. It has a noise gate, or is turned down so far that a quiet room is less than the smallest step."""

GATED_SILENT_AFTER_S = 43_200.0
"""Such a microphone is muted only if it is silent for longer than any night: twelve hours."""


class Deafness:
    """What is known about one microphone's quiet moments. Belongs to the event loop; counts seconds of sound."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.problem: str | None = None
        """SILENT, DEAF, or None while it hears."""
        self._floor = NoiseFloor()
        self._heard_s = 0
        self._silent_s = 0
        self._pauses: deque[int] = deque(maxlen=PAUSES)
        """When the last silences ended."""

    @property
    def is_gated(self) -> bool:
        """Whether it goes silent by itself in quiet moments."""
        return len(self._pauses) == PAUSES

    @property
    def floor_dbfs(self) -> float | None:
        """Return its noise floor, None until that has been learnt."""
        return self._floor.dbfs

    def add(self, seconds: Iterable[Level]) -> None:
        """Take note of what was heard next, second by second, and judge."""
        for second in seconds:
            self._floor.add(second)
            self._heard_s += 1
            if not second.silent and self._silent_s >= PAUSE_S:
                self._pauses.append(self._heard_s)
            self._silent_s = self._silent_s + 1 if second.silent else 0
        while self._pauses and self._heard_s - self._pauses[0] > PAUSES_WITHIN_S:
            self._pauses.popleft()
        if self._silent_s >= (GATED_SILENT_AFTER_S if self.is_gated else SILENT_AFTER_S):
            self.problem = SILENT
        else:
            self.problem = DEAF if self._floor.has_fallen else None


_KNOWN: HassKey[dict[str, Deafness]] = HassKey(f"{DOMAIN}_deafness")


def deafness_of(hass: HomeAssistant, address: str) -> Deafness:
    """Return what is known about the microphone at an address: a reload of Sound Guard must not forget it."""
    return hass.data.setdefault(_KNOWN, {}).setdefault(address, Deafness())


def forget_deafness(hass: HomeAssistant, address: str) -> Deafness:
    """Begin anew with a microphone, whose owner may have put something right or changed something on purpose."""
    hass.data.get(_KNOWN, {}).pop(address, None)
    return deafness_of(hass, address)
