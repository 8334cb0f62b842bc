"""The clips in the Media panel."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.sound_guard.clip import Verdict

from .clip_house import a_clip, clips, folder, put
from .conftest import KITCHEN, House
from .fakes import PNG

ROOT = "media-source://sound_guard"


@pytest.fixture(autouse=True)
async def media_panel(hass: HomeAssistant) -> None:
    """Set the Media panel up."""
    assert await async_setup_component(hass, "media_source", {})


class Panel:
    """The Media panel, as the browser asks for it."""

    def __init__(self, connect: WebSocketGenerator) -> None:
        self._connect = connect

    async def ask(self, kind: str, media: str) -> dict[str, Any]:
        """Return the whole answer."""
        client = await self._connect()
        await client.send_json_auto_id({"type": f"media_source/{kind}", "media_content_id": media})
        answer: dict[str, Any] = await client.receive_json()
        return answer

    async def browse(self, media: str = ROOT) -> dict[str, Any]:
        """Return a page of the panel."""
        answer = await self.ask("browse_media", media)
        assert answer["success"], answer
        page: dict[str, Any] = answer["result"]
        return page

    async def titles(self, media: str = ROOT) -> list[str]:
        """Return what a page shows."""
        return [child["title"] for child in (await self.browse(media))["children"]]


@pytest.fixture
def panel(hass_ws_client: WebSocketGenerator) -> Panel:
    """Return the panel."""
    return Panel(hass_ws_client)


async def test_sound_guard_is_in_the_panel(keeper: House, panel: Panel) -> None:
    assert "Sound Guard" in await panel.titles("media-source://")
    assert await panel.titles() == []


async def test_microphones_come_by_name_and_only_those_with_clips(keeper: House, panel: Panel) -> None:
    put(keeper, a_clip(2, microphone="Old name", microphone_id="hall_id"))
    put(keeper, a_clip(1, microphone="hall", microphone_id="hall_id"))
    put(keeper, a_clip())
    assert await panel.titles() == ["hall", "Kitchen"]


async def test_clips_are_told_in_words_with_the_newest_first(keeper: House, panel: Panel) -> None:
    older, newer = put(keeper, a_clip(1.5)), put(keeper, a_clip(label="glass_break", confidence=0.999))
    await clips(keeper).async_judge(older.id, Verdict.FALSE_ALARM)

    def moment(onset: datetime) -> str:
        return dt_util.as_local(onset).strftime("%Y-%m-%d %H:%M")

    assert (await panel.browse(f"{ROOT}/{KITCHEN}"))["title"] == "Kitchen"
    assert await panel.titles(f"{ROOT}/{KITCHEN}") == [
        f"Breaking glass, {moment(newer.onset)}, 99 %",
        f"Smoke alarm, {moment(older.onset)}, 97 %, false alarm",
    ]


async def test_a_clip_is_played_and_seen_by_whoever_looks_at_the_panel(
    keeper: House,
    panel: Panel,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    clip = put(keeper, a_clip())
    (child,) = (await panel.browse(f"{ROOT}/{KITCHEN}"))["children"]
    assert child["can_play"]
    assert child["media_content_id"] == f"{ROOT}/{KITCHEN}/{clip.id}"

    owner, stranger = await hass_client(), await hass_client_no_auth()
    assert await (await owner.get(child["thumbnail"])).read() == PNG
    assert (await stranger.get(child["thumbnail"])).status == HTTPStatus.UNAUTHORIZED

    media = (await panel.ask("resolve_media", child["media_content_id"]))["result"]
    assert media["mime_type"] == "audio/wav"
    played = await stranger.get(media["url"])
    assert await played.read() == (folder(keeper) / f"{clip.id}.wav").read_bytes(), "the link is signed"
    assert (await stranger.get(media["url"].partition("?")[0])).status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "media", ["", "nobody", f"{KITCHEN}/{'0' * 32}", f"{KITCHEN}/../../secrets", f"hall_id/{'1' * 32}", "a/b/c"]
)
async def test_what_is_not_there_is_not_played(keeper: House, panel: Panel, media: str) -> None:
    put(keeper, a_clip(id="1" * 32) if "1" in media else a_clip())
    answer = await panel.ask("resolve_media", f"{ROOT}/{media}")
    assert answer["error"]["code"] == "resolve_media_failed"


@pytest.mark.parametrize("media", ["nobody", f"{KITCHEN}/{'0' * 32}", ".."])
async def test_what_is_not_there_is_not_shown(keeper: House, panel: Panel, media: str) -> None:
    put(keeper, a_clip())
    answer = await panel.ask("browse_media", f"{ROOT}/{media}")
    assert answer["error"]["code"] == "browse_media_failed"


async def test_while_sound_guard_is_not_loaded_the_panel_is_empty(
    hass: HomeAssistant, keeper: House, panel: Panel
) -> None:
    clip = put(keeper, a_clip())
    await hass.config_entries.async_unload(keeper.entry.entry_id)
    assert await panel.titles() == []
    answer = await panel.ask("resolve_media", f"{ROOT}/{KITCHEN}/{clip.id}")
    assert answer["error"]["code"] == "resolve_media_failed"
