"""What the sensors show of what the microphone hears."""

from datetime import timedelta

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from .conftest import KITCHEN, House
from .fakes import gone

SENSORS = {
    "glass_break": "binary_sensor.kitchen_glass_break",
    "smoke_alarm": "binary_sensor.kitchen_smoke",
    "co_alarm": "binary_sensor.kitchen_carbon_monoxide",
}
CLASSES = {"glass_break": "glass_break", "smoke_alarm": "smoke", "co_alarm": "carbon_monoxide"}


def later(hass: HomeAssistant, seconds: float) -> None:
    """Let time pass."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))


@pytest.mark.parametrize("label", SENSORS)
async def test_a_sound_turns_its_own_sensor_on_and_no_other(house: House, label: str) -> None:
    assert house.state(SENSORS[label]) == "off"
    house.room.play(label)
    await house.until(SENSORS[label], "on")
    assert [house.state(entity_id) for other, entity_id in SENSORS.items() if other != label] == ["off", "off"]


@pytest.mark.parametrize("label", SENSORS)
async def test_sensors_have_the_device_class_that_dashboards_know(house: House, label: str) -> None:
    assert house.attributes(SENSORS[label])["device_class"] == CLASSES[label]


async def test_a_sensor_stays_on_for_the_hold_time_after_the_sound_has_ended(house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    await house.until_quiet()
    later(house.hass, 55)
    assert house.state("binary_sensor.kitchen_smoke") == "on"
    later(house.hass, 61)
    assert house.state("binary_sensor.kitchen_smoke") == "off"


async def test_a_sound_that_goes_on_keeps_its_sensor_on(house: House) -> None:
    house.room.play("smoke_alarm", blocks=2)
    await house.until("binary_sensor.kitchen_smoke", "on")
    await house.until_quiet()
    house.room.play("smoke_alarm", blocks=400)
    await house.until_playing()
    later(house.hass, 59)
    await house.hass.async_block_till_done()
    assert house.state("binary_sensor.kitchen_smoke") == "on"


async def test_the_hold_time_is_an_option(empty_house: House) -> None:
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"hold": 5})
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("glass_break")
    await empty_house.until("binary_sensor.kitchen_glass_break", "on")
    await empty_house.until_quiet()
    later(empty_house.hass, 6)
    assert empty_house.state("binary_sensor.kitchen_glass_break") == "off"


async def test_a_microphone_that_fails_makes_its_sensors_unavailable_and_back_again(house: House) -> None:
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert {house.state(entity_id) for entity_id in SENSORS.values()} == {"unavailable"}
    house.room.fault = None
    await house.until("binary_sensor.kitchen_connectivity", "on")
    assert {house.state(entity_id) for entity_id in SENSORS.values()} == {"off"}


async def test_a_microphone_that_fails_does_not_take_an_alarm_back(house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert house.state("binary_sensor.kitchen_smoke") == "on"
    assert house.state("binary_sensor.kitchen_glass_break") == "unavailable"
    later(house.hass, 61)
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"


async def test_connectivity_says_why_no_sound_arrives(house: House) -> None:
    connectivity = "binary_sensor.kitchen_connectivity"
    assert house.attributes(connectivity)["problem"] is None
    house.room.fault = gone()
    await house.until(connectivity, "off")
    assert house.attributes(connectivity)["problem"] == "no_server"
    await house.call("turn_off", "switch.kitchen_listening")
    assert house.attributes(connectivity)["problem"] is None


async def test_sensors_keep_the_identity_they_were_published_with(house: House) -> None:
    registry = er.async_get(house.hass)
    keys = {
        entry.unique_id.removeprefix(f"{KITCHEN}_")
        for entry in er.async_entries_for_config_entry(registry, house.entry.entry_id)
        if entry.config_subentry_id == KITCHEN
    }
    assert keys >= {"glass_break", "smoke", "carbon_monoxide", "connectivity", "sound", "listening", "sensitivity"}
