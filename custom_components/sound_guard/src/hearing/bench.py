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
_WARM_UP_BLOCKS = 20


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
    listeners = [new_listener() for _ in range(streams)]
    for listener in listeners:
        _feed(listener, sound, _WARM_UP_BLOCKS)
    with ThreadPoolExecutor(streams) as pool:
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        for done in [pool.submit(_feed, listener, sound, blocks) for listener in listeners]:
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
    """Return ten seconds of the least noise a 16-bit microphone gives (int16), the same every time."""
    return np.random.default_rng(_SEED).integers(-1, 2, 10 * SAMPLE_RATE_HZ).astype(np.int16)


def peak_memory_mb() -> float:
    """Return the most memory this process has held, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1.024 / 1000
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024 / 1000


def _feed(listener: Hearing, sound: Block, blocks: int) -> None:
    starts = range(0, sound.size - BLOCK_SAMPLES + 1, BLOCK_SAMPLES)
    for index in range(blocks):
        start = starts[index % len(starts)]
        listener.feed(sound[start : start + BLOCK_SAMPLES])
