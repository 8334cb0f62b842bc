"""What is done to a clip before it is heard: the same each time, and as much as is said."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from training import recordings
from training.cases import Case, Dry, built, dry, heard_in, look_alikes, unheard_in
from training.conditions import CLEAN, CONDITIONS, DOOR, FAR, NARROW, NOISY, PADDING_S, QUIET, ROOM, Condition, Stage
from training.recordings import Library, Recording, rms
from training.splits import Split
from training.synthesis import RATE_HZ

TONE = (0.3 * np.sin(2 * np.pi * 3_100 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
RAIN = np.random.default_rng(0).normal(0, 2_000, 8 * RATE_HZ).astype(np.int16)
SOUND = Dry(TONE, ((0.5, 1.5),), 1.0)


def row(file: str, kind: str, subtype: str, split: Split = "test") -> Recording:
    return Recording(file, kind, subtype, file, "CC0", False, ((0.5, 1.5),) if "alarm" in kind else (), split)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A smoke alarm with known beeps, rain, and a room with one echo."""
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    room = np.zeros(RATE_HZ // 4, np.int16)
    room[[100, 1_700]] = 20_000, 10_000
    files: dict[str, tuple[str, str, NDArray[np.int16]]] = {
        "alarm.wav": ("smoke_alarm", "T3", (32_767 * TONE).astype(np.int16)),
        "rain.wav": ("negative", "rain", RAIN),
        "room.wav": ("rir", "hall", room),
    }
    for file, (_, _, samples) in files.items():
        soundfile.write(tmp_path / file, samples, RATE_HZ, subtype="PCM_16")
    (tmp_path / "alarm_beeps.json").write_text('{"alarm.wav": {"beeps": [[0.5, 1.0]]}}')
    return Library(tmp_path, tuple(row(file, kind, subtype) for file, (kind, subtype, _) in files.items()), "made here")


def heard_part(library: Library, condition: Condition, draw: int = 0) -> NDArray[np.float32]:
    """Return what arrives while the sound lasts."""
    samples = Stage(library, "test").put(SOUND, "clip", condition, draw).samples.astype(np.float32)
    return samples[round((PADDING_S + 0.5) * RATE_HZ) : round((PADDING_S + 1.5) * RATE_HZ)]


def level_db(samples: NDArray[np.float32], below: NDArray[np.float32]) -> float:
    return float(20 * np.log10(rms(samples) / rms(below)))


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_the_same_clip_comes_out_each_time_and_another_for_another_name(library: Library, condition: Condition) -> None:
    first = Stage(library, "test").put(SOUND, "clip", condition)
    again = Stage(library, "test").put(SOUND, "clip", condition)
    assert np.array_equal(first.samples, again.samples)
    assert (first.onset_s, first.length_s, first.evidence_s) == (PADDING_S + 0.5, 1.0, PADDING_S + 1.0)
    assert not np.array_equal(first.samples, Stage(library, "test").put(SOUND, "other", condition).samples)
    drawn = Stage(library, "test").put(SOUND, "clip", condition, 1)
    assert not np.array_equal(first.samples, drawn.samples)


@pytest.mark.parametrize(("condition", "ebr_db"), zip(NOISY, (6, 0, -6), strict=True), ids=str)
def test_a_sound_stands_over_its_background_by_the_ratio(library: Library, condition: Condition, ebr_db: int) -> None:
    samples = Stage(library, "test").put(SOUND, "clip", condition).samples.astype(np.float32)
    under = samples[: round(PADDING_S * RATE_HZ)]  # the rain is as loud all the time
    # Event and background do not correlate: their powers add.
    ratio_db = 10 * np.log10(1 + 10 ** (ebr_db / 10))
    assert level_db(heard_part(library, condition), under) == pytest.approx(ratio_db, abs=0.3)
    assert np.abs(samples).max() == pytest.approx(16_384, rel=0.01)


def test_doors_and_distance_take_what_is_said(library: Library) -> None:
    clean = heard_part(library, CLEAN)
    assert level_db(heard_part(library, QUIET), clean) == pytest.approx(-24, abs=0.2)
    assert level_db(heard_part(library, DOOR), heard_part(library, ROOM)) == pytest.approx(-23.9, abs=0.5)
    assert level_db(heard_part(library, FAR), clean) == pytest.approx(-20, abs=3)


def test_a_camera_carries_nothing_above_four_kilohertz(library: Library) -> None:
    noise = Dry(np.random.default_rng(1).normal(0, 0.1, RATE_HZ).astype(np.float32), ((0.0, 1.0),), None)
    spectra = [
        np.abs(np.fft.rfft(Stage(library, "test").put(noise, "noise", condition).samples.astype(np.float64)))
        for condition in (CLEAN, NARROW)
    ]
    hz = np.fft.rfftfreq((round(2 * PADDING_S) + 1) * RATE_HZ, 1 / RATE_HZ)
    above, below = hz > 4_300, hz < 3_500
    assert spectra[1][above].sum() < 0.02 * spectra[0][above].sum()
    assert spectra[1][below].sum() == pytest.approx(spectra[0][below].sum(), rel=0.1)


def test_alarms_are_built_from_the_beeps_of_the_split_and_say_so(library: Library) -> None:
    cases = built(library, "test")
    co = [case for case in cases if case.label == "co_alarm"]
    assert {case.kind for case in co} == {"built"}
    assert {case.group for case in co} == {"alarm.wav"}
    sounds = [dry(library, case) for case in co]
    assert not np.array_equal(sounds[0].samples, sounds[1].samples)
    assert np.array_equal(dry(library, co[0]).samples, sounds[0].samples)
    for sound in sounds:  # two groups of four 0.1 s beeps, 5 s apart
        assert sound.evidence_s is not None
        assert 5.5 < sound.evidence_s < 7.5
        assert sound.evidence_s <= sound.spans_s[0][1]
    assert built(library, "validation")[0].recording is None  # no beeps there: synthetic tones


def test_what_must_be_heard_and_what_must_not_is_told_apart(library: Library) -> None:
    recorded = [case for case in heard_in(library, "test") if case.pattern is None]
    assert [(case.name, case.label, case.kind) for case in recorded] == [("alarm.wav", "smoke_alarm", "T3")]
    assert [case.name for case in unheard_in(library, "test")] == ["rain.wav"]
    assert unheard_in(library, "train") == []
    assert {case.label for case in look_alikes()} == {None}
    assert dry(library, Case("rain.wav", None, "rain", "r", library.recordings[1])).spans_s == ()
