"""Alarms keep to the standards; look-alikes do not."""

import numpy as np
import pytest

from training.synthesis import ALARMS, LOOK_ALIKES, RATE_HZ, cadence, glass, sound


@pytest.mark.parametrize("seed", range(20))
def test_t3_keeps_within_the_tolerances_of_iso_8201(seed: int) -> None:
    beeps = cadence("t3", 20.0, np.random.default_rng(seed)).on_s
    starts = np.diff([start for start, _, _ in beeps])
    assert all(0.4 <= length <= 0.61 for _, length, _ in beeps)
    within, between = starts[[0, 1, 3, 4]], starts[2]
    assert np.all((within > 0.85) & (within < 1.15))
    assert 1.7 < between < 2.3


@pytest.mark.parametrize("seed", range(20))
def test_t4_is_four_short_beeps_and_a_pause_of_five_seconds(seed: int) -> None:
    beeps = cadence("t4", 20.0, np.random.default_rng(seed)).on_s
    starts = np.diff([start for start, _, _ in beeps])
    assert np.all((starts[:3] > 0.17) & (starts[:3] < 0.24))
    assert 4.5 < starts[3] < 5.8


def test_the_low_frequency_alarm_has_its_odd_harmonics() -> None:
    rng = np.random.default_rng(3)
    beeps = cadence("t3_520hz", 3.0, rng)
    tone = sound(beeps, rng)
    start, length, hz = beeps.on_s[0]
    piece = tone[round(start * RATE_HZ) + 800 : round((start + length) * RATE_HZ) - 800]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(piece.size)))
    level = [spectrum[round(order * hz * piece.size / RATE_HZ) + np.arange(-12, 13)].max() for order in (1, 2, 3)]
    assert level[0] > level[2] > 4 * level[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_european_double_beep_comes_once_a_second(seed: int) -> None:
    beeps = cadence("double", 6.0, np.random.default_rng(seed)).on_s
    starts = [start for start, _, _ in beeps]
    assert np.all(np.abs(np.diff(starts[::2]) - 1) < 0.11)
    assert all(long > short for (_, short, _), (_, long, _) in zip(beeps[::2], beeps[1::2], strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_a_few_beeps_of_an_appliance_are_never_the_first_beeps_of_t3(seed: int) -> None:
    beeps = cadence("few", 10.0, np.random.default_rng(seed)).on_s
    assert len(beeps) == 1 or not 0.4 < beeps[0][1] < 0.6


@pytest.mark.parametrize("pattern", [*LOOK_ALIKES, *ALARMS])
def test_every_pattern_renders_from_its_seed_alone(pattern: str) -> None:
    first = sound(cadence(pattern, 8.0, np.random.default_rng(5)), np.random.default_rng(6))  # type: ignore[arg-type]
    again = sound(cadence(pattern, 8.0, np.random.default_rng(5)), np.random.default_rng(6))  # type: ignore[arg-type]
    assert np.array_equal(first, again)
    assert np.isfinite(first).all()
    assert 0.1 < np.abs(first).max() < 4


def test_a_real_beep_keeps_its_pitch_when_it_is_retimed() -> None:
    times = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    beep = np.sin(2 * np.pi * 2_950 * times).astype(np.float32)
    rng = np.random.default_rng(1)
    alarm = sound(cadence("t3", 3.0, rng), rng, beep)
    spectrum = np.abs(np.fft.rfft(alarm))
    assert abs(int(spectrum.argmax()) * RATE_HZ / alarm.size - 2_950) < 40


def test_filler_glass_is_bright_and_fades() -> None:
    shatter = glass(np.random.default_rng(2))
    third = shatter.size // 3
    assert np.abs(shatter).max() == pytest.approx(1.0)
    assert np.sum(shatter[:third] ** 2) > 3 * np.sum(shatter[-third:] ** 2)
