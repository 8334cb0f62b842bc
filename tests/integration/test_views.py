"""The way to clips: open to people who are logged in and to signed links, and to nobody else."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.sound_guard.clip import Clip
from custom_components.sound_guard.clip_store import Part
from custom_components.sound_guard.views import clip_path

from .clip_house import a_clip, folder, hear, put
from .conftest import House, until
from .fakes import PNG

REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
HOUR = timedelta(hours=1)

type Client = TestClient[Any, Any]


@pytest.fixture
def clip(keeper: House) -> Clip:
    """Return a clip of the house."""
    return put(keeper, a_clip())


@pytest.fixture
def path(keeper: House, clip: Clip) -> str:
    """Return the path of its sound."""
    return clip_path(keeper.entry.entry_id, clip.id, Part.SOUND)


@pytest.fixture
async def owner(keeper: House, hass_client: ClientSessionGenerator) -> Client:
    """Return somebody who is logged in."""
    client: Client = await hass_client()
    return client


@pytest.fixture
async def stranger(keeper: House, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Return somebody who is not."""
    client: Client = await hass_client_no_auth()
    return client


async def test_sound_and_picture_are_served_to_the_owner(keeper: House, clip: Clip, owner: Client) -> None:
    sound = await owner.get(clip_path(keeper.entry.entry_id, clip.id, Part.SOUND))
    assert sound.status == HTTPStatus.OK
    assert sound.content_type == "audio/wav"
    assert sound.headers["Cache-Control"] == "no-store"
    assert await sound.read() == (folder(keeper) / f"{clip.id}.wav").read_bytes()
    picture = await owner.get(clip_path(keeper.entry.entry_id, clip.id, Part.PICTURE))
    assert picture.content_type == "image/png"
    assert await picture.read() == PNG


async def test_a_player_can_jump_within_the_sound(path: str, owner: Client) -> None:
    piece = await owner.get(path, headers={"Range": "bytes=44-143"})
    assert piece.status == HTTPStatus.PARTIAL_CONTENT
    assert piece.headers["Content-Range"] == "bytes 44-143/32044"
    assert await piece.read() == (500).to_bytes(2, "little") * 50
    behind = await owner.get(path, headers={"Range": "bytes=99999999-"})
    assert behind.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert (await owner.head(path)).status == HTTPStatus.OK


async def test_nobody_gets_a_clip_without_being_logged_in(path: str, stranger: Client) -> None:
    assert (await stranger.get(path)).status == HTTPStatus.UNAUTHORIZED
    wrong = {"Authorization": "Bearer guessed"}
    assert (await stranger.get(path, headers=wrong)).status == HTTPStatus.UNAUTHORIZED
    assert (await stranger.get(f"{path}?authSig=guessed")).status == HTTPStatus.UNAUTHORIZED


