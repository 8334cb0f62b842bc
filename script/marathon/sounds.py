"""What there is to hear: alarms and breaking glass to be found, and the rooms they sound in."""

import subprocess
import sys
import wave
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FULL_SCALE = 32_767

type Sound = NDArray[np.float32]
"""Samples (n,) at 16 kHz, on the scale of int16."""

_RECORDINGS = Path(__file__).parents[2] / "tests" / "audio"

_LOOP_S = 61
_BEEP_LEVEL = 9_000.0
"""About as loud as the bundled recordings."""


class Backdrop(StrEnum):
    """What a room sounds like."""

    QUIET = "quiet"
    """The noise of a microphone in a room at night."""

    ROOM = "room"
    """A room in which somebody lives: hum, knocks and clatter now and then."""

    MACHINE = "machine"
    """A fan or a vacuum cleaner."""

    MUSIC = "music"
    """Tunes, with chords that change."""


_LOOPS: dict[Backdrop, Sound] = {}

LEVEL_DBFS = {Backdrop.QUIET: -72.0, Backdrop.ROOM: -56.0, Backdrop.MACHINE: -44.0, Backdrop.MUSIC: -44.0}


@dataclass(frozen=True, slots=True, eq=False)
class Alarm:
    """A sound that must be heard."""

    label: str
    samples: Sound
    onset_s: float
    """Seconds from the first sample to the sound itself."""

    @property
    def seconds(self) -> float:
        """How long the samples take."""
        return len(self.samples) / RATE_HZ


@cache
def alarms() -> dict[str, Alarm]:
    """Return the sounds to be found, by name: the bundled recordings, and beepers of other pitches."""
    found = {
        "glass": _recording("glass_break", "glass_break"),
        "bottle": _recording("glass_break_bottle", "glass_break"),
        "smoke alarm": _recording("smoke_alarm_t3", "smoke_alarm"),
        "carbon-monoxide alarm": _recording("co_alarm_t4", "co_alarm"),
    }
    for hz in (2_900, 3_150, 3_400):
        found[f"smoke alarm at {hz} Hz"] = Alarm("smoke_alarm", _beeps(3, 0.5, 0.5, 1.5, hz), 0.0)
        found[f"carbon-monoxide alarm at {hz} Hz"] = Alarm("co_alarm", _beeps(4, 0.1, 0.1, 5.0, hz), 0.0)
    return found


def loop(backdrop: Backdrop) -> Sound:
    """Return a minute of a room, whose end leads to its beginning, at its level."""
    if backdrop not in _LOOPS:
        _LOOPS[backdrop] = _make_loop(backdrop)
    return _LOOPS[backdrop]


def make_elsewhere(folder: Path) -> None:
    """Have all rooms made by another process, in a folder, and look into its files from here.

    It takes so much memory that this one would be allowed to keep more of what it no longer needs ever after.
    """
    subprocess.run([sys.executable, "-m", __spec__.name, str(folder)], check=True)
    for backdrop in Backdrop:
        _LOOPS[backdrop] = np.load(folder / f"{backdrop}.npy", mmap_mode="r")


def _make_loop(backdrop: Backdrop) -> Sound:
    rng = np.random.default_rng([2018, list(Backdrop).index(backdrop)])
    samples = _LOOP_S * RATE_HZ
    match backdrop:
        case Backdrop.QUIET:
            sound = _noise(samples, 0.25, rng)
        case Backdrop.ROOM:
            sound = _noise(samples, 0.75, rng) + 0.3 * _chord(samples, (50, 100, 150))
            for _ in range(20):
                _strike(sound, 25 * rng.random(), rng)
        case Backdrop.MACHINE:
            sound = _noise(samples, 0.5, rng) + 0.5 * _chord(samples, (120, 240, 480, 1_450))
        case Backdrop.MUSIC:
            sound = _tune(samples, rng) + 0.1 * _noise(samples, 0.5, rng)
    level = FULL_SCALE * 10 ** (LEVEL_DBFS[backdrop] / 20)
    return np.asarray(sound * (level / np.sqrt(np.mean(sound**2))), np.float32)


def _recording(name: str, label: str) -> Alarm:
    with wave.open(str(_RECORDINGS / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    loudness = np.abs(samples)
    return Alarm(label, samples, int(np.argmax(loudness > loudness.max() / 20)) / RATE_HZ)


def _beeps(count: int, on_s: float, off_s: float, pause_s: float, hz: float, groups: int = 3) -> Sound:
    """Return groups of beeps with hard edges and overtones, as small loudspeakers make them."""
    time_s = np.arange(round(on_s * RATE_HZ)) / RATE_HZ
    beep = np.tanh(3 * np.sin(2 * np.pi * hz * time_s)) * np.clip(np.minimum(time_s, on_s - time_s) / 0.005, 0, 1)
    beep = np.concatenate((beep, np.zeros(round(off_s * RATE_HZ))))
    group = np.concatenate((np.tile(beep, count), np.zeros(round((pause_s - off_s) * RATE_HZ))))
    return np.asarray(_BEEP_LEVEL * np.tile(group, groups), np.float32)


def _noise(samples: int, slope: float, rng: np.random.Generator) -> Sound:
    """Return noise with a root mean square of 1 whose amplitude falls with that power of the frequency."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    sound = np.fft.irfft(spectrum / np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 20) ** slope, samples)
    return np.asarray(sound / sound.std(), np.float32)


def _chord(samples: int, pitches_hz: tuple[float, ...]) -> Sound:
    """Return tones that last, with a root mean square of about 1."""
    time_s = np.arange(samples) / RATE_HZ
    tones = [np.sin(2 * np.pi * hz * time_s + number) for number, hz in enumerate(pitches_hz)]
    return np.asarray(np.sum(tones, axis=0) * np.sqrt(2 / len(tones)), np.float32)


def _strike(sound: Sound, loudness: float, rng: np.random.Generator) -> None:
    """Add a knock, a step or a dish that is put down, somewhere."""
    samples = RATE_HZ // 2
    time_s = np.arange(samples) / RATE_HZ
    body = np.sin(2 * np.pi * rng.uniform(80, 1_200) * time_s) + 0.5 * rng.standard_normal(samples)
    start = int(rng.integers(len(sound) - samples))
    sound[start : start + samples] += loudness * np.exp(-time_s / rng.uniform(0.01, 0.08)) * body


def _tune(samples: int, rng: np.random.Generator) -> Sound:
    """Return notes of a scale, each over another bass, none longer than a second."""
    sound = np.zeros(samples, np.float32)
    start = 0
    while start < samples:
        length = min(int(rng.uniform(0.15, 1.0) * RATE_HZ), samples - start)
        time_s = np.arange(length) / RATE_HZ
        note_hz = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
        for hz, loudness in ((note_hz, 1.0), (2 * note_hz, 0.4), (3 * note_hz, 0.2), (note_hz / 2, 0.5)):
            sound[start : start + length] += loudness * np.sin(2 * np.pi * hz * time_s) * np.exp(-3 * time_s)
        start += length
    return sound


if __name__ == "__main__":
    for each in Backdrop:
        np.save(Path(sys.argv[1]) / f"{each}.npy", loop(each))
