"""A restart, or a power cut, in every state of the guard: what it is afterwards, and that nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest
from homeassistant.core import State
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    mock_restore_cache,
    mock_restore_cache_with_extra_data,
)

from custom_components.sound_guard.guard_record import guard_as_dict, guard_from_dict
from custom_components.sound_guard.src.hearing.guard import Cause, Guard, Mode, State as GuardState

from .conftest import House

PANEL = "alarm_control_panel.sound_guard"
NOW = dt_util.utcnow()
CAUSE = Cause("glass_break", "Hall", 0.91, NOW - timedelta(seconds=7), "hall_id", "Hallway")
DELAYS = {"exit_delay": 30, "entry_delay": 60, "trigger_time": 300}


def ago(seconds: float, mode: Mode, state: GuardState, cause: Cause | None = None) -> Guard:
    """Return a guard that has been in its state for so many seconds."""
    return Guard(dt_util.utcnow() - timedelta(seconds=seconds), mode, state, cause)


async def restart(house: House, before: Guard, **options: int) -> list[str]:
    """Start Home Assistant with what was written down before it ended; return what the subscribers were told."""
    extra = guard_as_dict(before) | {"changed_by": "Anna"}
    mock_restore_cache_with_extra_data(house.hass, [(State(PANEL, before.state), extra)])
    house.hass.config_entries.async_update_entry(house.entry, options=DELAYS | options)
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    told: list[str] = []
    house.entry.runtime_data.guard.subscribe(lambda before, after: told.append(after.state))
    return told


def passes(house: House, seconds: float) -> None:
    """Let time pass."""
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=seconds))


@pytest.mark.parametrize("cause", [None, CAUSE, Cause("smoke_alarm", "Kitchen", 0.5, NOW)])
def test_nothing_of_the_guard_is_lost(cause: Cause | None) -> None:
    for state in (GuardState.PENDING, GuardState.TRIGGERED):
        guard = Guard(NOW, Mode.ARMED_NIGHT, state, cause)
        assert guard_from_dict(guard_as_dict(guard)) == guard


async def test_a_disarmed_guard_is_disarmed_after_a_restart(empty_house: House) -> None:
    await restart(empty_house, ago(500, Mode.DISARMED, GuardState.DISARMED))
    assert empty_house.state(PANEL) == "disarmed"
    assert empty_house.attributes(PANEL)["changed_by"] == "Anna"


@pytest.mark.parametrize("mode", [Mode.ARMED_AWAY, Mode.ARMED_HOME, Mode.ARMED_NIGHT])
async def test_an_armed_guard_is_armed_after_a_restart(empty_house: House, mode: Mode) -> None:
    await restart(empty_house, ago(500, mode, GuardState(mode)), entry_delay=0)
    assert empty_house.state(PANEL) == mode
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")


async def test_a_guard_that_was_arming_is_armed_after_a_restart(empty_house: House) -> None:
    await restart(empty_house, ago(1, Mode.ARMED_HOME, GuardState.ARMING))
    assert empty_house.state(PANEL) == "armed_home"


async def test_a_pending_guard_has_the_time_left_after_a_restart(empty_house: House) -> None:
    told = await restart(empty_house, ago(20, Mode.ARMED_AWAY, GuardState.PENDING, CAUSE))
    attributes = empty_house.attributes(PANEL)
    assert empty_house.state(PANEL) == "pending"
    assert (attributes["triggered_by"], attributes["microphone"], attributes["area"], attributes["confidence"]) == (
        "glass_break",
        "Hall",
        "Hallway",
        0.91,
    )
    passes(empty_house, 41)
    assert empty_house.state(PANEL) == "triggered"
    assert empty_house.attributes(PANEL)["triggered_by"] == "glass_break"
    assert told == ["triggered"], "that it was pending is no news"


async def test_a_pending_guard_can_be_disarmed_after_a_restart(empty_house: House) -> None:
    await restart(empty_house, ago(20, Mode.ARMED_AWAY, GuardState.PENDING, CAUSE))
    await empty_house.call("alarm_disarm", PANEL)
    passes(empty_house, 41)
    assert empty_house.state(PANEL) == "disarmed"


async def test_a_pending_guard_whose_time_has_run_out_raises_the_alarm_for_its_full_time(empty_house: House) -> None:
    await restart(empty_house, ago(10_000, Mode.ARMED_AWAY, GuardState.PENDING, CAUSE))
    assert empty_house.state(PANEL) == "triggered"
    assert empty_house.attributes(PANEL)["triggered_by"] == "glass_break"
    passes(empty_house, 290)
    assert empty_house.state(PANEL) == "triggered"
    passes(empty_house, 301)
    assert empty_house.state(PANEL) == "armed_away"


@pytest.mark.parametrize("cause", [CAUSE, None])
async def test_a_raised_alarm_is_raised_after_a_restart_for_the_time_left(
    empty_house: House, cause: Cause | None
) -> None:
    told = await restart(empty_house, ago(200, Mode.ARMED_NIGHT, GuardState.TRIGGERED, cause))
    assert empty_house.state(PANEL) == "triggered"
    assert empty_house.attributes(PANEL)["triggered_by"] == (cause.label if cause else None)
    passes(empty_house, 101)
    assert empty_house.state(PANEL) == "armed_night"
    assert told == ["armed_night"]


async def test_a_raised_alarm_without_a_limit_is_raised_after_any_time(empty_house: House) -> None:
    await restart(empty_house, ago(1_000_000, Mode.DISARMED, GuardState.TRIGGERED, CAUSE), trigger_time=0)
    passes(empty_house, 1_000_000)
    assert empty_house.state(PANEL) == "triggered"


async def test_an_alarm_whose_time_ran_out_meanwhile_is_over(empty_house: House) -> None:
    await restart(empty_house, ago(301, Mode.ARMED_NIGHT, GuardState.TRIGGERED, CAUSE))
    assert empty_house.state(PANEL) == "armed_night"


async def test_a_clock_that_starts_in_the_past_does_not_stretch_a_delay(empty_house: House) -> None:
    await restart(empty_house, ago(-86_400, Mode.ARMED_AWAY, GuardState.PENDING, CAUSE))
    passes(empty_house, 61)
    assert empty_house.state(PANEL) == "triggered"


async def test_a_power_cut_does_not_disarm(empty_house: House, hass_storage: dict[str, Any]) -> None:
    await empty_house.set_up()
    await empty_house.call("alarm_trigger", PANEL)
    await empty_house.hass.async_block_till_done()
    (saved,) = [
        stored["extra_data"]
        for stored in hass_storage["core.restore_state"]["data"]
        if stored["state"]["entity_id"] == PANEL
    ]
    assert (saved["mode"], saved["state"]) == ("disarmed", "triggered")


SENSE = guard_as_dict(Guard(NOW, Mode.ARMED_AWAY, GuardState.TRIGGERED, CAUSE))


@pytest.mark.parametrize(
    "nonsense",
    [{"state": "nonsense"}, {"mode": None}, {"since": "nonsense"}, {"since": "2026-11-22T12:00:00"}, {"since": None}],
)
def test_a_record_that_makes_no_sense_is_none(nonsense: dict[str, Any]) -> None:
    assert guard_from_dict(SENSE | nonsense) is None
    assert guard_from_dict({}) is None


@pytest.mark.parametrize("nonsense", [{"label": "glass_break"}, {"onset": "nonsense"}, SENSE["cause"] | {"x": 1}, 5])
def test_an_alarm_whose_cause_makes_no_sense_is_raised_all_the_same(nonsense: Any) -> None:
    assert guard_from_dict(SENSE | {"cause": nonsense}) == Guard(NOW, Mode.ARMED_AWAY, GuardState.TRIGGERED)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("armed_away", "armed_away"),
        ("triggered", "triggered"),
        ("pending", "triggered"),
        ("arming", "armed_away"),
        ("unavailable", "disarmed"),
        ("disarmed", "disarmed"),
    ],
)
async def test_the_state_alone_is_enough_to_go_on(empty_house: House, state: str, expected: str) -> None:
    mock_restore_cache(empty_house.hass, [State(PANEL, state)])
    await empty_house.set_up()
    assert empty_house.state(PANEL) == expected


async def test_of_a_record_without_sense_the_state_is_enough_to_go_on(
    empty_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    mock_restore_cache_with_extra_data(empty_house.hass, [(State(PANEL, "armed_home"), {"state": "nonsense"})])
    await empty_house.set_up()
    assert empty_house.state(PANEL) == "armed_home"
    assert "The record of the guard cannot be read; it goes on from its state, armed_home" in caplog.text


async def test_a_panel_that_gets_another_name_and_its_old_one_again_does_not_go_back_in_time(house: House) -> None:
    entities = er.async_get(house.hass)
    other = "alarm_control_panel.upstairs"
    entities.async_update_entity(PANEL, new_entity_id=other)
    await house.hass.async_block_till_done()
    await house.call("alarm_trigger", other)
    entities.async_update_entity(other, new_entity_id=PANEL)
    await house.hass.async_block_till_done()
    assert house.state(PANEL) == "triggered"
