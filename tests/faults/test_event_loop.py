"""Something else holds Home Assistant up: nothing that sounds meanwhile is lost, and nobody is called stuck."""

import time

import pytest

from ..sounds import read_wav
from .conftest import GLASS, Times
from .radio import Radio
from .trial import Trial
from .watch import warnings


async def test_what_sounds_while_the_event_loop_stands_still_is_told_when_it_goes_on(
    radio: Radio, trial: Trial, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    watch = await trial.watch(radio.url)
    watch.strike()

    def play_and_stall() -> None:
        radio.play(read_wav(GLASS))
        # Held up as by a bad integration.
        time.sleep(times.loop_stall_s)

    await watch.sound_alarm("glass_break", play_and_stall)
    watch.count_loss()
    assert warnings(caplog.records) == []
    assert watch.house.state("binary_sensor.kitchen_connectivity") == "on"
    trial.note(
        watch.row(f"Event loop of Home Assistant stands still for {times.loop_stall_s:g} s", "ffmpeg, a web server")
    )
