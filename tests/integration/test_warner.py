"""Whoever is alerted learns as well that the guard is armed and not every microphone listens."""

import asyncio
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant, ServiceCall, State, callback
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import mock_restore_cache

from custom_components.sound_guard.guard import LEFT
from custom_components.sound_guard.lookout import WARNED
from custom_components.sound_guard.warner import SAID

from .conftest import House
from .fakes import gone
from .test_binary_sensor import later

PANEL = "alarm_control_panel.sound_guard"
PHONE = "notify.mobile_app_anna"


class Phone:
    """A phone with the app."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Turn it on."""
        self.told: list[dict[str, Any]] = []
        self.is_off = False
        hass.services.async_register("notify", PHONE.partition(".")[2], self._take)

    @callback
    def _take(self, call: ServiceCall) -> None:
        if self.is_off:
            raise OSError("no network")
        self.told.append(dict(call.data))

    def messages(self) -> list[str]:
        """Return the words that have arrived."""
        return [each["message"] for each in self.told]


@pytest.fixture
def phone(hass: HomeAssistant) -> Phone:
    """Return a phone that is on."""
    return Phone(hass)


async def wait(house: House, seconds: float) -> None:
    """Let time pass."""
    later(house.hass, seconds)
    await house.hass.async_block_till_done()


async def arm(house: House, **options: Any) -> None:
    """Arm a house whose alerts go to the phone."""
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0, "notify": [PHONE], **options})
    await house.hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_away", PANEL)


async def fail(house: House) -> None:
    """Let the kitchen's microphone fail, and the lookout see it."""
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    await wait(house, 31)
    assert house.attributes(PANEL)["not_listening"] == ["Kitchen"]


async def test_a_microphone_that_fails_while_the_guard_is_armed_is_told_after_a_minute(
    house: House, phone: Phone
) -> None:
    await arm(house)
    await fail(house)
    assert not phone.told
    await wait(house, 92)
    (told,) = phone.told
    assert told["title"] == "Sound Guard is armed, but not every microphone listens"
    assert told["message"] == "The microphone Kitchen is offline."
    assert told["data"]["tag"] == "sound_guard_not_listening"
    assert told["data"]["push"] == {"interruption-level": "time-sensitive"}
    await wait(house, 400)
    assert len(phone.told) == 1


async def test_what_is_over_within_a_minute_is_not_told(house: House, phone: Phone) -> None:
    await arm(house)
    await fail(house)
    house.room.fault = None
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await wait(house, 200)
    assert not phone.told


async def test_the_warning_is_taken_back_when_the_microphone_listens_again(house: House, phone: Phone) -> None:
    await arm(house)
    await fail(house)
    await wait(house, 92)
    house.room.fault = None
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await wait(house, 130)
    assert phone.messages() == ["The microphone Kitchen is offline.", "clear_notification"]


async def test_disarming_takes_the_warning_back(house: House, phone: Phone) -> None:
    await arm(house)
    await fail(house)
    await wait(house, 92)
    await house.call("alarm_disarm", PANEL)
    await house.hass.async_block_till_done()
    assert phone.messages()[-1] == "clear_notification"


async def test_a_phone_that_was_not_reached_is_tried_again(house: House, phone: Phone) -> None:
    await arm(house)
    phone.is_off = True
    await fail(house)
    await wait(house, 92)
    phone.is_off = False
    assert not phone.told
    await wait(house, 155)
    assert phone.messages() == ["The microphone Kitchen is offline."]


async def test_a_change_of_the_options_warns_of_nothing_a_second_time(house: House, phone: Phone) -> None:
    await arm(house)
    await fail(house)
    await wait(house, 92)
    await house.reload()
    await wait(house, 200)
    await wait(house, 300)
    assert phone.messages() == ["The microphone Kitchen is offline."]


async def test_whoever_does_not_want_it_is_not_warned(house: House, phone: Phone) -> None:
    await arm(house, warn=False)
    await fail(house)
    await wait(house, 92)
    assert not phone.told


