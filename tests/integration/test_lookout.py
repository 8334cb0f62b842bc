"""An armed guard says which microphones do not listen."""

from datetime import timedelta

import pytest
from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import State
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed, mock_restore_cache

from custom_components.sound_guard import deafness
from custom_components.sound_guard.guard import LEFT
from custom_components.sound_guard.lookout import LOOK_EVERY, NOTIFICATION_ID

from .conftest import KITCHEN, House, microphone, until
from .fakes import gone
from .two_rooms import add_hall

PANEL = "alarm_control_panel.sound_guard"
TITLE = "Sound Guard is armed, but not every microphone listens"


def warning(house: House) -> str | None:
    """Return the notification that the owner sees, None when there is none."""
    notification = persistent_notification._async_get_or_create_notifications(house.hass).get(NOTIFICATION_ID)
    assert notification is None or notification["title"] == TITLE
    return notification["message"] if notification else None


def named(house: House) -> list[str]:
    """Return the microphones that the panel names."""
    names: list[str] = house.attributes(PANEL)["not_listening"]
    return names


async def go_offline(house: House) -> None:
    """Let the sound of every microphone fail."""
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")


async def come_back(house: House) -> None:
    """Let sound arrive again."""
    house.room.fault = None
    await house.until("binary_sensor.kitchen_connectivity", "on")


def look(house: House) -> None:
    """Let the time pass until the next look."""
    async_fire_time_changed(house.hass, dt_util.utcnow() + LOOK_EVERY)


@pytest.fixture
async def two_rooms(empty_house: House) -> House:
    """Return a house with microphones in kitchen and hall."""
    empty_house.add(microphone("Hall", "hall_id", source="pulse:usb"))
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"exit_delay": 0})
    await empty_house.set_up()
    for name in ("kitchen", "hall"):
        await empty_house.until(f"binary_sensor.{name}_connectivity", "on")
    return empty_house


