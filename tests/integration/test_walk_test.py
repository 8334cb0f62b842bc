"""The walk test: the real alarm sounds, the test says how well it was heard, and nobody is alerted."""

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.components import persistent_notification
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.sound_guard import diversion, walk_test, walk_test_fire
from custom_components.sound_guard.event import EVENT_HEARD
from custom_components.sound_guard.walk_test_finding import Finding

from .conftest import KITCHEN, House, microphone, until
from .fakes import LABELS, gone
from .test_binary_sensor import SENSORS, later
from .test_validation import TRANSLATIONS

BUTTON = "button.kitchen_walk_test"
TEST = "sensor.kitchen_walk_test"
LAST = "sensor.kitchen_last_successful_walk_test"
PANEL = "alarm_control_panel.sound_guard"


@pytest.fixture(autouse=True)
def quick_looks() -> Generator[None]:
    """Measure as fast as the fake sources play, and hush nothing after a test."""
    with (
        patch.object(walk_test, "LOOK_EVERY", timedelta(milliseconds=20)),
        patch.object(walk_test_fire, "LONGEST", timedelta(seconds=1_000)),
        patch.object(diversion, "HUSH_S", 0.0),
    ):
        yield


async def start(house: House) -> None:
    """Press the button, and wait until the test knows how loud the room is."""
    await until(lambda: house.microphone.level)
    await house.call("press", BUTTON)
    assert house.state(TEST) == "waiting"
    await asyncio.sleep(0.15)


async def act(house: House, name: str, **data: Any) -> Any:
    """Call one of our actions and return its response."""
    done = await house.hass.services.async_call("sound_guard", name, data, blocking=True, return_response=True)
    await house.hass.async_block_till_done()
    return done


def report(house: House) -> str | None:
    """Return what the kitchen's notification says, None while there is none."""
    found = persistent_notification._async_get_or_create_notifications(house.hass)
    told = found.get(f"sound_guard_walk_test_{KITCHEN}")
    assert told is None or told["title"] == "Walk test of Kitchen"
    return told["message"] if told else None


@contextmanager
def for_a_fire(seconds: float) -> Generator[None]:
    """Take an alarm that goes on for so long for a real one."""
    with (
        patch.object(walk_test_fire, "LONGEST", timedelta(seconds=seconds)),
        patch.object(walk_test_fire, "SOUNDING", timedelta(seconds=0.75 * seconds)),
    ):
        yield


async def until_heard(house: House, label: str) -> None:
    """Wait until the test has heard a sound."""
    await until(lambda: house.attributes(TEST).get("sound") == label)


async def end(house: House) -> str:
    """Let the time of the test pass and return the notification."""
    later(house.hass, 60 * 5 + 1)
    await house.hass.async_block_till_done()
    assert house.state(TEST) == "off"
    told = report(house)
    assert told is not None
    return told


async def test_a_test_says_what_was_heard_how_loud_and_how_sure(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=40)
    await house.until(TEST, "heard")
    await house.until_quiet()
    attributes = house.attributes(TEST)
    assert attributes["sound"] == "smoke_alarm"
    # From the hum at -50 dBFS to the alarm at -9 dBFS.
    assert attributes["over_room_db"] == 41
    assert attributes["sure_percent"] == 98
    assert 0 <= attributes["after_s"] < 10
    heard_at = datetime.fromisoformat(attributes["heard_at"])
    assert abs((dt_util.utcnow() - heard_at).total_seconds()) < 10
    assert datetime.fromisoformat(attributes["ends"]) > dt_util.utcnow() + timedelta(minutes=4)
    told = await end(house)
    assert re.fullmatch(r"The smoke alarm was heard: 41 dB over the room, 98 % sure, \d s after the start\.", told)


async def test_the_owner_is_told_while_the_test_still_runs(house: House) -> None:
    await start(house)
    assert report(house) is None
    house.room.play("smoke_alarm", blocks=40)
    await house.until(TEST, "heard")
    await house.until_quiet()
    assert house.state(TEST) == "heard"
    assert (report(house) or "").startswith("The smoke alarm was heard: 41 dB over the room, 98 % sure")


async def test_what_was_heard_stays_to_be_seen_after_the_end_until_the_next_test(house: House) -> None:
    await start(house)
    house.room.play("co_alarm", blocks=40)
    await house.until(TEST, "heard")
    await house.until_quiet()
    await end(house)
    assert house.attributes(TEST)["sound"] == "co_alarm"
    assert "ends" not in house.attributes(TEST)
    await start(house)
    assert "sound" not in house.attributes(TEST)
    assert report(house) is None


