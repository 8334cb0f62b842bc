"""One trial: a house with real parts, watched through a fault, and the ledger of what came of it."""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import ENGINE, Engine

from ..integration.conftest import House, microphone, until
from ..integration.fakes import Room
from .ear import Ear
from .ledger import Ledger, Row
from .watch import PATIENCE_S, Watch


class Trial:
    """Sets a house up, and writes down how it fared. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, ear: Ear, ledger: Ledger) -> None:
        """Take a Home Assistant with nothing in it, what opens the sources, and where to write."""
        self.ear = ear
        self._hass = hass
        self._ledger = ledger

    async def watch(
        self,
        sources: Mapping[str, str] | str,
        options: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> Watch:
        """Set a house up with sources by the names of their rooms, a single one in the kitchen, and begin to watch it.

        Returns when sound arrives from all of them.
        """
        rooms = {"kitchen": sources} if isinstance(sources, str) else sources
        return Watch(await furnish(self._hass, self.ear, rooms, options or {}), self.ear, rooms, clock)

    def note(self, row: Row) -> None:
        """Write a row of the table."""
        self._ledger.rows.append(row)

    async def end(self) -> None:
        """Take the house down, if it still stands."""
        if self._hass.is_running:
            for entry in self._hass.config_entries.async_entries(DOMAIN):
                if entry.state is ConfigEntryState.LOADED:
                    await self._hass.config_entries.async_unload(entry.entry_id)
            await self._hass.async_block_till_done()
        await until(lambda: not drawing(), timeout_s=PATIENCE_S)


def drawing() -> list[str]:
    """Return the threads that draw pictures; each ends by itself when its picture is drawn."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("picture")]


async def furnish(hass: HomeAssistant, ear: Ear, sources: Mapping[str, str], options: Mapping[str, Any]) -> House:
    """Set Sound Guard up with the real engine, and wait until sound arrives from all microphones."""
    hass.data[ENGINE] = Engine(open_source=ear.open_source, open_listener=ear.open_listener)
    subentries = [microphone(room.title(), f"{room}_id", source=source) for room, source in sources.items()]
    entry = MockConfigEntry(domain=DOMAIN, title="Sound Guard", options=options, subentries_data=subentries)
    entry.add_to_hass(hass)
    house = House(hass, entry, Room())
    await house.set_up()

    def all_heard() -> bool:
        return all(house.state(f"binary_sensor.{room}_connectivity") == "on" for room in sources)

    def what_is_wrong() -> str:
        return str([each.status for each in entry.runtime_data.microphones.values()])

    await until(all_heard, what_is_wrong, PATIENCE_S)
    return house
