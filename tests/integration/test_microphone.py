"""The boundary between the listening thread and the event loop: failures, and the way back."""

import asyncio
import logging
from datetime import timedelta
from unittest.mock import patch

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from custom_components.sound_guard import session as session_file
from custom_components.sound_guard.news import Heard, News, Status
from custom_components.sound_guard.src.hearing.detection import Phase

from .conftest import KITCHEN, House, listening_threads, until
from .fakes import gone

CONNECTED = "binary_sensor.kitchen_connectivity"
OUR_LOGS = ("custom_components.sound_guard.microphone", "custom_components.sound_guard.session")


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return what our log says from INFO up."""
    return [(level, text) for name, level, text in caplog.record_tuples if name in OUR_LOGS and level >= logging.INFO]


async def test_a_lost_source_recovers_and_logs_once_down_and_once_up(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    opened = len(house.room.opened)
    await until(lambda: len(house.room.opened) >= opened + 3)
    house.room.fault = None
    await house.until(CONNECTED, "on")
    assert lines(caplog) == [
        (logging.WARNING, "Kitchen: not listening: the sound server is gone"),
        (logging.INFO, "Kitchen: listening again (fake: default)"),
    ]


async def test_a_source_that_is_missing_from_the_start_logs_once_and_is_found_later(
    empty_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    empty_house.room.fault = gone()
    await empty_house.set_up()
    assert empty_house.state(CONNECTED) == "off"
    await until(lambda: len(empty_house.room.opened) >= 3)
    empty_house.room.fault = None
    await empty_house.until(CONNECTED, "on")
    assert [level for level, _ in lines(caplog)] == [logging.WARNING, logging.INFO]


async def test_a_source_that_ends_is_opened_again(house: House) -> None:
    house.room.ends = True
    await house.until(CONNECTED, "off")
    assert house.microphone.status.problem == "lost"
    house.room.ends = False
    await house.until(CONNECTED, "on")


async def test_an_error_nobody_expected_is_logged_once_with_its_trace_and_survived(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.room.fault = ZeroDivisionError("a bug")
    await house.until(CONNECTED, "off")
    opened = len(house.room.opened)
    await until(lambda: len(house.room.opened) >= opened + 3)
    assert house.microphone.status == Status(problem="fault", detail="ZeroDivisionError: a bug")
    (ours,) = [record for record in caplog.records if record.name in OUR_LOGS]
    assert "Traceback (most recent call last)" in ours.message
    house.room.fault = None
    await house.until(CONNECTED, "on")


async def test_a_bug_behind_a_lost_source_is_logged_as_well(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    house.room.listener_fault = ZeroDivisionError("a bug")
    await until(lambda: house.microphone.status.problem == "fault")
    assert ["Traceback" in record.message for record in caplog.records if record.name in OUR_LOGS] == [False, True]


async def test_the_trace_of_an_error_gives_no_password_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.room.fault = ZeroDivisionError("rtsp://owner:hunter2@camera/live?token=12345")
    await house.until(CONNECTED, "off")
    await until(lambda: "Traceback" in caplog.text)
    assert "rtsp://***@camera/…" in caplog.text
    assert "hunter2" not in caplog.text
    assert "12345" not in caplog.text


async def test_retries_come_ever_more_slowly_up_to_a_limit(empty_house: House) -> None:
    with patch.object(session_file, "LONGEST_RETRY_S", 0.05):
        empty_house.room.fault = gone()
        await empty_house.set_up()
        await until(lambda: len(empty_house.room.opened) >= 4)
        began, opened = asyncio.get_running_loop().time(), len(empty_house.room.opened)
        await until(lambda: len(empty_house.room.opened) >= opened + 4)
        assert asyncio.get_running_loop().time() - began > 0.15
        await empty_house.hass.config_entries.async_unload(empty_house.entry.entry_id)


async def test_after_a_good_connection_the_first_retry_comes_soon(house: House) -> None:
    with patch.object(session_file, "GOOD_S", 0.0), patch.object(session_file, "LONGEST_RETRY_S", 30.0):
        for _ in range(12):
            house.room.fault = gone()
            await house.until(CONNECTED, "off")
            house.room.fault = None
            await house.until(CONNECTED, "on")


async def test_the_times_to_notice_and_to_come_back_are_within_what_was_promised() -> None:
    assert session_file.LONGEST_RETRY_S <= 15


async def test_a_sound_cut_off_by_a_failing_source_is_ended(house: House) -> None:
    heard: list[News] = []
    house.microphone.subscribe(heard.append)
    house.room.play("smoke_alarm", blocks=500)
    await house.until("binary_sensor.kitchen_smoke", "on")
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    phases = [news.phase for news in heard if isinstance(news, Heard)]
    assert phases[0] is Phase.STARTED
    assert phases[-1] is Phase.ENDED
    house.room.blocks.clear()


async def test_stream_times_become_clock_times(house: House) -> None:
    heard: list[News] = []
    house.microphone.subscribe(heard.append)
    await until(lambda: house.room.delivered > 50)
    house.room.play("glass_break", blocks=10)
    await house.until("binary_sensor.kitchen_glass_break", "on")
    await house.until_quiet()
    started, *_, ended = [news for news in heard if isinstance(news, Heard)]
    assert timedelta(0) < dt_util.utcnow() - started.onset < timedelta(seconds=2)
    assert ended.duration_s == pytest.approx(1.0)


async def test_who_unsubscribes_hears_no_more(house: House) -> None:
    heard: list[News] = []
    house.microphone.subscribe(heard.append)()
    house.room.play("glass_break")
    await house.until("binary_sensor.kitchen_glass_break", "on")
    assert heard == []


async def test_the_level_is_that_of_the_last_second(house: House) -> None:
    await until(lambda: house.microphone.level)
    assert house.microphone.level is not None
    assert house.microphone.level.peak_dbfs == pytest.approx(-50.3, abs=0.1)
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    assert house.microphone.level is None


async def test_no_detection_is_lost_while_the_event_loop_is_busy(house: House) -> None:
    heard: list[News] = []
    house.microphone.subscribe(heard.append)
    house.room.play("smoke_alarm", blocks=20)
    deadline = asyncio.get_running_loop().time() + 5
    while house.room.blocks and asyncio.get_running_loop().time() < deadline:
        pass
    await house.until_quiet()
    assert len([news for news in heard if isinstance(news, Heard)]) == 21


async def test_a_thread_that_does_not_end_is_given_up_after_a_bounded_time(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.room.deaf.set()
    await until(lambda: house.room.stuck_now)
    with patch.object(session_file, "JOIN_S", 0.05):
        await house.call("turn_off", "switch.kitchen_listening")
    assert lines(caplog) == [
        (logging.ERROR, "Kitchen: did not close within 0.05 s; its thread was left behind"),
    ]
    # What it says afterwards is of no interest.
    house.room.play("smoke_alarm")
    house.room.deaf.clear()
    await until(lambda: not listening_threads())
    await house.hass.async_block_till_done()
    assert house.state("binary_sensor.kitchen_smoke") == "unavailable"


class Camera:
    """A camera whose stream has a new address every time."""

    def __init__(self) -> None:
        """Begin at one."""
        self.number = 0
        self.fault: Exception | None = None
        self.waits = False

    async def address(self, hass: HomeAssistant, entity_id: str) -> str | None:
        """Stand in for the camera integration's function."""
        assert entity_id == "camera.door"
        if self.fault is not None:
            raise self.fault
        if self.waits:
            await asyncio.sleep(3_600)
        self.number += 1
        return f"rtsp://door/{self.number}"


