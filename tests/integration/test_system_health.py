"""What Home Assistant's system information says about Sound Guard."""

import json
from pathlib import Path
from typing import Any

from homeassistant.components.system_health import get_info
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.sound_guard.const import DOMAIN

from .conftest import House, microphone
from .fakes import CARD, gone

MANIFEST = Path(__file__).parents[2] / "custom_components" / DOMAIN / "manifest.json"


async def shown(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info: dict[str, Any] = (await get_info(hass))[DOMAIN]
    return info


async def test_it_shows_versions_runtime_and_how_many_microphones_hear(empty_house: House) -> None:
    empty_house.add(microphone("Door", "door_id", camera="camera.door"))
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    assert await shown(empty_house.hass) == {
        "version": json.loads(MANIFEST.read_text())["version"],
        "microphones": "1 / 2",
        "runtime": "fake",
        "model": "attention 0.0.1",
        "model_sha256": CARD.sha256[:12],
        "second_look": "local",
    }


async def test_while_nothing_is_heard_it_still_shows_something(house: House) -> None:
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    info = await shown(house.hass)
    assert (info["microphones"], info["runtime"]) == ("0 / 1", "–")
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert (await shown(house.hass)).keys() == {"version"}
