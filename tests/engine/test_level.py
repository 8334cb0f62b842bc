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
    assert measure(np.array([-32_768], np.int16)).peak_dbfs == 0.0
