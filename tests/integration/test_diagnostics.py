"""Diagnostics help to find a fault and give nothing away."""

import json

from homeassistant.config_entries import ConfigEntryState

from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics

from .conftest import KITCHEN, House, microphone, until
from .test_repairs import damaged_house, pages

__all__ = ["damaged_house", "pages"]


async def test_diagnostics_show_the_state_without_secrets(empty_house: House) -> None:
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"code": "1234", "hold": 30})
    empty_house.add(microphone("Porch", "porch_id", source="rtsp://me:secret@porch/audio?token=abc"))
    empty_house.add(microphone("Door", "door_id", camera="camera.door"))
    await empty_house.set_up()
    microphones = empty_house.entry.runtime_data.microphones
    await until(lambda: microphones[KITCHEN].level and microphones["door_id"].status.problem)
    shown = await async_get_config_entry_diagnostics(empty_house.hass, empty_house.entry)
    text = json.dumps(shown)
    assert not [secret for secret in ("1234", "secret", "abc", "me:") if secret in text]

    assert shown["options"]["hold"] == 30
    assert shown["guard"]["state"] == "disarmed"
    assert shown["model"]["labels"] == ["glass_break", "smoke_alarm", "co_alarm"]
    kitchen, porch, door = shown["microphones"]
    assert (kitchen["source"], kitchen["listening"], kitchen["sensitivity"]) == ("default", True, "balanced")
    assert (kitchen["status"]["connected"], kitchen["status"]["runtime"]) == (True, "fake")
    assert round(kitchen["level"]["peak_dbfs"]) == -50
    assert (kitchen["noise_floor_dbfs"], kitchen["noise_gate"]) == (None, False)
    assert porch["source"] == "rtsp://***@porch/…"
    assert (door["source"], door["camera"], door["status"]["problem"]) == (None, "camera.door", "not_found")


async def test_diagnostics_of_an_installation_that_cannot_be_set_up_say_why(damaged_house: House) -> None:
    damaged_house.add(microphone("Porch", "porch_id", source="rtsp://me:secret@porch/audio?token=abc"))
    await damaged_house.hass.async_block_till_done()
    assert damaged_house.entry_state() is ConfigEntryState.SETUP_ERROR
    shown = await async_get_config_entry_diagnostics(damaged_house.hass, damaged_house.entry)
    assert "attention.tflite: is damaged" in shown["problem"]
    assert shown["microphones"] == [
        {"name": "Kitchen", "source": "default", "camera": None},
        {"name": "Porch", "source": "rtsp://***@porch/…", "camera": None},
    ]
