"""What each microphone hears right now, and whether it is connected."""

from dataclasses import dataclass
from datetime import datetime

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .const import CONF_HOLD, DEFAULT_HOLD_S, SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity
from .news import Heard, News, Status
from .runtime import SoundGuardConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class SoundDescription(BinarySensorEntityDescription):
    """Ties a sound of the model to a sensor."""

    label: str


SOUNDS = (
    SoundDescription(key="glass_break", label="glass_break", device_class=BinarySensorDeviceClass.GLASS_BREAK),
    SoundDescription(key="smoke", label="smoke_alarm", device_class=BinarySensorDeviceClass.SMOKE),
    SoundDescription(key="carbon_monoxide", label="co_alarm", device_class=BinarySensorDeviceClass.CO),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of every microphone."""
    labels = entry.runtime_data.card.labels
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        sounds = [SoundSensor(entry, subentry, sound) for sound in SOUNDS if sound.label in labels]
        async_add_entities([*sounds, ConnectivitySensor(entry, subentry)], config_subentry_id=subentry.subentry_id)


class SoundSensor(MicrophoneEntity, BinarySensorEntity):
    """On while a sound is heard, and for the hold time after that.

    A microphone that fails while the sensor is on does not take the alarm back: the sensor stays on for its hold time
    and only then becomes unavailable. A microphone that the owner closes is unavailable at once.
    """

    entity_description: SoundDescription
    _attr_is_on = False

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry, sound: SoundDescription) -> None:
        """Watch for one sound."""
        super().__init__(entry, subentry, sound.key)
        self.entity_description = sound
        self._hold_s: float = entry.options.get(CONF_HOLD, DEFAULT_HOLD_S)
        self._cancel_off: CALLBACK_TYPE | None = None

    @property
    def available(self) -> bool:
        """Return whether the sensor can say anything: it hears, or has just heard."""
        return self.microphone.status.connected or bool(self.is_on)

    async def async_added_to_hass(self) -> None:
        """Start to follow the microphone."""
        await super().async_added_to_hass()
        self.async_on_remove(self._stop_holding)

    @callback
    def _take(self, news: News) -> None:
        if not self.microphone.listening:
            self._stop_holding()
            self._attr_is_on = False
        elif isinstance(news, Heard):
            if news.label != self.entity_description.label:
                return
            self._stop_holding()
            self._cancel_off = async_call_later(self.hass, self._hold_s, self._off)
            self._attr_is_on = True
        elif not isinstance(news, Status):
            return
        self.async_write_ha_state()

    @callback
    def _off(self, _: datetime) -> None:
        self._cancel_off = None
        self._attr_is_on = False
        self.async_write_ha_state()

    @callback
    def _stop_holding(self) -> None:
        if self._cancel_off is not None:
            self._cancel_off()
            self._cancel_off = None


class ConnectivitySensor(MicrophoneEntity, BinarySensorEntity):
    """Whether sound arrives from the microphone, and why not. Always available: saying so is its purpose.

    It is off as well while nothing of the room is in what arrives (see Deafness). The sensors of the sounds stay
    available then: should a sound get through after all, it must not be lost.
    """

    _attr_translation_key = "connectivity"
    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Watch the connection."""
        super().__init__(entry, subentry, "connectivity")

    @property
    def is_on(self) -> bool:
        """Return whether sound arrives."""
        return self.microphone.status.hears

    @property
    def extra_state_attributes(self) -> dict[str, str | None]:
        """Return why no sound arrives; None while all is well or the microphone is closed on purpose."""
        return {"problem": self.microphone.status.problem}
