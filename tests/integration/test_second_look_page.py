"""The pages of the options about the second look: another machine is tried, and what is wrong is explained."""

from pathlib import Path

import pytest
from homeassistant.data_entry_flow import FlowResultType

from custom_components.sound_guard import remote
from custom_components.sound_guard.remote import RemoteVerifier, Server, Trouble
from custom_components.sound_guard.src.hearing.card import CardError
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.wire import Answer
from custom_components.sound_guard.verification import SILENCE

from .conftest import House, until
from .fakes import VERIFIER_CARD, FakeVerifier
from .other_machine import (
    BEEP,
    IDS,
    OTHER,
    STRANGE,
    TOKEN,
    Handler,
    Stranger,
    answer,
    closed_port,
    machine,
    may_connect,
    our_server,
    self_made_certificate,
    stranger,
)
from .second_look_house import SENSOR, configure_engine
from .test_binary_sensor import later
from .test_options_flow import Result, shown, turn_to

__all__ = ["machine", "may_connect", "stranger"]

PAGE = "second_look_server"


async def open_page(house: House, limit_s: float = 2) -> str:
    """Choose another machine, and return the flow of the page that asks for it."""
    form = await turn_to(house, "second_look")
    options = house.hass.config_entries.options
    form = await options.async_configure(form["flow_id"], {"second_look": "remote", "second_look_limit": limit_s})
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, PAGE)
    assert (form["description_placeholders"] or {})["example"].startswith("https://")
    flow_id: str = form["flow_id"]
    return flow_id


async def enter(
    house: House, flow_id: str, url: str, token: str | None = TOKEN, *, any_certificate: bool = False
) -> Result:
    """Enter another machine, and wait until it is in force."""
    page = {"second_look_server": url, "second_look_any_certificate": any_certificate}
    page |= {} if token is None else {"second_look_token": token}
    result = await house.hass.config_entries.options.async_configure(flow_id, page)
    await house.hass.async_block_till_done()
    return result


async def move_to(house: House, url: str, limit_s: float = 2) -> None:
    """Take second looks at another machine."""
    result = await enter(house, await open_page(house, limit_s), url)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result["errors"]
    await house.until("binary_sensor.kitchen_connectivity", "on")


async def test_a_machine_is_asked_for_its_model_and_then_takes_the_second_looks(house: House) -> None:
    finds = FakeVerifier(BEEP)
    async with our_server(finds) as url:
        await move_to(house, url)
        assert house.entry.options == {
            "second_look": "remote",
            "second_look_limit": 2,
            "second_look_server": url,
            "second_look_token": TOKEN,
            "second_look_any_certificate": False,
        }
        await until(lambda: finds.looks_s == [1.0])
        assert house.state(SENSOR) == "remote"
        assert house.room.second_looks[-1] is house.entry.runtime_data.verification.look


async def test_asking_for_the_model_sends_no_sound(house: House, stranger: Stranger) -> None:
    stranger.handle = answer(Answer(OTHER, ()).to_json())
    await enter(house, await open_page(house), stranger.url)
    assert stranger.asked == ["GET /v1/model"]


@pytest.mark.parametrize(("handle", "problem"), STRANGE, ids=IDS)
async def test_what_is_wrong_is_explained_and_nothing_is_lost(
    house: House, stranger: Stranger, monkeypatch: pytest.MonkeyPatch, handle: Handler, problem: Trouble
) -> None:
    monkeypatch.setattr(remote, "ASK_S", 0.3)
    stranger.handle = handle
    flow_id = await open_page(house)
    form = await enter(house, flow_id, stranger.url)
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, PAGE, {"base": problem})
    assert shown(form) == {
        "second_look_server": stranger.url,
        "second_look_token": TOKEN,
        "second_look_any_certificate": False,
    }
    assert not house.entry.options
    stranger.handle = None
    assert (await enter(house, flow_id, stranger.url))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_machine_that_is_off_is_explained(house: House) -> None:
    form = await enter(house, await open_page(house), closed_port())
    assert form["errors"] == {"base": "unreachable"}


