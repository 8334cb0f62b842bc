"""The second look on another machine: what it is told, and what becomes of the house when it fails."""

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant

from custom_components.sound_guard import remote
from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics
from custom_components.sound_guard.remote import RemoteError, RemoteVerifier, Server, Trouble
from custom_components.sound_guard.src.hearing.verifier import Region
from custom_components.sound_guard.src.hearing.wire import Refusal
from custom_components.sound_guard.verification import SILENCE

from .conftest import House, until
from .fakes import VERIFIER_CARD, FakeVerifier
from .other_machine import (
    BEEP,
    IDS,
    STRANGE,
    TOKEN,
    Handler,
    Stranger,
    answer,
    may_connect,
    never,
    our_server,
    self_made_certificate,
    stranger,
)
from .second_look_house import ISSUE, SENSOR, our_log
from .test_binary_sensor import later
from .test_health import issue, until_raised
from .test_second_look_page import move_to
from .test_system_health import shown as shown_system_health

__all__ = ["may_connect", "stranger"]


def verifier(house: House, url: str, token: str = TOKEN, limit_s: float = 2.0) -> RemoteVerifier:
    """Return a client of a machine."""
    return RemoteVerifier(house.hass, Server(url, token), VERIFIER_CARD, limit_s)


async def verify(house: House, asked: RemoteVerifier) -> tuple[Region, ...]:
    """Have silence verified, as the thread of the second look does."""
    return await house.hass.async_add_executor_job(asked.verify, SILENCE)


async def trouble(house: House, asked: RemoteVerifier) -> Trouble:
    """Return why silence cannot be verified; the words that say so never hold the token."""
    with pytest.raises(RemoteError) as raised:
        await verify(house, asked)
    assert TOKEN not in str(raised.value)
    assert str(raised.value).startswith(remote.SENTENCES[raised.value.trouble])
    return raised.value.trouble


class TestVerifier:
    async def test_the_sound_arrives_and_the_answer_comes_back(self, house: House) -> None:
        finds = FakeVerifier(BEEP)
        async with our_server(finds) as url:
            assert await verify(house, verifier(house, url)) == (BEEP,)
            assert await verify(house, verifier(house, f"{url}/")) == (BEEP,)
        assert finds.looks_s == [1.0, 1.0]

    @pytest.mark.parametrize(("handle", "problem"), STRANGE, ids=IDS)
    async def test_whatever_comes_back_instead_of_an_answer_is_a_failure_with_a_reason(
        self, house: House, stranger: Stranger, handle: Handler, problem: Trouble
    ) -> None:
        stranger.handle = handle
        assert await trouble(house, verifier(house, stranger.url, limit_s=0.5)) == problem
        # Neither a redirect is followed, nor is anything sent twice.
        assert stranger.asked == ["POST /v1/verify"]

    async def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
        self, house: House, tmp_path: Path
    ) -> None:
        finds = FakeVerifier()
        async with our_server(finds, tls=self_made_certificate(tmp_path)) as url:
            assert await trouble(house, verifier(house, url)) is Trouble.CERTIFICATE
        assert not finds.looks_s

    async def test_an_answer_is_waited_for_less_long_than_the_limit(self, house: House, stranger: Stranger) -> None:
        stranger.handle = never
        started_s = time.monotonic()
        assert await trouble(house, verifier(house, stranger.url, limit_s=1.0)) is Trouble.SLOW
        assert time.monotonic() - started_s < 1.0

    async def test_closing_ends_a_wait(self, house: House, stranger: Stranger) -> None:
        stranger.handle = never
        asked = verifier(house, stranger.url, limit_s=30)
        waiting = asyncio.ensure_future(verify(house, asked))
        await until(lambda: stranger.asked)
        asked.close()
        with pytest.raises(RemoteError):
            await asyncio.wait_for(waiting, 1)
        with pytest.raises(RemoteError):
            await asyncio.wait_for(verify(house, asked), 1)