@pytest.fixture
def camera(hass: HomeAssistant, empty_house: House) -> Camera:
    """Make the kitchen's microphone that of a camera."""
    camera = Camera()
    hass.config.components.add("camera")
    hass.config_entries.async_update_subentry(
        empty_house.entry, empty_house.entry.subentries[KITCHEN], data={"camera": "camera.door"}
    )
    return camera


async def test_a_camera_is_asked_for_its_address_each_time(empty_house: House, camera: Camera) -> None:
    with patch("homeassistant.components.camera.async_get_stream_source", camera.address):
        await empty_house.set_up()
        await empty_house.until(CONNECTED, "on")
        empty_house.room.fault = gone()
        await empty_house.until(CONNECTED, "off")
        empty_house.room.fault = None
        await empty_house.until(CONNECTED, "on")
    assert empty_house.room.opened[0] == "rtsp://door/1"
    assert empty_house.room.opened[-1] == f"rtsp://door/{camera.number}"


async def test_a_camera_without_a_stream_is_tried_again(empty_house: House, camera: Camera) -> None:
    camera.fault = HomeAssistantError("Camera not found")
    with patch("homeassistant.components.camera.async_get_stream_source", camera.address):
        await empty_house.set_up()
        await until(lambda: empty_house.microphone.status.problem == "not_found")
        camera.fault = None
        await empty_house.until(CONNECTED, "on")


async def test_a_camera_that_keeps_silent_about_its_address_is_stalled(empty_house: House, camera: Camera) -> None:
    camera.waits = True
    with (
        patch("homeassistant.components.camera.async_get_stream_source", camera.address),
        patch.object(session_file, "RESOLVE_S", 0.05),
    ):
        await empty_house.set_up()
        await until(lambda: empty_house.microphone.status.problem == "stalled")


async def test_unloading_does_not_wait_for_a_camera_that_keeps_silent(empty_house: House, camera: Camera) -> None:
    camera.waits = True
    with patch("homeassistant.components.camera.async_get_stream_source", camera.address):
        await empty_house.set_up()
        await until(listening_threads)
        async with asyncio.timeout(3):
            await empty_house.hass.config_entries.async_unload(empty_house.entry.entry_id)
        assert not listening_threads()
