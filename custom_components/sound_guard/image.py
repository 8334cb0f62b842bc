"""A picture of what each microphone has heard last, and why that was reported."""

from datetime import datetime

from homeassistant.components.image import ImageEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity
from .runtime import SoundGuardConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the picture of every microphone."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities([LastDetection(hass, entry, subentry)], config_subentry_id=subentry.subentry_id)


class LastDetection(MicrophoneEntity, ImageEntity):
    """The last detection's picture: drawn when a sound is reported, and again with all of it when it has ended.

    Unknown until something was heard. After a restart it is there again only if clips are kept.
    """

    _attr_translation_key = "last_detection"
    _attr_content_type = "image/png"

    def __init__(self, hass: HomeAssistant, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Show what one microphone has heard."""
        MicrophoneEntity.__init__(self, entry, subentry, "last_detection")
        ImageEntity.__init__(self, hass)
        self._witness = entry.runtime_data.witnesses[subentry.subentry_id]

    @property
    def image_last_updated(self) -> datetime | None:
        """Return when the picture was drawn."""
        proof = self._witness.last
        return proof.clip.updated if proof is not None and proof.picture is not None else None

    async def async_image(self) -> bytes | None:
        """Return the picture, None if there is none."""
        return self._witness.last.picture if self._witness.last is not None else None

    async def async_added_to_hass(self) -> None:
        """Start to follow the witness."""
        await super().async_added_to_hass()
        self.async_on_remove(self._witness.follow(self.async_write_ha_state))
