"""While the guard is armed: which microphones do not listen. The owner is told, by name, instead of feeling safe."""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .const import DOMAIN
from .deafness import DEAF
from .guard import HouseGuard
from .microphone import Microphone
from .news import News, Status
from .src.hearing.guard import Guard, Mode
from .texts import text

_LOGGER = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=30)
"""A microphone that fails while the guard is armed is named by the next look; one that comes back, at once."""

NOTIFICATION_ID = f"{DOMAIN}_not_listening"


class Why(StrEnum):
    """Why a microphone does not listen."""

    SWITCHED_OFF = "switched_off"
    OFFLINE = "offline"
    SILENT = "silent"
    """It is connected and delivers nothing but silence: muted, for instance."""

    DEAF = "deaf"
    """It is connected and far quieter than ever: covered, for instance."""

    WALK_TEST = "walk_test"
    """What it hears is told to its walk test only."""


def why_not_listening(microphone: Microphone) -> Why | None:
    """Return why a microphone does not listen, None if it does."""
    if not microphone.listening:
        return Why.SWITCHED_OFF
    if microphone.status.hears:
        return Why.WALK_TEST if microphone.in_walk_test else None
    if not microphone.status.connected:
        return Why.OFFLINE
    return Why.DEAF if microphone.status.problem == DEAF else Why.SILENT


class Lookout:
    """Looks after the microphones from arming to disarming. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, guard: HouseGuard, microphones: Collection[Microphone]) -> None:
        """Begin to look when the guard is armed."""
        self._hass = hass
        self._guard = guard
        self._microphones = microphones
        self._found: Mapping[Microphone, Why] = {}
        self._warned = ""
        self._subscribers: list[Callable[[], None]] = []
        self._stop_looking: CALLBACK_TYPE | None = None
        self._endings = [guard.subscribe(self._follow)]
        self._endings += [microphone.subscribe(self._hear) for microphone in microphones]

    @property
    def not_listening(self) -> list[str]:
        """Return the names of the microphones that do not listen; none while the guard is disarmed."""
        return [microphone.name for microphone in self._found]

    @callback
    def subscribe(self, subscriber: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the subscriber when other microphones are named; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def go_on(self) -> None:
        """Look from now on if the guard is armed already; the microphones have time until then to be opened."""
        if self._guard.now.mode is not Mode.DISARMED and self._stop_looking is None:
            self._stop_looking = async_track_time_interval(self._hass, self._look, LOOK_EVERY)

    @callback
    def stop(self) -> None:
        """Look no more, and take the warning back."""
        while self._endings:
            self._endings.pop()()
        self._rest()

    @callback
    def _follow(self, before: Guard, after: Guard) -> None:
        if after.mode is Mode.DISARMED:
            self._rest()
        elif before.mode is Mode.DISARMED:
            self.go_on()
            self._look()
            if self._found:
                faults = ", ".join(f"{microphone.name} ({why.value})" for microphone, why in self._found.items())
                _LOGGER.warning("Armed, but not every microphone listens: %s", faults)

    @callback
    def _hear(self, news: News) -> None:
        # Worth a look only if it may be one that is back.
        if self._found and isinstance(news, Status):
            self._look()

    @callback
    def _look(self, _: datetime | None = None) -> None:
        self._tell({each: why for each in self._microphones if (why := why_not_listening(each))})

    @callback
    def _rest(self) -> None:
        if self._stop_looking is not None:
            self._stop_looking()
            self._stop_looking = None
        self._tell({})

    @callback
    def _tell(self, found: Mapping[Microphone, Why]) -> None:
        if found == self._found:
            return
        self._found = found
        if (warning := self._warning()) != self._warned:
            self._warned = warning
            if warning:
                title = text(self._hass, "not_listening")
                persistent_notification.async_create(self._hass, warning, title, NOTIFICATION_ID)
            else:
                persistent_notification.async_dismiss(self._hass, NOTIFICATION_ID)
        for subscriber in tuple(self._subscribers):
            subscriber()

    def _warning(self) -> str:
        """Return what the owner should know; nothing about what is off on purpose, unless nothing listens at all."""
        all_faults = len(self._found) == len(self._microphones)
        return "\n".join(
            text(self._hass, f"microphone_{why}", microphone=microphone.name)
            for microphone, why in self._found.items()
            if all_faults or why is not Why.SWITCHED_OFF
        )
