"""What Sound Guard minds about its microphones, and tells the owner in Home Assistant's repairs."""

import logging
from collections.abc import Generator
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.sound_guard import deafness, health, outages, session, vitals
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.src.hearing.source import Reason, SourceError

from .conftest import KITCHEN, House, microphone, until
from .fakes import QUIET, gone
from .test_binary_sensor import later
from .test_microphone import lines

CONNECTED = "binary_sensor.kitchen_connectivity"
SILENT = f"microphone_silent_{KITCHEN}"
CLIPPING = f"microphone_clipping_{KITCHEN}"
LOST = f"microphone_lost_{KITCHEN}"
UNSTEADY = f"microphone_unsteady_{KITCHEN}"
FFMPEG = f"ffmpeg_missing_{KITCHEN}"


PROMISED_S = (
    deafness.SILENT_AFTER_S + vitals.REPORT_S,
    health.LOST_AFTER_S,
    health.OVERDRIVEN_REPORTS * vitals.REPORT_S,
    health.CLIPPING_REPORTS * vitals.REPORT_S,
)

SILENT_S = 6
REPORTS = 8
OVERDRIVEN = 4


@pytest.fixture(autouse=True)
def quick_reports() -> Generator[None]:
    """Report on every second of sound, and need few of them for a judgement."""
    with (
        patch.object(vitals, "FIRST_REPORT_S", 1.0),
        patch.object(vitals, "REPORT_S", 1.0),
        patch.object(deafness, "SILENT_AFTER_S", SILENT_S),
        patch.object(health, "CLIPPING_REPORTS", REPORTS),
        patch.object(health, "OVERDRIVEN_REPORTS", OVERDRIVEN),
    ):
        yield


def issue(hass: HomeAssistant, issue_id: str) -> ir.IssueEntry | None:
    """Return an issue, None while there is none."""
    found = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    return found if found and found.active else None


async def until_raised(house: House, issue_id: str) -> ir.IssueEntry:
    """Wait for an issue."""
    await until(lambda: issue(house.hass, issue_id), lambda: f"{issue_id} was not raised")
    raised = issue(house.hass, issue_id)
    assert raised is not None
    return raised


async def until_cleared(house: House, issue_id: str) -> None:
    """Wait until an issue is taken back."""
    await until(lambda: issue(house.hass, issue_id) is None, lambda: f"{issue_id} is still there")


def test_silence_is_told_within_a_minute_loss_after_ten_and_overdrive_after_minutes() -> None:
    assert PROMISED_S == (60, 600, 100, 300)


