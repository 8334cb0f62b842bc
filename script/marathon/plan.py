"""What will happen, drawn from a seed before anything does: rooms, alarms, troubles, and what people do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .sounds import Backdrop, alarms

CALM_S = 60.0
"""Nothing happens in the first and in the last minute: then the house is counted."""


class Trouble(StrEnum):
    """What goes wrong with a source of sound."""

    LOST = "lost"
    """It ends with an error, and cannot be opened for a while."""

    ENDED = "ended"
    """It ends without a word."""

    CRASHED = "crashed"
    """It fails with an error that nobody expected, and goes on failing for a while."""

    STALLED = "stalled"
    """It is open, and nothing comes."""

    SILENT = "silent"
    """Digital silence."""

    GARBAGE = "garbage"
    """Random numbers instead of sound."""

    CLIPPING = "clipping"
    """Far too loud."""

    OVERRUN = "overrun"
    """It drops sound that nobody took in time, and says so."""

    ODD_BLOCKS = "odd blocks"
    """Blocks of any size, empty ones too. No sound is lost, so every alarm must be found."""


LENGTH_S: dict[Trouble, tuple[float, float]] = {
    Trouble.LOST: (0, 90),
    Trouble.ENDED: (0, 0),
    Trouble.CRASHED: (0, 20),
    Trouble.STALLED: (2, 60),
    Trouble.SILENT: (20, 150),
    Trouble.GARBAGE: (0.5, 10),
    Trouble.CLIPPING: (20, 400),
    Trouble.OVERRUN: (0.2, 3),
    Trouble.ODD_BLOCKS: (30, 600),
}
"""Shortest and longest."""


class Act(StrEnum):
    """What people do in the house meanwhile."""

    RELOAD = "reload"
    OPTIONS = "options"
    """Change the options, which reloads."""

    ARM = "arm"
    DISARM = "disarm"
    SENSITIVITY = "sensitivity"
    PAUSE = "pause"
    """Switch a microphone off, and on again."""

    REMOVE = "remove"
    """Remove a microphone, and add it again."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A room for a while."""

    start_s: float
    backdrop: Backdrop
    gain: float


@dataclass(frozen=True, slots=True)
class Planted:
    """An alarm that sounds."""

    name: str
    label: str
    start_s: float
    """When its first sample sounds."""

    onset_s: float
    end_s: float
    gain: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A trouble for a while."""

    trouble: Trouble
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody does."""

    act: Act
    start_s: float
    end_s: float
    microphone: int
    choice: float
    """Decides on the details, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """What one microphone is up to. All lists in order of time; nothing overlaps another of its kind."""

    scenes: tuple[Scene, ...]
    alarms: tuple[Planted, ...]
    faults: tuple[Fault, ...]


def room_plan(seed: int, number: int, seconds: float) -> RoomPlan:
    """Draw what happens to one microphone."""
    rng = np.random.default_rng([seed, 1, number])
    return RoomPlan(
        tuple(_scenes(rng, seconds)), tuple(_alarms(rng, seconds - CALM_S)), tuple(_faults(rng, seconds - CALM_S))
    )


def deeds(seed: int, microphones: int, seconds: float) -> tuple[Deed, ...]:
    """Draw what people do; one thing at a time."""
    rng = np.random.default_rng([seed, 2])
    found = []
    start_s = CALM_S + float(rng.exponential(60))
    while start_s < seconds - CALM_S:
        act = Act(rng.choice(list(Act)))
        lasting = act in (Act.PAUSE, Act.REMOVE)
        end_s = min(start_s + (float(rng.uniform(1, 60)) if lasting else 0.0), seconds - CALM_S)
        found.append(Deed(act, start_s, end_s, int(rng.integers(microphones)), float(rng.random())))
        start_s = end_s + 20 + float(rng.exponential(200))
    return tuple(found)


def _scenes(rng: np.random.Generator, seconds: float) -> Iterator[Scene]:
    start_s = 0.0
    while start_s < seconds:
        yield Scene(start_s, Backdrop(rng.choice(list(Backdrop))), 10 ** (float(rng.uniform(-6, 3)) / 20))
        start_s += float(rng.uniform(60, 1_800))


def _alarms(rng: np.random.Generator, until_s: float) -> Iterator[Planted]:
    names = list(alarms())
    start_s = CALM_S + float(rng.exponential(30))
    while True:
        name = str(rng.choice(names))
        alarm = alarms()[name]
        end_s = start_s + alarm.seconds
        if end_s > until_s:
            return
        gain = 10 ** (float(rng.uniform(-6, 0)) / 20)
        yield Planted(name, alarm.label, start_s, start_s + alarm.onset_s, end_s, gain)
        start_s = end_s + 30 + float(rng.exponential(240))


def _faults(rng: np.random.Generator, until_s: float) -> Iterator[Fault]:
    start_s = CALM_S + float(rng.exponential(120))
    while start_s < until_s:
        trouble = Trouble(rng.choice(list(Trouble)))
        end_s = min(start_s + float(rng.uniform(*LENGTH_S[trouble])), until_s)
        yield Fault(trouble, start_s, end_s)
        start_s = end_s + 60 + float(rng.exponential(300))