async def test_every_kind_of_sound_is_in_the_report_once(house: House) -> None:
    await start(house)
    for label in ("smoke_alarm", "co_alarm", "smoke_alarm"):
        house.room.play(label, blocks=20)
        await until_heard(house, label)
        await house.until_quiet()
    told = (await end(house)).split("\n\n")
    assert sorted(line.partition(" was heard")[0] for line in told) == ["The carbon-monoxide alarm", "The smoke alarm"]


async def test_without_a_sound_the_owner_is_told_so_and_what_helps(house: House) -> None:
    await start(house)
    told = await end(house)
    assert told.startswith("Nothing was heard in 0 s. Press the alarm's test button")
    assert "sound" not in house.attributes(TEST)
    assert house.state(LAST) == "unknown"


async def test_a_microphone_that_fails_in_the_test_is_not_blamed_on_the_alarm(house: House) -> None:
    await start(house)
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert house.state(TEST) == "waiting"
    assert await end(house) == "Nothing was heard: the microphone Kitchen does not listen."


@pytest.mark.parametrize("label", LABELS)
async def test_nobody_is_alerted_by_what_is_heard_in_a_test(house: House, label: str) -> None:
    heard = async_capture_events(house.hass, EVENT_HEARD)
    await house.call("alarm_arm_away", PANEL)
    later(house.hass, 31)
    await house.until(PANEL, "armed_away")
    await start(house)
    house.room.play(label, blocks=20)
    await house.until(TEST, "heard")
    await house.until_quiet()
    await end(house)
    assert house.state(PANEL) == "armed_away"
    assert [house.state(entity_id) for entity_id in SENSORS.values()] == ["off"] * 3
    assert house.state("event.kitchen_sound_heard") == "unknown"
    assert not heard
    assert not house.room.drawn


async def test_a_guard_that_is_armed_during_a_test_says_which_microphone_it_does_not_hear(house: House) -> None:
    await start(house)
    await house.call("alarm_arm_away", PANEL)
    later(house.hass, 31)
    await house.until(PANEL, "armed_away")
    assert house.attributes(PANEL)["not_listening"] == ["Kitchen"]
    await end(house)
    later(house.hass, 31)
    await until(lambda: not house.attributes(PANEL).get("not_listening"))


async def test_after_a_test_everything_is_as_before(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=20)
    await house.until(TEST, "heard")
    await house.until_quiet()
    await end(house)
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    assert house.state(SENSORS["smoke_alarm"]) == "on"


async def test_an_alarm_that_still_sounds_after_the_test_is_a_real_one(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=400)
    await house.until(TEST, "heard")
    assert house.state(PANEL) == "disarmed"
    await end(house)
    await house.until(PANEL, "triggered")
    assert house.state(SENSORS["smoke_alarm"]) == "on"
    await house.until_heard("smoke_alarm")


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm"])
async def test_an_alarm_that_nobody_can_be_holding_the_button_of_ends_the_test(house: House, label: str) -> None:
    await start(house)
    with patch.object(diversion, "HUSH_S", 1_000.0), for_a_fire(seconds=4):
        house.room.play(label, blocks=400)
        await house.until(TEST, "off")
        await house.until(PANEL, "triggered")
    assert str(report(house)).endswith("taken for a real alarm. The test has ended.")


async def test_glass_that_goes_on_for_long_does_not_end_the_test(house: House) -> None:
    await start(house)
    with for_a_fire(seconds=1):
        house.room.play("glass_break", blocks=60)
        await house.until(TEST, "heard")
        await house.until_quiet()
    assert house.state(TEST) == "heard"


async def test_an_alarm_that_sounded_before_the_test_goes_on_to_alert(house: House) -> None:
    house.room.play("smoke_alarm", blocks=600)
    await house.until(PANEL, "triggered")
    await house.call("press", BUTTON)
    await house.until_playing()
    assert house.state(TEST) == "waiting"
    assert house.state(SENSORS["smoke_alarm"]) == "on"


async def test_another_microphone_still_alerts(empty_house: House) -> None:
    empty_house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    await empty_house.until("binary_sensor.hall_connectivity", "on")
    await start(empty_house)
    # Blocks are shared by both microphones, so both of them hear some of it.
    empty_house.room.play("smoke_alarm", blocks=60)
    await empty_house.until("binary_sensor.hall_smoke", "on")
    await empty_house.until(PANEL, "triggered")
    assert empty_house.attributes(PANEL)["microphone"] == "Hall"
    assert empty_house.state(SENSORS["smoke_alarm"]) == "off"


async def test_a_microphone_that_does_not_hear_cannot_be_tested(house: House) -> None:
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert house.state(BUTTON) == "unavailable"
    with pytest.raises(ServiceValidationError, match="do not hear at the moment: Kitchen"):
        await act(house, "start_walk_test", entity_id=TEST)
    assert house.state(TEST) == "off"


