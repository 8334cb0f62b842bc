"""Alarms by the standards, the look-alikes that must not alarm, and filler glass; every sound from its own seed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Pattern = Literal[
    "t3", "t3_520hz", "fast", "double", "t4", "chirp", "few", "clock", "reverser", "melody", "phone", "wrong_gap",
    "strikes",
]  # fmt: skip

RATE_HZ = 16_000
SMOKE: tuple[Pattern, ...] = ("t3", "t3_520hz", "fast", "double")
"""Smoke alarms: ISO 8201, the same at 520 Hz, and European ones without groups or with a short and a long beep."""

ALARMS: dict[Pattern, str] = {**dict.fromkeys(SMOKE, "smoke_alarm"), "t4": "co_alarm"}
"""Patterns that are alarms, and which."""

LOOK_ALIKES: tuple[Pattern, ...] = ("chirp", "few", "clock", "reverser", "melody", "phone", "wrong_gap")
"""Beepers that must not alarm: low battery, appliances, clocks, vehicles, toys, phones, alarms with wrong timing."""


@dataclass(frozen=True, slots=True)
class Beeps:
    """When the tone is on, and how it sounds."""

    on_s: tuple[tuple[float, float, float], ...]
    """(start, length, frequency in Hz) of every beep."""

    length_s: float
    """Length of the whole sound, the last pause left out."""


def cadence(pattern: Pattern, length_s: float, rng: np.random.Generator) -> Beeps:
    """Draw the beeps of a pattern that lasts about `length_s`.

    T3 as in ISO 8201 (0.5 s on, 0.5 s off, three times, then 1.5 s off) and T4 as in UL 2034 (four 0.1 s beeps 0.1 s
    apart, then 5 s off), each within its tolerance of 10 %.
    """
    hz = float(rng.uniform(2_700, 3_600))
    tempo = float(rng.uniform(0.9, 1.1))
    count, off = 1, 0.0
    match pattern:
        case "t3" | "t3_520hz":
            hz = hz if pattern == "t3" else float(rng.uniform(500, 545))
            count, on, off, pause = 3, 0.5 * tempo * rng.uniform(0.9, 1.1), 0.5 * tempo, 1.5 * tempo
        case "t4":
            count, on, off, pause = 4, 0.1 * tempo * rng.uniform(0.9, 1.15), 0.1 * tempo, 5.0 * tempo
        case "fast":  # European and other beepers without groups
            period = np.exp(rng.uniform(np.log(0.2), np.log(1.1)))
            on, pause = period * rng.uniform(0.4, 0.7), period * rng.uniform(0.3, 0.6)
        case "double":  # a short and a longer beep each second
            return _double(hz, tempo, length_s, rng)
        case "chirp":  # a low battery
            on, pause = rng.uniform(0.03, 0.25), rng.uniform(8, 40)
        case "few":  # microwave, oven, washer: some beeps, then nothing
            hz, count, on = float(rng.uniform(900, 4_200)), int(rng.integers(1, 6)), rng.uniform(0.08, 1.0)
            if count > 1 and 0.4 < on < 0.6:  # not to be told from the first beeps of T3
                on += 0.3
            off, pause = on * rng.uniform(0.3, 1.5), 60.0
            length_s = min(length_s, count * 3 * on)
        case "clock":  # an alarm clock: four beeps each second
            count, on, off, pause = 4, rng.uniform(0.05, 0.07), 0.0625, 0.5625
            hz = float(rng.uniform(1_900, 4_100))
        case "reverser":
            on = pause = rng.uniform(0.7, 1.3) / 2
            hz = float(rng.uniform(950, 1_400))
        case "wrong_gap":  # groups of two, five, six or seven
            count, on = int(rng.choice([2, 5, 6, 7])), rng.uniform(0.06, 0.2)
            off, pause = on * rng.uniform(0.5, 1.2), rng.uniform(0.4, 2.5)
        case "melody":
            return _melody(length_s, rng)
        case "phone":
            return _trill(length_s, rng)
    return _groups(count, float(on), float(off), float(pause), hz, length_s)


def _melody(length_s: float, rng: np.random.Generator) -> Beeps:
    start_s, beeps = 0.0, []
    while start_s < min(length_s, rng.uniform(0.5, 4)):
        on = float(rng.uniform(0.06, 0.5))
        beeps.append((start_s, on, float(rng.uniform(500, 4_000))))
        start_s += on * float(rng.uniform(1.0, 1.6))
    return Beeps(tuple(beeps), beeps[-1][0] + beeps[-1][1])


def _double(hz: float, tempo: float, length_s: float, rng: np.random.Generator) -> Beeps:
    short_s, long_s, gap_s = rng.uniform(0.06, 0.15), rng.uniform(0.2, 0.4), rng.uniform(0.06, 0.15)
    starts = np.arange(0, max(length_s - 0.6, 0.5), tempo)
    beeps = [beep for s in starts for beep in ((s, short_s, hz), (s + short_s + gap_s, long_s, hz))]
    return Beeps(tuple(beeps), beeps[-1][0] + beeps[-1][1])


def _trill(length_s: float, rng: np.random.Generator) -> Beeps:
    """Return a ringing telephone: two tones in quick turns, then a pause."""
    turn_s, ring_s, pause_s = rng.uniform(0.02, 0.08), rng.uniform(0.4, 2.0), rng.uniform(0.3, 4.0)
    low_hz = rng.uniform(600, 2_500)
    tones = (low_hz, low_hz * rng.uniform(1.1, 1.5))
    beeps = []
    for start_s in np.arange(0, length_s, ring_s + pause_s):
        beeps += [(start_s + i * turn_s, turn_s, tones[i % 2]) for i in range(int(ring_s / turn_s))]
    return Beeps(tuple(beeps), beeps[-1][0] + beeps[-1][1])


def _groups(count: int, on: float, off: float, pause: float, hz: float, length_s: float) -> Beeps:
    beeps = []
    start_s = 0.0
    while start_s < length_s:
        for number in range(count):
            beeps.append((start_s, on, hz))
            start_s += on + (off if number < count - 1 else pause)
    kept = tuple(beep for beep in beeps if beep[0] < length_s)
    return Beeps(kept, kept[-1][0] + kept[-1][1])


def sound(beeps: Beeps, rng: np.random.Generator, voice: Sound | None = None) -> Sound:
    """Render beeps, float32 at 16 kHz, peak about 1.

    `voice` is one real beep to re-time instead of a synthetic tone; its own pitch is kept.
    """
    samples = np.zeros(round((beeps.length_s + 0.1) * RATE_HZ), np.float32)
    harmonics = rng.uniform(0, 0.5, size=4) * np.array([1, 0.6, 0.4, 0.3])
    if beeps.on_s[0][2] < 600:  # a 520 Hz sounder is driven by a square wave
        harmonics = np.array([0.0, 1 / 3, 0.0, 1 / 5])
    attack_s, release_s = rng.uniform(0.001, 0.02), rng.uniform(0.002, 0.06)
    tremor = (rng.uniform(0, 0.25), rng.uniform(4, 12))
    sweep = float(rng.normal(0, 0.004))
    for start_s, length_s, hz in beeps.on_s:
        tone = (
            _tone(hz, length_s + release_s, harmonics, tremor, sweep)
            if voice is None
            else _stretch(voice, length_s + release_s)
        )
        tone *= _envelope(tone.size, attack_s, release_s)
        start = round(start_s * RATE_HZ)
        kept = tone[: samples.size - start]
        samples[start : start + kept.size] += kept
    return samples


def _tone(hz: float, length_s: float, harmonics: Sound, tremor: tuple[float, float], sweep: float) -> Sound:
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * hz * (times + sweep * times**2)
    tone = np.sin(phase)
    for order, share in enumerate(harmonics, start=2):
        if order * hz < 0.48 * RATE_HZ:
            tone += share * np.sin(order * phase)
    return (tone * (1 + tremor[0] * np.sin(2 * np.pi * tremor[1] * times))).astype(np.float32)


def _stretch(voice: Sound, length_s: float) -> Sound:
    """Make a real beep as long as needed: cut it, or repeat its steady middle with cross-fades."""
    wanted = round(length_s * RATE_HZ)
    out = voice.copy()
    middle = voice[voice.size // 4 : voice.size - voice.size // 4]
    fade = min(80, middle.size // 4)
    if fade < 8:
        return np.resize(voice, wanted).astype(np.float32)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    while out.size < wanted:
        head, tail = out[:-fade], out[-fade:]
        out = np.concatenate((head, tail * (1 - ramp) + middle[:fade] * ramp, middle[fade:]))
    return out[:wanted].copy()


def _envelope(size: int, attack_s: float, release_s: float) -> Sound:
    envelope = np.ones(size, np.float32)
    attack, release = min(size, round(attack_s * RATE_HZ) + 1), min(size, round(release_s * RATE_HZ) + 1)
    envelope[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    envelope[-release:] *= np.linspace(1, 0, release, dtype=np.float32)
    return envelope


def glass(rng: np.random.Generator) -> Sound:
    """Render breaking glass by modal synthesis, float32 at 16 kHz: filler for training, never for testing.

    A thud and a burst of noise, then fragments: damped high modes that arrive ever more rarely.
    """
    length_s = float(rng.uniform(0.5, 2.5))
    samples = np.zeros(round(length_s * RATE_HZ), np.float32)
    burst_s = rng.uniform(0.03, 0.15)
    times = np.arange(samples.size) / RATE_HZ
    noise = rng.standard_normal(samples.size)
    noise = np.diff(noise, prepend=0.0)  # tilts the burst towards high frequencies
    samples += (noise * np.exp(-times / burst_s) * rng.uniform(0.3, 1.0)).astype(np.float32)
    samples += (np.sin(2 * np.pi * rng.uniform(80, 300) * times) * np.exp(-times / 0.03) * rng.uniform(0, 1)).astype(
        np.float32
    )
    for _ in range(int(rng.integers(15, 70))):
        start_s = min(rng.exponential(length_s / 4), length_s - 0.02)
        _fragment(samples, round(start_s * RATE_HZ), rng)
    return samples / np.float32(np.abs(samples).max())


def _fragment(samples: Sound, start: int, rng: np.random.Generator) -> None:
    size = min(samples.size - start, round(0.25 * RATE_HZ))
    times = np.arange(size) / RATE_HZ
    fragment = np.zeros(size)
    for _ in range(int(rng.integers(2, 7))):
        hz = float(np.exp(rng.uniform(np.log(1_500), np.log(7_800))))
        decay_s = float(np.exp(rng.uniform(np.log(0.003), np.log(0.05))))
        loudness, phase = rng.uniform(0.1, 1), rng.uniform(0, 6.28)
        fragment += loudness * np.sin(2 * np.pi * hz * times + phase) * np.exp(-times / decay_s)
    samples[start : start + size] += (fragment * np.exp(-rng.exponential(1.0))).astype(np.float32)


def strikes(rng: np.random.Generator) -> Sound:
    """Render something that is struck, once or in a rhythm, float32 at 16 kHz: sharp and ringing, but not breaking.

    Drums, hi-hats, pans, knocks, clinks. Every stroke sounds like the one before, which no fragment of glass does.
    """
    stroke = _stroke(rng)
    count = int(rng.choice((1, 2, int(rng.integers(3, 14)))))
    gap_s, unsteady_s = rng.uniform(0.08, 0.7), rng.choice((0.0, 0.1))
    starts = np.cumsum(np.full(count, gap_s) + unsteady_s * rng.random(count)) - gap_s
    samples = np.zeros(round(starts[-1] * RATE_HZ) + stroke.size, np.float32)
    for start_s in starts:
        start = round(max(0.0, start_s) * RATE_HZ)
        kept = stroke[: samples.size - start]
        samples[start : start + kept.size] += kept * np.float32(rng.uniform(0.5, 1))
    return np.asarray(samples / np.abs(samples).max(), np.float32)


def _stroke(rng: np.random.Generator) -> Sound:
    """Render one stroke: partials that ring, and a burst of noise in a band."""
    kind = rng.choice(("cymbal", "drum", "pan", "knock", "clink"))
    partials, low_hz, high_hz, ring_s, noise, noise_s = {
        "cymbal": (0, 2_000, 7_500, 0.1, 1.0, rng.uniform(0.015, 0.35)),
        "drum": (2, 60, 300, rng.uniform(0.05, 0.3), rng.uniform(0, 1), rng.uniform(0.01, 0.12)),
        "pan": (int(rng.integers(4, 10)), 300, 6_500, rng.uniform(0.08, 1.2), rng.uniform(0, 0.3), 0.01),
        "knock": (3, 150, 1_800, rng.uniform(0.008, 0.05), rng.uniform(0, 0.6), 0.01),
        "clink": (int(rng.integers(1, 4)), 1_800, 7_000, rng.uniform(0.03, 0.4), rng.uniform(0, 0.2), 0.005),
    }[str(kind)]
    times = np.arange(round(min(5 * max(ring_s, noise_s), 2.0) * RATE_HZ)) / RATE_HZ
    stroke = np.zeros(times.size)
    for _ in range(partials):
        hz, decay_s = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))), ring_s * rng.uniform(0.3, 1)
        stroke += rng.uniform(0.2, 1) * np.sin(2 * np.pi * hz * times + rng.uniform(0, 6.28)) * np.exp(-times / decay_s)
    spectrum = np.fft.rfft(rng.standard_normal(times.size))
    places = np.fft.rfftfreq(times.size, 1 / RATE_HZ)
    middle_hz = np.exp(rng.uniform(np.log(500), np.log(7_000)))
    spectrum *= np.exp(-0.5 * (np.log2(np.maximum(places, 1) / middle_hz) / rng.uniform(0.4, 2.0)) ** 2)
    burst = np.fft.irfft(spectrum, n=times.size)
    stroke += noise * burst / max(float(np.abs(burst).max()), 1e-9) * np.exp(-times / noise_s)
    return (stroke / max(float(np.abs(stroke).max()), 1e-9)).astype(np.float32)
