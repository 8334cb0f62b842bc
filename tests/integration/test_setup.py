"""Setting up, unloading and removing: what is there, and that nothing stays."""

import logging
import os
from pathlib import Path

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir

from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import ENGINE, Engine, get_engine
from custom_components.sound_guard.src.hearing.card import CardError, ModelCard
from custom_components.sound_guard.src.hearing.listener import Listener

from .conftest import KITCHEN, House, listening_threads, microphone, until
from .fakes import CARD, Room


def test_the_seam_for_tests_is_closed_in_a_real_house(hass: HomeAssistant) -> None:
    assert get_engine(hass) == Engine()
    assert get_engine(hass).load_card == ModelCard.load
    assert get_engine(hass).open_listener is Listener


async def test_each_microphone_is_a_device_below_the_guard(house: House) -> None:
    registry = dr.async_get(house.hass)
    guard = registry.async_get_device_by_identifier((DOMAIN, house.entry.entry_id), house.entry.entry_id)
    kitchen = registry.async_get_device_by_identifier((DOMAIN, KITCHEN), house.entry.entry_id)
    assert guard is not None
    assert kitchen is not None
    assert (guard.name, guard.entry_type, guard.sw_version) == ("Sound Guard", dr.DeviceEntryType.SERVICE, "0.0.1")
    assert (kitchen.name, kitchen.via_device_id, kitchen.config_subentry_id) == ("Kitchen", guard.id, KITCHEN)


async def test_two_microphones_hear_apart(empty_house: House) -> None:
    hall = microphone("Hall", "hall_id", source="pulse:usb")
    empty_house.add(hall)
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    await empty_house.until("binary_sensor.hall_connectivity", "on")
    assert sorted(empty_house.room.opened) == ["default", "pulse:usb"]
    await empty_house.call("turn_off", "switch.kitchen_listening")
    empty_house.room.play("smoke_alarm")
    await empty_house.until("binary_sensor.hall_smoke", "on")
    assert empty_house.state("binary_sensor.kitchen_smoke") == "unavailable"
    assert empty_house.attributes("alarm_control_panel.sound_guard")["microphone"] == "Hall"


async def test_without_a_microphone_there_is_still_a_guard(hass: HomeAssistant, empty_house: House) -> None:
    hass.config_entries.async_remove_subentry(empty_house.entry, KITCHEN)
    await empty_house.set_up()
    assert empty_house.state("alarm_control_panel.sound_guard") == "disarmed"
    assert empty_house.room.opened == []


async def test_unloading_closes_the_microphone_and_leaves_no_thread(house: House) -> None:
    assert len(listening_threads()) == 1
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.NOT_LOADED
    assert house.room.open_now == 0
    assert not listening_threads()
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"


async def test_reloading_leaves_one_thread(house: House) -> None:
    await house.reload()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    assert len(listening_threads()) == 1
    assert house.room.open_now == 1


async def test_removing_leaves_no_thread_no_entity_and_no_device(house: House) -> None:
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert not listening_threads()
    assert house.room.open_now == 0
    assert not er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
    assert not dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert house.hass.states.async_entity_ids() == []


async def test_removing_one_microphone_takes_its_entities_along_and_no_others(empty_house: House) -> None:
    empty_house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    await empty_house.set_up()
    await empty_house.until("binary_sensor.hall_connectivity", "on")
    empty_house.hass.config_entries.async_remove_subentry(empty_house.entry, KITCHEN)
    await empty_house.hass.async_block_till_done()
    await empty_house.until("binary_sensor.hall_connectivity", "on")
    assert empty_house.hass.states.get("binary_sensor.kitchen_smoke") is None
    assert listening_threads() == ["sound_guard Hall"]


async def test_stopping_home_assistant_closes_the_microphone(house: House) -> None:
    house.hass.set_state(CoreState.stopping)
    house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await house.hass.async_block_till_done()
    assert house.room.open_now == 0
    assert not listening_threads()


async def test_a_failed_unload_goes_on_listening(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(house.hass.config_entries, "async_unload_platforms", refuse)
        assert not await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert house.room.open_now == 1
    # Home Assistant gives up on such an entry; what listens must still be closed.
    await house.entry.runtime_data.microphones[KITCHEN].async_stop()


async def test_a_damaged_model_is_named_with_its_file_and_repaired_by_a_reload(
    hass: HomeAssistant, empty_house: House
) -> None:
    def damaged(_: Path) -> ModelCard:
        raise CardError("attention.tflite: is damaged")

    whole = hass.data[ENGINE]
    hass.data[ENGINE] = Engine(load_card=damaged)
    await empty_house.set_up()
    assert empty_house.entry_state() is ConfigEntryState.SETUP_ERROR
    assert empty_house.entry.error_reason_translation_key == "model_unusable"
    assert empty_house.entry.error_reason_translation_placeholders == {"problem": "attention.tflite: is damaged"}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, "model_unusable")
    assert issue is not None
    assert issue.translation_placeholders == {"problem": "attention.tflite: is damaged"}

    hass.data[ENGINE] = whole
    await empty_house.reload()
    assert empty_house.entry_state() is ConfigEntryState.LOADED
    assert ir.async_get(hass).async_get_issue(DOMAIN, "model_unusable") is None


async def test_a_model_that_does_not_run_is_noticed_at_once(hass: HomeAssistant, empty_house: House) -> None:
    empty_house.room.listener_fault = CardError("attention.tflite: has another shape")
    await empty_house.set_up()
    assert empty_house.entry.state is ConfigEntryState.SETUP_ERROR
    await hass.config_entries.async_remove(empty_house.entry.entry_id)
    assert ir.async_get(hass).async_get_issue(DOMAIN, "model_unusable") is None


async def test_an_option_takes_effect_without_a_restart(house: House) -> None:
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0})
    await house.hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_away", "alarm_control_panel.sound_guard")
    assert house.state("alarm_control_panel.sound_guard") == "armed_away"


async def test_a_quiet_day_logs_nothing_above_info(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def children() -> set[str]:
    """Return the processes that this one has started and that are still there."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
async def test_a_real_stream_that_never_answers_leaves_no_process_behind(
    hass: HomeAssistant, empty_house: House, room: Room, socket_enabled: None
) -> None:
    before = children()
    # Nobody listens on this port of the machine itself.
    hass.config_entries.async_update_subentry(
        empty_house.entry, empty_house.entry.subentries[KITCHEN], data={"source": "rtsp://127.0.0.1:9/none"}
    )
    hass.data[ENGINE] = Engine(load_card=lambda path: CARD, open_listener=room.open_listener)  # type: ignore[arg-type]
    await empty_house.set_up()
    assert empty_house.entry.state is ConfigEntryState.LOADED
    await until(lambda: empty_house.entry.runtime_data.microphones[KITCHEN].status.problem)
    assert await hass.config_entries.async_unload(empty_house.entry.entry_id)
    assert not listening_threads()
    assert children() == before
