"""The listening switch really closes the microphone."""

import asyncio
from typing import Any

from homeassistant.core import State
from pytest_homeassistant_custom_component.common import mock_restore_cache

from .conftest import House, listening_threads

SWITCH = "switch.kitchen_listening"


async def test_off_closes_the_microphone_and_on_opens_it_again(house: House) -> None:
    assert house.state(SWITCH) == "on"
    assert house.room.open_now == 1

    await house.call("turn_off", SWITCH)
    assert house.state(SWITCH) == "off"
    assert house.room.open_now == 0
    assert not listening_threads()
    assert house.state("binary_sensor.kitchen_connectivity") == "off"
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"

    await house.call("turn_on", SWITCH)
    await house.until("binary_sensor.kitchen_connectivity", "on")
    assert house.room.open_now == 1
    assert house.state("binary_sensor.kitchen_smoke") == "off"


async def test_off_also_ends_what_was_heard(house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    await house.until_quiet()
    await house.call("turn_off", SWITCH)
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"
    await house.call("turn_on", SWITCH)
    await house.until("binary_sensor.kitchen_smoke", "off")


async def test_on_twice_opens_the_microphone_once(house: House) -> None:
    await house.call("turn_on", SWITCH)
    await house.call("turn_on", SWITCH)
    assert len(listening_threads()) == 1
    assert house.room.opened == ["default"]


async def test_off_before_a_restart_means_the_microphone_is_never_opened(empty_house: House) -> None:
    mock_restore_cache(empty_house.hass, [State(SWITCH, "off")])
    await empty_house.set_up()
    assert empty_house.state(SWITCH) == "off"
    assert empty_house.room.opened == []
    assert not listening_threads()


async def test_a_power_cut_does_not_open_a_closed_microphone(house: House, hass_storage: dict[str, Any]) -> None:
    await house.call("turn_off", SWITCH)
    saved = {stored["state"]["entity_id"]: stored["state"] for stored in hass_storage["core.restore_state"]["data"]}
    assert saved[SWITCH]["state"] == "off"


async def test_off_survives_a_reload(house: House) -> None:
    await house.call("turn_off", SWITCH)
    opened = len(house.room.opened)
    await house.reload()
    assert house.state(SWITCH) == "off"
    assert len(house.room.opened) == opened


async def test_off_while_a_source_is_stuck_closes_it_in_good_time(house: House) -> None:
    house.room.stuck.set()
    await asyncio.sleep(0.05)
    await house.call("turn_off", SWITCH)
    assert house.room.open_now == 0
    assert not listening_threads()
