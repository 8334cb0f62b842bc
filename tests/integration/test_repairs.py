"""The pages behind an issue: they explain, listen again, and show what is heard then."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component

from custom_components.sound_guard import health
from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.src.hearing.card import CardError, ModelCard
from custom_components.sound_guard.src.hearing.source import Reason, SourceError

from .conftest import KITCHEN, House, until
from .fakes import CARD, QUIET, gone
from .test_binary_sensor import later
from .test_health import CLIPPING, FFMPEG, LOST, SILENT, issue, quick_reports, until_raised

__all__ = ["quick_reports"]


class Pages:
    """The owner in front of an issue's pages."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Have Home Assistant's repairs at hand."""
        self._hass = hass
        self._flows = hass.data["repairs"]["flow_manager"]
        self._flow_id = ""

    async def open(self, issue_id: str) -> dict[str, Any]:
        """Open an issue and return its first page."""
        page: dict[str, Any] = await self._flows.async_init("sound_guard", context={"issue_id": issue_id})
        self._flow_id = page["flow_id"]
        return page

    async def press(self) -> dict[str, Any]:
        """Press the button of the page, and return what is shown then: pages, or that it works."""
        page: dict[str, Any] = await self._flows.async_configure(self._flow_id, {})
        return page

    async def submit(self) -> dict[str, Any]:
        """Press the button of the page, wait for as long as it works, and return the page after that."""
        page = await self.press()
        while page["type"] is FlowResultType.SHOW_PROGRESS:
            assert page["progress_action"] == "listen"
            await self._hass.async_block_till_done()
            page = await self._flows.async_configure(self._flow_id)
        return page


@pytest.fixture
async def pages(hass: HomeAssistant) -> Pages:
    """Return an owner who has Home Assistant's repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return Pages(hass)