async def test_a_wrong_token_is_explained(house: House, machine: str) -> None:
    form = await enter(house, await open_page(house), machine, "another-token-altogether")
    assert form["errors"] == {"base": "wrong_token"}


async def test_another_version_of_the_model_is_explained(house: House) -> None:
    async with our_server(FakeVerifier(), OTHER) as url:
        form = await enter(house, await open_page(house), url)
        assert form["errors"] == {"base": "other_model"}


async def test_a_self_made_certificate_is_accepted_only_if_the_owner_says_so(house: House, tmp_path: Path) -> None:
    async with our_server(FakeVerifier(), tls=self_made_certificate(tmp_path)) as url:
        flow_id = await open_page(house)
        form = await enter(house, flow_id, url)
        assert form["errors"] == {"base": "certificate"}
        done = await enter(house, flow_id, url, any_certificate=True)
        assert done["type"] is FlowResultType.CREATE_ENTRY
        asked = RemoteVerifier(house.hass, Server(url, TOKEN, any_certificate=True), VERIFIER_CARD, 2.0)
        assert await house.hass.async_add_executor_job(asked.verify, SILENCE) == ()


@pytest.mark.parametrize(
    "url",
    [
        "192.168.1.20:8124",
        "ftp://192.168.1.20",
        "http://me:secret@192.168.1.20",
        "http://192.168.1.20/?token=secret",
        "http://[::1",
        "http://[me]@/",
        "http://192.168.1.20:99999",
        "http://",
        "",
    ],
)
async def test_what_is_no_address_is_refused(house: House, url: str) -> None:
    form = await enter(house, await open_page(house), url)
    assert form["errors"] == {"second_look_server": "bad_address"}


@pytest.mark.parametrize("token", [None, "", "  ", "tökén", "two\nlines"])
async def test_what_is_no_token_is_refused(house: House, machine: str, token: str | None) -> None:
    form = await enter(house, await open_page(house), machine, token)
    assert form["errors"] == {"second_look_token": "bad_token"}


async def test_without_a_model_of_its_own_a_machine_cannot_be_checked(house: House, machine: str) -> None:
    def damaged(_: Path) -> RcrnnCard:
        raise CardError("rcrnn.tflite: is damaged")

    configure_engine(house, load_verifier_card=damaged)
    form = await enter(house, await open_page(house), machine)
    assert form["errors"] == {"base": "no_model"}


async def test_the_token_is_never_shown_kept_if_the_field_is_empty_and_asked_for_again_elsewhere(
    house: House, machine: str
) -> None:
    await move_to(house, machine)
    form = await turn_to(house, "second_look")
    options = house.hass.config_entries.options
    place = {"second_look": "remote", "second_look_limit": 3}
    form = await options.async_configure(form["flow_id"], place)
    assert shown(form)["second_look_server"] == machine
    assert TOKEN not in str(form)
    elsewhere = machine.replace("127.0.0.1", "localhost")
    form = await enter(house, form["flow_id"], elsewhere, None)
    assert form["errors"] == {"second_look_token": "bad_token"}
    done = await enter(house, form["flow_id"], machine, None)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert (house.entry.options["second_look_token"], house.entry.options["second_look_limit"]) == (TOKEN, 3)


async def test_back_on_this_machine_the_other_one_is_left_alone(house: House, stranger: Stranger) -> None:
    await move_to(house, stranger.url)
    await until(lambda: "POST /v1/verify" in stranger.asked)
    form = await turn_to(house, "second_look")
    options = house.hass.config_entries.options
    await options.async_configure(form["flow_id"], {"second_look": "local", "second_look_limit": 2})
    await house.hass.async_block_till_done()
    asked = len(stranger.asked)
    later(house.hass, 3_600)
    await house.hass.async_block_till_done()
    assert house.state(SENSOR) == "local"
    assert len(stranger.asked) == asked
