"""What rooms, speeds and microphones do to a sound."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from .synthesis import RATE_HZ, Sound


def simulated_room(reverberation_s: float, rng: np.random.Generator) -> Sound:
    """Return an impulse response: direct sound, some early reflections, then a tail that decays by 60 dB in that time.

    High tones die away faster than low ones, as on curtains and furniture. The direct sound is from 9 dB louder than
    all the rest (close by) to 12 dB softer (far away).
    """
    times = np.arange(round(min(reverberation_s, 0.8) * RATE_HZ)) / RATE_HZ
    noise = rng.standard_normal(times.size + 1)
    low, high = noise[1:] + noise[:-1], noise[1:] - noise[:-1]
    damping = rng.uniform(0.4, 0.9)
    tail = low * 10 ** (-3 * times / reverberation_s) + high * 10 ** (-3 * times / (damping * reverberation_s))
    delay = round(rng.uniform(0.002, 0.02) * RATE_HZ)
    tail[:delay] = 0
    for _ in range(int(rng.integers(3, 10))):
        at_s = rng.uniform(0.001, 0.04)
        at = min(round(at_s * RATE_HZ), times.size - 1)
        tail[at] += rng.choice((-1, 1)) * rng.uniform(2, 8) * 10 ** (-3 * at_s / reverberation_s)
    tail *= 10 ** (rng.uniform(-9, 12) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
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
    size = next_fast_len(samples.size, real=True)
    spectrum = rfft(samples.astype(np.float32), n=size)
    # Curves are smooth: some hundred places describe them.
    places = np.linspace(0, RATE_HZ / 2, 1_025)
    gains = np.interp(np.linspace(0, RATE_HZ / 2, spectrum.size), places, curve(places))
    return np.asarray(irfft(spectrum * gains.astype(np.float32), n=size)[: samples.size], np.float32)


def automatic_gain(scene: Sound, attack_s: float, release_s: float, target_db: float) -> Sound:
    """Hear a scene through a microphone that turns loud sound down at once and quiet sound up slowly."""
    block = RATE_HZ // 50
    blocks = -(-scene.size // block)
    levels = np.sqrt(np.mean(np.resize(scene, blocks * block).reshape(blocks, block) ** 2, axis=1))
    wanted = np.clip(target_db - 20 * np.log10(np.maximum(levels, 1e-5)), -20, 30)
    gains = np.empty(blocks + 1)
    gains[0] = wanted[0]
    for i, gain in enumerate(wanted):
        slow_s = attack_s if gain < gains[i] else release_s
        gains[i + 1] = gains[i] + (gain - gains[i]) * (1 - np.exp(-0.02 / slow_s))
    curve = np.interp(np.arange(scene.size), np.arange(blocks + 1) * block, 10 ** (gains / 20))
    return (scene * curve).astype(np.float32)


def telephone(samples: Sound) -> Sound:
    """Send sound in -1 to 1 through eight bits of mu-law, as G.711 cameras do."""
    pressed = np.sign(samples) * np.log1p(255 * np.minimum(np.abs(samples), 1)) / np.log(256)
    pressed = np.round(pressed * 127) / 127
    heard: Sound = (np.sign(pressed) * (256 ** np.abs(pressed) - 1) / 255).astype(np.float32)
    return heard
