"""Whoever is alerted learns as well that the guard is armed and not every microphone listens."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse, callback

from .conftest import House
from .fakes import gone
from .test_binary_sensor import later

PANEL = "alarm_control_panel.sound_guard"
PHONE = "notify.mobile_app_anna"

type Tell = Callable[[ServiceCall], None]


class Phone:
    """A phone with the app."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Turn it on."""
        self.told: list[dict[str, Any]] = []
        self.is_off = False
        hass.services.async_register(
            "notify", PHONE.partition(".")[2], self._take, supports_response=SupportsResponse.NONE
        )

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