async def test_closing_the_microphone_ends_its_test(house: House) -> None:
    await start(house)
    await house.call("turn_off", "switch.kitchen_listening")
    assert house.state(TEST) == "off"
    assert report(house) == "Nothing was heard: the microphone Kitchen does not listen."


async def test_pressing_the_button_again_begins_anew(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=20)
    await house.until(TEST, "heard")
    await house.until_quiet()
    await start(house)
    house.room.play("co_alarm", blocks=20)
    await house.until(TEST, "heard")
    await house.until_quiet()
    assert (await end(house)).startswith("The carbon-monoxide alarm")
    assert house.state(SENSORS["smoke_alarm"]) == house.state(SENSORS["co_alarm"]) == "off"


async def test_a_device_is_tested_by_an_action_for_as_long_as_it_is_asked_to(house: House) -> None:
    await until(lambda: house.microphone.level)
    device = dr.async_get(house.hass).async_get_device_by_identifier(("sound_guard", KITCHEN), house.entry.entry_id)
    assert device is not None
    started = await act(house, "start_walk_test", device_id=device.id, minutes=2)
    assert started.keys() == {TEST}
    assert started[TEST]["microphone"] == "Kitchen"
    ends = datetime.fromisoformat(started[TEST]["ends"])
    assert 110 < (ends - dt_util.utcnow()).total_seconds() <= 120
    assert house.state(TEST) == "waiting"
    later(house.hass, 121)
    await house.hass.async_block_till_done()
    assert house.state(TEST) == "off"


async def test_a_test_is_stopped_by_an_action_that_returns_what_was_heard(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=40)
    await house.until(TEST, "heard")
    await house.until_quiet()
    stopped = await act(house, "stop_walk_test", entity_id=TEST)
    assert stopped[TEST]["microphone"] == "Kitchen"
    (heard,) = stopped[TEST]["heard"]
    assert (heard["sound"], heard["over_room_db"], heard["sure_percent"]) == ("smoke_alarm", 41, 98)
    assert house.state(TEST) == "off"
    assert report(house)


async def test_without_a_test_there_is_nothing_to_stop(house: House) -> None:
    assert (await act(house, "stop_walk_test", entity_id=TEST))[TEST]["heard"] == []
    assert report(house) is None


@pytest.mark.parametrize("minutes", [0, 31, "soon"])
async def test_a_test_lasts_for_minutes_and_not_for_ever(house: House, minutes: Any) -> None:
    with pytest.raises(Exception, match="minutes"):
        await act(house, "start_walk_test", entity_id=TEST, minutes=minutes)
    assert house.state(TEST) == "off"


async def test_a_test_is_over_after_a_restart_and_an_alarm_that_goes_on_alerts(house: House) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=800)
    await house.until(TEST, "heard")
    await house.reload()
    assert house.state(TEST) == "off"
    await house.until(PANEL, "triggered")
    assert "sound" not in house.attributes(TEST)


async def test_a_change_of_the_options_is_not_blamed_on_the_microphone(house: House) -> None:
    await start(house)
    house.hass.config_entries.async_update_entry(house.entry, options={"walk_test_reminder": "6"})
    await house.hass.async_block_till_done()
    assert house.state(TEST) == "off"
    assert str(report(house)).startswith("Nothing was heard in 0 s.")


async def test_home_assistant_stops_without_waiting_for_a_test(house: House) -> None:
    await start(house)
    result = house.hass.async_create_task(house.entry.runtime_data.walk_tests[KITCHEN].async_result())
    house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    async with asyncio.timeout(5):
        assert await result == []
    assert house.state(TEST) == "off"


def test_every_state_and_sound_of_a_test_is_translated() -> None:
    texts = TRANSLATIONS["entity"]["sensor"]["walk_test"]
    assert texts["state"].keys() == set(walk_test.State)
    finding = Finding("smoke_alarm", dt_util.utcnow(), dt_util.utcnow(), 0.9, 1.0).as_dict()
    assert texts["state_attributes"].keys() == {*finding, "ends"}
    assert texts["state_attributes"]["sound"]["state"].keys() == set(LABELS)
    assert {f"walk_test_{label}" for label in LABELS} <= TRANSLATIONS["common"].keys()


async def test_the_button_and_the_sensors_stand_together_on_the_page_of_the_microphone(house: House) -> None:
    registry = er.async_get(house.hass)
    entries = [entry for each in (BUTTON, TEST, LAST) if (entry := registry.async_get(each))]
    assert [entry.entity_category for entry in entries] == [None, None, "diagnostic"]
    assert len({entry.device_id for entry in entries}) == 1
