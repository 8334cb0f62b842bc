"""The blueprint: what happens in the house when the guard raises the alarm."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import async_mock_service

from .conftest import House

FILE = Path(__file__).parents[2] / "blueprints" / "automation" / "sound_guard" / "alarm_response.yaml"
PANEL = "alarm_control_panel.sound_guard"
EVERYTHING: dict[str, Any] = {
    "lights": {"entity_id": "light.hall"},
    "siren": {"entity_id": "siren.roof"},
    "locks": {"entity_id": "lock.front_door"},
    "notify": {"entity_id": "notify.family"},
    "more": [{"action": "test.more", "data": {"sound": "{{ sound }}", "microphone": "{{ microphone }}"}}],
}

type Calls = dict[str, list[ServiceCall]]


@pytest.fixture
def calls(hass: HomeAssistant) -> Calls:
    """Return what is called in the house."""
    actions = "light.turn_on siren.turn_on siren.turn_off lock.unlock notify.send_message test.more".split()
    return {action: async_mock_service(hass, *action.split(".")) for action in actions}


async def automate(hass: HomeAssistant, **inputs: Any) -> None:
    """Make an automation of the blueprint, as a person does who has imported it."""
    blueprints = async_get_blueprints(hass)
    content = await hass.async_add_executor_job(load_yaml_dict, str(FILE))
    blueprint = Blueprint(content, path=FILE.name, expected_domain="automation", schema=BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    await hass.async_add_executor_job(blueprints.blueprint_folder.mkdir, 0o777, True, True)
    await blueprints.async_add_blueprint(blueprint, "sound_guard/alarm_response.yaml")
    use = {"path": "sound_guard/alarm_response.yaml", "input": {"guard": PANEL, **inputs}}
    assert await async_setup_component(hass, "automation", {"automation": {"use_blueprint": use}})
    assert hass.states.async_entity_ids("automation"), "Home Assistant has accepted it"


async def settle(hass: HomeAssistant) -> None:
    """Wait until the automation has done what it does."""
    await asyncio.sleep(0.05)
    await hass.async_block_till_done()


async def smoke(house: House) -> None:
    """Let smoke raise the alarm, and wait until that has been answered."""
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    await settle(house.hass)


@pytest.fixture(autouse=True)
def own_folder(hass: HomeAssistant, tmp_path: Path) -> None:
    """Keep the blueprints in a folder of the test's own."""
    hass.config.config_dir = str(tmp_path)


async def test_smoke_switches_lights_on_sounds_the_siren_unlocks_and_tells(
    hass: HomeAssistant, house: House, calls: Calls
) -> None:
    await automate(hass, **EVERYTHING)
    await smoke(house)
    done = {action: [call.data for call in made] for action, made in calls.items()}
    assert done["light.turn_on"] == [{"entity_id": ["light.hall"]}]
    assert done["siren.turn_on"] == [{"entity_id": ["siren.roof"]}]
    assert done["lock.unlock"] == [{"entity_id": ["lock.front_door"]}]
    (told,) = done["notify.send_message"]
    assert told["title"] == "Smoke alarm"
    assert told["message"].startswith("Heard in Kitchen at ")
    assert told["message"].endswith("98 % sure.")
    assert done["test.more"] == [{"sound": "smoke_alarm", "microphone": "Kitchen"}]
    assert done["siren.turn_off"] == []
    await house.call("alarm_disarm", PANEL)
    await settle(hass)
    assert len(calls["siren.turn_off"]) == 1


async def test_an_option_that_is_changed_during_an_alarm_answers_it_neither_again_nor_ends_it(
    hass: HomeAssistant, house: House, calls: Calls
) -> None:
    await automate(hass, **EVERYTHING)
    await smoke(house)
    before = {action: len(made) for action, made in calls.items()}
    await house.reload()
    assert house.state(PANEL) == "triggered"
    await settle(hass)
    assert {action: len(made) for action, made in calls.items()} == before


async def test_the_siren_stops_also_if_the_alarm_ends_while_everything_is_unloaded(
    hass: HomeAssistant, house: House, calls: Calls
) -> None:
    hass.config_entries.async_update_entry(house.entry, options={"trigger_time": 1})
    await hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await automate(hass, **EVERYTHING)
    await smoke(house)
    await house.until_quiet()
    await hass.config_entries.async_unload(house.entry.entry_id)
    await asyncio.sleep(1.2)
    await house.set_up()
    await house.until(PANEL, "disarmed")
    await settle(hass)
    assert len(calls["siren.turn_off"]) == 1


async def test_an_alarm_that_was_raised_during_a_restart_is_answered(
    hass: HomeAssistant, house: House, calls: Calls
) -> None:
    hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0, "entry_delay": 3600})
    await hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await automate(hass, **EVERYTHING)
    await house.call("alarm_arm_away", PANEL)
    house.room.play("glass_break")
    await house.until(PANEL, "pending")
    await house.until_quiet()
    assert not calls["siren.turn_on"]
    hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0, "entry_delay": 0})
    await house.until(PANEL, "triggered")
    await settle(hass)
    assert len(calls["siren.turn_on"]) == len(calls["light.turn_on"]) == 1


async def test_breaking_glass_unlocks_nothing_and_smoke_after_it_does(
    hass: HomeAssistant, house: House, calls: Calls
) -> None:
    await automate(hass, **EVERYTHING, siren_sounds=["smoke_alarm"])
    hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0})
    await hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_away", PANEL)
    house.room.play("glass_break")
    await house.until(PANEL, "triggered")
    await settle(hass)
    assert len(calls["light.turn_on"]) == len(calls["notify.send_message"]) == 1
    assert calls["lock.unlock"] == calls["siren.turn_on"] == []
    await house.until_quiet()
    house.room.play("smoke_alarm")
    await house.until_heard("smoke_alarm")
    await settle(hass)
    assert len(calls["lock.unlock"]) == len(calls["siren.turn_on"]) == 1


async def test_nothing_has_to_be_chosen_but_the_guard(
    hass: HomeAssistant, house: House, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    await automate(hass)
    await house.call("alarm_trigger", PANEL)
    await settle(hass)
    assert not any(calls.values())
    assert "Error" not in caplog.text


async def test_an_alarm_by_hand_is_told_as_one(hass: HomeAssistant, house: House, calls: Calls) -> None:
    await automate(hass, **EVERYTHING)
    await house.call("alarm_trigger", PANEL)
    await settle(hass)
    (told,) = calls["notify.send_message"]
    assert (told.data["title"], told.data["message"]) == ("Alarm", "Raised by hand.")
    assert len(calls["siren.turn_on"]) == 1
    assert calls["lock.unlock"] == []