async def test_a_signed_link_opens_its_clip_until_it_expires(
    hass: HomeAssistant,
    path: str,
    stranger: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    link = async_sign_path(hass, path, HOUR)
    assert (await stranger.get(link)).status == HTTPStatus.OK
    freezer.tick(HOUR + timedelta(seconds=1))
    assert (await stranger.get(link)).status == HTTPStatus.UNAUTHORIZED


async def test_a_signed_link_opens_nothing_else(
    hass: HomeAssistant,
    keeper: House,
    path: str,
    stranger: Client,
) -> None:
    signature = URL(async_sign_path(hass, path, HOUR)).query_string
    other = put(keeper, a_clip())
    for another in (
        clip_path(keeper.entry.entry_id, other.id, Part.SOUND),
        path.replace(".wav", ".png"),
        path.replace(keeper.entry.entry_id, "another"),
    ):
        assert (await stranger.get(f"{another}?{signature}")).status == HTTPStatus.UNAUTHORIZED
    assert (await stranger.get(f"{path}?{signature}x")).status == HTTPStatus.UNAUTHORIZED
    assert (await stranger.delete(f"{path}?{signature}")).status in {*REFUSED, HTTPStatus.METHOD_NOT_ALLOWED}


Forge = Callable[[str, str], str]


@pytest.mark.parametrize(
    "forge",
    [
        lambda entry, clip: clip_path(entry, "0" * 32, Part.SOUND),
        lambda entry, clip: clip_path(entry, clip.upper(), Part.SOUND),
        lambda entry, clip: clip_path(entry, clip[:-1], Part.SOUND),
        lambda entry, clip: clip_path(entry, f"%2e%2e%2f{clip}", Part.SOUND),
        lambda entry, clip: clip_path(entry, f"../sound_guard_clips/{clip}", Part.SOUND),
        lambda entry, clip: clip_path(entry, "..%2f..%2fsecrets", Part.SOUND),
        lambda entry, clip: clip_path(entry, "..%5c..%5csecrets", Part.SOUND),
        lambda entry, clip: clip_path(entry, "%2fetc%2fpasswd", Part.SOUND),
        lambda entry, clip: clip_path(entry, f"{clip}%00", Part.SOUND),
        lambda entry, clip: clip_path(entry, f"{clip}%0a", Part.SOUND),
        lambda entry, clip: clip_path(entry, clip, Part.SOUND).replace(".wav", ".json"),
        lambda entry, clip: clip_path(entry, clip, Part.SOUND).replace(".wav", ".wav.new"),
        lambda entry, clip: clip_path(entry, clip, Part.SOUND).replace(".wav", ".."),
        lambda entry, clip: clip_path("..", clip, Part.SOUND),
        lambda entry, clip: clip_path("unknown", clip, Part.SOUND),
    ],
)
async def test_even_the_owner_gets_nothing_by_a_forged_path(
    keeper: House,
    clip: Clip,
    owner: Client,
    forge: Forge,
) -> None:
    (folder(keeper).parent / "secrets.wav").write_text("secret")
    answer = await owner.get(URL(forge(keeper.entry.entry_id, clip.id), encoded=True))
    assert answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
    assert "secret" not in await answer.text()


async def test_another_integrations_entry_has_no_clips(
    hass: HomeAssistant,
    keeper: House,
    clip: Clip,
    owner: Client,
) -> None:
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    assert (await owner.get(clip_path(other.entry_id, clip.id, Part.SOUND))).status == HTTPStatus.NOT_FOUND


async def test_a_deleted_clip_is_not_found(keeper: House, clip: Clip, path: str, owner: Client) -> None:
    await keeper.entry.runtime_data.clips.async_delete(clip.id)
    assert (await owner.get(path)).status == HTTPStatus.NOT_FOUND


async def test_the_picture_of_a_deleted_clip_is_not_found(keeper: House, owner: Client) -> None:
    clip = await hear(keeper, "smoke_alarm")
    path = clip_path(keeper.entry.entry_id, clip.id, Part.PICTURE)
    assert (await owner.get(path)).status == HTTPStatus.OK
    await keeper.entry.runtime_data.clips.async_delete(clip.id)
    assert (await owner.get(path)).status == HTTPStatus.NOT_FOUND


async def test_while_sound_guard_is_not_loaded_nothing_is_found(
    hass: HomeAssistant,
    keeper: House,
    path: str,
    owner: Client,
) -> None:
    await hass.config_entries.async_unload(keeper.entry.entry_id)
    assert (await owner.get(path)).status == HTTPStatus.NOT_FOUND


class TestPictureThatIsNotKept:
    @pytest.fixture
    async def picture(self, house: House) -> str:
        """Return the path of the picture of what the kitchen has heard last; no clips are kept."""
        house.room.play("smoke_alarm")
        await until(lambda: house.room.drawn and house.room.drawn[-1][0].complete)
        await house.hass.async_block_till_done()
        return clip_path(house.entry.entry_id, house.room.drawn[-1][0].event_id, Part.PICTURE)

    async def test_it_is_served_and_its_sound_is_not(
        self, house: House, picture: str, hass_client: ClientSessionGenerator
    ) -> None:
        owner = await hass_client()
        answer = await owner.get(picture)
        assert (answer.status, answer.content_type) == (HTTPStatus.OK, "image/png")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await answer.read()).startswith(PNG)
        assert (await owner.head(picture)).status == HTTPStatus.OK
        assert (await owner.get(picture.replace(".png", ".wav"))).status == HTTPStatus.NOT_FOUND
        house.room.play("glass_break")
        await until(lambda: house.room.drawn[-1][0].label == "glass_break" and house.room.drawn[-1][0].complete)
        await house.hass.async_block_till_done()
        assert (await owner.get(picture)).status == HTTPStatus.NOT_FOUND, "it is gone with the next one"

    async def test_it_needs_a_login_or_its_own_signed_link(
        self, house: House, picture: str, hass_client_no_auth: ClientSessionGenerator
    ) -> None:
        stranger = await hass_client_no_auth()
        assert (await stranger.get(picture)).status == HTTPStatus.UNAUTHORIZED
        link = async_sign_path(house.hass, picture, HOUR)
        assert (await stranger.get(link)).status == HTTPStatus.OK
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        assert (await stranger.get(link)).status == HTTPStatus.NOT_FOUND