async def test_all_is_well_while_every_microphone_listens(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.call("alarm_arm_away", PANEL)
    look(house)
    assert (named(house), warning(house)) == ([], None)
    assert "not every microphone" not in caplog.text


async def test_arming_with_a_microphone_offline_works_and_warns(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await go_offline(house)
    assert (named(house), warning(house)) == ([], None), "a guard at rest has nothing to warn about"
    await house.call("alarm_arm_away", PANEL)
    assert house.state(PANEL) == "arming"
    assert (named(house), warning(house)) == (["Kitchen"], "The microphone Kitchen is offline.")
    assert "Armed, but not every microphone listens: Kitchen (offline)" in caplog.text


async def test_the_warning_goes_when_the_microphone_is_back(house: House) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    await come_back(house)
    await until(lambda: not named(house))
    assert warning(house) is None


async def test_the_warning_goes_when_the_guard_is_disarmed(house: House) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    await house.call("alarm_disarm", PANEL)
    assert (named(house), warning(house)) == ([], None)
    look(house)
    assert (named(house), warning(house)) == ([], None)


async def test_a_microphone_that_fails_while_armed_is_named_by_the_next_look(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    await go_offline(house)
    assert named(house) == []
    look(house)
    assert (named(house), warning(house)) == (["Kitchen"], "The microphone Kitchen is offline.")


async def test_a_muted_microphone_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deafness, "SILENT_AFTER_S", 1.0)
    house.room.hum = 0
    await until(lambda: house.microphone.status.connected and not house.microphone.status.hears, timeout_s=20)
    await house.call("alarm_arm_away", PANEL)
    assert named(house) == ["Kitchen"]
    assert warning(house) == "The microphone Kitchen delivers nothing but silence. Is it muted?"


async def test_a_microphone_that_is_off_on_purpose_is_named_without_a_warning(two_rooms: House) -> None:
    await two_rooms.call("turn_off", "switch.hall_listening")
    await two_rooms.call("alarm_arm_night", PANEL)
    assert (named(two_rooms), warning(two_rooms)) == (["Hall"], None)


async def test_a_guard_that_hears_nothing_at_all_warns_whatever_the_reason(two_rooms: House) -> None:
    for name in ("hall", "kitchen"):
        await two_rooms.call("turn_off", f"switch.{name}_listening")
    await two_rooms.call("alarm_arm_night", PANEL)
    expected = "The microphone Kitchen is switched off.\nThe microphone Hall is switched off."
    assert (named(two_rooms), warning(two_rooms)) == (["Kitchen", "Hall"], expected)


async def test_a_warning_that_was_put_away_does_not_come_back_while_nothing_is_new(two_rooms: House) -> None:
    await go_offline(two_rooms)
    await two_rooms.until("binary_sensor.hall_connectivity", "off")
    await two_rooms.call("alarm_arm_away", PANEL)
    assert warning(two_rooms) == "The microphone Kitchen is offline.\nThe microphone Hall is offline."
    persistent_notification.async_dismiss(two_rooms.hass, NOTIFICATION_ID)
    await two_rooms.call("alarm_arm_home", PANEL)
    look(two_rooms)
    assert warning(two_rooms) is None


async def test_what_somebody_does_to_a_microphone_is_named_at_once(two_rooms: House) -> None:
    await two_rooms.call("alarm_arm_night", PANEL)
    await two_rooms.call("turn_off", "switch.hall_listening")
    assert (named(two_rooms), warning(two_rooms)) == (["Hall"], None)
    await two_rooms.call("press", "button.kitchen_walk_test")
    expected = "The microphone Kitchen is in a walk test, so the guard does not hear it."
    assert named(two_rooms) == ["Kitchen", "Hall"]
    assert (warning(two_rooms) or "").startswith(expected)
    two_rooms.entry.runtime_data.walk_tests[KITCHEN].stop()
    assert (named(two_rooms), warning(two_rooms)) == (["Hall"], None)
    await two_rooms.call("turn_on", "switch.hall_listening")
    await until(lambda: not named(two_rooms))


async def test_a_house_without_microphones_is_no_guarded_house(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    assert warning(house) is None
    await house.call("alarm_arm_away", PANEL)
    assert warning(house) == "There is no microphone, so the guard hears nothing. Add one to Sound Guard."
    assert "Armed, but there is no microphone" in caplog.text
    await house.call("alarm_disarm", PANEL)
    assert warning(house) is None


async def test_removing_the_last_microphone_of_an_armed_house_warns(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    house.hass.config_entries.async_remove_subentry(house.entry, KITCHEN)
    await house.hass.async_block_till_done()
    look(house)
    assert (warning(house) or "").startswith("There is no microphone")


async def test_a_change_of_the_options_neither_takes_the_warning_back_nor_brings_it_again(house: House) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    changes: list[persistent_notification.UpdateType] = []
    persistent_notification.async_register_callback(house.hass, lambda change, _: changes.append(change))
    await house.reload()
    look(house)
    assert (named(house), warning(house)) == (["Kitchen"], "The microphone Kitchen is offline.")
    assert not changes
    persistent_notification.async_dismiss(house.hass, NOTIFICATION_ID)
    await house.reload()
    look(house)
    assert (named(house), warning(house)) == (["Kitchen"], None)


async def test_a_change_of_the_options_that_makes_a_microphone_well_takes_the_warning_back(house: House) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    house.room.fault = None
    await house.reload()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    look(house)
    assert (named(house), warning(house)) == ([], None)


async def test_a_guard_that_is_closed_by_a_change_of_the_options_does_not_call_its_microphones_offline(
    house: House,
) -> None:
    await house.call("alarm_arm_away", PANEL)
    await house.call("press", "button.kitchen_walk_test")
    told = warning(house)
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert warning(house) == told


@pytest.mark.parametrize("removed", [False, True])
async def test_who_gives_sound_guard_up_need_not_be_warned(house: House, removed: bool) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    entries = house.hass.config_entries
    if removed:
        await entries.async_remove(house.entry.entry_id)
    else:
        await entries.async_set_disabled_by(house.entry.entry_id, ConfigEntryDisabler.USER)
    assert warning(house) is None


async def test_a_switch_right_after_a_change_of_the_options_takes_no_warning_back(house: House) -> None:
    await add_hall(house)
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    assert "Kitchen" in (warning(house) or "")
    await house.reload()
    await house.call("turn_off", "switch.hall_listening")
    await house.hass.async_block_till_done()
    assert "Kitchen" in (warning(house) or "")


async def test_a_guard_that_is_disarmed_after_a_change_of_the_options_warns_no_more(house: House) -> None:
    await go_offline(house)
    await house.call("alarm_arm_away", PANEL)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    house.hass.data[LEFT] = {}
    mock_restore_cache(house.hass, [State(PANEL, "disarmed")])
    await house.set_up()
    assert (house.state(PANEL), warning(house)) == ("disarmed", None)


async def test_after_a_restart_there_is_time_to_open_the_microphones(empty_house: House) -> None:
    mock_restore_cache(empty_house.hass, [State(PANEL, "armed_away")])
    empty_house.room.fault = gone()
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "off")
    assert (empty_house.state(PANEL), named(empty_house)) == ("armed_away", [])
    async_fire_time_changed(empty_house.hass, dt_util.utcnow() + LOOK_EVERY + timedelta(seconds=1))
    assert warning(empty_house) == "The microphone Kitchen is offline."
