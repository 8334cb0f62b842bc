"""A listening thread that hangs, or whose model does, is noticed from outside, told, and replaced."""

import logging
from collections.abc import Generator
from datetime import timedelta
from time import monotonic, sleep
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.sound_guard import microphone as microphone_file, session as session_file
from custom_components.sound_guard.watchdog import LOOK_EVERY, STUCK_LOOKS

from .conftest import KITCHEN, House, listening_threads, until
from .fakes import gone
from .test_health import issue, until_cleared, until_raised
from .test_microphone import lines

CONNECTED = "binary_sensor.kitchen_connectivity"
STUCK = f"microphone_stuck_{KITCHEN}"


@pytest.fixture(autouse=True)
def quick_goodbye() -> Generator[None]:
    """Give a thread up soon."""
    with patch.object(session_file, "JOIN_S", 0.05):
        yield


@pytest.fixture(autouse=True)
def all_well_in_the_end(house: House) -> Generator[None]:
    """Let every thread end."""
    yield
    house.room.model_hangs.clear()
    house.room.deaf.clear()
    deadline_s = monotonic() + 5
    is_set_up = house.entry_state() is ConfigEntryState.LOADED
    while len(listening_threads()) > is_set_up and monotonic() < deadline_s:
        sleep(0.01)


async def look(house: House, times: int = 1) -> None:
    """Let the watchdog look so many times."""
    for _ in range(times):
        async_fire_time_changed(house.hass, dt_util.utcnow() + LOOK_EVERY + timedelta(seconds=0.5))
        await house.hass.async_block_till_done()


async def hang(house: House) -> None:
    """Let the model hang; the watchdog has just seen it alive."""
    house.room.model_hangs.set()
    await until(lambda: house.room.hangs_now)
    await look(house)


def test_a_thread_that_hangs_is_noticed_within_a_minute() -> None:
    assert timedelta(seconds=40) <= STUCK_LOOKS * LOOK_EVERY <= timedelta(seconds=50)


async def test_a_model_that_hangs_is_told_and_the_next_thread_hears_as_soon_as_it_can(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await hang(house)
    await look(house, STUCK_LOOKS - 1)
    assert house.state(CONNECTED) == "on"
    await look(house)
    assert (house.state(CONNECTED), house.attributes(CONNECTED)["problem"]) == ("off", "stuck")
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"
    raised = await until_raised(house, STUCK)
    assert (raised.is_fixable, raised.severity) == (True, ir.IssueSeverity.ERROR)
    assert raised.translation_placeholders == {"microphone": "Kitchen", "problem": "No sign of life"}
    assert len(listening_threads()) == 2
    house.room.model_hangs.clear()
    await house.until(CONNECTED, "on")
    await look(house)
    await house.until(CONNECTED, "on")
    await until_cleared(house, STUCK)
    await until(lambda: len(listening_threads()) == 1)
    house.room.play("smoke_alarm")
    await house.until_heard("smoke_alarm")
    assert [level for level, _ in lines(caplog)] == [logging.ERROR, logging.ERROR]
    assert "no sign of life" in lines(caplog)[0][1]


async def test_a_source_that_hangs_is_noticed_as_well(house: House) -> None:
    house.room.deaf.set()
    await until(lambda: house.room.stuck_now)
    await look(house, 1 + STUCK_LOOKS)
    await until_raised(house, STUCK)
    assert house.state(CONNECTED) == "off"


async def test_a_microphone_that_hangs_while_it_is_opened_is_noticed(house: House) -> None:
    await house.call("turn_off", "switch.kitchen_listening")
    house.room.model_hangs.set()
    await house.call("turn_on", "switch.kitchen_listening")
    await look(house, 1 + STUCK_LOOKS)
    await until_raised(house, STUCK)
    assert house.attributes(CONNECTED)["problem"] == "stuck"


async def test_a_thread_that_only_takes_its_time_is_left_in_peace(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await hang(house)
        await look(house, STUCK_LOOKS - 1)
        house.room.model_hangs.clear()
        before = house.microphone.pulse
        await until(lambda before=before: house.microphone.pulse != before)  # type: ignore[misc]
        house.room.hangs_now = False
    await look(house)
    assert len(house.room.opened) == 1
    assert lines(caplog) == []


async def test_a_thread_that_goes_on_after_all_is_listened_to_again(house: House) -> None:
    with patch.object(microphone_file, "MOST_LEFT_BEHIND", 0):
        await hang(house)
        await look(house, STUCK_LOOKS)
        assert house.state(CONNECTED) == "off"
        house.room.model_hangs.clear()
        before = house.microphone.pulse
        await until(lambda: house.microphone.pulse != before)
        await look(house)
    assert len(house.room.opened) == 1
    assert (house.state(CONNECTED), issue(house.hass, STUCK)) == ("on", None)


async def test_no_more_than_a_few_threads_are_left_behind(house: House) -> None:
    await hang(house)
    await look(house, 10 * STUCK_LOOKS)
    assert len(listening_threads()) == 1 + microphone_file.MOST_LEFT_BEHIND
    assert house.state(CONNECTED) == "off"


async def test_a_microphone_out_of_reach_is_no_stuck_one(house: House) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    with patch.object(session_file, "LONGEST_RETRY_S", 0.02):
        for _ in range(STUCK_LOOKS + 1):
            opened = len(house.room.opened)
            await until(lambda opened=opened: len(house.room.opened) > opened + 1)  # type: ignore[misc]
            await look(house)
    assert issue(house.hass, STUCK) is None
    assert house.attributes(CONNECTED)["problem"] == "no_server"


async def test_a_microphone_that_its_owner_closes_is_no_stuck_one(house: House) -> None:
    await hang(house)
    await look(house, STUCK_LOOKS)
    await until_raised(house, STUCK)
    await house.call("turn_off", "switch.kitchen_listening")
    await look(house, 2 * STUCK_LOOKS)
    assert issue(house.hass, STUCK) is None
    assert (house.state(CONNECTED), house.attributes(CONNECTED)["problem"]) == ("off", None)


async def test_nobody_is_watched_after_the_end(house: House) -> None:
    await hang(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await look(house, 2 * STUCK_LOOKS)
    assert issue(house.hass, STUCK) is None
