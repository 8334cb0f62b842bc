"""How fast it hears and how much memory that takes, on sound made up here."""

import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from .features import Block
from .source import BLOCK_SAMPLES, SAMPLE_RATE_HZ

_SEED = 2018
WARM_UP_S = 20.0
"""Sound before the measurement: by then a listener knows what the room sounds like."""


class Hearing(Protocol):
    """What can be measured: a listener, or something to compare it with."""

    runtime: str
    """What runs its model."""

    def feed(self, block: Block) -> object:
        """Hear int16 samples."""
        ...


@dataclass(frozen=True, slots=True)
class Figures:
    """What a bench measures."""

    cpu_ms_per_audio_s: float
    """Processor time per second of sound, averaged over the streams."""

    rss_mb: float
    """Most memory this process has held so far, everything included."""

    model_kb: float
    """Size of the model file."""

    realtime_factor: float
    """Seconds that each stream hears in a second of the clock; above 1 all streams keep up."""

    streams: int
    seconds: float
    """Sound per stream."""

    runtime: str
    """What ran the model."""


def bench(
    new_listener: Callable[[], Hearing], model_bytes: int, *, streams: int, seconds: float, quiet: bool = False
) -> Figures:
    """Feed `seconds` of made-up sound to each of `streams` listeners, each in a thread of its own, at full speed."""
    sound = make_quiet() if quiet else make_sound()
    blocks = max(1, round(seconds * SAMPLE_RATE_HZ / BLOCK_SAMPLES))
    warm_up = range(round(WARM_UP_S * SAMPLE_RATE_HZ / BLOCK_SAMPLES))
    measured = range(len(warm_up), len(warm_up) + blocks)
    listeners = [new_listener() for _ in range(streams)]
    for listener in listeners:
        _feed(listener, sound, warm_up)
    with ThreadPoolExecutor(streams) as pool:
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        for done in [pool.submit(_feed, listener, sound, measured) for listener in listeners]:
            done.result()
    wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    heard_s = blocks * BLOCK_SAMPLES / SAMPLE_RATE_HZ
    return Figures(
        cpu_ms_per_audio_s=round(1000 * cpu_s / (streams * heard_s), 3),
        rss_mb=round(peak_memory_mb(), 1),
        model_kb=round(model_bytes / 1000, 1),
        realtime_factor=round(heard_s / wall_s, 1),
        streams=streams,
        seconds=heard_s,
        runtime=listeners[0].runtime,
    )


def make_sound() -> Block:
    """Return ten seconds of noise with beeps in it (int16), the same every time."""
    noise = np.random.default_rng(_SEED).normal(0, 300, 10 * SAMPLE_RATE_HZ)
    time_s = np.arange(noise.size) / SAMPLE_RATE_HZ
    # Three beeps of half a second and a pause: the rhythm of a smoke alarm.
    beeping = (time_s % 4 < 3) & (time_s % 1 < 0.5)
    sound: Block = (noise + beeping * 8_000 * np.sin(2 * np.pi * 3_100 * time_s)).astype(np.int16)
    return sound


def make_quiet() -> Block:
    """Return a minute of a quiet room (int16), the same every time: hiss, mains hum, and one knock."""
    rng = np.random.default_rng(_SEED)
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    hum = 8 * np.sin(2 * np.pi * 50 * time_s) + 4 * np.sin(2 * np.pi * 150 * time_s)
    # Second by second: the memory that this takes is measured, too.
    seconds = [np.round(hum + rng.normal(0, 10, hum.size)).astype(np.int16) for _ in range(60)]
    knock = 2_000 * np.exp(-time_s / 0.02) * rng.standard_normal(time_s.size)
    seconds[40] += np.round(knock).astype(np.int16)
    return np.concatenate(seconds)


def peak_memory_mb() -> float:
    """Return the most memory this process has held, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1.024 / 1000
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024 / 1000


def _feed(listener: Hearing, sound: Block, numbers: range) -> None:
    starts = range(0, sound.size - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    for number in numbers:
        start = starts[number % len(starts)]
        listener.feed(sound[start : start + BLOCK_SAMPLES])
