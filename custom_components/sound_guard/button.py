"""Deletes all clips at a press, and starts a microphone's walk test."""

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity, guard_device
from .runtime import SoundGuardConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the button of the installation and that of every microphone."""
    async_add_entities([DeleteClipsButton(entry)])
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities([WalkTestButton(entry, subentry)], config_subentry_id=subentry.subentry_id)


class DeleteClipsButton(ButtonEntity):
    """Also there while no clips are kept: those from before may still have to go."""

    _attr_has_entity_name = True
    _attr_translation_key = "delete_clips"
    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, entry: SoundGuardConfigEntry) -> None:
        """Belong to the guard's device."""
        self._attr_unique_id = f"{entry.entry_id}_delete_clips"
        self._attr_device_info = guard_device(entry)
        self._clips = entry.runtime_data.clips

    async def async_press(self) -> None:
        """Delete all clips."""
        await self._clips.async_delete_all()


class WalkTestButton(MicrophoneEntity, ButtonEntity):
    """Starts the walk test of a microphone; it ends by itself."""

    _attr_translation_key = "walk_test"

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Test one microphone."""
        super().__init__(entry, subentry, "walk_test")
        self._test = entry.runtime_data.walk_tests[subentry.subentry_id]

    @property
    def available(self) -> bool:
        """Return whether there is anything to test."""
        return self.microphone.status.hears

    async def async_press(self) -> None:
        """Start the test."""
        self._test.start()
