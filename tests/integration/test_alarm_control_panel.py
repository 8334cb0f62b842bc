"""The guard as people meet it: the alarm panel."""

from datetime import timedelta
from typing import Any

import pytest
from homeassistant.core import Context, State
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockUser,
    async_fire_time_changed,
    mock_restore_cache,
    mock_restore_cache_with_extra_data,
)

from .conftest import House

PANEL = "alarm_control_panel.sound_guard"
ARM = {"armed_away": "alarm_arm_away", "armed_home": "alarm_arm_home", "armed_night": "alarm_arm_night"}


async def with_options(house: House, **options: Any) -> None:
    """Set the house up with options of the guard."""
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0} | options)
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")


@pytest.mark.parametrize("mode", ARM)
async def test_arming_gives_time_to_leave_before_it_is_armed(house: House, mode: str) -> None:
    assert house.state(PANEL) == "disarmed"
    await house.call(ARM[mode], PANEL)
    assert house.state(PANEL) == "arming"
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=31))
    assert house.state(PANEL) == mode
    await house.call("alarm_disarm", PANEL)
    assert house.state(PANEL) == "disarmed"


async def test_disarming_while_arming_stays_disarmed(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    await house.call("alarm_disarm", PANEL)
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=31))
    assert house.state(PANEL) == "disarmed"


@pytest.mark.parametrize("mode", ARM)
async def test_breaking_glass_raises_the_alarm_when_armed(empty_house: House, mode: str) -> None:
    await with_options(empty_house)
    await empty_house.call(ARM[mode], PANEL)
    assert empty_house.state(PANEL) == mode
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")
    attributes = empty_house.attributes(PANEL)
    assert attributes["triggered_by"] == "glass_break"
    assert attributes["microphone"] == attributes["changed_by"] == "Kitchen"


async def test_breaking_glass_raises_no_alarm_when_disarmed_but_is_shown(house: House) -> None:
    house.room.play("glass_break")
    await house.until("binary_sensor.kitchen_glass_break", "on")
    assert house.state(PANEL) == "disarmed"


