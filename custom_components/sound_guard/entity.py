"""What all entities of a microphone have in common, and the devices they belong to."""

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.restore_state import RestoreStateData

from .const import DOMAIN
from .news import News, Status
from .runtime import SoundGuardConfigEntry


def guard_device(entry: SoundGuardConfigEntry) -> DeviceInfo:
    """Return the device of the guard, which is a service: it has no body of its own."""
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        manufacturer="Sound Guard",
        model="Guard",
        sw_version=entry.runtime_data.card.version,
        entry_type=DeviceEntryType.SERVICE,
    )


class MicrophoneEntity(Entity):
    """An entity of one microphone; told by it what is new."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry, key: str) -> None:
        """Belong to the microphone of a subentry; the key tells its entities apart."""
        self.microphone = entry.runtime_data.microphones[subentry.subentry_id]
        self._attr_unique_id = f"{subentry.subentry_id}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            manufacturer="Sound Guard",
            model="Microphone",
            via_device_id=dr.async_get_device_id_by_identifier(
                self.microphone.hass, (DOMAIN, entry.entry_id), config_entry_id=entry.entry_id
            ),
        )

    async def async_added_to_hass(self) -> None:
        """Start to follow the microphone."""
        await super().async_added_to_hass()
        self.async_on_remove(self.microphone.subscribe(self._take))

    @callback
    def _take(self, news: News) -> None:
        """Take a piece of news; by default only how the microphone is doing matters."""
        if isinstance(news, Status):
            self.async_write_ha_state()


async def async_save_states(hass: HomeAssistant) -> None:
    """Write down now what is restored after a restart.

    Home Assistant does so every quarter of an hour. A power cut must neither disarm the guard nor open a microphone
    that was closed.
    """
    await RestoreStateData.async_save_persistent_states(hass)
