"""Hours in seconds: the microphone's thread runs by a clock that moves as fast as sound can be heard."""

import asyncio
from collections.abc import Callable, Iterator
from threading import Event
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from custom_components.sound_guard import session
from custom_components.sound_guard.src.hearing import pace
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.source import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    Backlog,
    Reason,
    SourceError,
)

from ..integration.conftest import until
from .watch import PATIENCE_S

BLOCK_S = BLOCK_SAMPLES / SAMPLE_RATE_HZ


class Simulation:
    """Time for one microphone, and what there is to hear in it. The time moves while its thread hears or waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sound: Callable[[float], Block]) -> None:
        """Take the place of the clock; `sound` returns the block that is heard at a moment."""
        self.now_s = 0.0
        self.limit_s = 0.0
        """Time stands still here until the limit is moved."""
        self.is_up: Callable[[float], bool] = lambda now_s: True
        """Whether the microphone can be reached."""
        self.attempts = 0
        """How often it was opened so far."""
        self.lasts_s = float("inf")
        """How long a connection lasts."""
        self._sound = sound
        monkeypatch.setattr(session, "monotonic", self.monotonic)
        monkeypatch.setattr(pace, "monotonic", self.monotonic)
        monkeypatch.setattr(session, "Event", lambda: _Alarm(self))

    def monotonic(self) -> float:
        """Stand in for the clock."""
        return self.now_s

    def open_source(self, spec: str, ffmpeg: str) -> "_Connection":
        """Stand in for the engine's function."""
        self.attempts += 1
        return _Connection(self, spec)

    def heard_at(self, now_s: float) -> Block:
        """Return the block of a moment."""
        return self._sound(now_s)

    async def run(self, until_s: float) -> None:
        """Let time pass up to a moment, and all that is told meanwhile arrive."""
        self.limit_s = until_s
        await until(lambda: self.stands, lambda: f"time stands at {self.now_s} s", PATIENCE_S)
        await asyncio.sleep(0.02)

    async def run_until(self, is_true: Callable[[], bool], limit_s: float) -> None:
        """Let time pass, one second after the other, until something is true, or up to a moment."""
        while not is_true():
            assert self.now_s < limit_s, "it has not come true"
            await self.run(self.now_s + 1)

    @property
    def stands(self) -> bool:
        """Whether time stands still."""
        return self.now_s >= self.limit_s


class _Alarm(Event):
    """An event that is waited for by the simulation's clock."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        over_s = self._simulation.now_s + timeout
        while self._simulation.now_s < over_s and not self.is_set():
            if self._simulation.stands:
                super().wait(0.005)
            else:
                self._simulation.now_s = min(over_s, self._simulation.limit_s)
        return self.is_set()


class _Connection:
    """The microphone for as long as it can be reached."""

    backlog = Backlog()

    def __init__(self, simulation: Simulation, spec: str) -> None:
        self.description = spec
        self._simulation = simulation
        self._closed = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Block]:
        simulation = self._simulation
        began_s = simulation.now_s
        if not simulation.is_up(began_s):
            raise SourceError(Reason.REFUSED, f"{self.description}: cannot be reached.")
        while not self._closed.is_set():
            if simulation.stands:
                self._closed.wait(0.005)
                continue
            if not simulation.is_up(simulation.now_s) or simulation.now_s - began_s >= simulation.lasts_s:
                raise SourceError(Reason.LOST, f"{self.description}: the sound ended unexpectedly.")
            yield simulation.heard_at(simulation.now_s)
            # Only now: when time stands still, all there was has been heard.
            simulation.now_s += BLOCK_S

    def close(self) -> None:
        self._closed.set()


class Day:
    """A room in which alarms sound at given times; a callable that returns the block of a moment."""

    def __init__(self, alarm: NDArray[np.int16], at_s: range, loops: int = 1) -> None:
        """Let an alarm sound at each of these seconds, so many times in a row."""
        self.gain = 1
        """How far the microphone is turned up."""
        self._noise = np.random.default_rng(0).normal(0, 60, (100, BLOCK_SAMPLES)).astype(np.int16)
        self._alarm = np.tile(alarm, loops)
        self._at_s = at_s

    def __call__(self, now_s: float) -> Block:
        """Return what is heard from a moment on for 0.1 s."""
        heard = self._noise[round(now_s / BLOCK_S) % len(self._noise)].astype(np.int32)
        begun = [at_s for at_s in self._at_s if at_s <= now_s]
        start = round((now_s - begun[-1]) * SAMPLE_RATE_HZ) if begun else self._alarm.size
        played = self._alarm[start : start + BLOCK_SAMPLES]
        heard[: played.size] += played
        recorded: Block = np.clip(self.gain * heard, -32_768, 32_767).astype(np.int16)
        return recorded
