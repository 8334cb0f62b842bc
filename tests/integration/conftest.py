"""A Home Assistant with Sound Guard in it, and a house to listen to."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry, ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_load_integrations
from pytest_homeassistant_custom_component.common import MockConfigEntry

# Imported here so that Home Assistant finds ours and not the folder of the same name in the test plugin.
import custom_components.sound_guard  # noqa: F401
from custom_components.sound_guard.const import DOMAIN, SUBENTRY_MICROPHONE
from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.microphone import Microphone

from .fakes import CARD, VERIFIER_CARD, Room

KITCHEN = "kitchen_id"


def microphone(title: str = "Kitchen", subentry_id: str = KITCHEN, **data: str) -> ConfigSubentryDataWithId:
    """Return the subentry of a microphone, by default the machine's own."""
    data = data or {"source": "default"}
    return ConfigSubentryDataWithId(
        data=data,
        subentry_id=subentry_id,
        subentry_type=SUBENTRY_MICROPHONE,
        title=title,
        unique_id=next(iter(data.values())),
    )


@pytest.fixture(autouse=True)
def our_integration(enable_custom_integrations: None, hass_storage: dict[str, Any]) -> None:
    """Let Home Assistant load Sound Guard, and write nothing to the disk."""


@pytest.fixture(autouse=True)
def ffmpeg_version() -> Generator[None]:
    """Keep the ffmpeg integration from running ffmpeg to learn its version."""
    with patch("homeassistant.components.ffmpeg.FFVersion.get_version", return_value="ffmpeg version 7.0"):
        yield


@pytest.fixture(autouse=True)
def no_thread_stays() -> Generator[None]:
    """Fail every test that leaves a listening thread behind."""
    yield
    assert not listening_threads()
    assert not [thread for thread in threading.enumerate() if thread.name == "second look"]


@pytest.fixture(autouse=True)
def quick_retries() -> Generator[None]:
    """Try a failed source again soon, so that tests need not wait."""
    with patch("custom_components.sound_guard.session.FIRST_RETRY_S", 0.02):
        yield


def listening_threads() -> list[str]:
    """Return the names of our threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(DOMAIN)]


@pytest.fixture
def room(hass: HomeAssistant) -> Room:
    """Return a room that the engine hears instead of a real one."""
    room = Room()
    hass.data[ENGINE] = Engine(
        load_card=lambda path: CARD,
        open_listener=room.open_listener,  # type: ignore[arg-type]
        open_source=room.open_source,
        list_devices=room.list_devices,
        draw=room.draw,
        load_verifier_card=lambda path: VERIFIER_CARD,
        open_verifier=room.open_verifier,
    )
    return room


@dataclass
class House:
    """A Home Assistant with Sound Guard set up."""

    hass: HomeAssistant
    entry: MockConfigEntry
    room: Room

    @property
    def microphone(self) -> Microphone:
        """Return the kitchen's microphone."""
        kitchen: Microphone = self.entry.runtime_data.microphones[KITCHEN]
        return kitchen

    def entry_state(self) -> ConfigEntryState:
        """Return how the entry is doing now."""
        state: ConfigEntryState = self.entry.state
        return state

    def add(self, subentry: ConfigSubentryDataWithId) -> None:
        """Add another microphone."""
        self.hass.config_entries.async_add_subentry(
            self.entry, ConfigSubentry(**subentry | {"data": MappingProxyType(subentry["data"])})
        )

    def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, f"{entity_id} is not there"
        return state.state

    def attributes(self, entity_id: str) -> MappingProxyType[str, Any]:
        """Return the attributes of an entity."""
        state = self.hass.states.get(entity_id)
        assert state is not None, f"{entity_id} is not there"
        return MappingProxyType(dict(state.attributes))

    async def until(self, entity_id: str, expected: str) -> None:
        """Wait until an entity has a state: the microphone's thread is not the event loop's."""
        await until(lambda: self.state(entity_id) == expected, lambda: f"{entity_id} is {self.state(entity_id)}")

    async def until_heard(self, label: str) -> None:
        """Wait until the kitchen's event entity shows a sound."""
        await until(lambda: self.attributes("event.kitchen_sound_heard")["event_type"] == label)

    async def until_quiet(self) -> None:
        """Wait until all that was played has been heard, and its end as well."""
        await until(lambda: not self.room.blocks)
        await asyncio.sleep(0.05)
        await self.hass.async_block_till_done()

    async def until_playing(self) -> None:
        """Wait until some of what is played has been heard."""
        before = len(self.room.blocks)
        await until(lambda: len(self.room.blocks) < before - 5)
        await asyncio.sleep(0.05)
        await self.hass.async_block_till_done()

    async def call(self, service: str, entity_id: str, **data: Any) -> None:
        """Call a service of the entity's own domain."""
        domain = entity_id.partition(".")[0]
        await self.hass.services.async_call(domain, service, {"entity_id": entity_id, **data}, blocking=True)

    async def speak(self, language: str) -> None:
        """Make this the language of the house."""
        self.hass.config.language = language
        await async_load_integrations(self.hass, {DOMAIN})

    async def set_up(self) -> None:
        """Set the entry up, and let it look through its clips."""
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def reload(self) -> None:
        """Reload the entry, and let it look through its clips."""
        await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)


async def until(is_true: Callable[[], object], why: Callable[[], str] = lambda: "", timeout_s: float = 5.0) -> None:
    """Wait until something is true."""
    try:
        async with asyncio.timeout(timeout_s):
            while not is_true():
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"waited {timeout_s} s in vain: {why()}")


@pytest.fixture
async def empty_house(hass: HomeAssistant, room: Room) -> AsyncIterator[House]:
    """Return a house whose entry is not set up yet; it has one microphone."""
    entry = MockConfigEntry(domain=DOMAIN, title="Sound Guard", subentries_data=[microphone()])
    entry.add_to_hass(hass)
    yield House(hass, entry, room)
    if entry.state.recoverable and hass.config_entries.async_get_entry(entry.entry_id):
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return a house whose kitchen is being listened to."""
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    return empty_house


@pytest.fixture
async def keeper(empty_house: House, tmp_path: Path) -> House:
    """Return a house that keeps clips, in a folder of the test's own."""
    empty_house.hass.config.config_dir = str(tmp_path)
    options = {"keep_clips": True, "clip_days": 7, "clip_megabytes": 10}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=options)
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    return empty_house
