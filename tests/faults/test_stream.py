"""A network microphone that refuses, dawdles, babbles, leads in circles and forgets."""

import asyncio
from datetime import timedelta

import pytest
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.sound_guard.health import LOST_AFTER_S
from custom_components.sound_guard.session import LONGEST_RETRY_S
from custom_components.sound_guard.src.hearing import pace, source

from ..sounds import read_wav
from .conftest import GLASS, SMOKE, Impatience, Simulate, Times
from .radio import Manner, Radio
from .simulation import Day
from .trial import Trial
from .watch import warnings

PARTS = "ffmpeg, a web server"

ALARM_S = 60
"""A smoke alarm that sounds for a minute."""


async def test_a_stream_that_is_switched_off_and_on_again_is_heard_again(
    radio: Radio, trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    watch = await trial.watch(radio.url)
    watch.strike()
    await asyncio.to_thread(radio.switch_off)
    await watch.until_noticed()
    await asyncio.sleep(3)
    assert watch.house.microphone.status.problem == "refused"
    watch.cure()
    radio.switch_on()
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    assert len(warnings(caplog.records)) == 1
    trial.note(watch.row("Stream refused (switched off), on again after seconds", PARTS))


async def test_a_stream_that_is_silent_on_the_wire_is_opened_again(
    radio: Radio, trial: Trial, soon: Impatience
) -> None:
    soon(source, "STALL_S", 3)
    watch = await trial.watch(radio.url)
    watch.strike()
    radio.forget()
    await watch.until_noticed()
    assert watch.noticed_s is not None
    assert watch.noticed_s >= source.STALL_S - 1
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    trial.note(watch.row("Stream sends nothing more, and stays open", PARTS))


@pytest.mark.parametrize(
    ("manner", "problem", "fault"),
    [
        (Manner.SLOWLY, "stalled", "Stream at half the pace of time, then at its own"),
        (Manner.WITH_GARBAGE, "not_audio", "Stream of random bytes, then of sound"),
        (Manner.IN_CIRCLES, "refused", "Stream that redirects without end, then does not"),
    ],
)
async def test_a_stream_that_answers_badly_is_told_and_heard_when_it_answers_well(
    radio: Radio, trial: Trial, soon: Impatience, manner: Manner, problem: str, fault: str
) -> None:
    soon(pace, "LOOK_S", 5)
    watch = await trial.watch(radio.url)
    house = watch.house
    radio.manner = manner
    watch.strike()
    await asyncio.to_thread(radio.hang_up)
    await watch.until_problem(problem)
    watch.cure()
    radio.manner = Manner.WELL
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    assert house.state("binary_sensor.kitchen_smoke") == "off"
    trial.note(watch.row(fault, PARTS))


async def test_a_stream_that_drops_every_five_seconds_for_an_hour_is_heard_in_between_and_complained_of_once(
    simulate: Simulate, trial: Trial, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    alarms_s = range(200, times.drops_s, 300)
    simulation = simulate(Day(read_wav(SMOKE), at_s=alarms_s, loops=5))
    simulation.limit_s = 1
    watch = await trial.watch("simulated", clock=simulation.monotonic)
    house = watch.house
    simulation.lasts_s = 5
    watch.strike()
    await simulation.run_until(lambda: watch.is_shown("microphone_unsteady"), limit_s=alarms_s[0])
    await watch.until_issue("microphone_unsteady")
    for at_s in alarms_s:
        await simulation.run(at_s)
        before = watch.heard_at("kitchen")
        await simulation.run(at_s + ALARM_S)
        watch.sounded += 1
        watch.heard += watch.heard_at("kitchen") != before
    await simulation.run(times.drops_s)
    watch.count_loss()
    assert watch.heard == watch.sounded
    assert watch.lost_s < 0.2 * times.drops_s
    assert simulation.attempts >= times.drops_s / 6.5
    told = warnings(caplog.records)
    assert len(told) <= 5
    assert "again and again" in told[-1]

    simulation.lasts_s = float("inf")
    await simulation.run(times.drops_s + 900)
    await watch.until_no_issue("microphone_unsteady")
    assert house.state("binary_sensor.kitchen_connectivity") == "on"
    assert warnings(caplog.records) == told
    trial.note(
        watch.row(
            f"Stream drops every 5 s for {times.drops_s / 3_600:.1g} h",
            "simulated time",
            f"{len(told)} warnings in the log",
        )
    )


async def test_a_stream_that_comes_back_after_a_day_is_heard_within_seconds(
    simulate: Simulate, trial: Trial, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    simulation = simulate(Day(read_wav(GLASS), at_s=range(times.away_s + 100, times.away_s + 101)))
    simulation.limit_s = 10
    watch = await trial.watch("simulated", clock=simulation.monotonic)
    house = watch.house
    simulation.is_up = lambda now_s: not 10 <= now_s < 10 + times.away_s
    await simulation.run(10)
    watch.strike()
    await simulation.run(900)
    await watch.until_noticed()
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=LOST_AFTER_S + 1))
    await watch.until_issue("microphone_lost")
    await simulation.run(10 + times.away_s)
    watch.cure()
    await simulation.run(times.away_s + 90)
    await watch.until_back()
    await watch.until_no_issue("microphone_lost")
    before = watch.heard_at("kitchen")
    await simulation.run(times.away_s + 110)
    watch.sounded, watch.heard = 1, int(watch.heard_at("kitchen") != before)
    assert watch.heard == 1
    assert watch.again_s is not None
    assert watch.again_s <= LONGEST_RETRY_S + 1
    assert len(warnings(caplog.records)) == 1
    fault = f"Stream comes back after {times.away_s / 3_600:.0f} h"
    trial.note(watch.row(fault, "simulated time", "1 warning in the log"))
