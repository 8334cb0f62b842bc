"""A real Home Assistant core with Sound Guard in it, and what people do with it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Barrier
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.components.http.config import async_get_and_load_store
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntries,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryDataWithId as Subentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component

from custom_components.sound_guard.config_flow import SoundGuardConfigFlow
from custom_components.sound_guard.const import DOMAIN, SUBENTRY_MICROPHONE
from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.microphone import Microphone

from .plan import Act, Deed

PANEL = "alarm_control_panel.sound_guard"

WORKERS = 8
"""Threads of Home Assistant's pool. It makes them as it needs them; here they are made at once, to be counted."""

_ARMED = ("alarm_arm_away", "alarm_arm_home", "alarm_arm_night")
_SENSITIVITIES = ("low", "balanced", "high")


class SetUpError(Exception):
    """The house could not be set up."""


class House:
    """Home Assistant, the entry of Sound Guard, and what people do with it. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], subentries: Sequence[Subentry]) -> None:
        """Know what there is."""
        self.hass = hass
        self._entry = entry
        self._subentries = subentries

    def state(self, entity_id: str) -> str | None:
        """Return the state of an entity, None if there is none."""
        state = self.hass.states.get(entity_id)
        return state.state if state else None

    def connectivity(self, number: int) -> str | None:
        """Return whether a microphone is said to hear."""
        return self.state(f"binary_sensor.room_{number}_connectivity")

    @property
    def microphones(self) -> list[Microphone]:
        """Return the microphones as they are now."""
        return list(self._entry.runtime_data.microphones.values())

    @property
    def second_look(self) -> str:
        """Return where second looks are taken now, or why they are not."""
        verification = self._entry.runtime_data.verification
        return f"{verification.state}: {verification.problem}" if verification.problem else str(verification.state)

    async def do(self, deed: Deed) -> None:
        """Begin to do something."""
        match deed.act:
            case Act.RELOAD:
                await self.hass.config_entries.async_reload(self._entry.entry_id)
            case Act.OPTIONS:
                options = {**self._entry.options, **_options(deed.choice)}
                self.hass.config_entries.async_update_entry(self._entry, options=options)
            case Act.ARM:
                # While an alarm is raised, it must be disarmed first.
                with suppress(ServiceValidationError):
                    await self._call(f"alarm_control_panel.{_one_of(_ARMED, deed.choice)}", PANEL)
            case Act.DISARM:
                await self._call("alarm_control_panel.alarm_disarm", PANEL)
                await self.hass.services.async_call("persistent_notification", "dismiss_all", blocking=True)
            case Act.SENSITIVITY:
                option = _one_of(_SENSITIVITIES, deed.choice)
                await self._call("select.select_option", f"select.room_{deed.microphone}_sensitivity", option=option)
            case Act.PAUSE:
                await self._call("switch.turn_off", f"switch.room_{deed.microphone}_listening")
            case Act.REMOVE:
                subentry_id = self._subentries[deed.microphone]["subentry_id"]
                self.hass.config_entries.async_remove_subentry(self._entry, subentry_id)
        await self.hass.async_block_till_done()

    async def undo(self, deed: Deed) -> None:
        """End what takes a while."""
        match deed.act:
            case Act.PAUSE:
                await self._call("switch.turn_on", f"switch.room_{deed.microphone}_listening")
            case Act.REMOVE:
                subentry = self._subentries[deed.microphone]
                data = MappingProxyType(subentry["data"])
                self.hass.config_entries.async_add_subentry(self._entry, ConfigSubentry(**subentry | {"data": data}))
        await self.hass.async_block_till_done()

    async def unload(self) -> bool:
        """Take Sound Guard away; return whether that went well."""
        unloaded = await self.hass.config_entries.async_unload(self._entry.entry_id)
        await self.hass.async_block_till_done()
        return unloaded

    async def _call(self, service: str, entity_id: str, **data: str) -> None:
        domain, name = service.split(".")
        await self.hass.services.async_call(domain, name, {"entity_id": entity_id, **data}, blocking=True)


@asynccontextmanager
async def open_house(
    folder: Path, sources: Sequence[str], engine: Engine, options: Mapping[str, Any]
) -> AsyncIterator[House]:
    """Start Home Assistant in an empty folder with a microphone for every source, and stop it in the end.

    The microphones are called "Room 0", "Room 1", and so on. `options` are those of Sound Guard.

    Raises:
        SetUpError: Sound Guard could not be set up.
    """
    # A pool of its own size; in its first moment all of its threads are needed.
    pool, all_there = ThreadPoolExecutor(WORKERS, "SyncWorker"), Barrier(WORKERS)
    asyncio.get_running_loop().set_default_executor(pool)
    await asyncio.gather(*(asyncio.to_thread(all_there.wait) for _ in range(WORKERS)))
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    await async_process_ha_core_config(hass, {"name": "House", "time_zone": "Europe/Berlin", "country": "DE"})
    web = {"http": {"server_host": "127.0.0.1", "server_port": _free_port()}}
    for component in ("homeassistant", "persistent_notification", "http"):
        await async_setup_component(hass, component, web)
    # Web settings that nobody confirms make Home Assistant restart after five minutes.
    await (await async_get_and_load_store(hass)).async_promote_pending()
    hass.data[ENGINE] = engine
    subentries = [_subentry(number, source) for number, source in enumerate(sources)]
    entry = ConfigEntry[Any](
        version=SoundGuardConfigFlow.VERSION,
        minor_version=SoundGuardConfigFlow.MINOR_VERSION,
        domain=DOMAIN,
        title="Sound Guard",
        data={},
        options={**_options(0.5), **options},
        source=SOURCE_USER,
        unique_id=None,
        discovery_keys=MappingProxyType({}),
        subentries_data=subentries,
    )
    await hass.async_start()
    await hass.config_entries.async_add(entry)
    await hass.async_block_till_done()
    if entry.state is not ConfigEntryState.LOADED:
        raise SetUpError(f"Sound Guard is not set up: {entry.state}, {entry.reason}")
    try:
        yield House(hass, entry, subentries)
    finally:
        await hass.async_stop(force=True)


def _subentry(number: int, source: str) -> Subentry:
    return Subentry(
        data={"source": source},
        subentry_id=f"room{number}",
        subentry_type=SUBENTRY_MICROPHONE,
        title=f"Room {number}",
        unique_id=source,
    )


def _options(choice: float) -> dict[str, Any]:
    """Return options of the installation that differ with every choice; sounds are always told at once."""
    return {
        "hold": 5 + round(115 * choice),
        "exit_delay": round(30 * choice),
        "trigger_time": round(120 * (1 - choice)),
        "keep_clips": choice > 0.3,
        "clip_days": 1,
        "clip_megabytes": 10 + round(20 * choice),
    }


def _one_of(names: Sequence[str], choice: float) -> str:
    return names[int(choice * len(names))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
