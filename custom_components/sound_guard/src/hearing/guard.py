"""When a sound raises the alarm: the guard's policy. Pure: every change makes a new Guard; the caller has the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Mode(StrEnum):
    """What the owner asked for."""

    DISARMED = "disarmed"
    ARMED_AWAY = "armed_away"
    ARMED_HOME = "armed_home"
    ARMED_NIGHT = "armed_night"


class State(StrEnum):
    """What the guard is doing: the mode, or on the way to it, or raising the alarm."""

    DISARMED = "disarmed"
    ARMING = "arming"
    ARMED_AWAY = "armed_away"
    ARMED_HOME = "armed_home"
    ARMED_NIGHT = "armed_night"
    TRIGGERED = "triggered"


class Policy(StrEnum):
    """When a sound raises the alarm."""

    ALWAYS = "always"
    ARMED = "armed"
    NEVER = "never"


LIFE_SAFETY = ("smoke_alarm", "co_alarm")
"""Sounds that are about staying alive, whoever is at home."""


def sound_policies(life_safety: Policy = Policy.ALWAYS) -> Mapping[str, Policy]:
    """Return the usual policy of every sound: glass break only while armed, smoke and CO as given."""
    return MappingProxyType({"glass_break": Policy.ARMED} | dict.fromkeys(LIFE_SAFETY, life_safety))


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """What the owner decided."""

    exit_delay_s: float = 30.0
    """Seconds between arming and being armed: time to leave."""

    trigger_time_s: float = 0.0
    """Seconds the alarm lasts; 0 means until somebody disarms."""

    triggers: Mapping[str, Policy] = field(default_factory=sound_policies)
    """Per label; a label that is not here never raises the alarm."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The sound that raised the alarm."""

    label: str
    microphone: str
    """The microphone's name."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard at one moment."""

    since: datetime
    """When the state was entered."""

    mode: Mode = Mode.DISARMED
    state: State = State.DISARMED
    cause: Cause | None = None
    """What raised the alarm; None when nothing did, or a person."""

    def arm(self, mode: Mode, now: datetime, config: GuardConfig) -> "Guard":
        """Start to arm, at once if there is no exit delay.

        While armed or arming, only the mode changes: there is never a second exit delay, which would leave the house
        unguarded. A raised alarm stays raised: only disarming ends it.

        Raises:
            ValueError: DISARMED is no mode to arm in.
        """
        if mode is Mode.DISARMED:
            raise ValueError("to disarm, call disarm()")
        if self.state is State.ARMING:
            return replace(self, mode=mode).tick(now, config)
        if self.state is State.TRIGGERED:
            return self
        if self.mode is not Mode.DISARMED:
            return Guard(now, mode, State(mode))
        return Guard(now, mode, State.ARMING).tick(now, config)

    def disarm(self, now: datetime) -> "Guard":
        """Return the guard at rest; a raised alarm is over."""
        return Guard(now)

    def hear(self, label: str, microphone: str, now: datetime, config: GuardConfig) -> "Guard":
        """Take note of a sound, and raise the alarm if its policy says so. The first cause of an alarm stays."""
        policy = config.triggers.get(label, Policy.NEVER)
        armed = self.state is State(self.mode) and self.mode is not Mode.DISARMED
        if self.state is State.TRIGGERED or not (policy is Policy.ALWAYS or (policy is Policy.ARMED and armed)):
            return self
        return replace(self, since=now, state=State.TRIGGERED, cause=Cause(label, microphone))

    def trigger(self, now: datetime) -> "Guard":
        """Raise the alarm by hand; one that is raised already goes on as it is."""
        return self if self.state is State.TRIGGERED else replace(self, since=now, state=State.TRIGGERED, cause=None)

    def tick(self, now: datetime, config: GuardConfig) -> "Guard":
        """Return the guard after time has passed: armed after the exit delay, back to its mode after the alarm."""
        change = self.next_change(config)
        if change is None or now < change:
            return self
        return Guard(change, self.mode, State(self.mode))

    def next_change(self, config: GuardConfig) -> datetime | None:
        """Return when tick() will change something, or None."""
        if self.state is State.ARMING:
            return self.since + timedelta(seconds=config.exit_delay_s)
        if self.state is State.TRIGGERED and config.trigger_time_s > 0:
            return self.since + timedelta(seconds=config.trigger_time_s)
        return None
