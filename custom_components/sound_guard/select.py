"""How readily a microphone reports a sound."""

from homeassistant.components.select import SelectEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoreEntity

from .const import SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity
from .runtime import SoundGuardConfigEntry
from .src.hearing.card import Sensitivity

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensitivity of every microphone."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities([SensitivitySelect(entry, subentry)], config_subentry_id=subentry.subentry_id)


class SensitivitySelect(MicrophoneEntity, SelectEntity, RestoreEntity):
    """Low raises fewer false alarms, high hears more; takes effect at once and stays over a restart."""

    _attr_translation_key = "sensitivity"
    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Set one microphone."""
        super().__init__(entry, subentry, "sensitivity")
        self._attr_options = list(Sensitivity)

    @property
    def current_option(self) -> str:
        """Return the sensitivity in use."""
        return self.microphone.sensitivity

    async def async_added_to_hass(self) -> None:
        """Take the choice from before a restart."""
        await super().async_added_to_hass()
        last = await self.async_get_last_state()
        if last is not None and last.state in self.options:
            self.microphone.sensitivity = Sensitivity(last.state)

    async def async_select_option(self, option: str) -> None:
        """Follow the owner's choice."""
        self.microphone.sensitivity = Sensitivity(option)
        self.async_write_ha_state()
