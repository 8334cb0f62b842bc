"""The second look of the house: where it is taken, and what becomes of the house when it cannot be."""

import logging
from pathlib import Path
from typing import Any

import pytest
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.sound_guard import verification
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics
from custom_components.sound_guard.engine import ENGINE
from custom_components.sound_guard.event import EVENT_HEARD
from custom_components.sound_guard.src.hearing.card import CardError
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.second_look import QUEUE, Standing
from custom_components.sound_guard.src.hearing.verifier import Failure, VerifierError
from custom_components.sound_guard.verification import SILENCE, Verification

from .conftest import House, until
from .fakes import LABELS, VERIFIER_CARD, FakeVerifier
from .second_look_house import ISSUE, SENSOR, configure_engine, our_log
from .test_alerts import notifications
from .test_binary_sensor import later
from .test_health import issue, until_cleared, until_raised
from .test_logbook import describer
from .test_options_flow import fill_in
from .test_repairs import Pages, pages
from .two_rooms import add_hall

__all__ = ["pages"]

UNUSABLE = "The model of the second look cannot be used"
UNEXPECTED = "Unexpected error, see the log"


def minder(house: House) -> Verification:
    """Return what minds the second look."""
    found: Verification = house.entry.runtime_data.verification
    return found


def verifier(house: House) -> FakeVerifier:
    """Return what is asked for second looks."""
    assert house.room.verifier is not None
    return house.room.verifier


async def suspect(house: House) -> None:
    """Let a listener suspect something, and wait for the answer."""
    second_look = minder(house).look
    assert second_look is not None

    def ask() -> None:
        second_look.status(second_look.submit(SILENCE), wait=True)

    await house.hass.async_add_executor_job(ask)
    # What the thread has found out is told a moment after the answer.
    await until(lambda: minder(house).failure == second_look.standing.failure)
    await house.hass.async_block_till_done()


async def fail(house: House, problem: str) -> None:
    """Let second looks fail from now on."""
    verifier(house).fault = VerifierError(problem)
    await suspect(house)
    await house.until(SENSOR, "unavailable")


def damaged(_: Path) -> RcrnnCard:
    """Stand in for the engine's function."""
    raise CardError("rcrnn.tflite: is damaged")


async def test_unless_told_otherwise_second_looks_are_taken_on_this_machine_by_one_for_all(house: House) -> None:
    await add_hall(house)
    assert house.state(SENSOR) == "local"
    assert house.attributes(SENSOR)["problem"] is None
    assert minder(house).look is not None
    # The first listener only tries the model.
    assert {id(asked) for asked in house.room.second_looks[-2:]} == {id(minder(house).look)}


async def test_it_is_shown_on_the_guards_device(house: House) -> None:
    guard = dr.async_get(house.hass).async_get_device_by_identifier(
        (DOMAIN, house.entry.entry_id), house.entry.entry_id
    )
    entry = er.async_get(house.hass).async_get(SENSOR)
    assert guard is not None
    assert entry is not None
    assert (entry.device_id, entry.entity_category) == (guard.id, "diagnostic")
    assert house.attributes(SENSOR)["options"] == ["local", "remote", "off", "unavailable"]


async def test_a_model_is_tried_before_it_is_needed(house: House) -> None:
    assert verifier(house).looks_s == [1.0]


async def test_turned_off_nobody_is_asked_and_all_is_heard(house: House) -> None:
    await fill_in(house, "second_look", second_look="off", second_look_limit=2)
    await house.until("binary_sensor.kitchen_connectivity", "on")
    assert house.state(SENSOR) == "off"
    assert house.room.second_looks[-1] is None
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    assert house.attributes("event.kitchen_sound_heard")["verified"] is None


async def test_the_owner_decides_how_long_a_sound_may_wait(house: House) -> None:
    assert house.entry.runtime_data.verification.look.limit_s == 2.0
    await fill_in(house, "second_look", second_look="local", second_look_limit=4.5)
    assert house.entry.runtime_data.verification.look.limit_s == 4.5


