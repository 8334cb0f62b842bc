"""Devices come and go with their microphones."""

from collections.abc import Container
from unittest.mock import patch

from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.sound_guard import async_remove_config_entry_device
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.walk_test_record import WalkTestRecord

from .conftest import KITCHEN, House, listening_threads, microphone


def device(house: House, identifier: str) -> dr.DeviceEntry | None:
    """Return a device of ours."""
    return dr.async_get(house.hass).async_get_device_by_identifier((DOMAIN, identifier), house.entry.entry_id)


async def remove(house: House, client: WebSocketGenerator, identifier: str) -> bool:
    """Press the button that deletes a device; return whether it was allowed."""
    found = device(house, identifier)
    assert found is not None
    assert await async_setup_component(house.hass, "config", {})
    websocket = await client(house.hass)
    await websocket.send_json_auto_id({"type": "config/device_registry/remove", "device_id": found.id})
    reply = await websocket.receive_json()
    await house.hass.async_block_till_done()
    return bool(reply["success"])


async def test_a_new_microphone_has_a_device_without_a_restart(house: House) -> None:
    house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    await house.hass.async_block_till_done()
    await house.until("binary_sensor.hall_connectivity", "on")
    assert device(house, "hall_id") is not None


async def test_a_microphone_that_is_removed_takes_its_device_along_and_no_other(empty_house: House) -> None:
    empty_house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    await empty_house.set_up()
    empty_house.hass.config_entries.async_remove_subentry(empty_house.entry, KITCHEN)
    await empty_house.hass.async_block_till_done()
    assert device(empty_house, KITCHEN) is None
    assert device(empty_house, "hall_id") is not None
    assert device(empty_house, empty_house.entry.entry_id) is not None


async def test_deleting_the_device_removes_the_microphone(house: House, hass_ws_client: WebSocketGenerator) -> None:
    assert await remove(house, hass_ws_client, KITCHEN)
    assert device(house, KITCHEN) is None
    assert KITCHEN not in house.entry.subentries
    assert not listening_threads()
    entries = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
    assert not [entry for entry in entries if entry.config_subentry_id == KITCHEN]


async def test_the_guard_cannot_be_deleted_alone(house: House, hass_ws_client: WebSocketGenerator) -> None:
    assert not await remove(house, hass_ws_client, house.entry.entry_id)
    assert device(house, house.entry.entry_id) is not None


async def test_a_device_that_was_left_behind_can_be_deleted(house: House) -> None:
    kitchen = device(house, KITCHEN)
    assert kitchen is not None
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    assert await async_remove_config_entry_device(house.hass, house.entry, kitchen)
    await house.hass.async_block_till_done()


async def test_a_microphone_that_is_renamed_while_all_is_being_set_up_has_its_new_name(empty_house: House) -> None:
    load = WalkTestRecord.async_load

    async def rename_and_load(record: WalkTestRecord, keep: Container[str]) -> None:
        kitchen = empty_house.entry.subentries[KITCHEN]
        empty_house.hass.config_entries.async_update_subentry(empty_house.entry, kitchen, title="Galley")
        await load(record, keep)

    with patch.object(WalkTestRecord, "async_load", rename_and_load):
        await empty_house.set_up()
    await empty_house.until("binary_sensor.galley_connectivity", "on")
    assert empty_house.microphone.name == "Galley"
