"""The guard of the house on the event loop: detections in, the panel's state out. It decides by hearing's policy."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .const import CONF_ALWAYS_ALERT, CONF_EXIT_DELAY, DEFAULT_EXIT_DELAY_S
from .microphone import Heard, Microphone, News
from .src.hearing.detection import Phase
from .src.hearing.guard import Cause, Guard, GuardConfig, Mode, Policy, State, sound_policies


def guard_config(options: Mapping[str, Any]) -> GuardConfig:
    """Return the guard's configuration from the entry's options."""
    return GuardConfig(
        exit_delay_s=options.get(CONF_EXIT_DELAY, DEFAULT_EXIT_DELAY_S),
        triggers=sound_policies(Policy.ALWAYS if options.get(CONF_ALWAYS_ALERT, True) else Policy.ARMED),
    )


def guard_as_dict(guard: Guard) -> dict[str, Any]:
    """Return a guard as plain values, to be stored over a restart."""
    return {
        "mode": guard.mode,
        "state": guard.state,
        "since": guard.since.isoformat(),
        "label": guard.cause.label if guard.cause else None,
        "microphone": guard.cause.microphone if guard.cause else None,
    }


def guard_from_dict(stored: Mapping[str, Any]) -> Guard | None:
    """Return the guard that was stored, None when it makes no sense. One that was arming is armed now."""
    try:
        mode, state, since = Mode(stored["mode"]), State(stored["state"]), dt_util.parse_datetime(stored["since"])
    except (KeyError, TypeError, ValueError):
        return None
    if since is None:
        return None
    if state is not State.TRIGGERED:
        return Guard(since, mode, State(mode))
    cause = Cause(stored["label"], stored["microphone"]) if stored.get("label") else None
    return Guard(since, mode, state, cause)


def guard_from_state(state: str, since: datetime) -> Guard | None:
    """Return the guard as far as its state alone tells, None when it tells nothing."""
    match state:
        case State.TRIGGERED:
            return Guard(since, state=State.TRIGGERED)
        case State.ARMING:
            # Which mode is not known, but whoever was leaving wants to be guarded.
            return Guard(since, Mode.ARMED_AWAY, State.ARMED_AWAY)
        case Mode.ARMED_AWAY | Mode.ARMED_HOME | Mode.ARMED_NIGHT:
            return Guard(since, Mode(state), State(state))
    return None


class HouseGuard:
    """Holds the guard of the house and moves it on as time passes. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, config: GuardConfig) -> None:
        """Start disarmed."""
        self.now = Guard(dt_util.utcnow())
        """The guard as it is; a frozen value."""
        self._hass = hass
        self._config = config
        self._subscribers: list[Callable[[], None]] = []
        self._cancel_change: CALLBACK_TYPE | None = None

    @callback
    def subscribe(self, subscriber: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the subscriber after every change; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def watch(self, microphone: Microphone) -> CALLBACK_TYPE:
        """Take note of what a microphone hears; return what ends that."""

        @callback
        def hear(news: News) -> None:
            # Only a new sound: one that goes on must not undo what a person has disarmed.
            if isinstance(news, Heard) and news.phase is Phase.STARTED:
                self._become(self.now.hear(news.label, microphone.name, dt_util.utcnow(), self._config))

        return microphone.subscribe(hear)

    @callback
    def arm(self, mode: Mode) -> None:
        """Arm in a mode, after the exit delay."""
        self._become(self.now.arm(mode, dt_util.utcnow(), self._config))

    @callback
    def disarm(self) -> None:
        """Disarm, and end a raised alarm."""
        self._become(self.now.disarm(dt_util.utcnow()))

    @callback
    def trigger(self) -> None:
        """Raise the alarm by hand."""
        self._become(self.now.trigger(dt_util.utcnow()))

    @callback
    def restore(self, guard: Guard) -> None:
        """Go on from where the guard was before a restart."""
        self._become(guard)

    @callback
    def stop(self) -> None:
        """Forget the next change."""
        if self._cancel_change is not None:
            self._cancel_change()
            self._cancel_change = None

    @callback
    def _tick(self, now: datetime) -> None:
        self._cancel_change = None
        self._become(self.now.tick(now, self._config))

    @callback
    def _become(self, guard: Guard) -> None:
        self.stop()
        changed, self.now = guard != self.now, guard
        if (change := guard.next_change(self._config)) is not None:
            self._cancel_change = async_track_point_in_utc_time(self._hass, self._tick, change)
        if changed:
            for subscriber in tuple(self._subscribers):
                subscriber()
