"""What rooms, speeds and microphones do to a sound."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .synthesis import RATE_HZ, Sound


def simulated_room(reverberation_s: float, rng: np.random.Generator) -> Sound:
    """Return an impulse response: the direct sound, then noise that decays by 60 dB in the given time."""
    times = np.arange(round(min(reverberation_s, 0.6) * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(times.size) * 10 ** (-3 * times / reverberation_s)
    tail *= 10 ** (rng.uniform(-12, 6) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    response: Sound = tail.astype(np.float32)
    return response


def play(samples: Sound, speed: float) -> Sound:
    """Play a sound faster or slower."""
    places = np.arange(0, samples.size - 1, speed)
    played: Sound = np.interp(places, np.arange(samples.size), samples).astype(np.float32)
    return played


def add(scene: Sound, piece: Sound, at_s: float) -> None:
    """Add a piece to the scene in place; what lies outside is dropped."""
    start = round(at_s * RATE_HZ)
    piece = piece[max(0, -start) :]
    start = max(0, start)
    kept = piece[: max(0, scene.size - start)]
    scene[start : start + kept.size] += kept


def microphone(scene: Sound, band_hz: tuple[float, float], tilt_db: tuple[float, ...]) -> Sound:
    """Hear a scene through a cheap microphone: high-pass, low-pass, and a gain at 125 Hz to 8 kHz, an octave apart."""
    low_hz, high_hz = band_hz
    octaves = np.log2(np.array([125, 250, 500, 1_000, 2_000, 4_000, 8_000]))

    def curve(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        tilt = 10 ** (np.interp(np.log2(np.maximum(hz, 1)), octaves, tilt_db) / 20)
        high_pass = 1 / np.sqrt(1 + (low_hz / np.maximum(hz, 1)) ** 4)
        low_pass = 1.0 if high_hz >= RATE_HZ / 2 else 1 / np.sqrt(1 + (hz / high_hz) ** 16)
        return tilt * high_pass * low_pass

    return shape(scene, curve)


def shape(samples: Sound, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Sound:
    """Filter with a gain curve over frequency, without delay."""
    spectrum = np.fft.rfft(samples, n=_fast_size(samples.size))
    hz = np.fft.rfftfreq(_fast_size(samples.size), 1 / RATE_HZ)
    return np.fft.irfft(spectrum * curve(hz).astype(np.float32))[: samples.size].astype(np.float32)


def _fast_size(size: int) -> int:
    return -(-size // 2_048) * 2_048
