"""One recording in two files is found, however it was disguised; two recordings of the same kind are not one."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from hearing.features import Block
from training.duplicates import Shared, find
from training.synthesis import cadence, glass, sound

RATE_HZ = 16_000
Sound = NDArray[np.float64]


def scene(seed: int, seconds: float = 6.0) -> Sound:
    """Return a made-up recording: noise that comes and goes in changing bands, with a tone here and there."""
    rng = np.random.default_rng(seed)
    size = round(seconds * RATE_HZ)
    made = 0.01 * rng.standard_normal(size)
    for _ in range(round(8 * seconds)):
        length = int(rng.integers(800, 8_000))
        start = int(rng.integers(0, size - length))
        low_hz = float(rng.uniform(200, 3_000))
        band = butter(2, (low_hz, low_hz * rng.uniform(1.2, 2.2)), "band", fs=RATE_HZ, output="sos")
        noise = sosfilt(band, rng.standard_normal(length))
        tone = np.sin(2 * np.pi * rng.uniform(300, 3_500) * np.arange(length) / RATE_HZ)
        made[start : start + length] += (
            (noise + 0.2 * rng.random() * tone) * np.hanning(length) * rng.uniform(0.05, 0.5)
        )
    return made


def pcm(samples: Sound) -> Block:
    return np.clip(np.round(samples * 8_000), -32_768, 32_767).astype(np.int16)


def duplicates(*recordings: Block) -> list[Shared]:
    return find(lambda position: recordings[position], [f"group {number}" for number in range(len(recordings))])


def opus(samples: Block, folder: Path) -> Block:
    soundfile.write(folder / "a.ogg", samples, RATE_HZ, format="OGG", subtype="OPUS")
    decoded: Block = soundfile.read(folder / "a.ogg", dtype="int16")[0]
    return decoded


def disguised(samples: Sound, how: str, folder: Path) -> Block:
    rng = np.random.default_rng(1_000)
    low_pass = butter(6, 3_400, fs=RATE_HZ, output="sos")
    return {
        "copied": lambda: pcm(samples),
        "quieter, with hiss": lambda: pcm(0.05 * samples + 0.0005 * rng.standard_normal(samples.size)),
        "over telephone": lambda: pcm(sosfilt(low_pass, samples)),
        "as Opus": lambda: opus(pcm(samples), folder),
        "shifted": lambda: pcm(np.concatenate((0.01 * rng.standard_normal(5_377), samples))),
        "cut out": lambda: pcm(samples[30_000:50_000]),
        "cut, quieter, as Opus": lambda: opus(pcm(0.2 * samples[21_111:55_000]), folder),
        "under another sound": lambda: pcm(samples + 0.3 * scene(99)),
    }[how]()


@pytest.mark.parametrize(
    "how",
    [
        "copied",
        "quieter, with hiss",
        "over telephone",
        "as Opus",
        "shifted",
        "cut out",
        "cut, quieter, as Opus",
        "under another sound",
    ],
)
def test_a_disguised_copy_is_found_among_others_and_nothing_else(how: str, tmp_path: Path) -> None:
    others = [pcm(scene(seed)) for seed in range(1, 8)]
    found = duplicates(*others[:4], pcm(scene(0)), *others[4:], disguised(scene(0), how, tmp_path))
    assert [(shared.first, shared.second) for shared in found] == [(4, 8)]
    behind_s = {"shifted": 5_377, "cut out": -30_000, "cut, quieter, as Opus": -21_111}.get(how, 0) / RATE_HZ
    assert found[0].second_s - found[0].first_s == pytest.approx(behind_s, abs=0.04)


def test_a_short_excerpt_in_a_long_recording_is_found_where_it_is() -> None:
    rng = np.random.default_rng(3)
    shattering = glass(rng).astype(np.float64)
    mixed = scene(5, seconds=30.0)
    mixed[300_000 : 300_000 + shattering.size] += 2 * shattering
    (shared,) = duplicates(pcm(mixed), pcm(shattering))
    assert shared.first_s - shared.second_s == pytest.approx(300_000 / RATE_HZ, abs=0.04)


def test_alarms_of_the_same_kind_are_not_the_same_recording() -> None:
    alarms = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        beeps = sound(cadence("t3", 12.0, rng), rng, voice=np.sin(2 * np.pi * 3_150 * np.arange(8_000) / RATE_HZ))
        alarms.append(pcm(0.5 * beeps + 0.01 * rng.standard_normal(beeps.size)))
    assert duplicates(*alarms) == []


def test_recordings_of_one_group_may_share_sound_and_silence_is_nobodys() -> None:
    same, silence = pcm(scene(0)), np.zeros(RATE_HZ, np.int16)
    recordings = [same, same.copy(), silence, silence.copy(), silence[:0]]
    assert find(lambda position: recordings[position], ["home", "home", "a", "b", "c"]) == []
