"""What is measured of a microphone's sound while it is heard."""

import time
from functools import partial

import numpy as np
import pytest

from custom_components.sound_guard import vitals as vitals_file
from custom_components.sound_guard.src.hearing.source import BLOCK_SAMPLES, Backlog
from custom_components.sound_guard.vitals import Vitals, VitalsMeter

from .fakes import CARD

ALL_WELL = Backlog(dropped_s=0.0)


def hear(meter: VitalsMeter, *values: int, backlog: Backlog = ALL_WELL) -> list[Vitals]:
    """Hear one second of sound per sample value, and return the reports."""
    blocks = [np.resize(np.array([value, -value], np.int16), BLOCK_SAMPLES) for value in values for _ in range(10)]
    return [vitals for block in blocks if (vitals := meter.add(block, backlog)) is not None]


def test_the_first_report_comes_soon_and_the_others_every_ten_seconds() -> None:
    meter = VitalsMeter(CARD)
    assert len(hear(meter, *[100] * 2)) == 0
    assert len(hear(meter, 100)) == 1
    assert len(hear(meter, *[100] * 9)) == 0
    assert len(hear(meter, *[100] * 11)) == 2


def test_the_level_is_that_of_all_the_seconds_since_the_last_report() -> None:
    meter = VitalsMeter(CARD)
    hear(meter, 32_767, 32_767, 32_767)
    (vitals,) = hear(meter, *[3_277] * 5, *[328] * 5)
    assert vitals.level.peak_dbfs == pytest.approx(-20, abs=0.1)
    # Half of the time at -20 dBFS, and hardly anything more in the other half.
    assert vitals.level.rms_dbfs == pytest.approx(-23, abs=0.1)
    assert meter.level is not None
    assert meter.level.rms_dbfs == pytest.approx(-40, abs=0.1)


def test_a_report_is_silent_if_every_second_of_it_is() -> None:
    meter = VitalsMeter(CARD)
    assert [vitals.silent for vitals in hear(meter, *[0] * 3, *[1] * 10, *[0] * 9, 2)] == [True, True, False]


def test_every_second_has_a_level_of_its_own() -> None:
    (vitals,) = hear(VitalsMeter(CARD), 328, 0, 3_277)
    assert [round(second.rms_dbfs) for second in vitals.seconds] == [-40, -96, -20]


@pytest.mark.parametrize("value", [32_767, 32_700, -32_700, -32_767])
def test_samples_at_full_scale_are_counted(value: int) -> None:
    (vitals,) = hear(VitalsMeter(CARD), 20_000, 32_699, value)
    assert vitals.clipped_share == pytest.approx(1 / 3)


def test_the_delay_is_what_waits_and_the_models_own_step() -> None:
    meter = VitalsMeter(CARD)
    step_s = 32 * 0.023
    assert hear(meter, 100, 100, 100)[0].latency_s == pytest.approx(step_s)
    hear(meter, 100, backlog=Backlog(waiting_s=2.5))
    (vitals,) = hear(meter, *[100] * 9)
    assert vitals.latency_s == pytest.approx(step_s + 2.5)
    assert hear(meter, *[100] * 10)[0].latency_s == pytest.approx(step_s)


@pytest.mark.parametrize("dropped_s", [0.5, None])
def test_lost_sound_is_what_the_source_says(dropped_s: float | None) -> None:
    (vitals,) = hear(VitalsMeter(CARD), *[100] * 3, backlog=Backlog(dropped_s=dropped_s))
    assert vitals.dropped_s == dropped_s


def test_the_processors_share_is_that_of_the_listening_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"monotonic": 100.0, "thread_time": 7.0}
    for name in clock:
        monkeypatch.setattr(vitals_file, name, partial(clock.get, name))
    meter = VitalsMeter(CARD)
    clock.update(monotonic=103.0, thread_time=7.03)
    assert hear(meter, *[100] * 3)[0].cpu_percent == pytest.approx(1)
    clock.update(monotonic=113.0, thread_time=7.53)
    assert hear(meter, *[100] * 10)[0].cpu_percent == pytest.approx(5)


def test_the_processors_clock_is_that_of_the_thread() -> None:
    used = vars(vitals_file)
    assert (used["monotonic"], used["thread_time"]) == (time.monotonic, time.thread_time)
