"""Alerts that nobody has cared about, over a restart: they are shown, repeated and answered as before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_capture_events, async_mock_service

from custom_components.sound_guard.incident import INCIDENTS, MOST_SOUNDS
from custom_components.sound_guard.src.hearing.detection import Phase

from .clip_house import hear, pages
from .conftest import House, until
from .test_alerts import (
    FAMILY,
    PHONE,
    buttons,
    fails_at_first,
    family,
    later,
    notifications,
    phone,
    press,
    retries_s,
    sent,
    start,
    told,
)
from .test_calm import Sound, configure
from .two_rooms import add_hall, hall_microphone

__all__ = ["family", "phone", "told"]

STORED = "sound_guard.alerts"


def lose_power(hass: HomeAssistant) -> None:
    """Forget what Home Assistant keeps in memory."""
    hass.data.pop(INCIDENTS)
    _async_get_or_create_notifications(hass).clear()


async def restart(house: House) -> None:
    """Restart Home Assistant, as far as alerts can tell."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    lose_power(house.hass)
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")


async def test_an_open_alert_is_shown_and_repeated_after_a_restart_until_all_is_clear(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await configure(told, repeat=5)
    await add_hall(told)
    await start(told)
    Sound(hall_microphone(told), "smoke_alarm", 0.99).hear(Phase.STARTED)
    await told.hass.async_block_till_done()
    before = notifications(told.hass)
    await restart(told)
    assert notifications(told.hass) == before
    assert "Also heard by: Kitchen." in before[0][1]
    assert len(sent(phone)) == len(family) == 1, "who knows of it is not told again"
    await later(told.hass, 5)
    assert len(sent(phone)) == len(family) == 2
    await press(told, buttons(phone[0])[0])
    assert phone[-1].data["message"] == "clear_notification"
    assert notifications(told.hass) == []
    await restart(told)
    await later(told.hass, 10)
    assert notifications(told.hass) == []
    assert len(family) == 2


async def test_a_false_alarm_is_noted_after_a_restart(keeper: House, phone: list[ServiceCall]) -> None:
    await configure(keeper, notify=[PHONE])
    verdicts = async_capture_events(keeper.hass, "sound_guard_verdict")
    sound = await start(keeper)
    sound.show(complete=True)
    await until(lambda: pages(keeper))
    await keeper.hass.async_block_till_done()
    await restart(keeper)
    assert "/api/sound_guard/clips/" in notifications(keeper.hass)[0][1], "its picture was kept"
    await press(keeper, buttons(phone[0])[1])
    await until(lambda: verdicts)
    assert (verdicts[0].data["clip"], verdicts[0].data["kept"]) == (sound.id, True)
    assert [page["verdict"] for page in pages(keeper)] == ["false_alarm"]


async def test_a_picture_that_was_not_kept_is_not_shown_after_a_restart(told: House) -> None:
    sound = await start(told)
    sound.show(complete=True)
    await until(lambda: "![](" in notifications(told.hass)[0][1])
    await restart(told)
    assert "![](" not in notifications(told.hass)[0][1]


async def test_whoever_was_not_reached_before_a_restart_is_told_after_it(told: House, phone: list[ServiceCall]) -> None:
    fails_at_first(told.hass, "send_message", 99)
    with retries_s(60):
        await start(told)
    family: list[ServiceCall] = async_mock_service(told.hass, "notify", "send_message")
    with retries_s(0.01):
        await restart(told)
        await until(lambda: family)
    assert family[0].data["entity_id"] == FAMILY
    assert len(sent(phone)) == 1


async def test_it_is_on_the_disk_before_anybody_could_pull_a_plug(told: House, hass_storage: dict[str, Any]) -> None:
    await start(told)
    (stored,) = hass_storage[STORED]["data"]
    assert (stored["label"], stored["mode"], stored["owed"]) == ("smoke_alarm", "disarmed", [])


async def test_an_alert_of_the_day_before_is_forgotten(told: House, hass_storage: dict[str, Any]) -> None:
    await start(told)
    (stored,) = hass_storage[STORED]["data"]
    stored["began"] = (datetime.fromisoformat(stored["began"]) - timedelta(days=1)).isoformat()
    await restart(told)
    assert notifications(told.hass) == []


@pytest.mark.parametrize(
    "change",
    [
        {"label": "barking"},
        {"label": []},
        {"id": "../x"},
        {"mode": "asleep"},
        {"witnessed": []},
        {"sounds": []},
        {"began": "yesterday"},
    ],
)
async def test_what_makes_no_sense_is_left_out(
    told: House, hass_storage: dict[str, Any], change: dict[str, Any]
) -> None:
    await start(told)
    await start(told, "co_alarm")
    hass_storage[STORED]["data"][0] |= change
    await restart(told)
    assert [title for title, _ in notifications(told.hass)] == ["Carbon-monoxide alarm: Kitchen"]


async def test_a_beep_that_comes_again_for_hours_does_not_fill_the_disk(
    told: House, hass_storage: dict[str, Any]
) -> None:
    await add_hall(told)
    Sound(hall_microphone(told), "smoke_alarm", 0.99).hear(Phase.STARTED)
    for _ in range(MOST_SOUNDS + 5):
        beep = Sound(told.microphone, "smoke_alarm")
        beep.hear(Phase.STARTED)
        beep.hear(Phase.ENDED)
    await told.hass.async_block_till_done()
    (stored,) = hass_storage[STORED]["data"]
    assert len(stored["sounds"]) == MOST_SOUNDS + 1, "those, and what the hall has heard"
    await restart(told)
    assert "Also heard by: Kitchen." in notifications(told.hass)[0][1]


async def test_removing_sound_guard_removes_its_alerts(told: House, hass_storage: dict[str, Any]) -> None:
    await start(told)
    assert dt_util.parse_datetime(hass_storage[STORED]["data"][0]["began"])
    await told.hass.config_entries.async_remove(told.entry.entry_id)
    await told.hass.async_block_till_done()
    assert notifications(told.hass) == []
    assert STORED not in hass_storage
    assert INCIDENTS not in told.hass.data


async def test_an_alert_that_a_newer_one_has_replaced_stays_calm_after_a_restart(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await configure(told, repeat=5)
    (await start(told)).hear(Phase.ENDED)
    for incident in told.hass.data[INCIDENTS].values():
        for each in incident.witnessed.values():
            each.last_heard -= timedelta(hours=1)
    (await start(told)).hear(Phase.ENDED)
    assert len(family) == 2
    await press(told, buttons(phone[-1])[0])
    await restart(told)
    await later(told.hass, 6)
    assert len(family) == 2


async def test_a_clip_that_was_deleted_is_not_linked_after_a_restart_either(
    keeper: House, hass_storage: dict[str, Any]
) -> None:
    clip = await hear(keeper, "smoke_alarm")
    await keeper.hass.async_block_till_done()
    await keeper.hass.services.async_call("sound_guard", "delete_clip", {"clip": clip.id}, blocking=True)
    await keeper.hass.async_block_till_done()
    (stored,) = hass_storage["sound_guard.alerts"]["data"]
    assert [(each["has_clip"], each["has_picture"]) for each in stored["witnessed"]] == [(False, False)]