class TestHouse:
    async def test_a_machine_that_dies_is_noticed_before_it_is_needed_and_when_it_is_back(
        self, house: House, stranger: Stranger, caplog: pytest.LogCaptureFixture
    ) -> None:
        await move_to(house, stranger.url)
        await until(lambda: "POST /v1/verify" in stranger.asked)
        await stranger.die()
        later(house.hass, 601)
        await house.until(SENSOR, "unavailable")
        assert house.attributes(SENSOR)["problem"].startswith("The other machine cannot be reached")
        later(house.hass, 632)
        await house.hass.async_block_till_done()
        later(house.hass, 663)
        await until_raised(house, ISSUE)
        await stranger.start()
        later(house.hass, 694)
        await house.until(SENSOR, "remote")
        assert issue(house.hass, ISSUE) is None
        assert len([text for level, text in our_log(caplog) if level == logging.WARNING]) == 1

    @pytest.mark.parametrize(
        ("trouble", "detail", "told"),
        [
            (Trouble.WRONG_TOKEN, None, "Das andere Gerät nimmt das Token nicht an"),
            (Trouble.UNREACHABLE, "refused", "Das andere Gerät ist nicht erreichbar (refused)"),
        ],
    )
    async def test_what_keeps_another_machine_is_told_in_the_language_of_the_house(
        self, house: House, trouble: Trouble, detail: str | None, told: str
    ) -> None:
        await house.speak("de")
        assert house.room.verifier is not None
        house.room.verifier.fault = RemoteError(trouble, detail)
        await house.hass.async_add_executor_job(house.entry.runtime_data.verification.look.submit, SILENCE)
        await house.until(SENSOR, "unavailable")
        assert house.attributes(SENSOR)["problem"] == told

    @pytest.mark.parametrize(
        "options",
        [{"second_look_server": "http://127.0.0.1:9", "second_look_token": TOKEN}, {}],
        ids=["off", "unknown"],
    )
    async def test_a_machine_that_is_not_there_at_the_start_keeps_nobody_from_listening(
        self, empty_house: House, options: dict[str, str]
    ) -> None:
        options["second_look"] = "remote"
        empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=options)
        await empty_house.set_up()
        await empty_house.until(SENSOR, "unavailable")
        empty_house.room.play("smoke_alarm")
        await empty_house.until("binary_sensor.kitchen_smoke", "on")

    async def test_an_unload_does_not_wait_for_an_answer(self, house: House, stranger: Stranger) -> None:
        await move_to(house, stranger.url, limit_s=10)
        stranger.handle = never
        look = house.entry.runtime_data.verification.look
        await house.hass.async_add_executor_job(look.submit, SILENCE)
        asked = len(stranger.asked)
        await until(lambda: len(stranger.asked) > asked)
        started_s = time.monotonic()
        assert await house.hass.config_entries.async_unload(house.entry.entry_id)
        assert time.monotonic() - started_s < 3

    async def test_no_secret_is_in_diagnostics_system_health_states_or_log(
        self, hass: HomeAssistant, house: House, stranger: Stranger, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await move_to(house, stranger.url)
        stranger.handle = answer(Refusal("unauthorized", "The right token is needed.").to_json(), 401)
        later(hass, 601)
        await house.until(SENSOR, "unavailable")
        hass.config_entries.async_update_entry(
            house.entry, options=dict(house.entry.options) | {"second_look_server": "http://me:hunter2@127.0.0.1:9"}
        )
        await hass.async_block_till_done()
        diagnostics = await async_get_config_entry_diagnostics(hass, house.entry)
        assert diagnostics["options"]["second_look_token"] == "**REDACTED**"
        assert diagnostics["options"]["second_look_server"] == "http://***@127.0.0.1:9"
        told = json.dumps(diagnostics, default=str) + str(await shown_system_health(hass))
        told += "".join(str(state.as_dict()) for state in hass.states.async_all()) + caplog.text
        assert TOKEN not in told
        assert "hunter2" not in told
