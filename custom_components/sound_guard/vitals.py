"""How well a microphone's sound arrives: loudness, silence, overdrive, delay, loss and effort."""

from dataclasses import dataclass
from math import log10
from statistics import fmean
from time import monotonic, thread_time

import numpy as np

from .src.hearing.card import ModelCard
from .src.hearing.features import Block
from .src.hearing.level import Level, measure
from .src.hearing.source import SAMPLE_RATE_HZ, Backlog

FIRST_REPORT_S = 3.0
"""Sound behind the first report: enough to say whether there is any."""

REPORT_S = 10.0
"""Sound behind every other one."""

FULL_SCALE = 32_700
"""Samples from here on are cut off: many sound cards stop a little before the last step of 16 bits."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the last seconds of sound were like."""

    seconds: tuple[Level, ...]
    """The level of every second since the last report, at least one."""

    clipped_share: float
    """Share of the samples since the last report that are at full scale, 0 to 1."""

    latency_s: float
    """Longest time since the last report between a sound and the model's verdict on it."""

    dropped_s: float | None
    """Sound lost since the microphone was opened, None where that cannot be told."""

    cpu_percent: float
    """Share of one processor core that listening took since the last report."""

    @property
    def level(self) -> Level:
        """How loud all of it was."""
        power = fmean(10 ** (second.rms_dbfs / 10) for second in self.seconds)
        return Level(10 * log10(power), max(second.peak_dbfs for second in self.seconds))

    @property
    def room_dbfs(self) -> float:
        """How loud the room is by itself: three seconds out of four are louder, so what has just begun is left out."""
        return sorted(second.rms_dbfs for second in self.seconds)[len(self.seconds) // 4]

    @property
    def silent(self) -> bool:
        """Whether all of it was digital silence."""
        return all(second.silent for second in self.seconds)


class VitalsMeter:
    """Takes a microphone's vitals, block by block. Belongs to the thread that listens, whose effort it measures."""

    def __init__(self, card: ModelCard) -> None:
        """Begin with a microphone that was just opened."""
        self.level: Level | None = None
        """How loud the last second was, None in the first one."""
        self._chunk_s = card.window.chunk_frames * card.features.hop_s
        self._blocks: list[Block] = []
        self._seconds: list[Level] = []
        self._clipped_samples = 0
        self._waiting_s = 0.0
        self._due_s = FIRST_REPORT_S
        self._started = (monotonic(), thread_time())

    def add(self, block: Block, backlog: Backlog) -> Vitals | None:
        """Take note of a block that was just heard and of what waits behind it; return a report when one is due."""
        self._blocks.append(block)
        self._waiting_s = max(self._waiting_s, backlog.waiting_s)
        if sum(map(len, self._blocks)) < SAMPLE_RATE_HZ:
            return None
        second = np.concatenate(self._blocks)
        self._blocks.clear()
        self.level = measure(second)
        self._seconds.append(self.level)
        # Not abs(): of the lowest 16-bit number there is none.
        self._clipped_samples += int(np.count_nonzero((second >= FULL_SCALE) | (second <= -FULL_SCALE)))
        return self._report(backlog) if len(self._seconds) >= self._due_s else None

    def _report(self, backlog: Backlog) -> Vitals:
        wall_s, cpu_s = monotonic() - self._started[0], thread_time() - self._started[1]
        vitals = Vitals(
            seconds=tuple(self._seconds),
            clipped_share=self._clipped_samples / (len(self._seconds) * SAMPLE_RATE_HZ),
            latency_s=self._chunk_s + self._waiting_s,
            dropped_s=backlog.dropped_s,
            cpu_percent=100 * cpu_s / max(wall_s, 1e-6),
        )
        self._seconds.clear()
        self._clipped_samples = 0
        self._waiting_s = 0.0
        self._due_s = REPORT_S
        self._started = (monotonic(), thread_time())
        return vitals
