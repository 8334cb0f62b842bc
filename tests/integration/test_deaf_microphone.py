"""A house with a microphone from which sound arrives and nothing of its room, and one that is just like that."""

import logging
from collections.abc import Generator
from unittest.mock import patch

import pytest
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir

from custom_components.sound_guard import deafness as deafness_file
from custom_components.sound_guard.src.hearing import noise_floor

from .conftest import KITCHEN, House, until
from .fakes import QUIET
from .test_health import CONNECTED, issue, quick_reports, until_cleared, until_raised
from .test_lookout import PANEL, look, named, warning
from .test_microphone import lines
from .test_repairs import Pages, pages

__all__ = ["pages", "quick_reports"]

COVERED = f"microphone_deaf_{KITCHEN}"
GATED = f"microphone_gated_{KITCHEN}"
MUTED = f"microphone_silent_{KITCHEN}"

HOUR_S = 4
LIVELY = 10 * QUIET
"""Sample value of a room that is 20 dB louder."""


@pytest.fixture(autouse=True)
def quick_hours() -> Generator[None]:
    """Learn in seconds what takes a day."""
    with (
        patch.object(noise_floor, "LEARN_HOURS", 2),
        patch.object(noise_floor, "HOUR_S", HOUR_S),
        patch.object(noise_floor, "STRETCH_S", 3),
        patch.object(deafness_file, "PAUSES", 2),
        patch.object(deafness_file, "PAUSE_S", 1),
        patch.object(deafness_file, "PAUSES_WITHIN_S", 30),
        patch.object(deafness_file, "GATED_SILENT_AFTER_S", 20),
    ):
        yield


async def hear(house: House, seconds: int) -> None:
    """Let the house be heard for a while."""
    before = house.room.delivered
    await until(lambda: house.room.delivered > before + 10 * seconds, timeout_s=15)
    await house.hass.async_block_till_done()


@pytest.fixture
async def lively(empty_house: House) -> House:
    """Return a house whose kitchen is never quiet, which has been learnt by now."""
    empty_house.room.hum = LIVELY
    await empty_house.set_up()
    await empty_house.until(CONNECTED, "on")
    await hear(empty_house, 4 * HOUR_S)
    return empty_house


async def test_a_microphone_that_is_covered_is_told_and_taken_back_when_it_hears_again(
    lively: House, caplog: pytest.LogCaptureFixture
) -> None:
    lively.room.hum = QUIET
    raised = await until_raised(lively, COVERED)
    assert (raised.is_fixable, raised.severity) == (True, ir.IssueSeverity.ERROR)
    assert (lively.state(CONNECTED), lively.attributes(CONNECTED)["problem"]) == ("off", "deaf")
    assert lively.state("binary_sensor.kitchen_smoke") == "off"
    lively.room.hum = LIVELY
    await until_cleared(lively, COVERED)
    assert (lively.state(CONNECTED), lively.attributes(CONNECTED)["problem"]) == ("on", None)
    assert lines(caplog) == [
        (logging.WARNING, "Kitchen: lies dead still far below its noise floor: is it covered, unplugged or broken?"),
        (logging.INFO, "Kitchen: hears again"),
    ]


async def test_a_room_that_has_always_been_quiet_is_no_worry(house: House) -> None:
    await hear(house, 6 * HOUR_S)
    assert issue(house.hass, COVERED) is None
    assert house.state(CONNECTED) == "on"


async def test_a_sound_that_gets_through_is_not_lost_and_shows_that_the_room_was_quiet(lively: House) -> None:
    lively.room.hum = QUIET
    await until_raised(lively, COVERED)
    lively.room.play("smoke_alarm", blocks=20)
    await lively.until_heard("smoke_alarm")
    await until_cleared(lively, COVERED)
    await hear(lively, 10)
    assert issue(lively.hass, COVERED) is None


async def test_a_reload_does_not_forget_what_was_learnt(lively: House) -> None:
    await lively.reload()
    lively.room.hum = QUIET
    await until_raised(lively, COVERED)
    await lively.reload()
    await until(lambda: lively.microphone.vitals)
    assert issue(lively.hass, COVERED)
    assert lively.state(CONNECTED) == "off"


async def test_whoever_has_changed_something_on_purpose_lets_it_learn_anew(lively: House) -> None:
    lively.room.hum = QUIET
    await until_raised(lively, COVERED)
    await lively.call("turn_off", "switch.kitchen_listening")
    await lively.call("turn_on", "switch.kitchen_listening")
    await lively.until(CONNECTED, "on")
    await hear(lively, 10)
    assert issue(lively.hass, COVERED) is None


async def test_an_armed_guard_names_a_microphone_that_is_covered(lively: House) -> None:
    lively.hass.config_entries.async_update_entry(lively.entry, options={"exit_delay": 0})
    await lively.hass.async_block_till_done()
    lively.room.hum = QUIET
    await until_raised(lively, COVERED)
    await lively.call("alarm_arm_away", PANEL)
    look(lively)
    assert named(lively) == ["Kitchen"]
    assert warning(lively) == "The microphone Kitchen is far quieter than it has ever been. Is it covered?"


async def test_the_pages_listen_again_and_say_whether_it_is_still_covered(lively: House, pages: Pages) -> None:
    lively.room.hum = QUIET
    await until_raised(lively, COVERED)
    assert (await pages.open(COVERED))["step_id"] == "confirm"
    page = await pages.submit()
    assert (page["step_id"], page["description_placeholders"]["level"]) == ("unwell", "-50")
    lively.room.hum = LIVELY
    assert (await pages.submit())["step_id"] == "well"
    assert (await pages.submit())["type"] is FlowResultType.CREATE_ENTRY
    assert issue(lively.hass, COVERED) is None


async def test_a_microphone_with_a_noise_gate_is_told_as_such_and_not_as_muted(house: House) -> None:
    for hum in (0, QUIET) * 2:
        house.room.hum = hum
        await hear(house, 2)
    raised = await until_raised(house, GATED)
    assert (raised.is_fixable, raised.severity) == (False, ir.IssueSeverity.WARNING)
    house.room.hum = 0
    await hear(house, 12)
    assert issue(house.hass, MUTED) is None
    assert house.state(CONNECTED) == "on"
    await until_raised(house, MUTED)
    assert house.state(CONNECTED) == "off"


async def test_a_noise_gate_that_was_switched_off_is_forgotten(house: House) -> None:
    for hum in (0, QUIET) * 2:
        house.room.hum = hum
        await hear(house, 2)
    await until_raised(house, GATED)
    await hear(house, 30)
    await until_cleared(house, GATED)
