"""What the integration takes from outside: forms, actions, buttons, names of clips, answers, and its own records."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from random import Random
from types import SimpleNamespace
from typing import Any

import probatio as vol
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import MediaSourceItem, Unresolvable
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import Context
from homeassistant.data_entry_flow import FlowResultType, InvalidData, UnknownFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.http import KEY_HASS
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.alert_config import AlertConfig
from custom_components.sound_guard.alert_message import ALL_CLEAR, FALSE_ALARM
from custom_components.sound_guard.alerts import EVENT_BUTTON
from custom_components.sound_guard.calm import CalmConfig
from custom_components.sound_guard.clip import Clip
from custom_components.sound_guard.clip_actions import clip_id
from custom_components.sound_guard.clip_store import Part
from custom_components.sound_guard.clips import ClipOptions, clip_store
from custom_components.sound_guard.const import DOMAIN, SUBENTRY_MICROPHONE
from custom_components.sound_guard.guard import guard_config
from custom_components.sound_guard.incident import INCIDENTS, Incident
from custom_components.sound_guard.media_source import ClipSource
from custom_components.sound_guard.options_flow import PAGES
from custom_components.sound_guard.remote import RemoteError, Server, async_fetch_model
from custom_components.sound_guard.src.hearing.guard import Mode
from custom_components.sound_guard.views import ClipView

from .damage import damaged, damaged_text, damaged_value
from .home import home
from .records import CLIP, KITCHEN, PAGE, RECORDS
from .specs import SPEC_PIECES, SPECS
from .target import Target


def name() -> Target:
    """Names of clips: in actions, in the Media panel, and in paths of the web server."""
    house = home()
    hass = house.hass
    page = clip_store(hass).folder / f"{CLIP}.json"
    source, view = ClipSource(hass), ClipView()
    request: Any = SimpleNamespace(app={KEY_HASS: hass})
    samples = [CLIP, f"{KITCHEN}/{CLIP}", f"media-source://{DOMAIN}/{KITCHEN}/{CLIP}", f"../{CLIP}", "wav", "png"]

    async def ask(text: str) -> None:
        item = MediaSourceItem(hass, DOMAIN, text, None)
        for resolve in (source.async_resolve_media, source.async_browse_media):
            with suppress(BrowseError, Unresolvable):
                await resolve(item)
        for part in (text, Part.SOUND, Part.PICTURE):
            answer = await view.get(request, house.entry.entry_id, text, part)
            assert answer.status == HTTPStatus.NOT_FOUND, "hands out a file that is none of ours"

    def feed(text: str) -> None:
        page.unlink(missing_ok=True)
        house.run(ask(text))
        assert len(clip_id({"media_content_id": text})) == len(clip_id(text)) == 32

    return Target("name", lambda draw: damaged_text(draw, samples), feed, (vol.Invalid,))


def button() -> Target:
    """Buttons that are pressed on phones, which anybody may send who may send events."""
    house = home()
    samples = [
        {"action": f"{ALL_CLEAR}{CLIP}", "device_id": "x"},
        {"action": f"{FALSE_ALARM}{CLIP}"},
        {"action": "URI"},
    ]

    async def press(data: Any) -> None:
        sounds = {CLIP: Clip.from_dict(PAGE)}
        incident = Incident(CLIP, "glass_break", dt_util.utcnow(), Mode.ARMED_AWAY, sounds=sounds)
        house.hass.data[INCIDENTS][CLIP] = incident
        house.hass.bus.async_fire(EVENT_BUTTON, data if isinstance(data, dict) else {"action": data})
        await house.hass.async_block_till_done()
        pressed = str(data.get("action")) if isinstance(data, dict) else str(data)
        meant = pressed in (f"{ALL_CLEAR}{CLIP}", f"{FALSE_ALARM}{CLIP}")
        assert incident.acknowledged == meant, "follows a button that is none of its own, or not one that is"

    return Target("button", lambda draw: damaged_value(draw, samples), lambda data: house.run(press(data)))


def action() -> Target:
    """The data of actions, as automations and the developer tools send it."""
    house = home()
    folder = house.hass.config.config_dir
    samples: list[dict[str, Any]] = [
        {"action": "analyze_file", "data": {"path": f"{folder}/a.wav", "sensitivity": "high"}},
        {"action": "report_false_alarm", "data": {"clip": CLIP, "false_alarm": True}},
        {"action": "report_false_alarm", "data": {"device_id": "0123"}},
        {"action": "export_feedback", "data": {"folder": f"{folder}/export"}},
        {"action": "delete_clip", "data": {"clip": {"media_content_id": f"media-source://{DOMAIN}/{KITCHEN}/{CLIP}"}}},
        {"action": "start_walk_test", "data": {"minutes": 5}},
    ]

    def make(draw: Random) -> dict[str, Any]:
        sample = draw.choice(samples)
        data = damaged_value(draw, [sample["data"]])
        if sample["action"] == "start_walk_test" and isinstance(data, dict):
            # What is no name of an entity at all is Home Assistant's own affair.
            data["entity_id"] = "sensor.kitchen_walk_test"
        return {"action": sample["action"], "data": data}

    async def act(call: dict[str, Any]) -> None:
        wants_answer = call["action"] in ("analyze_file", "export_feedback", "report_false_alarm")
        await house.hass.services.async_call(
            DOMAIN, call["action"], call["data"], blocking=True, context=Context(), return_response=wants_answer
        )

    def feed(call: dict[str, Any]) -> None:
        if isinstance(call["data"], dict):
            house.run(act(call))

    return Target("action", make, feed, (HomeAssistantError, vol.Invalid))


def microphone_form() -> Target:
    """The forms that add a microphone."""
    house = home()
    sources = [spec for spec in SPECS if "pyaudio" not in spec]
    specs = [("local", {"source": spec}) for spec in sources[:3]]
    specs += [("stream", {"source": spec}) for spec in sources[3:]] + [("camera", {"camera": "camera.door"})]

    def make(draw: Random) -> tuple[str, Any]:
        kind, data = draw.choice(specs)
        if draw.random() < 0.7:
            return kind, {key: damaged_text(draw, [text], SPEC_PIECES) for key, text in data.items()}
        return kind, damaged_value(draw, [data])

    async def fill_in(kind: str, data: Any) -> None:
        flows = house.hass.config_entries.subentries
        flow = await flows.async_init((house.entry.entry_id, SUBENTRY_MICROPHONE), context={"source": SOURCE_USER})
        try:
            await flows.async_configure(flow["flow_id"], {"next_step_id": kind})
            result = await flows.async_configure(flow["flow_id"], data)
            if result["type"] is FlowResultType.SHOW_PROGRESS:
                await house.hass.async_block_till_done()
                result = await flows.async_configure(flow["flow_id"])
            assert result["type"] in (FlowResultType.FORM, FlowResultType.MENU, FlowResultType.SHOW_PROGRESS_DONE)
        finally:
            flows.async_abort(flow["flow_id"])

    return Target("microphone-form", make, lambda filled: house.run(fill_in(*filled)), (InvalidData,))


def options_form() -> Target:
    """The pages of the options, and what is made of what they have saved."""
    house = home()
    filled_in: dict[str, dict[str, Any]] = {
        "guard": {"exit_delay": 60, "entry_delay": 30, "trigger_time": 0},
        "sounds": {label: ["armed_away"] for label in ("glass_break", "smoke_alarm", "co_alarm")} | {"hold": 60},
        "alerts": {label: ["disarmed"] for label in ("glass_break", "smoke_alarm", "co_alarm")}
        | {"notify": [], "repeat": 5, "persistent": True},
        "calm": {"playing_percent": 95.5, "agree": 3},
        "code": {"new_code": "abc", "code_to_arm": True},
        "clips": {"keep_clips": True, "clip_days": 30, "clip_megabytes": 100},
        "walk_test": {"walk_test_reminder": "6"},
        "second_look": {"second_look": "local", "second_look_limit": 2},
    }
    assert set(filled_in) == set(PAGES), "a page is new"

    def make(draw: Random) -> tuple[str, Any]:
        page = draw.choice(sorted(filled_in))
        return page, damaged_value(draw, [filled_in[page]])

    async def fill_in(page: str, data: Any) -> None:
        flows = house.hass.config_entries.options
        flow = await flows.async_init(house.idle.entry_id)
        try:
            await flows.async_configure(flow["flow_id"], {"next_step_id": page})
            saved = await flows.async_configure(flow["flow_id"], data)
        finally:
            with suppress(UnknownFlow):
                flows.async_abort(flow["flow_id"])
        if saved["type"] is FlowResultType.CREATE_ENTRY:
            use(house.idle.options)

    def use(options: Mapping[str, Any]) -> None:
        guard_config(options)
        AlertConfig.of(options)
        CalmConfig.of(options)
        ClipOptions.of(options)

    return Target("options-form", make, lambda filled: house.run(fill_in(*filled)), (InvalidData,))


def reply() -> Target:
    """What answers where a second look is asked for, as it comes over the network."""
    house = home()
    body = b'{"model": {"name": "rcrnn", "version": "1", "sha256": "00"}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    samples = [
        head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n",
        head + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + body,
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 44\r\n\r\n{"error": "unauthorized", "message": "Wrong."}',
    ]
    answer = b""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = house.loop.run_until_complete(asyncio.start_server(respond, "127.0.0.1", 0))
    asked = Server(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a-token-that-nobody-is-told")

    def feed(content: bytes) -> None:
        nonlocal answer
        answer = content
        house.run(async_fetch_model(house.hass, asked))

    return Target("reply", lambda draw: damaged(draw, samples), feed, (RemoteError,))


TARGETS: Mapping[str, Callable[[], Target]] = RECORDS | {
    "name": name,
    "button": button,
    "action": action,
    "microphone-form": microphone_form,
    "options-form": options_form,
    "reply": reply,
}
