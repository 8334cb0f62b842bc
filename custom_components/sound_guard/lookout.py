"""While the guard is armed: which microphones do not listen. The owner is told, by name, instead of feeling safe."""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util.hass_dict import HassKey

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

WARNED: HassKey[str] = HassKey(NOTIFICATION_ID)
"""What the owner was told last. It outlives a change of the options, which sets everything up anew."""


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


ON_PURPOSE = (Why.SWITCHED_OFF, Why.WALK_TEST)
"""What somebody does is named at once; what befalls a microphone has until the next look to be over."""


def why_not_listening(microphone: Microphone) -> Why | None:
    """Return why a microphone does not listen, None if it does."""
    if not microphone.listening:
        return Why.SWITCHED_OFF
    if microphone.status.hears:
        return Why.WALK_TEST if microphone.in_walk_test else None
    if not microphone.status.connected:
        return Why.OFFLINE
    return Why.DEAF if microphone.status.problem == DEAF else Why.SILENT


@callback
def forget_warning(hass: HomeAssistant) -> None:
    """Take back what the owner was told: nobody looks after the microphones any more."""
    hass.data.pop(WARNED, None)
    persistent_notification.async_dismiss(hass, NOTIFICATION_ID)


class Lookout:
    """Looks after the microphones from arming to disarming. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, guard: HouseGuard, microphones: Collection[Microphone]) -> None:
        """Begin to look when the guard is armed."""
        self._hass = hass
        self._guard = guard
        self._microphones = microphones
        self._found: Mapping[Microphone, Why] = {}
        self._subscribers: list[Callable[[], None]] = []
        self._stop_looking: CALLBACK_TYPE | None = None
        self._has_looked = False
        """Whether all of them were judged since then: after a reload, that takes a while."""
        self._endings = [guard.subscribe(self._follow)]
        self._endings += [each.subscribe(partial(self._hear, each)) for each in microphones]

    @property
    def not_listening(self) -> list[str]:
        """Return the names of the microphones that do not listen; none while the guard is disarmed."""
        return [microphone.name for microphone in self._found]

    @property
    def is_looking(self) -> bool:
        """Return whether the guard is armed."""
        return self._stop_looking is not None

    @property
    def warning(self) -> str:
        """Return what the owner is warned of, empty while there is nothing."""
        return self._hass.data.get(WARNED, "")

    @callback
    def subscribe(self, subscriber: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the subscriber after a first look, and when others are named or warned of; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def go_on(self) -> None:
        """Look from now on if the guard is armed already; the microphones have time until then to be opened."""
        if self._guard.now.mode is Mode.DISARMED:
            self._rest()
        elif self._stop_looking is None:
            self._stop_looking = async_track_time_interval(self._hass, self._look, LOOK_EVERY)

    @callback
    def stop(self) -> None:
        """Look no more. A warning stays: a reload makes nothing well."""
        while self._endings:
            self._endings.pop()()
        self._look_no_more()

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
            elif not self._microphones:
                _LOGGER.warning("Armed, but there is no microphone")

    @callback
    def _hear(self, microphone: Microphone, news: News) -> None:
        if not self._has_looked or not isinstance(news, Status):
            return
        why = why_not_listening(microphone)
        if why in ON_PURPOSE or microphone in self._found:
            now = {**self._found, microphone: why}
            self._tell({each: why for each in self._microphones if (why := now.get(each))})

    @callback
    def _look(self, _: datetime | None = None) -> None:
        is_first, self._has_looked = not self._has_looked, True
        self._tell({each: why for each in self._microphones if (why := why_not_listening(each))}, is_first)

    @callback
    def _rest(self) -> None:
        self._look_no_more()
        self._tell({})

    @callback
    def _look_no_more(self) -> None:
        self._has_looked = False
        if self._stop_looking is not None:
            self._stop_looking()
            self._stop_looking = None

    @callback
    def _tell(self, found: Mapping[Microphone, Why], in_any_case: bool = False) -> None:
        before, self._found = self._found, found
        warning = self._warning() if self._stop_looking is not None else ""
        is_news = warning != self.warning
        if is_news:
            self._hass.data[WARNED] = warning
            if warning:
                title = text(self._hass, "not_listening")
                persistent_notification.async_create(self._hass, warning, title, NOTIFICATION_ID)
            else:
                forget_warning(self._hass)
        if in_any_case or is_news or found != before:
            for subscriber in tuple(self._subscribers):
                subscriber()

    def _warning(self) -> str:
        """Return what the owner should know; nothing about what is off on purpose, unless nothing listens at all."""
        if not self._microphones:
            return text(self._hass, "no_microphones")
        all_faults = len(self._found) == len(self._microphones)
        return "\n".join(
            text(self._hass, f"microphone_{why}", microphone=microphone.name)
            for microphone, why in self._found.items()
            if all_faults or why is not Why.SWITCHED_OFF
        )
