"""Alerts: who is told what, how often, and what the owner says to it."""

import asyncio
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.components.persistent_notification import _async_get_or_create_notifications, async_dismiss_all
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.network import NoURLAvailableError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.sound_guard import alert_message, alerts as alerts_file, delivery, recipient, vitals
from custom_components.sound_guard.alerts import EVENT_BUTTON
from custom_components.sound_guard.clip_store import ClipStore
from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics
from custom_components.sound_guard.incident import INCIDENTS
from custom_components.sound_guard.news import Status
from custom_components.sound_guard.src.hearing.detection import Phase
from custom_components.sound_guard.src.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ

from .clip_house import pages
from .conftest import House, until
from .fakes import QUIET
from .test_calm import Sound, configure, put_into_kitchen
from .test_options_flow import fill_in, shown, turn_to
from .two_rooms import add_hall, hall_microphone

PANEL = "alarm_control_panel.sound_guard"
PHONE = "notify.mobile_app_pixel"
FAMILY = "notify.family"
ALL = ["disarmed", "armed_away", "armed_home", "armed_night"]
ARMED = ALL[1:]


@pytest.fixture
def phone(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what a phone is told."""
    calls: list[ServiceCall] = async_mock_service(hass, "notify", "mobile_app_pixel")
    return calls


@pytest.fixture
def family(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what the family is told, which cannot be shown pictures."""
    hass.states.async_set(FAMILY, "unknown")
    calls: list[ServiceCall] = async_mock_service(hass, "notify", "send_message")
    return calls


@pytest.fixture
async def told(house: House, phone: list[ServiceCall], family: list[ServiceCall]) -> House:
    """Return a house that tells a phone and the family, for every sound at all times."""
    always = dict.fromkeys(("glass_break", "smoke_alarm", "co_alarm"), ALL)
    await configure(house, notify=[PHONE, FAMILY], alerts=always)
    return house


def notifications(hass: HomeAssistant) -> list[tuple[str | None, str]]:
    """Return the titles and texts of what Home Assistant itself shows."""
    return [(each["title"], each["message"]) for each in _async_get_or_create_notifications(hass).values()]


def sent(calls: list[ServiceCall]) -> list[dict[str, Any]]:
    """Return what a phone was told with noise."""
    return [
        dict(call.data)
        for call in calls
        if "alert_once" not in call.data["data"] and call.data["message"][:6] != "clear_"
    ]


async def press(house: House, button: str) -> None:
    """Press a button of a message."""
    house.hass.bus.async_fire(EVENT_BUTTON, {"action": button})
    await house.hass.async_block_till_done()


def buttons(call: ServiceCall) -> tuple[str, str]:
    """Return the ids of both buttons of a message."""
    clear, wrong = call.data["data"]["actions"][:2]
    assert (clear["title"], wrong["title"]) == ("All clear", "False alarm")
    return clear["action"], wrong["action"]


def fails_at_first(hass: HomeAssistant, service: str, times: int = 1) -> list[ServiceCall]:
    """Let a service fail so many times, and return what it takes from then on."""
    taken: list[ServiceCall] = []
    failures = iter(range(times))

    @callback
    def take(call: ServiceCall) -> None:
        if next(failures, None) is not None:
            raise HomeAssistantError("no network")
        taken.append(call)

    hass.services.async_register("notify", service, take)
    return taken


def retries_s(*waits_s: float) -> Any:
    """Set how long to wait before each new try to reach somebody."""
    return patch.object(delivery, "RETRY_S", waits_s)


async def later(hass: HomeAssistant, minutes: float) -> None:
    """Let time pass."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=minutes, seconds=1))
    await hass.async_block_till_done()


async def start(house: House, label: str = "smoke_alarm") -> Sound:
    """Let the kitchen hear a sound that goes on."""
    sound = Sound(house.microphone, label, 0.98)
    sound.hear(Phase.STARTED)
    await house.hass.async_block_till_done()
    return sound


async def test_with_nothing_configured_home_assistant_shows_smoke_in_words(hass: HomeAssistant, house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    ((title, message),) = notifications(hass)
    assert title == "Smoke alarm: Kitchen"
    words = "Smoke alarm, heard by the microphone Kitchen on DAY TIME, 98 % sure. The guard was disarmed."
    message = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DAY TIME", message)
    assert message.partition("\n")[0] == words


async def test_with_nothing_configured_glass_is_alerted_when_it_raises_the_alarm(
    hass: HomeAssistant, house: House
) -> None:
    await start(house, "glass_break")
    assert notifications(hass) == []
    await configure(house, exit_delay=30)
    await house.call("alarm_arm_night", PANEL)
    await start(house, "glass_break")
    assert notifications(hass) == [], "somebody is still leaving"
    await configure(house, exit_delay=0)
    await house.call("alarm_disarm", PANEL)
    await house.call("alarm_arm_night", PANEL)
    await start(house, "glass_break")
    ((title, message),) = notifications(hass)
    assert title == "Breaking glass: Kitchen"
    assert "The guard was armed night." in message


async def test_the_area_is_named(hass: HomeAssistant, house: House) -> None:
    put_into_kitchen(hass, house, tv=False)
    hass.config_entries.async_update_subentry(house.entry, next(iter(house.entry.subentries.values())), title="Shelf")
    await hass.async_block_till_done()
    await start(house, "co_alarm")
    ((title, message),) = notifications(hass)
    assert title == "Carbon-monoxide alarm: Kitchen"
    assert "heard by the microphone Shelf (Kitchen) on" in message, "some recipients are shown no title"


async def test_only_what_the_owner_wants_is_alerted_when_it_is_wanted(
    hass: HomeAssistant, house: House, phone: list[ServiceCall]
) -> None:
    modes = {"glass_break": ["disarmed"], "smoke_alarm": ["armed_away"], "co_alarm": []}
    await configure(house, notify=[PHONE], alerts=modes, persistent=False, exit_delay=0)
    for label in ("smoke_alarm", "co_alarm", "glass_break"):
        await start(house, label)
    assert [each["title"] for each in sent(phone)] == ["Breaking glass: Kitchen"]
    await house.call("alarm_disarm", PANEL)
    await house.call("alarm_arm_away", PANEL)
    await start(house, "co_alarm")
    assert len(sent(phone)) == 1
    assert notifications(hass) == []


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm", "glass_break"])
async def test_a_phone_is_woken_for_smoke_and_carbon_monoxide(
    told: House, phone: list[ServiceCall], label: str
) -> None:
    await start(told, label)
    data = phone[0].data["data"]
    is_critical = label != "glass_break"
    assert data["push"]["interruption-level"] == ("critical" if is_critical else "time-sensitive")
    assert data["push"]["sound"].get("critical") == (1 if is_critical else None)
    assert data["channel"] == ("alarm_stream" if is_critical else "Sound Guard")
    assert (data["ttl"], data["priority"]) == (0, "high")


async def test_the_picture_follows_without_noise(
    told: House, phone: list[ServiceCall], family: list[ServiceCall], hass_client_no_auth: ClientSessionGenerator
) -> None:
    told.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 3)
    await told.until_quiet()
    first, *updates = (call.data["data"] for call in phone)
    assert "image" not in first
    for update in updates:
        assert update["tag"] == first["tag"]
        assert update["alert_once"] is True
        assert update["push"]["sound"] == "none"
        assert len(update["actions"]) == 2, "no clips are kept"
    client = await hass_client_no_auth()
    link = updates[-1]["image"]
    assert (await client.get(link)).status == HTTPStatus.OK
    assert (await client.get(link.partition("?")[0])).status != HTTPStatus.OK
    assert link.partition("?")[0] in notifications(told.hass)[0][1]
    assert len(family) == 1, "what cannot be replaced is not sent twice"
    assert family[0].data.keys() == {"entity_id", "title", "message"}


async def test_a_picture_comes_with_its_own_alert_only(told: House, phone: list[ServiceCall]) -> None:
    await start(told, "co_alarm")
    told.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 4)
    await told.until_quiet()
    assert {call.data["title"] for call in phone if "image" in call.data["data"]} == {"Smoke alarm: Kitchen"}


async def test_a_clip_that_is_kept_comes_along(
    keeper: House, phone: list[ServiceCall], hass_client_no_auth: ClientSessionGenerator
) -> None:
    await configure(keeper, notify=[PHONE])
    await keeper.hass.config.async_update(external_url="https://home.example")
    keeper.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 3)
    await keeper.until_quiet()
    client = await hass_client_no_auth()
    data = phone[-1].data["data"]
    assert "audio" not in data, "an iPhone would show it instead of the picture"
    listen = data["actions"][2]
    assert (listen["action"], listen["title"]) == ("URI", "Listen")
    for link in (data["image"], listen["uri"].removeprefix("https://home.example")):
        assert (await client.get(link)).status == HTTPStatus.OK
        assert (await client.get(link.partition("?")[0])).status == HTTPStatus.UNAUTHORIZED


async def test_a_house_without_an_address_offers_no_clip(keeper: House, phone: list[ServiceCall]) -> None:
    await configure(keeper, notify=[PHONE])
    with patch.object(alert_message, "get_url", side_effect=NoURLAvailableError):
        keeper.room.play("smoke_alarm")
        await until(lambda: len(phone) >= 3)
        await keeper.until_quiet()
    assert "image" in phone[-1].data["data"]
    assert len(phone[-1].data["data"]["actions"]) == 2


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm", "glass_break"])
async def test_a_locked_iphone_clears_everything_but_glass(told: House, phone: list[ServiceCall], label: str) -> None:
    await start(told, label)
    locked = [button["authenticationRequired"] for button in phone[0].data["data"]["actions"]]
    assert locked == [label == "glass_break"] * 2


async def test_a_link_to_a_picture_never_shows_another_one(
    told: House, phone: list[ServiceCall], hass_client_no_auth: ClientSessionGenerator
) -> None:
    er.async_get(told.hass).async_remove("image.kitchen_last_detection")
    client = await hass_client_no_auth()
    told.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 3)
    await told.until_quiet()
    link = phone[-1].data["data"]["image"]
    picture = await (await client.get(link)).read()
    assert b"Smoke alarm" in picture
    before = len(phone)
    told.room.play("glass_break")
    await until(lambda: len(phone) >= before + 3)
    await told.until_quiet()
    assert (await client.get(link)).status == HTTPStatus.NOT_FOUND


async def test_a_picture_that_cannot_be_drawn_is_left_out(told: House, phone: list[ServiceCall]) -> None:
    told.room.draw_fault = ValueError("no paper")
    told.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 3)
    await told.until_quiet()
    assert all("image" not in call.data["data"] for call in phone)


async def test_a_recipient_that_fails_does_not_keep_the_others_from_being_told(
    told: House, phone: list[ServiceCall], caplog: pytest.LogCaptureFixture
) -> None:
    async_mock_service(told.hass, "notify", "send_message", raise_exception=HomeAssistantError("no network"))
    await start(told)
    await start(told, "glass_break")
    assert len(sent(phone)) == 2
    assert caplog.text.count("notify.family cannot be told: no network") == 1
    async_mock_service(told.hass, "notify", "send_message")
    await start(told, "co_alarm")
    assert caplog.text.count("notify.family can be told again") == 1


async def test_a_recipient_that_never_answers_holds_nobody_up(
    told: House, phone: list[ServiceCall], caplog: pytest.LogCaptureFixture
) -> None:
    async def never(call: ServiceCall) -> None:
        await asyncio.Event().wait()

    told.hass.services.async_register("notify", "send_message", never)
    with patch("custom_components.sound_guard.recipient.PATIENCE_S", 0.05):
        await start(told)
        assert len(sent(phone)) == 1
        await until(lambda: "notify.family cannot be told: TimeoutError" in caplog.text)


async def test_who_could_not_be_reached_is_told_later_with_noise(told: House) -> None:
    phone, family = fails_at_first(told.hass, "mobile_app_pixel", 2), fails_at_first(told.hass, "send_message", 2)
    with retries_s(0.01, 0.01, 0.01):
        await start(told)
        assert phone == family == []
        await until(lambda: phone and family)
        await asyncio.sleep(0.05)
    assert len(phone) == len(family) == 1, "whoever knows is not told again"
    data = phone[0].data["data"]
    assert data["push"]["interruption-level"] == "critical"
    assert "alert_once" not in data


async def test_a_phone_that_is_there_a_moment_after_the_alert_is_told(house: House) -> None:
    await configure(house, notify=[PHONE])
    with retries_s(0.01, 0.01, 60):
        await start(house)
        phone: list[ServiceCall] = async_mock_service(house.hass, "notify", "mobile_app_pixel")
        await until(lambda: phone)
    assert len(sent(phone)) == 1


async def test_more_is_said_with_noise_to_those_who_know_nothing_yet(told: House) -> None:
    phone, family = fails_at_first(told.hass, "mobile_app_pixel"), fails_at_first(told.hass, "send_message")
    told.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 2)
    await told.until_quiet()
    assert len(sent(phone)) == len(family) == 1
    assert "image" in phone[0].data["data"]


async def test_nobody_is_tried_any_more_when_all_is_clear(told: House, phone: list[ServiceCall]) -> None:
    family = fails_at_first(told.hass, "send_message")
    with retries_s(0.05):
        await start(told)
        await press(told, buttons(phone[0])[0])
        await asyncio.sleep(0.1)
    assert family == []


async def test_of_two_alerts_of_a_sound_only_the_new_one_is_tried_again(told: House) -> None:
    family = fails_at_first(told.hass, "send_message", 2)
    with retries_s(0.05), patch("custom_components.sound_guard.incident.TOGETHER", timedelta(0)):
        sound = await start(told)
        sound.hear(Phase.ENDED)
        await start(told)
        await until(lambda: family)
        await asyncio.sleep(0.1)
    assert len(family) == 1


async def test_a_change_of_the_options_keeps_on_trying_those_who_were_to_be_told(
    told: House, phone: list[ServiceCall]
) -> None:
    family = fails_at_first(told.hass, "send_message")
    with retries_s(0.05):
        await start(told)
        await configure(told, notify=[PHONE, FAMILY, "notify.mobile_app_new"])
        new: list[ServiceCall] = async_mock_service(told.hass, "notify", "mobile_app_new")
        await until(lambda: family)
        await asyncio.sleep(0.1)
    assert len(sent(phone)) == 1
    assert new == [], "an old alert is no news for somebody who was added later"


async def test_a_house_that_is_closed_tries_nobody(told: House) -> None:
    family = fails_at_first(told.hass, "send_message")
    with retries_s(0.05):
        await start(told)
        await told.hass.config_entries.async_unload(told.entry.entry_id)
        await asyncio.sleep(0.1)
    assert family == []


def test_tries_come_soon_at_first_and_end_after_a_day() -> None:
    assert delivery.RETRY_S[:5] == (5, 15, 30, 60, 60)
    assert sum(delivery.RETRY_S) == pytest.approx(timedelta(days=1).total_seconds(), abs=120)


async def test_several_microphones_make_one_alert_that_names_the_loudest(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    hall = await add_hall(told)
    await until(lambda: told.microphone.vitals and hall_microphone(told).vitals)
    await start(told)
    hall.hum = 3_000
    await until(lambda: (level := hall_microphone(told).level) is not None and level.rms_dbfs > -25)
    sound = Sound(hall_microphone(told), "smoke_alarm", 0.95)
    sound.hear(Phase.STARTED)
    await told.hass.async_block_till_done()
    assert len(sent(phone)) == len(family) == 1
    assert phone[0].data["title"] == "Smoke alarm: Kitchen"
    assert phone[-1].data["title"] == "Smoke alarm: Hall"
    assert "Also heard by: Kitchen." in phone[-1].data["message"]
    ((title, _),) = notifications(told.hass)
    assert title == "Smoke alarm: Hall"


@pytest.mark.parametrize("alarm_s", [1, 4])
async def test_an_alarm_that_was_heard_before_it_was_known_is_not_taken_for_the_room(
    told: House, phone: list[ServiceCall], alarm_s: int
) -> None:
    hall = await add_hall(told)
    await told.hass.config_entries.async_unload(told.entry.entry_id)
    second = SAMPLE_RATE_HZ // BLOCK_SAMPLES
    alarm = [3_000] * (alarm_s * second)
    hall.blocks.extend([QUIET] * (10 * second - len(alarm)) + alarm)
    hall.hum = 3_000
    with patch.object(vitals, "FIRST_REPORT_S", 10.0), patch.object(vitals, "REPORT_S", 1e9):
        await told.set_up()
        await until(lambda: told.microphone.vitals and hall_microphone(told).vitals)
        # Fainter, and the surer of the two.
        told.room.hum = 500
        await until(lambda: (level := told.microphone.level) is not None and level.rms_dbfs > -40)
        Sound(hall_microphone(told), "smoke_alarm", 0.95).hear(Phase.STARTED)
        await start(told)
    assert phone[-1].data["title"] == "Smoke alarm: Hall"


async def test_of_two_that_are_as_loud_the_surer_is_named(told: House, phone: list[ServiceCall]) -> None:
    await add_hall(told)
    kitchen = await start(told)
    hall = Sound(hall_microphone(told), "smoke_alarm", 0.95)
    hall.hear(Phase.STARTED)
    await told.hass.async_block_till_done()
    assert phone[-1].data["title"] == "Smoke alarm: Kitchen"
    hall.hear(Phase.CONTINUED, 0.99)
    kitchen.hear(Phase.CONTINUED)
    await told.hass.async_block_till_done()
    assert phone[-1].data["title"] == "Smoke alarm: Hall"
    assert len(sent(phone)) == 1


async def test_what_is_heard_later_is_another_alert(told: House, phone: list[ServiceCall]) -> None:
    await add_hall(told)
    sound = await start(told)
    with patch("custom_components.sound_guard.incident.TOGETHER", timedelta(0)):
        Sound(hall_microphone(told), "smoke_alarm").hear(Phase.STARTED)
        await told.hass.async_block_till_done()
        assert len(sent(phone)) == 1, "it is heard all the time"
        sound.hear(Phase.ENDED)
        hall_microphone(told).screen(Status(connected=False, problem="lost"))
        await start(told)
        assert len(sent(phone)) == 2


async def test_all_clear_takes_the_alert_back_and_does_not_disarm(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    sound = await start(told)
    assert told.state(PANEL) == "triggered"
    await press(told, buttons(phone[0])[0])
    assert notifications(told.hass) == []
    assert phone[-1].data["message"] == "clear_notification"
    assert phone[-1].data["data"] == {"tag": phone[0].data["data"]["tag"]}
    assert told.state(PANEL) == "triggered"
    count = len(phone)
    sound.hear(Phase.CONTINUED)
    sound.show()
    await told.hass.async_block_till_done()
    await told.until_quiet()
    await press(told, buttons(phone[0])[0])
    assert (len(phone), len(family)) == (count, 1), "nobody hears of it again"
    assert notifications(told.hass) == []


async def test_another_room_is_news_after_all_was_clear(told: House, phone: list[ServiceCall]) -> None:
    await add_hall(told)
    await start(told)
    await press(told, buttons(phone[0])[0])
    with patch("custom_components.sound_guard.incident.TOGETHER", timedelta(0)):
        Sound(hall_microphone(told), "smoke_alarm").hear(Phase.STARTED)
        await told.hass.async_block_till_done()
    assert [each["title"] for each in sent(phone)] == ["Smoke alarm: Kitchen", "Smoke alarm: Hall"]


async def test_a_sound_that_comes_back_where_it_had_ended_is_news_after_all_was_clear(
    told: House, phone: list[ServiceCall]
) -> None:
    await add_hall(told)
    kitchen = await start(told)
    Sound(hall_microphone(told), "smoke_alarm", 0.95).hear(Phase.STARTED)
    await told.hass.async_block_till_done()
    await press(told, buttons(phone[0])[0])
    kitchen.hear(Phase.ENDED)
    kitchen = await start(told)
    assert len(sent(phone)) == 1, "a moment later it is the same sound"
    kitchen.hear(Phase.ENDED)
    with patch("custom_components.sound_guard.incident.TOGETHER", timedelta(0)):
        await start(told)
    assert [each["title"] for each in sent(phone)] == ["Smoke alarm: Kitchen"] * 2, "the hall has heard it all the time"


async def test_a_false_alarm_is_noted_with_the_clip_and_in_the_history(keeper: House, phone: list[ServiceCall]) -> None:
    await configure(keeper, notify=[PHONE])
    verdicts = async_capture_events(keeper.hass, "sound_guard_verdict")
    keeper.room.play("smoke_alarm")
    await until(lambda: len(phone) >= 3)
    await keeper.until_quiet()
    await press(keeper, buttons(phone[0])[1])
    await until(lambda: bool(verdicts))
    assert [page["verdict"] for page in pages(keeper)] == ["false_alarm"]
    assert phone[-1].data["message"] == "clear_notification"
    assert notifications(keeper.hass) == []


async def test_a_false_alarm_is_noted_for_every_sound_of_the_alert_though_nothing_is_kept(
    told: House, phone: list[ServiceCall]
) -> None:
    verdicts = async_capture_events(told.hass, "sound_guard_verdict")
    await add_hall(told)
    first = await start(told)
    first.hear(Phase.ENDED)
    again = await start(told)
    hall = Sound(hall_microphone(told), "smoke_alarm")
    hall.hear(Phase.STARTED)
    glass = await start(told, "glass_break")
    glass.show(complete=True)
    await configure(told, notify=[PHONE], repeat=5)
    await press(told, buttons(phone[0])[1])
    assert [each.data["clip"] for each in verdicts] == [first.id, again.id, hall.id]
    (verdict, *_, other) = (each.data for each in verdicts)
    assert (verdict["sound"], verdict["verdict"], verdict["kept"]) == ("smoke_alarm", "false_alarm", False)
    assert (verdict["microphone"], other["microphone"]) == ("Kitchen", "Hall")
    assert verdict["entity_id"] == "event.kitchen_sound_heard"


async def test_a_clip_that_comes_after_its_verdict_is_judged(keeper: House, phone: list[ServiceCall]) -> None:
    await configure(keeper, notify=[PHONE])
    verdicts = async_capture_events(keeper.hass, "sound_guard_verdict")
    sound = await start(keeper)
    await press(keeper, buttons(phone[0])[1])
    await until(lambda: verdicts)
    assert verdicts[0].data["kept"] is False
    sound.show()
    await until(lambda: [page["verdict"] for page in pages(keeper)] == ["false_alarm"])
    sound.show(complete=True)
    await keeper.hass.async_block_till_done()
    assert [page["verdict"] for page in pages(keeper)] == ["false_alarm"]
    assert len(verdicts) == 1


async def test_a_verdict_that_cannot_be_noted_is_logged(
    keeper: House, phone: list[ServiceCall], caplog: pytest.LogCaptureFixture
) -> None:
    await configure(keeper, notify=[PHONE])
    sound = await start(keeper)
    sound.show(complete=True)
    await until(lambda: pages(keeper))
    with patch.object(ClipStore, "judge", side_effect=OSError("disk is full")):
        await press(keeper, buttons(phone[0])[1])
        await until(lambda: "A false alarm could not be noted" in caplog.text)


@pytest.mark.parametrize(
    "button", ["", "SOUND_GUARD_ALL_CLEAR_", "SOUND_GUARD_FALSE_ALARM_" + 32 * "0", "OPEN_GARAGE", None, 7]
)
async def test_buttons_that_are_not_ours_do_nothing(told: House, button: Any) -> None:
    await start(told)
    await press(told, button)
    assert len(notifications(told.hass)) == 1


async def test_an_alert_is_repeated_until_all_is_clear(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await configure(told, repeat=5)
    await start(told)
    await later(told.hass, 5)
    assert len(sent(phone)) == len(family) == 2
    assert family[1].data["message"].endswith("Nobody has said yet that all is clear.")
    assert phone[1].data["data"]["tag"] == phone[0].data["data"]["tag"]
    await press(told, buttons(phone[0])[0])
    await later(told.hass, 10)
    assert len(family) == 2


async def test_whoever_dismisses_the_alert_in_home_assistant_says_that_all_is_clear(
    told: House, family: list[ServiceCall]
) -> None:
    await configure(told, repeat=5)
    await start(told)
    async_dismiss_all(told.hass)
    await later(told.hass, 10)
    assert len(family) == 1


async def test_disarming_says_that_all_is_clear_and_the_end_of_the_alarm_does_not(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await configure(told, repeat=5, trigger_time=60)
    sound = await start(told)
    sound.hear(Phase.ENDED)
    await later(told.hass, 1.1)
    assert told.state(PANEL) == "disarmed"
    await later(told.hass, 6)
    assert len(family) == 2
    await start(told, "co_alarm")
    await told.call("alarm_disarm", PANEL)
    assert phone[-1].data["message"] == "clear_notification"
    before = len(family)
    await later(told.hass, 20)
    assert len(family) == before


async def test_a_new_alert_is_repeated_in_place_of_the_old_one(told: House, family: list[ServiceCall]) -> None:
    await configure(told, repeat=5)
    sound = await start(told)
    with patch("custom_components.sound_guard.incident.TOGETHER", timedelta(0)):
        sound.hear(Phase.ENDED)
        await start(told)
    await later(told.hass, 5)
    assert len(family) == 3


async def test_only_so_many_alerts_are_remembered(told: House, phone: list[ServiceCall]) -> None:
    with patch.object(alerts_file, "REMEMBERED", 1):
        await start(told)
        await start(told, "glass_break")
    await press(told, buttons(phone[0])[0])
    assert len(notifications(told.hass)) == 2
    await press(told, buttons(phone[1])[0])
    assert len(notifications(told.hass)) == 1


async def test_a_house_that_is_closed_repeats_nothing(told: House, family: list[ServiceCall]) -> None:
    await configure(told, repeat=5)
    await start(told)
    await told.hass.config_entries.async_unload(told.entry.entry_id)
    await later(told.hass, 10)
    assert len(family) == 1


async def test_a_change_of_the_options_forgets_no_alert(
    told: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await start(told)
    await configure(told, repeat=3)
    await later(told.hass, 3)
    assert len(family) == 2
    await press(told, buttons(phone[0])[0])
    await configure(told, repeat=4)
    await later(told.hass, 10)
    assert len(family) == 2
    assert notifications(told.hass) == []


async def test_diagnostics_do_not_say_who_is_told(told: House) -> None:
    assert PHONE not in str(await async_get_config_entry_diagnostics(told.hass, told.entry))


async def test_the_page_offers_phones_and_notify_entities_and_keeps_who_is_missing(
    house: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    registry = er.async_get(house.hass)
    app = registry.async_get_or_create("notify", "mobile_app", "pixel").entity_id
    house.hass.states.async_set(app, "unknown")
    await configure(house, notify=["notify.gone"])
    form = await turn_to(house, "alerts")
    (field,) = (field for field in form["data_schema"].schema if field == "notify")
    options = form["data_schema"].schema[field].config["options"]
    assert [option["value"] for option in options] == [PHONE, FAMILY, "notify.gone"]
    assert options[0]["label"] == "pixel"


async def test_the_page_keeps_what_is_wanted_and_shows_it(
    house: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    labels = {"glass_break": ALL, "smoke_alarm": ARMED, "co_alarm": []}
    other = {"notify": [PHONE], "repeat": 3, "warn": False, "persistent": False}
    await fill_in(house, "alerts", **labels, **other)
    assert dict(house.entry.options) == {"alerts": labels, **other}
    assert shown(await turn_to(house, "alerts")) == {**labels, **other}


async def test_smoke_that_goes_on_when_the_guard_becomes_armed_is_alerted_then(
    house: House, phone: list[ServiceCall]
) -> None:
    armed = {"smoke_alarm": ARMED}
    await configure(house, exit_delay=0, notify=[PHONE], alerts=armed, triggers=armed)
    house.room.play("smoke_alarm", blocks=400)
    await house.until_heard("smoke_alarm")
    assert not phone
    await house.call("alarm_arm_night", PANEL)
    await until(lambda: phone)
    assert phone[0].data["title"] == "Smoke alarm: Kitchen"
    assert "The guard was armed night." in phone[0].data["message"]
    house.room.blocks.clear()
    await house.until_quiet()


async def test_a_clip_that_was_deleted_is_linked_no_more(keeper: House, phone: list[ServiceCall]) -> None:
    await configure(keeper, notify=[PHONE], repeat=1)
    keeper.room.play("smoke_alarm", blocks=10)
    await keeper.until_heard("smoke_alarm")
    await keeper.until_quiet()
    await until(lambda: phone and "image" in phone[-1].data["data"])
    await keeper.hass.services.async_call("sound_guard", "delete_all_clips", blocking=True)
    await later(keeper.hass, 1)
    await until(lambda: "said yet" in phone[-1].data["message"])
    assert "image" not in phone[-1].data["data"]


@pytest.mark.parametrize("service", ["mobile_app_pixel", "send_message"])
async def test_a_recipient_that_hangs_does_not_keep_the_next_alert_waiting_behind_every_beep(
    told: House, phone: list[ServiceCall], family: list[ServiceCall], service: str
) -> None:
    titles: list[str] = []

    async def hang(call: ServiceCall) -> None:
        titles.append(call.data.get("title", ""))
        await asyncio.sleep(3600)

    told.hass.services.async_register("notify", service, hang)
    with patch.object(recipient, "PATIENCE_S", 0.1):
        for _ in range(20):
            beep = Sound(told.microphone, "smoke_alarm", 0.98)
            beep.hear(Phase.STARTED)
            beep.hear(Phase.ENDED)
        await asyncio.sleep(0.05)
        began_s = told.hass.loop.time()
        Sound(told.microphone, "co_alarm", 0.98).hear(Phase.STARTED)
        await until(lambda: "Carbon-monoxide alarm: Kitchen" in titles)
        assert told.hass.loop.time() - began_s < 0.35
        incidents = told.hass.data[INCIDENTS]
        for incident in tuple(incidents):
            await press(told, f"{alert_message.ALL_CLEAR}{incident}")


async def test_a_message_that_is_on_its_way_during_a_change_of_the_options_is_sent_once(told: House) -> None:
    taken: list[ServiceCall] = []

    async def take_slowly(call: ServiceCall) -> None:
        taken.append(call)
        await asyncio.sleep(0.6)

    told.hass.services.async_register("notify", "send_message", take_slowly)
    with retries_s(0.2, 0.2):
        Sound(told.microphone, "smoke_alarm", 0.98).hear(Phase.STARTED)
        await asyncio.sleep(0.05)
        await told.hass.config_entries.async_reload(told.entry.entry_id)
        await asyncio.sleep(1.5)
    assert len(taken) == 1


async def test_a_message_that_is_on_its_way_while_sound_guard_is_removed_leaves_nothing_behind(
    told: House, family: list[ServiceCall], hass_storage: dict[str, Any]
) -> None:
    goes_on = asyncio.Event()

    async def take_slowly(call: ServiceCall) -> None:
        await goes_on.wait()

    told.hass.services.async_register("notify", "mobile_app_pixel", take_slowly)
    Sound(told.microphone, "smoke_alarm", 0.98).hear(Phase.STARTED)
    await asyncio.sleep(0.05)
    await told.hass.config_entries.async_remove(told.entry.entry_id)
    goes_on.set()
    await told.hass.async_block_till_done()
    assert "sound_guard.alerts" not in hass_storage


async def test_smoke_that_ends_as_soon_as_the_guard_is_armed_is_alerted(house: House, phone: list[ServiceCall]) -> None:
    armed = {"smoke_alarm": ARMED}
    await configure(house, exit_delay=0, notify=[PHONE], alerts=armed, triggers=armed)
    smoke = await start(house)
    await house.call("alarm_arm_away", PANEL)
    assert house.state(PANEL) == "triggered"
    smoke.hear(Phase.ENDED)
    await house.hass.async_block_till_done()
    assert len(sent(phone)) == 1


async def test_smoke_that_a_person_has_disarmed_is_no_news_when_the_guard_is_armed(
    house: House, phone: list[ServiceCall]
) -> None:
    await configure(house, exit_delay=0, notify=[PHONE], alerts={"smoke_alarm": ARMED})
    smoke = await start(house)
    await house.call("alarm_disarm", PANEL)
    await house.call("alarm_arm_away", PANEL)
    smoke.hear(Phase.CONTINUED)
    await house.hass.async_block_till_done()
    assert (house.state(PANEL), sent(phone)) == ("armed_away", [])


async def test_nobody_is_told_of_an_alert_of_last_week(told: House, family: list[ServiceCall]) -> None:
    phone = fails_at_first(told.hass, "mobile_app_pixel", 1)
    with retries_s(3600):
        (await start(told)).hear(Phase.ENDED)
    await told.hass.config_entries.async_unload(told.entry.entry_id)
    for incident in told.hass.data[INCIDENTS].values():
        incident.began -= timedelta(days=7)
    with retries_s(0.05):
        await told.set_up()
        await asyncio.sleep(0.2)
    assert not phone
