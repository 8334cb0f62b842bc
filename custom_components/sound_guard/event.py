"""One event per sound that a microphone hears."""

from homeassistant.components.event import EventEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN, SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity
from .news import Heard, News
from .runtime import SoundGuardConfigEntry
from .src.hearing.detection import Phase

PARALLEL_UPDATES = 0

EVENT_HEARD = f"{DOMAIN}_heard"
"""On Home Assistant's event bus, so that the activity page can put into words what an entity's state cannot hold."""


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the event entity of every microphone."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities([SoundEvent(entry, subentry)], config_subentry_id=subentry.subentry_id)


class SoundEvent(MicrophoneEntity, EventEntity):
    """Fires once per sound, when it is first heard; a sound that goes on does not fire again.

    Always available: it tells of the past, and what was heard before a microphone failed was heard.
    """

    _attr_translation_key = "sound"

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Fire for every sound the model knows."""
        super().__init__(entry, subentry, "sound")
        self._attr_event_types = list(entry.runtime_data.card.labels)

    @callback
    def _take(self, news: News) -> None:
        if not isinstance(news, Heard) or news.phase is not Phase.STARTED:
            return
        self._tell(news)
        self._trigger_event(
            news.label,
            {
                "confidence": round(news.confidence, 3),
                "onset": news.onset.isoformat(timespec="milliseconds"),
                "duration": round(news.duration_s, 2),
                "clip": news.event_id,
                "verified": news.verified,
                "verifier_confidence": _rounded(news.verifier_confidence),
            },
        )
        self.async_write_ha_state()

    @callback
    def _tell(self, heard: Heard) -> None:
        """Fire the event that the entity's new state goes back to."""
        context = Context()
        self.async_set_context(context)
        told = {
            ATTR_ENTITY_ID: self.entity_id,
            ATTR_DEVICE_ID: self.registry_entry.device_id if self.registry_entry else None,
            "microphone": self.microphone.name,
            "sound": heard.label,
            "confidence": round(heard.confidence, 3),
            "clip": heard.event_id,
            "verified": heard.verified,
            "verifier_confidence": _rounded(heard.verifier_confidence),
        }
        self.hass.bus.async_fire(EVENT_HEARD, told, context=context)


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 3)
