"""When a sound raises the alarm: the guard's policy. Pure: every change makes a new Guard; the caller has the clock."""

from collections.abc import Collection, Mapping
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
    """What the guard is doing: the mode, or on the way to it, or about to raise the alarm, or raising it."""

    DISARMED = "disarmed"
    ARMING = "arming"
    ARMED_AWAY = "armed_away"
    ARMED_HOME = "armed_home"
    ARMED_NIGHT = "armed_night"
    PENDING = "pending"
    TRIGGERED = "triggered"


ALWAYS = frozenset(Mode)
"""A sound that raises the alarm in these modes does so at any time."""

WHEN_ARMED = ALWAYS - {Mode.DISARMED}
"""A sound that raises the alarm in these modes does so in every armed mode, and never while disarmed."""

NEVER: frozenset[Mode] = frozenset()
"""A sound that raises the alarm in these modes never does."""

LIFE_SAFETY = ("smoke_alarm", "co_alarm")
"""Sounds that are about staying alive, whoever is at home: no delay holds them up, no other sound hides them."""

TRIGGERS: Mapping[str, frozenset[Mode]] = MappingProxyType(
    {"glass_break": WHEN_ARMED} | dict.fromkeys(LIFE_SAFETY, ALWAYS)
)
"""The modes in which each sound raises the alarm, unless the owner decides otherwise."""


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """What the owner decided."""

    exit_delay_s: float = 30.0
    """Seconds between arming and being armed: time to leave."""

    entry_delay_s: float = 0.0
    """Seconds between a sound and the alarm: time to disarm. Only for sounds that the disarmed guard lets pass."""

    trigger_time_s: float = 0.0
    """Seconds the alarm lasts; 0 means until somebody disarms."""

    triggers: Mapping[str, frozenset[Mode]] = field(default_factory=lambda: TRIGGERS)
    """Per label, the modes in which it raises the alarm; a label that is not here never does."""

    def has_entry_delay(self, label: str) -> bool:
        """Return whether somebody who comes home has time to disarm: never for what raises the alarm all the time."""
        always = Mode.DISARMED in self.triggers.get(label, NEVER)
        return self.entry_delay_s > 0 and label not in LIFE_SAFETY and not always

    def is_weaker(self, mode: Mode, than: Mode) -> bool:
        """Return whether a sound raises no alarm in a mode that raises one in the other."""
        return any(than in modes and mode not in modes for modes in self.triggers.values())


@dataclass(frozen=True, slots=True)
class Cause:
    """The sound that raised the alarm, or is about to."""

    label: str
    microphone: str
    """The microphone's name."""

    confidence: float
    """How sure the model was, 0 to 1."""

    onset: datetime
    """When the sound began."""

    area_id: str | None = None
    """Where the microphone is; None if nobody said so."""

    area: str | None = None
    """The name of that area."""

    @property
    def is_life_safety(self) -> bool:
        """Return whether lives may depend on it."""
        return self.label in LIFE_SAFETY


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard at one moment."""

    since: datetime
    """When the state was entered; of an alarm, when a sound raised it last."""

    mode: Mode = Mode.DISARMED
    state: State = State.DISARMED
    cause: Cause | None = None
    """What raised the alarm or is about to; None when nothing did, or a person."""

    @property
    def is_raising(self) -> bool:
        """Return whether the alarm is raised or about to be: only disarming ends that."""
        return self.state in (State.PENDING, State.TRIGGERED)

    @property
    def is_armed(self) -> bool:
        """Return whether it is armed, and neither on the way to it nor raising the alarm."""
        return self.mode is not Mode.DISARMED and self.state == State(self.mode)

    def arm(self, mode: Mode, now: datetime, config: GuardConfig) -> "Guard":
        """Start to arm, at once if there is no exit delay.

        While armed or arming, only the mode changes: there is never a second exit delay, which would leave the house
        unguarded. An alarm that is raised, or about to be, stays: only disarming ends it.

        Raises:
            ValueError: DISARMED is no mode to arm in.
        """
        if mode is Mode.DISARMED:
            raise ValueError("to disarm, call disarm()")
        if self.is_raising:
            return self
        if self.state is State.ARMING:
            return replace(self, mode=mode).tick(now, config)
        if self.mode is not Mode.DISARMED:
            return Guard(now, mode, State(mode))
        return Guard(now, mode, State.ARMING).tick(now, config)

    def disarm(self, now: datetime) -> "Guard":
        """Return the guard at rest; a raised alarm is over."""
        return Guard(now)

    def hear(self, cause: Cause, now: datetime, config: GuardConfig) -> "Guard":
        """Take note of a sound, and raise the alarm if the owner wants that in this mode.

        The first cause of an alarm stays, except that smoke and carbon monoxide take the place of anything else. A
        further sound that is worth as much makes the alarm last as long as if it had begun now.
        """
        # Whoever is still leaving is not armed yet.
        mode = Mode.DISARMED if self.state is State.ARMING else self.mode
        if mode not in config.triggers.get(cause.label, NEVER):
            return self
        if self.is_raising:
            known = self.cause is not None and self.cause.is_life_safety
            if cause.is_life_safety and not known:
                return replace(self, since=now, state=State.TRIGGERED, cause=cause)
            lasts = self.state is State.TRIGGERED and cause.is_life_safety == known
            return replace(self, since=now) if lasts else self
        state = State.PENDING if config.has_entry_delay(cause.label) else State.TRIGGERED
        return replace(self, since=now, state=state, cause=cause)

    def trigger(self, now: datetime) -> "Guard":
        """Raise the alarm by hand; one that is raised already goes on as it is."""
        return self if self.state is State.TRIGGERED else replace(self, since=now, state=State.TRIGGERED)

    def tick(self, now: datetime, config: GuardConfig, heard: Collection[str] = ()) -> "Guard":
        """Return the guard after time has passed; `heard` are the labels of the sounds that go on at this moment.

        It is armed after the exit delay, raises the alarm after the entry delay, and goes back to its mode after the
        alarm: but not while a smoke or carbon-monoxide alarm can still be heard.
        """
        change = self.next_change(config)
        if change is None or now < change:
            return self
        if self.state is State.PENDING:
            # Since now, however late: an alarm lasts from when it can be noticed.
            return replace(self, since=now, state=State.TRIGGERED)
        if self.state is State.TRIGGERED and not set(LIFE_SAFETY).isdisjoint(heard):
            return self
        return Guard(change, self.mode, State(self.mode))

    def next_change(self, config: GuardConfig) -> datetime | None:
        """Return when tick() will change something, or None."""
        lasts_s = {
            State.ARMING: config.exit_delay_s,
            State.PENDING: config.entry_delay_s,
            # An alarm of no limited time lasts until somebody disarms.
            State.TRIGGERED: config.trigger_time_s or None,
        }.get(self.state)
        return None if lasts_s is None else self.since + timedelta(seconds=lasts_s)
