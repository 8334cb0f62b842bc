"""Loudness in decibels below full scale."""

import numpy as np
import pytest

from hearing.level import SILENCE_DBFS, measure


def test_a_full_scale_sine_is_three_decibels_below_full_scale() -> None:
    sine = (32_767 * np.sin(np.linspace(0, 200 * np.pi, 16_000))).astype(np.int16)
    level = measure(sine)
    assert level.rms_dbfs == pytest.approx(-3.01, abs=0.02)
    assert level.peak_dbfs == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("block", [np.zeros(100, np.int16), np.zeros(0, np.int16)])
def test_silence_and_nothing_have_a_finite_level(block: np.ndarray) -> None:
    assert measure(block).rms_dbfs == SILENCE_DBFS
    assert measure(block).peak_dbfs == SILENCE_DBFS


def test_the_most_negative_sample_is_full_scale() -> None:
    assert measure(np.array([-32_768, 32_767], np.int16)).peak_dbfs == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("offset", [8, -1_234, 32_767, -32_768])
def test_one_and_the_same_number_is_silence(offset: int) -> None:
    level = measure(np.full(16_000, offset, np.int16))
    assert (level.rms_dbfs, level.silent) == (SILENCE_DBFS, True)


def test_a_constant_voltage_below_a_sound_makes_it_no_louder() -> None:
    sine = 300 * np.sin(np.linspace(0, 200 * np.pi, 16_000))
    lifted = measure((sine + 2_000).astype(np.int16))
    assert lifted.rms_dbfs == pytest.approx(measure(sine.astype(np.int16)).rms_dbfs, abs=0.02)
    assert lifted.peak_dbfs == pytest.approx(20 * np.log10(300 / 32_768), abs=0.02)


@pytest.mark.parametrize(("steps", "silent"), [(0, True), (1, True), (2, False), (300, False)])
def test_only_the_smallest_step_is_still_silence(steps: int, silent: bool) -> None:
    block = np.zeros(16_000, np.int16)
    block[::100] = steps
    block[50::100] = -steps
    assert measure(block).silent is silent
