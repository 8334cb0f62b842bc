"""When a microphone was tested last, and the reminder that it should be tested again."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util

from custom_components.sound_guard import walk_test
from custom_components.sound_guard.walk_test import WalkTest
from custom_components.sound_guard.walk_test_reminder import AFTER

from .conftest import KITCHEN, House, until
from .fakes import gone
from .test_binary_sensor import later
from .test_health import issue
from .test_options_flow import fill_in, shown, turn_to
from .test_repairs import Pages, pages
from .test_validation import TRANSLATIONS
from .test_walk_test import LAST, TEST, end, quick_looks, start

__all__ = ["pages", "quick_looks"]

DUE = f"walk_test_due_{KITCHEN}"
STORED = "sound_guard.walk_tests"


def kitchen_test(house: House) -> WalkTest:
    """Return the kitchen's walk test."""
    found: WalkTest = house.entry.runtime_data.walk_tests[KITCHEN]
    return found


async def test_the_last_success_is_remembered_over_a_restart(house: House, hass_storage: dict[str, Any]) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=20)
    await house.until(TEST, "heard")
    await house.hass.async_block_till_done()
    success = house.state(LAST)
    assert abs((dt_util.utcnow() - datetime.fromisoformat(success)).total_seconds()) < 10
    assert datetime.fromisoformat(hass_storage[STORED]["data"][KITCHEN]) >= datetime.fromisoformat(success)
    await house.reload()
    assert house.state(LAST) == success


async def test_what_cannot_be_read_and_whom_nobody_knows_is_forgotten(
    empty_house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stored = {KITCHEN: "last summer", "gone_id": "2026-01-02T03:04:05+00:00"}
    hass_storage[STORED] = {"version": 1, "key": STORED, "data": stored}
    await empty_house.set_up()
    assert empty_house.state(LAST) == "unknown"
    assert "cannot be read: last summer" in caplog.text
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    await start(empty_house)
    empty_house.room.play("smoke_alarm", blocks=20)
    await empty_house.until(TEST, "heard")
    await empty_house.hass.async_block_till_done()
    assert hass_storage[STORED]["data"].keys() == {KITCHEN}


async def test_removing_sound_guard_removes_what_it_remembers(house: House, hass_storage: dict[str, Any]) -> None:
    await start(house)
    house.room.play("smoke_alarm", blocks=20)
    await house.until(TEST, "heard")
    await house.hass.async_block_till_done()
    assert STORED in hass_storage
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    assert STORED not in hass_storage


async def was_tested(house: House, months: str, ago: timedelta, hass_storage: dict[str, Any]) -> None:
    """Set up a house whose microphone was tested some time ago, and which reminds after so many months."""
    stored = {KITCHEN: (dt_util.utcnow() - ago).isoformat()}
    hass_storage[STORED] = {"version": 1, "key": STORED, "data": stored}
    options = {"walk_test_reminder": months}
    house.hass.config_entries.async_update_entry(house.entry, options=options)
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")


async def test_nobody_is_reminded_unless_asked_for(house: House) -> None:
    assert issue(house.hass, DUE) is None
    later(house.hass, 400 * 86_400)
    await house.hass.async_block_till_done()
    assert issue(house.hass, DUE) is None
    assert shown(await turn_to(house, "walk_test")) == {"walk_test_reminder": None}


async def test_a_microphone_that_was_never_tested_is_due_at_once(house: House) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    found = issue(house.hass, DUE)
    assert found is not None
    assert found.translation_placeholders == {"microphone": "Kitchen", "date": "never"}
    assert found.is_fixable
    await fill_in(house, "walk_test", walk_test_reminder="off")
    assert issue(house.hass, DUE) is None


@pytest.mark.parametrize("months", AFTER)
async def test_a_microphone_is_due_when_its_time_has_come(
    empty_house: House, months: str, hass_storage: dict[str, Any]
) -> None:
    await was_tested(empty_house, months, AFTER[months] - timedelta(hours=1), hass_storage)
    assert issue(empty_house.hass, DUE) is None
    later(empty_house.hass, 3_500)
    await empty_house.hass.async_block_till_done()
    assert issue(empty_house.hass, DUE) is None
    later(empty_house.hass, 3_700)
    await empty_house.hass.async_block_till_done()
    found = issue(empty_house.hass, DUE)
    assert found is not None
    assert found.translation_placeholders is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found.translation_placeholders["date"])