async def test_a_muted_microphone_is_told_and_taken_back_when_it_is_heard(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.room.hum = 0
    raised = await until_raised(house, SILENT)
    assert raised.is_fixable
    assert raised.severity is ir.IssueSeverity.ERROR
    assert raised.translation_placeholders is not None
    assert raised.translation_placeholders["microphone"] == "Kitchen"
    assert house.state(CONNECTED) == "off"
    assert house.attributes(CONNECTED)["problem"] == "silent"
    house.room.hum = QUIET
    await until_cleared(house, SILENT)
    assert house.state(CONNECTED) == "on"
    assert house.attributes(CONNECTED)["problem"] is None
    assert lines(caplog) == [
        (logging.WARNING, "Kitchen: is completely silent: is it muted?"),
        (logging.INFO, "Kitchen: hears again"),
    ]


async def test_a_pause_is_no_silence(house: House) -> None:
    for hum in (0, QUIET, 0, QUIET):
        house.room.hum = hum
        before = house.room.delivered
        await until(lambda before=before: house.room.delivered > before + 10 * (SILENT_S - 2))  # type: ignore[misc]
    assert issue(house.hass, SILENT) is None
    assert house.state(CONNECTED) == "on"


async def test_a_sound_that_gets_through_the_silence_is_not_lost(house: House) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    assert house.state("binary_sensor.kitchen_smoke") == "off"
    house.room.play("smoke_alarm")
    await house.until_heard("smoke_alarm")
    assert house.state("binary_sensor.kitchen_smoke") == "on"


async def test_a_muted_microphone_that_is_opened_again_is_still_muted(house: House) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    house.room.fault = gone()
    await until(lambda: house.attributes(CONNECTED)["problem"] == "no_server")
    house.room.fault = None
    await until(lambda: house.microphone.status.connected)
    assert house.microphone.status.problem == "silent"
    await until(lambda: house.microphone.vitals)
    assert house.state(CONNECTED) == "off"
    assert issue(house.hass, SILENT)


async def test_a_microphone_that_its_owner_closes_is_nobodys_worry(house: House) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await house.call("turn_off", "switch.kitchen_listening")
    assert issue(house.hass, SILENT) is None
    house.room.hum = QUIET
    await house.call("turn_on", "switch.kitchen_listening")
    await house.until(CONNECTED, "on")
    assert house.attributes(CONNECTED)["problem"] is None


async def test_an_overdriven_microphone_is_told_and_taken_back_after_five_clean_minutes(house: House) -> None:
    house.room.hum = 32_767
    raised = await until_raised(house, CLIPPING)
    assert raised.severity is ir.IssueSeverity.WARNING
    assert house.state(CONNECTED) == "on"
    house.room.hum = QUIET
    before = house.room.delivered
    await until_cleared(house, CLIPPING)
    assert house.room.delivered >= before + 10 * (REPORTS - 1)


async def test_a_short_alarm_close_by_is_not_yet_overdriven(house: House) -> None:
    house.room.hum = 32_767
    before = house.room.delivered
    await until(lambda: house.room.delivered > before + 10 * (OVERDRIVEN - 2))
    house.room.hum = QUIET
    await until(lambda: house.room.delivered > before + 10 * 2 * OVERDRIVEN)
    assert issue(house.hass, CLIPPING) is None


async def test_a_microphone_that_stays_away_is_told_after_ten_minutes_with_the_reason(house: House) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    later(house.hass, 590)
    assert issue(house.hass, LOST) is None
    later(house.hass, 610)
    raised = await until_raised(house, LOST)
    assert raised.translation_placeholders == {
        "microphone": "Kitchen",
        "problem": "No sound server (the sound server is gone)",
    }
    house.room.fault = None
    await until_cleared(house, LOST)


async def test_why_a_microphone_stays_away_is_told_in_the_language_of_the_house(house: House) -> None:
    await house.speak("de")
    house.room.fault = SourceError(Reason.LOST, "porch: no sound came; ffmpeg says: Broken pipe.")
    await house.until(CONNECTED, "off")
    later(house.hass, 610)
    assert (await until_raised(house, LOST)).translation_placeholders == {
        "microphone": "Kitchen",
        "problem": "Der Ton ist abgebrochen (porch: no sound came; ffmpeg says: Broken pipe)",
    }


async def test_an_error_nobody_expected_is_told_in_the_language_of_the_house_with_its_own_words(house: House) -> None:
    await house.speak("fr")
    house.room.fault = ZeroDivisionError("a bug")
    await house.until(CONNECTED, "off")
    later(house.hass, 610)
    raised = await until_raised(house, LOST)
    assert raised.translation_placeholders is not None
    told = "Erreur inattendue, voir le journal (ZeroDivisionError: a bug)"
    assert raised.translation_placeholders["problem"] == told


async def test_a_microphone_that_comes_and_goes_is_not_lost_for_long(house: House) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    house.room.fault = None
    await house.until(CONNECTED, "on")
    later(house.hass, 700)
    assert issue(house.hass, LOST) is None


async def test_a_microphone_that_is_lost_again_and_again_is_told_until_it_is_steady(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(session, "GOOD_S", 0.0):
        for _ in range(2 * outages.OFTEN):
            house.room.fault = gone()
            await house.until(CONNECTED, "off")
            house.room.fault = None
            await house.until(CONNECTED, "on")
    raised = await until_raised(house, UNSTEADY)
    assert raised.translation_placeholders == {
        "microphone": "Kitchen",
        "problem": "No sound server (the sound server is gone)",
    }
    assert len([level for level, _ in lines(caplog) if level == logging.WARNING]) == outages.OFTEN
    assert lines(caplog)[-1] == (logging.WARNING, "Kitchen: not listening again and again: the sound server is gone")
    with patch.object(outages, "STEADY_S", 0.1):
        await until_cleared(house, UNSTEADY)
    assert lines(caplog)[-1] == (logging.INFO, "Kitchen: listening again (fake: default)")


async def test_a_microphone_closed_by_its_owner_while_it_was_away_is_not_lost(house: House) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    await house.call("turn_off", "switch.kitchen_listening")
    later(house.hass, 700)
    assert issue(house.hass, LOST) is None


@pytest.mark.parametrize(
    ("reason", "told"),
    [(Reason.NO_FFMPEG, "ffmpeg is missing"), (Reason.NO_BACKEND, "Nothing to open a microphone with")],
)
async def test_what_ffmpeg_is_missing_for_is_told_at_once(house: House, reason: Reason, told: str) -> None:
    house.room.fault = SourceError(reason, "ffmpeg is needed for this")
    raised = await until_raised(house, FFMPEG)
    assert raised.translation_placeholders == {
        "microphone": "Kitchen",
        "problem": f"{told} (ffmpeg is needed for this)",
    }
    later(house.hass, 700)
    assert issue(house.hass, LOST) is None
    house.room.fault = gone()
    await until_cleared(house, FFMPEG)
    house.room.fault = SourceError(reason, "ffmpeg is needed for this")
    await until_raised(house, FFMPEG)
    house.room.fault = None
    await until_cleared(house, FFMPEG)


async def test_a_reload_makes_nothing_well(house: House) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await house.reload()
    await until(lambda: house.microphone.vitals)
    assert issue(house.hass, SILENT)
    house.room.hum = QUIET
    await until_cleared(house, SILENT)


async def test_each_microphone_has_issues_of_its_own_which_go_with_it(empty_house: House) -> None:
    empty_house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    empty_house.room.hum = 0
    await empty_house.set_up()
    await until_raised(empty_house, SILENT)
    await until_raised(empty_house, "microphone_silent_hall_id")
    empty_house.hass.config_entries.async_remove_subentry(empty_house.entry, KITCHEN)
    await empty_house.hass.async_block_till_done()
    assert issue(empty_house.hass, SILENT) is None
    assert issue(empty_house.hass, "microphone_silent_hall_id")
    await empty_house.hass.config_entries.async_remove(empty_house.entry.entry_id)
    assert issue(empty_house.hass, "microphone_silent_hall_id") is None


async def test_an_installation_that_is_disabled_takes_its_issues_back(house: House) -> None:
    house.room.hum = 0
    await until_raised(house, SILENT)
    await house.hass.config_entries.async_set_disabled_by(house.entry.entry_id, ConfigEntryDisabler.USER)
    await house.hass.async_block_till_done()
    assert issue(house.hass, SILENT) is None


async def test_a_microphone_that_is_away_when_all_ends_leaves_nothing_to_come(house: House) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    later(house.hass, 700)
    assert issue(house.hass, LOST) is None