async def test_a_microphone_that_is_no_longer_muted_is_shown_with_its_level(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    page = await pages.open(SILENT)
    assert (page["type"], page["step_id"]) == (FlowResultType.FORM, "confirm")
    assert page["description_placeholders"]["microphone"] == "Kitchen"
    house.room.hum = QUIET
    page = await pages.submit()
    assert page["step_id"] == "well"
    assert (page["description_placeholders"]["level"], page["description_placeholders"]["peak"]) == ("-50", "-50")
    assert len(house.room.opened) == 2
    page = await pages.submit()
    assert page["type"] is FlowResultType.CREATE_ENTRY
    assert issue(house.hass, SILENT) is None


async def test_a_microphone_that_is_still_muted_can_be_listened_to_once_more(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await pages.open(SILENT)
    page = await pages.submit()
    assert page["step_id"] == "unwell"
    assert page["description_placeholders"]["level"] == "-96"
    assert issue(house.hass, SILENT)
    assert house.state("binary_sensor.kitchen_connectivity") == "off"
    house.room.hum = QUIET
    assert (await pages.submit())["step_id"] == "well"


async def test_an_overdriven_microphone_must_be_turned_down(house: House, pages: Pages) -> None:
    house.room.hum = 32_767
    await until_raised(house, CLIPPING)
    await pages.open(CLIPPING)
    page = await pages.submit()
    assert (page["step_id"], page["description_placeholders"]["peak"]) == ("unwell", "0")
    house.room.hum = QUIET
    assert (await pages.submit())["step_id"] == "well"
    await pages.submit()
    assert issue(house.hass, CLIPPING) is None


async def test_a_microphone_that_is_out_of_reach_says_why(house: House, pages: Pages) -> None:
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    later(house.hass, 610)
    await until_raised(house, LOST)
    page = await pages.open(LOST)
    assert page["description_placeholders"]["problem"] == "No sound server (the sound server is gone)"
    house.room.fault = SourceError(Reason.REFUSED, "the password is refused")
    page = await pages.submit()
    assert page["step_id"] == "unheard"
    assert page["description_placeholders"]["problem"] == "Refused or out of reach (the password is refused)"
    house.room.fault = None
    assert (await pages.submit())["step_id"] == "well"
    assert issue(house.hass, LOST) is None
    assert (await pages.submit())["type"] is FlowResultType.CREATE_ENTRY


async def test_the_pages_say_why_in_the_language_of_the_house(house: House, pages: Pages) -> None:
    await house.speak("de")
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    later(house.hass, 610)
    await until_raised(house, LOST)
    await pages.open(LOST)
    house.room.fault = SourceError(Reason.NO_PERMISSION, "porch: this user may not read it.")
    page = await pages.submit()
    assert page["step_id"] == "unheard"
    assert page["description_placeholders"]["problem"] == "Keine Berechtigung (porch: this user may not read it)"


async def test_a_microphone_that_says_nothing_at_all_is_not_waited_for_for_ever(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await pages.open(SILENT)
    house.room.stuck.set()
    with patch.object(health, "LISTEN_S", 0.2):
        page = await pages.submit()
    assert (page["step_id"], page["description_placeholders"]["level"]) == ("unheard", "–")
    assert page["description_placeholders"]["problem"] == "Complete silence (fake: default)"


async def test_when_ffmpeg_has_been_installed_the_microphone_is_heard(house: House, pages: Pages) -> None:
    house.room.fault = SourceError(Reason.NO_FFMPEG, "ffmpeg is needed for this")
    await until_raised(house, FFMPEG)
    await pages.open(FFMPEG)
    assert (await pages.submit())["step_id"] == "unheard"
    house.room.fault = None
    assert (await pages.submit())["step_id"] == "well"
    await pages.submit()
    assert issue(house.hass, FFMPEG) is None


async def test_a_microphone_that_was_removed_meanwhile_ends_the_pages(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await pages.open(SILENT)
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    page = await pages.submit()
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")


@pytest.mark.timeout(30)  # what went wrong here once went on for ever
async def test_a_microphone_that_is_removed_while_the_pages_listen_ends_them(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await pages.open(SILENT)
    house.room.stuck.set()
    assert (await pages.press())["type"] is FlowResultType.SHOW_PROGRESS
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await until(
        lambda: house.entry.state is ConfigEntryState.LOADED and KITCHEN not in house.entry.runtime_data.microphones
    )
    page = await pages.press()
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")


async def test_a_microphone_that_is_removed_while_it_is_listened_to_stays_closed(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    kitchen = house.microphone
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    await kitchen.async_restart()
    assert not [thread for thread in threading.enumerate() if "sound_guard" in thread.name]


async def test_pages_that_are_opened_after_the_end_say_so(house: House, pages: Pages) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    page = await pages.open(SILENT)
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")


@pytest.fixture
async def damaged_house(empty_house: House, pages: Pages) -> AsyncIterator[House]:
    """Return a house whose model is damaged."""

    def damaged(_: Path) -> ModelCard:
        raise CardError("attention.tflite: is damaged")

    whole = empty_house.hass.data[ENGINE]
    empty_house.hass.data[ENGINE] = Engine(load_card=damaged)
    await empty_house.set_up()
    yield empty_house
    empty_house.hass.data[ENGINE] = whole


async def test_a_model_that_was_installed_again_is_loaded(damaged_house: House, pages: Pages) -> None:
    page = await pages.open("model_unusable")
    assert (page["step_id"], page["errors"]) == ("confirm", None)
    assert page["description_placeholders"] == {"problem": "attention.tflite: is damaged"}
    page = await pages.submit()
    assert (page["step_id"], page["errors"]) == ("confirm", {"base": "still_damaged"})
    damaged_house.hass.data[ENGINE] = Engine(
        load_card=lambda path: CARD,
        open_listener=damaged_house.room.open_listener,  # type: ignore[arg-type]
        open_source=damaged_house.room.open_source,
    )
    assert (await pages.submit())["type"] is FlowResultType.CREATE_ENTRY
    assert issue(damaged_house.hass, "model_unusable") is None
    await damaged_house.until("binary_sensor.kitchen_connectivity", "on")


async def test_a_model_is_not_called_whole_because_its_installation_was_disabled(
    damaged_house: House, pages: Pages
) -> None:
    await pages.open("model_unusable")
    await damaged_house.hass.config_entries.async_set_disabled_by(
        damaged_house.entry.entry_id, ConfigEntryDisabler.USER
    )
    assert (await pages.submit())["errors"] == {"base": "still_damaged"}


async def test_without_an_installation_there_is_no_model_to_load(damaged_house: House, pages: Pages) -> None:
    await pages.open("model_unusable")
    await damaged_house.hass.config_entries.async_remove(damaged_house.entry.entry_id)
    page = await pages.submit()
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")