async def test_a_year_has_passed_for_a_microphone_that_is_due_after_half_of_it(
    empty_house: House, hass_storage: dict[str, Any]
) -> None:
    await was_tested(empty_house, "6", timedelta(days=200), hass_storage)
    assert issue(empty_house.hass, DUE)
    await fill_in(empty_house, "walk_test", walk_test_reminder="12")
    assert issue(empty_house.hass, DUE) is None


async def test_a_successful_test_clears_the_reminder(empty_house: House, hass_storage: dict[str, Any]) -> None:
    await was_tested(empty_house, "12", timedelta(days=400), hass_storage)
    assert issue(empty_house.hass, DUE)
    await start(empty_house)
    assert issue(empty_house.hass, DUE)
    empty_house.room.play("smoke_alarm", blocks=20)
    await empty_house.until(TEST, "heard")
    assert issue(empty_house.hass, DUE) is None


async def test_the_reminder_of_a_microphone_that_was_removed_goes_with_it(house: House) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    assert issue(house.hass, DUE) is None


async def press(pages: Pages) -> dict[str, Any]:
    """Press the button of the reminder's page."""
    page: dict[str, Any] = await pages._flows.async_configure(pages._flow_id, {})
    return page


async def next_page(house: House, pages: Pages) -> dict[str, Any]:
    """Wait for the page after the one that shows the test."""
    await house.hass.async_block_till_done()
    page: dict[str, Any] = await pages._flows.async_configure(pages._flow_id)
    return page


async def test_the_reminders_pages_start_a_test_and_show_what_was_heard(house: House, pages: Pages) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    await until(lambda: house.microphone.level)
    page = await pages.open(DUE)
    assert (page["type"], page["step_id"]) == (FlowResultType.FORM, "confirm")
    assert (page["description_placeholders"]["microphone"], page["description_placeholders"]["date"]) == (
        "Kitchen",
        "never",
    )
    page = await press(pages)
    assert (page["type"], page["progress_action"]) == (FlowResultType.SHOW_PROGRESS, "listen")
    assert page["description_placeholders"]["minutes"] == "5"
    assert house.state(TEST) == "waiting"
    await asyncio.sleep(0.15)
    house.room.play("smoke_alarm", blocks=40)
    await house.until(TEST, "heard")
    with patch.object(walk_test, "ECHO", timedelta(seconds=0)):
        page = await next_page(house, pages)
    assert (page["type"], page["step_id"]) == (FlowResultType.FORM, "heard")
    assert "dB over the room, 98 % sure" in page["description_placeholders"]["result"]
    assert issue(house.hass, DUE) is None
    assert (await press(pages))["type"] is FlowResultType.CREATE_ENTRY


async def test_the_pages_offer_another_test_if_nothing_was_heard(house: House, pages: Pages) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    await until(lambda: house.microphone.level)
    await pages.open(DUE)
    await press(pages)
    await end(house)
    page = await next_page(house, pages)
    assert page["step_id"] == "unheard"
    assert issue(house.hass, DUE)
    page = await press(pages)
    assert page["type"] is FlowResultType.SHOW_PROGRESS
    assert house.state(TEST) == "waiting"
    kitchen_test(house).stop()
    assert (await next_page(house, pages))["step_id"] == "unheard"


async def test_the_pages_say_if_the_microphone_does_not_hear(house: House, pages: Pages) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    await pages.open(DUE)
    page = await press(pages)
    assert (page["step_id"], page["errors"]) == ("confirm", {"base": "deaf"})


async def test_the_pages_end_when_the_microphone_is_gone(house: House, pages: Pages) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    await until(lambda: house.microphone.level)
    await pages.open(DUE)
    await press(pages)
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    page = await pages._flows.async_configure(pages._flow_id)
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")


async def test_pages_cannot_begin_a_test_of_a_house_that_is_closed(house: House, pages: Pages) -> None:
    await fill_in(house, "walk_test", walk_test_reminder="12")
    await pages.open(DUE)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert (await press(pages))["reason"] == "gone"
    assert (await pages.open(DUE))["reason"] == "gone"


def test_every_page_of_the_reminder_is_translated_and_no_other() -> None:
    fix = TRANSLATIONS["issues"]["walk_test_due"]["fix_flow"]
    assert fix["step"].keys() == {"confirm", "heard", "unheard"}
    assert fix["progress"].keys() == {"listen"}
    assert fix["error"].keys() == {"deaf"}
    assert fix["abort"].keys() == {"gone"}
    assert TRANSLATIONS["selector"]["walk_test_reminder"]["options"].keys() == {"off", *AFTER}
