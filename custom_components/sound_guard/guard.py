"""The guard of the house on the event loop: detections in, the panel's state out. It decides by hearing's policy."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.area_registry import AreaEntry
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CONF_ENTRY_DELAY, CONF_EXIT_DELAY, CONF_TRIGGER_TIME, CONF_TRIGGERS, DEFAULT_EXIT_DELAY_S, DOMAIN
from .microphone import Microphone
from .news import Heard, News, Status
from .src.hearing.detection import Phase
from .src.hearing.guard import TRIGGERS, Cause, Guard, GuardConfig, Mode

LEFT: HassKey[dict[str, Guard]] = HassKey(f"{DOMAIN}_guard")
"""How each installation's guard was when it was unloaded: what is heard then, its panel does not see any more."""

STILL_HEARD_S = 5.0
"""An alarm whose time is over while its sound goes on is looked at again after so many seconds."""

type Sound = tuple[Microphone, str]
"""Who hears it, and its label."""

type Subscriber = Callable[[Guard, Guard], None]
"""Is called with the guard before and after a change."""


def guard_config(options: Mapping[str, Any]) -> GuardConfig:
    """Return the guard's configuration from the entry's options."""
    chosen = options.get(CONF_TRIGGERS, {})
    return GuardConfig(
        exit_delay_s=options.get(CONF_EXIT_DELAY, DEFAULT_EXIT_DELAY_S),
        entry_delay_s=options.get(CONF_ENTRY_DELAY, 0),
        trigger_time_s=options.get(CONF_TRIGGER_TIME, 0),
        triggers={label: frozenset(map(Mode, chosen.get(label, usual))) for label, usual in TRIGGERS.items()},
    )


class HouseGuard:
    """Holds the guard of the house and moves it on as time passes. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, config: GuardConfig) -> None:
        """Start disarmed."""
        self.now = Guard(dt_util.utcnow())
        """The guard as it is; a frozen value."""
        self._hass = hass
        self._config = config
        self._subscribers: list[Subscriber] = []
        self._going_on: dict[Sound, Cause] = {}
        """The sounds that have begun and not ended."""
        self._disarmed: set[Sound] = set()
        """Those of them in spite of which a person has disarmed a raised alarm."""
        self._cancel_change: CALLBACK_TYPE | None = None

    @callback
    def subscribe(self, subscriber: Subscriber) -> CALLBACK_TYPE:
        """Call the subscriber after every change; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def watch(self, microphone: Microphone, area: Callable[[], AreaEntry | None] = lambda: None) -> CALLBACK_TYPE:
        """Take note of what a microphone hears, and where; return what ends that."""

        @callback
        def take(news: News) -> None:
            if isinstance(news, Heard):
                self._hear(microphone, news, area())
            elif isinstance(news, Status) and not news.connected:
                # What it heard, it hears no longer.
                for sound in [sound for sound in self._going_on if sound[0] is microphone]:
                    self._end(sound)

        return microphone.subscribe(take)

    @callback
    def arm(self, mode: Mode) -> None:
        """Arm in a mode, after the exit delay."""
        self._become(self.now.arm(mode, dt_util.utcnow(), self._config))

    @callback
    def disarm(self) -> None:
        """Disarm, and end a raised alarm."""
        if self.now.is_raising:
            self._disarmed.update(self._going_on)
        self._become(self.now.disarm(dt_util.utcnow()))

    @callback
    def trigger(self) -> None:
        """Raise the alarm by hand."""
        self._become(self.now.trigger(dt_util.utcnow()))

    def would_weaken(self, mode: Mode) -> bool:
        """Return whether another mode takes back something for which the guard was armed, or is arming."""
        return self.now.mode is not Mode.DISARMED and self._config.is_weaker(mode, self.now.mode)

    def was_disarmed(self, microphone: Microphone, label: str) -> bool:
        """Return whether a sound that goes on went on already when a person disarmed a raised alarm."""
        return (microphone, label) in self._disarmed

    @callback
    def restore(self, guard: Guard) -> None:
        """Go on from where the guard was before a restart: a delay has the time left, and what has run out is over.

        How the guard was is no news to the subscribers; what becomes of it now is.
        """
        now = dt_util.utcnow()
        # A machine whose clock starts in the past must not wait for the future.
        self.now = replace(guard, since=min(guard.since, now))
        self._become(self.now.tick(now, self._config))

    def ran_out(self, before: Guard, after: Guard) -> bool:
        """Return whether a change came by itself, because a time was over."""
        return after.since == before.next_change(self._config)

    @callback
    def stop(self) -> None:
        """Forget the next change."""
        if self._cancel_change is not None:
            self._cancel_change()
            self._cancel_change = None

    @callback
    def _hear(self, microphone: Microphone, heard: Heard, area: AreaEntry | None) -> None:
        sound = (microphone, heard.label)
        if heard.phase is Phase.ENDED:
            self._end(sound)
            return
        place = (area.id, area.name) if area else (None, None)
        cause = self._going_on[sound] = Cause(heard.label, microphone.name, heard.confidence, heard.onset, *place)
        # Only a new sound: one that goes on must not undo what a person has disarmed.
        if heard.phase is Phase.STARTED:
            self._become(self.now.hear(cause, dt_util.utcnow(), self._config))

    @callback
    def _end(self, sound: Sound) -> None:
        self._going_on.pop(sound, None)
        self._disarmed.discard(sound)

    @callback
    def _hear_what_goes_on(self) -> None:
        """Raise the alarm for smoke and carbon monoxide that began before the guard was armed, and go on."""
        for sound, cause in tuple(self._going_on.items()):
            if cause.is_life_safety and sound not in self._disarmed and not self.now.is_raising:
                self._become(self.now.hear(cause, dt_util.utcnow(), self._config))

    @callback
    def _tick(self, now: datetime) -> None:
        self._cancel_change = None
        change = self.now.next_change(self._config)
        if change is not None and change > now:
            # The time has passed all the same: meanwhile, the clock was set back.
            self.now = replace(self.now, since=self.now.since - (change - now))
        heard = {label for _, label in self._going_on}
        if (guard := self.now.tick(now, self._config, heard)) is not self.now:
            self._become(guard)
        else:
            self._look_again_in(STILL_HEARD_S)

    @callback
    def _become(self, guard: Guard) -> None:
        self.stop()
        before, self.now = self.now, guard
        if (change := guard.next_change(self._config)) is not None:
            # A clock that was set back makes no delay longer.
            self._look_again_in((change - max(guard.since, dt_util.utcnow())).total_seconds())
        if guard != before:
            for subscriber in tuple(self._subscribers):
                subscriber(before, guard)
            if guard.is_armed and guard.state != before.state:
                self._hear_what_goes_on()

    @callback
    def _look_again_in(self, seconds: float) -> None:
        # Not at a time of day: whoever sets the clock must not put an alarm off.
        self._cancel_change = async_call_later(self._hass, max(0.0, seconds), self._tick)