@pytest.mark.parametrize(
    ("broken", "reason", "detail"),
    [
        ({"load_verifier_card": damaged}, UNUSABLE, "rcrnn.tflite: is damaged"),
        (
            {"load_verifier_card": lambda _: another_card()},
            UNUSABLE,
            "rcrnn.json: was made for another model than attention.json",
        ),
        ({"fault": CardError("rcrnn.tflite: is no R-CRNN")}, UNUSABLE, "rcrnn.tflite: is no R-CRNN"),
        ({"fault": MemoryError("no room")}, UNEXPECTED, "MemoryError: no room"),
    ],
    ids=["damaged", "for another model", "another shape", "unexpected"],
)
async def test_without_its_model_the_house_is_heard_all_the_same(
    empty_house: House, caplog: pytest.LogCaptureFixture, broken: dict[str, Any], reason: str, detail: str
) -> None:
    empty_house.room.verifier_fault = broken.pop("fault", None)
    configure_engine(empty_house, **broken)
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("smoke_alarm")
    await empty_house.until("binary_sensor.kitchen_smoke", "on")
    assert empty_house.state(SENSOR) == "unavailable"
    assert empty_house.attributes(SENSOR)["problem"] == f"{reason} ({detail})"
    raised = await until_raised(empty_house, ISSUE)
    assert raised.translation_placeholders == {"problem": f"{reason} ({detail})"}
    assert raised.is_fixable
    assert our_log(caplog) == [(logging.WARNING, f"no second look can be taken: {detail}")]


def another_card() -> RcrnnCard:
    """Return a card that was made for another attention model."""
    return RcrnnCard(**{**vars(VERIFIER_CARD), "attention_sha256": "0" * 64})


async def test_a_model_that_does_not_run_is_noticed_before_it_is_needed(empty_house: House) -> None:
    broken = FakeVerifier()
    broken.fault = ValueError("shapes do not fit")
    configure_engine(empty_house, open_verifier=lambda _: broken)
    await empty_house.set_up()
    assert empty_house.attributes(SENSOR)["problem"] == f"{UNEXPECTED} (ValueError: shapes do not fit)"