async def test_nobody_is_warned_while_the_guard_is_disarmed(house: House, phone: Phone) -> None:
    await arm(house)
    await house.call("alarm_disarm", PANEL)
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    await wait(house, 31)
    await wait(house, 120)
    assert not phone.told


@pytest.fixture
async def warned(house: House, phone: Phone) -> House:
    """Return a house whose owner was warned of the kitchen."""
    await arm(house)
    await fail(house)
    await wait(house, 92)
    assert phone.messages() == ["The microphone Kitchen is offline."]
    return house


async def test_a_warning_that_is_over_after_a_restart_is_taken_back(warned: House, phone: Phone) -> None:
    await warned.hass.config_entries.async_unload(warned.entry.entry_id)
    del warned.hass.data[SAID], warned.hass.data[WARNED]
    warned.room.fault = None
    await warned.set_up()
    await warned.until("binary_sensor.kitchen_connectivity", "on")
    await wait(warned, 31)
    assert phone.messages()[1:] == ["clear_notification"]


async def test_a_warning_is_taken_back_if_the_guard_is_disarmed_after_a_restart(warned: House, phone: Phone) -> None:
    await warned.hass.config_entries.async_unload(warned.entry.entry_id)
    del warned.hass.data[SAID], warned.hass.data[WARNED], warned.hass.data[LEFT]
    mock_restore_cache(warned.hass, [State(PANEL, "disarmed")])
    await warned.set_up()
    await warned.hass.async_block_till_done()
    assert phone.messages()[1:] == ["clear_notification"]


async def test_a_warning_is_said_once_over_a_restart(warned: House, phone: Phone) -> None:
    await warned.hass.config_entries.async_unload(warned.entry.entry_id)
    del warned.hass.data[SAID], warned.hass.data[WARNED]
    await warned.set_up()
    for seconds in (31, 100, 200):
        await wait(warned, seconds)
    assert len(phone.told) == 1


async def test_whoever_does_not_want_to_be_warned_any_more_keeps_no_warning(warned: House, phone: Phone) -> None:
    options = {**warned.entry.options, "warn": False}
    warned.hass.config_entries.async_update_entry(warned.entry, options=options)
    await warned.hass.async_block_till_done()
    assert phone.messages()[1:] == ["clear_notification"]


async def test_disabling_sound_guard_takes_the_warning_back(warned: House, phone: Phone) -> None:
    await warned.hass.config_entries.async_set_disabled_by(warned.entry.entry_id, ConfigEntryDisabler.USER)
    await warned.hass.async_block_till_done()
    assert phone.messages()[1:] == ["clear_notification"]


async def test_removing_sound_guard_leaves_no_warning(
    warned: House, phone: Phone, hass_storage: dict[str, Any]
) -> None:
    await warned.hass.config_entries.async_remove(warned.entry.entry_id)
    await warned.hass.async_block_till_done()
    assert phone.messages()[1:] == ["clear_notification"]
    assert "sound_guard.warnings" not in hass_storage


@pytest.mark.parametrize("options", [{"notify": [PHONE]}, {"notify": []}], ids=["stays", "goes"])
async def test_a_warning_that_hangs_during_a_change_of_the_options_is_followed_by_the_new_ones_alone(
    house: House, options: dict[str, Any]
) -> None:
    goes_on, taken = asyncio.Event(), []

    async def take(call: ServiceCall) -> None:
        taken.append(call.data["message"])
        if not goes_on.is_set():
            await goes_on.wait()
            raise HomeAssistantError("too late")

    house.hass.services.async_register("notify", PHONE.partition(".")[2], take)
    await arm(house)
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    for seconds in (31, 92):
        later(house.hass, seconds)
        await asyncio.sleep(0.05)
    assert len(taken) == 1
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0, **options})
    await asyncio.sleep(0.3)
    goes_on.set()
    for seconds in (130, 200, 300):
        await wait(house, seconds)
    assert taken == ["The microphone Kitchen is offline."] * (1 + len(options["notify"]))
