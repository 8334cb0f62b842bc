"""An installation that an older version has set up goes on working."""

import pytest
from homeassistant.config_entries import ConfigEntryState

from custom_components.sound_guard.code import matches

from .conftest import House

PANEL = "alarm_control_panel.sound_guard"


async def test_a_code_in_clear_is_hashed_and_still_the_code(empty_house: House) -> None:
    old = {"hold": 30, "exit_delay": 0, "always_alert": True, "code": "12"}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=old)
    await empty_house.set_up()
    hashed = empty_house.entry.options["code_hash"]
    assert dict(empty_house.entry.options) == {"hold": 30, "exit_delay": 0, "code_hash": hashed}
    assert matches("12", hashed)
    assert (empty_house.entry.version, empty_house.entry.minor_version) == (1, 2)
    await empty_house.call("alarm_arm_away", PANEL)
    await empty_house.call("alarm_disarm", PANEL, code="12")
    assert empty_house.state(PANEL) == "disarmed"


async def test_smoke_that_was_limited_to_the_armed_states_still_is(empty_house: House) -> None:
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"always_alert": False})
    await empty_house.set_up()
    armed = ["armed_away", "armed_home", "armed_night"]
    assert empty_house.entry.options == {"triggers": {"smoke_alarm": armed, "co_alarm": armed}}


@pytest.mark.parametrize(("minor_version", "code"), [(2, "1234"), (3, "1234")])
async def test_what_is_up_to_date_is_left_alone(empty_house: House, minor_version: int, code: str) -> None:
    options = {"code": code}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=options, minor_version=minor_version)
    await empty_house.set_up()
    assert empty_house.entry.options == options


async def test_what_a_much_newer_version_has_written_is_not_touched(empty_house: House) -> None:
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, version=2)
    await empty_house.set_up()
    assert empty_house.entry_state() is ConfigEntryState.MIGRATION_ERROR
