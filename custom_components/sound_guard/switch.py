"""Whether a microphone listens."""

from typing import Any

from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_OFF, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoreEntity

from .const import SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity, async_save_states
from .runtime import SoundGuardConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switch of every microphone."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities([ListeningSwitch(entry, subentry)], config_subentry_id=subentry.subentry_id)


class ListeningSwitch(MicrophoneEntity, SwitchEntity, RestoreEntity):
    """Off: the microphone is really closed, and stays so over a restart."""

    _attr_translation_key = "listening"
    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Switch one microphone."""
        super().__init__(entry, subentry, "listening")

    @property
    def is_on(self) -> bool:
        """Return the owner's wish."""
        return self.microphone.listening

    async def async_added_to_hass(self) -> None:
        """Take the wish from before a restart, before the microphone is opened."""
        await super().async_added_to_hass()
        last = await self.async_get_last_state()
        self.microphone.listening = last is None or last.state != STATE_OFF

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Open the microphone."""
        await self._listen(True)

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Close the microphone."""
        await self._listen(False)

    async def _listen(self, listening: bool) -> None:
        await self.microphone.async_listen(listening)
        self.async_write_ha_state()
        await async_save_states(self.hass)
