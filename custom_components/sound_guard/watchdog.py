"""Watches a microphone's thread from outside: one that is stuck, or whose model is, cannot say so itself."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import proxy

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

if TYPE_CHECKING:
    from .microphone import Microphone

LOOK_EVERY = timedelta(seconds=5)

STUCK_LOOKS = 9
"""So many looks without a sign of life: 45 to 50 s. Looks are counted and no clock is read, so a machine that was
asleep, or an event loop that was held up, is not mistaken for a thread that is."""


class Watchdog:
    """Watches one microphone while it is open. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, microphone: "Microphone") -> None:
        """Know the microphone; it is watched from start() on."""
        self._hass = hass
        # Home Assistant's timers refer to themselves and go late; the microphone must not wait for that.
        self._microphone: Microphone = proxy(microphone)
        self._pulse = microphone.pulse
        self._missed = 0

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Watch the microphone; return what ends that."""
        return async_track_time_interval(self._hass, self._look, LOOK_EVERY)

    @callback
    def _look(self, _: datetime) -> None:
        pulse, self._pulse = self._pulse, self._microphone.pulse
        if self._pulse != pulse:
            self._missed = 0
            self._microphone.mark_stuck(False)
            return
        self._missed += 1
        if self._missed % STUCK_LOOKS == 0:
            self._microphone.mark_stuck(True)
            self._hass.async_create_task(self._microphone.async_revive(), f"revive {self._microphone.name}")