async def test_breaking_glass_raises_no_alarm_during_the_exit_delay(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    house.room.play("glass_break")
    await house.until("binary_sensor.kitchen_glass_break", "on")
    assert house.state(PANEL) == "arming"


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm"])
@pytest.mark.parametrize("service", ["alarm_disarm", "alarm_arm_away"])
async def test_smoke_and_carbon_monoxide_raise_the_alarm_in_every_state(house: House, label: str, service: str) -> None:
    await house.call(service, PANEL)
    house.room.play(label)
    await house.until(PANEL, "triggered")
    assert house.attributes(PANEL)["triggered_by"] == label


async def test_smoke_can_be_limited_to_the_armed_states(empty_house: House) -> None:
    await with_options(empty_house, always_alert=False)
    empty_house.room.play("smoke_alarm")
    await empty_house.until("binary_sensor.kitchen_smoke", "on")
    assert empty_house.state(PANEL) == "disarmed"
    await empty_house.until_quiet()
    await empty_house.call("alarm_arm_home", PANEL)
    empty_house.room.play("smoke_alarm")
    await empty_house.until(PANEL, "triggered")


async def test_disarming_clears_the_alarm_even_while_the_sound_goes_on(house: House) -> None:
    house.room.play("smoke_alarm", blocks=200)
    await house.until(PANEL, "triggered")
    await house.call("alarm_disarm", PANEL)
    await house.until_playing()
    assert house.room.blocks, "the sound was over too soon for this test"
    assert house.state(PANEL) == "disarmed"
    assert house.attributes(PANEL)["triggered_by"] is None


async def test_an_alarm_cannot_be_cleared_by_arming(house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    with pytest.raises(ServiceValidationError) as error:
        await house.call("alarm_arm_away", PANEL)
    assert error.value.translation_key == "disarm_first"
    assert house.state(PANEL) == "triggered"


async def test_a_person_can_raise_the_alarm(house: House) -> None:
    await house.call("alarm_trigger", PANEL)
    assert house.state(PANEL) == "triggered"
    assert house.attributes(PANEL)["triggered_by"] is None


async def test_a_code_is_needed_to_disarm_but_not_to_arm(empty_house: House) -> None:
    await with_options(empty_house, code="1234")
    attributes = empty_house.attributes(PANEL)
    assert (attributes["code_format"], attributes["code_arm_required"]) == ("number", False)
    await empty_house.call("alarm_arm_away", PANEL)
    for wrong in ({}, {"code": "4321"}):
        with pytest.raises(ServiceValidationError) as error:
            await empty_house.call("alarm_disarm", PANEL, **wrong)
        assert error.value.translation_key == "wrong_code"
    assert empty_house.state(PANEL) == "armed_away"
    await empty_house.call("alarm_disarm", PANEL, code="1234")
    assert empty_house.state(PANEL) == "disarmed"


async def test_a_wrong_code_is_refused_when_arming_too(empty_house: House) -> None:
    await with_options(empty_house, code="1234")
    with pytest.raises(ServiceValidationError):
        await empty_house.call("alarm_arm_away", PANEL, code="1")
    assert empty_house.state(PANEL) == "disarmed"


async def test_without_a_code_none_is_asked_for(house: House) -> None:
    assert house.attributes(PANEL)["code_format"] is None


async def test_the_panel_says_who_armed_and_disarmed(house: House, hass_admin_user: MockUser) -> None:
    person = Context(user_id=hass_admin_user.id)
    await house.hass.services.async_call(
        "alarm_control_panel", "alarm_arm_away", {"entity_id": PANEL}, blocking=True, context=person
    )
    assert house.attributes(PANEL)["changed_by"] == hass_admin_user.name
    await house.call("alarm_disarm", PANEL)
    assert house.attributes(PANEL)["changed_by"] is None


async def test_an_armed_guard_survives_a_reload(empty_house: House) -> None:
    await with_options(empty_house)
    await empty_house.call("alarm_arm_night", PANEL)
    await empty_house.reload()
    assert empty_house.state(PANEL) == "armed_night"
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")


async def test_a_power_cut_does_not_disarm(empty_house: House, hass_storage: dict[str, Any]) -> None:
    await with_options(empty_house)
    await empty_house.call("alarm_arm_away", PANEL)
    await empty_house.hass.async_block_till_done()
    (saved,) = [
        stored["extra_data"]
        for stored in hass_storage["core.restore_state"]["data"]
        if stored["state"]["entity_id"] == PANEL
    ]
    assert (saved["mode"], saved["state"]) == ("armed_away", "armed_away")


STORED = {"mode": "armed_away", "since": dt_util.utcnow().isoformat(), "label": None, "microphone": None}


@pytest.mark.parametrize(
    ("state", "extra", "expected", "triggered_by"),
    [
        ("armed_home", STORED | {"mode": "armed_home", "state": "armed_home"}, "armed_home", None),
        ("arming", STORED | {"state": "arming"}, "armed_away", None),
        (
            "triggered",
            STORED | {"state": "triggered", "label": "glass_break", "microphone": "Hall", "changed_by": "Hall"},
            "triggered",
            "glass_break",
        ),
        ("triggered", STORED | {"state": "triggered"}, "triggered", None),
        ("disarmed", STORED | {"mode": "disarmed", "state": "disarmed"}, "disarmed", None),
        ("armed_home", STORED | {"state": "nonsense"}, "disarmed", None),
        ("armed_home", STORED | {"state": "armed_away", "since": "nonsense"}, "disarmed", None),
    ],
)
async def test_the_guard_survives_a_restart(
    empty_house: House, state: str, extra: dict[str, Any], expected: str, triggered_by: str | None
) -> None:
    mock_restore_cache_with_extra_data(empty_house.hass, [(State(PANEL, state), extra)])
    await empty_house.set_up()
    assert empty_house.state(PANEL) == expected
    assert empty_house.attributes(PANEL)["triggered_by"] == triggered_by


@pytest.mark.parametrize(
    ("state", "expected"),
    [("armed_away", "armed_away"), ("triggered", "triggered"), ("unavailable", "disarmed"), ("arming", "armed_away")],
)
async def test_the_state_alone_is_enough_to_go_on(empty_house: House, state: str, expected: str) -> None:
    mock_restore_cache(empty_house.hass, [State(PANEL, state)])
    await empty_house.set_up()
    assert empty_house.state(PANEL) == expected


async def test_a_sound_is_not_laid_at_the_door_of_whoever_armed(empty_house: House, hass_admin_user: MockUser) -> None:
    await with_options(empty_house)
    person = Context(user_id=hass_admin_user.id)
    await empty_house.hass.services.async_call(
        "alarm_control_panel", "alarm_arm_away", {"entity_id": PANEL}, blocking=True, context=person
    )
    armed = empty_house.hass.states.get(PANEL)
    assert armed is not None
    assert armed.context.user_id == hass_admin_user.id
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")
    triggered = empty_house.hass.states.get(PANEL)
    assert triggered is not None
    assert triggered.context.user_id is None