async def test_a_failure_shows_at_once_and_is_a_repair_only_when_it_lasts(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await fail(house, "it is too hot")
    assert house.attributes(SENSOR)["problem"] == f"{UNEXPECTED} (it is too hot)"
    looks = len(verifier(house).looks_s)
    later(house.hass, 31)
    await until(lambda: len(verifier(house).looks_s) > looks)
    assert issue(house.hass, ISSUE) is None
    assert house.state("binary_sensor.kitchen_connectivity") == "on"
    later(house.hass, 62)
    raised = await until_raised(house, ISSUE)
    assert raised.translation_placeholders == {"problem": f"{UNEXPECTED} (it is too hot)"}
    assert len([text for level, text in our_log(caplog) if level == logging.WARNING]) == 1


async def test_a_repair_names_the_latest_reason_and_goes_by_itself(house: House) -> None:
    await fail(house, "it is too hot")
    later(house.hass, 62)
    await until_raised(house, ISSUE)
    verifier(house).fault = VerifierError("it is too cold")
    await suspect(house)
    assert house.attributes(SENSOR)["problem"] == f"{UNEXPECTED} (it is too cold)"
    raised = await until_raised(house, ISSUE)
    assert raised.translation_placeholders == {"problem": f"{UNEXPECTED} (it is too cold)"}
    verifier(house).fault = None
    later(house.hass, 100)
    await house.until(SENSOR, "local")
    assert house.attributes(SENSOR)["problem"] is None
    await until_cleared(house, ISSUE)


async def test_one_that_does_not_answer_is_unavailable_until_it_does(house: House) -> None:
    await fill_in(house, "second_look", second_look="local", second_look_limit=1)
    verifier(house).stuck.set()
    await suspect(house)
    await house.until(SENSOR, "unavailable")
    assert house.attributes(SENSOR)["problem"] == "No answer in time (1 s)"
    verifier(house).stuck.clear()
    later(house.hass, 31)
    await house.until(SENSOR, "local")


async def test_why_it_is_unavailable_is_told_in_the_language_of_the_house(house: House) -> None:
    await house.speak("de")
    await fail(house, "it is too hot")
    later(house.hass, 62)
    told = "Unerwarteter Fehler, siehe Protokoll (it is too hot)"
    assert (await until_raised(house, ISSUE)).translation_placeholders == {"problem": told}
    assert house.attributes(SENSOR)["problem"] == told


async def test_that_its_model_is_damaged_is_told_in_the_language_of_the_house_from_the_start(
    empty_house: House,
) -> None:
    empty_house.hass.config.language = "nl"
    configure_engine(empty_house, load_verifier_card=damaged)
    await empty_house.set_up()
    told = "Het model van de tweede blik is niet te gebruiken (rcrnn.tflite: is damaged)"
    assert (await until_raised(empty_house, ISSUE)).translation_placeholders == {"problem": told}


async def test_that_too_many_sounds_wait_for_it_is_told(house: House) -> None:
    await house.speak("es")
    look = minder(house).look
    assert look is not None
    verifier(house).stuck.set()
    for _ in range(QUEUE + 2):
        await house.hass.async_add_executor_job(look.submit, SILENCE)
    await house.until(SENSOR, "unavailable")
    assert house.attributes(SENSOR)["problem"] == "Demasiados sonidos esperan una segunda comprobación"
    verifier(house).stuck.clear()


async def test_its_repair_tries_again_at_once_when_asked_to(house: House, pages: Pages) -> None:
    await fail(house, "it is too hot")
    later(house.hass, 62)
    await until_raised(house, ISSUE)
    page = await pages.open(ISSUE)
    assert (page["step_id"], page["errors"]) == ("confirm", None)
    assert page["description_placeholders"] == {"problem": f"{UNEXPECTED} (it is too hot)"}

    verifier(house).fault = VerifierError("it is too cold")
    page = await pages.submit()
    assert (page["step_id"], page["errors"]) == ("confirm", {"base": "still_unavailable"})
    assert page["description_placeholders"] == {"problem": f"{UNEXPECTED} (it is too cold)"}

    verifier(house).fault = None
    assert (await pages.submit())["type"] is FlowResultType.CREATE_ENTRY
    assert issue(house.hass, ISSUE) is None
    assert house.state(SENSOR) == "local"


async def test_its_repair_reads_a_model_that_was_installed_again(empty_house: House, pages: Pages) -> None:
    whole = empty_house.hass.data[ENGINE]
    configure_engine(empty_house, load_verifier_card=damaged)
    await empty_house.set_up()
    await until_raised(empty_house, ISSUE)
    await pages.open(ISSUE)
    page = await pages.submit()
    assert (page["step_id"], page["errors"]) == ("confirm", {"base": "still_unavailable"})

    empty_house.hass.data[ENGINE] = whole
    assert (await pages.submit())["type"] is FlowResultType.CREATE_ENTRY
    assert issue(empty_house.hass, ISSUE) is None
    await empty_house.until(SENSOR, "local")


async def test_its_repair_ends_when_the_installation_is_gone(house: House, pages: Pages) -> None:
    await fail(house, "it is too hot")
    later(house.hass, 62)
    await until_raised(house, ISSUE)
    await pages.open(ISSUE)
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    page = await pages.submit()
    assert (page["type"], page["reason"]) == (FlowResultType.ABORT, "gone")


async def test_changing_the_options_takes_the_repair_back(house: House) -> None:
    await fail(house, "it is too hot")
    later(house.hass, 62)
    await until_raised(house, ISSUE)
    await fill_in(house, "second_look", second_look="off", second_look_limit=2)
    await until_cleared(house, ISSUE)


async def test_an_unload_ends_its_thread_also_while_it_looks(house: House) -> None:
    look = minder(house).look
    assert look is not None
    verifier(house).stuck.set()
    await house.hass.async_add_executor_job(look.submit, SILENCE)
    house.hass.loop.call_later(0.2, verifier(house).stuck.clear)
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert look.close()


async def test_a_thread_that_hangs_is_left_behind_and_named_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.sound_guard.src.hearing.second_look.CLOSE_S", 0.05)
    verifier(house).stuck.set()
    look = minder(house).look
    assert look is not None
    await house.hass.async_add_executor_job(look.submit, SILENCE)
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert (logging.ERROR, "the thread of the second look did not end and was left behind") in our_log(caplog)
    verifier(house).stuck.clear()
    monkeypatch.undo()
    assert await house.hass.async_add_executor_job(look.close)


async def test_stopping_home_assistant_ends_it_and_nothing_more_is_tried(house: House) -> None:
    await fail(house, "it is too hot")
    looks = len(verifier(house).looks_s)
    house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await house.hass.async_block_till_done()
    later(house.hass, 31)
    await suspect(house)
    assert len(verifier(house).looks_s) == looks


async def test_news_that_comes_after_the_end_is_of_no_interest(house: House) -> None:
    mind = minder(house)
    standing = mind.standing
    assert standing is not None
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    mind._take(Standing("local", Failure.unforeseen("too late")))
    assert mind.failure is None


@pytest.mark.parametrize("label", LABELS)
async def test_what_a_second_look_has_confirmed_is_told_in_all_places(
    hass: HomeAssistant, house: House, label: str
) -> None:
    always = {key: ["disarmed", "armed_away", "armed_home", "armed_night"] for key in LABELS}
    await fill_in(house, "alerts", notify=[], **always, repeat=0, persistent=True)
    await house.until("binary_sensor.kitchen_connectivity", "on")
    fired = async_capture_events(hass, EVENT_HEARD)
    house.room.confirmed = 0.87654
    house.room.play(label, blocks=10)
    await house.until_heard(label)
    await house.until_quiet()
    heard = house.attributes("event.kitchen_sound_heard")
    assert (heard["verified"], heard["verifier_confidence"]) == (True, 0.877)
    (event,) = fired
    assert (event.data["verified"], event.data["verifier_confidence"]) == (True, 0.877)
    assert (await describer(hass, EVENT_HEARD))(event)["message"].endswith("sure, confirmed by a second look")
    ((_, message),) = notifications(hass)
    assert "98 % sure. A second look has confirmed it." in message


async def test_what_nobody_has_confirmed_is_not_called_so(hass: HomeAssistant, house: House) -> None:
    house.room.play("smoke_alarm", blocks=10)
    await house.until_heard("smoke_alarm")
    await house.until_quiet()
    ((_, message),) = notifications(hass)
    assert "second look" not in message


async def test_diagnostics_tell_how_it_is_doing(house: House) -> None:
    await suspect(house)
    await fail(house, "it is too hot")
    shown = (await async_get_config_entry_diagnostics(house.hass, house.entry))["second_look"]
    assert shown == {
        "state": "unavailable",
        "problem": "it is too hot",
        "model": {"name": "rcrnn", "version": "0.0.2", "sha256": VERIFIER_CARD.sha256},
        "standing": {
            "place": "local",
            "failure": {"reason": "fault", "message": "it is too hot", "detail": "it is too hot"},
            "looks": 2,
            "confirmed": 0,
            "failures": 1,
        },
    }


async def test_diagnostics_say_that_there_is_none(empty_house: House) -> None:
    configure_engine(empty_house, load_verifier_card=damaged)
    await empty_house.set_up()
    shown = (await async_get_config_entry_diagnostics(empty_house.hass, empty_house.entry))["second_look"]
    assert shown == {"state": "unavailable", "problem": "rcrnn.tflite: is damaged", "model": None, "standing": None}


def test_the_engine_has_the_real_ones(hass: HomeAssistant) -> None:
    assert ENGINE not in hass.data
    assert (verification.RETRY_S, verification.REHEARSE_S, verification.PATIENCE_S) == (30, 600, 60)
