"""What an automation can begin with: a sound that is heard, a microphone that is not.

Home Assistant's interface for triggers of an integration's own is young. Only this file and condition.py use it, and
Home Assistant loads them apart from the rest: should it change, sensors and guard go on.
"""

from collections.abc import Mapping

import probatio as vol
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import CONF_OPTIONS, STATE_OFF, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    EntityTriggerBase,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
    TriggerConfig,
)

from .const import DOMAIN

CONF_CONFIDENCE = "confidence"

EVENTS: Mapping[str, DomainSpec] = {Platform.EVENT: DomainSpec()}
CONNECTIVITY: Mapping[str, DomainSpec] = {
    Platform.BINARY_SENSOR: DomainSpec(device_class=BinarySensorDeviceClass.CONNECTIVITY)
}

SOUND_SCHEMA = ENTITY_STATE_TRIGGER_SCHEMA.extend(
    {
        vol.Required(CONF_OPTIONS, default={}): {
            vol.Optional(CONF_CONFIDENCE, default=0): vol.All(vol.Coerce(float), vol.Range(min=0, max=100))
        }
    }
)


def ours(hass: HomeAssistant, entities: set[str]) -> set[str]:
    """Return which of the entities are Sound Guard's: an area has others of the same kind."""
    registry = er.async_get(hass)
    return {found.entity_id for each in entities if (found := registry.async_get(each)) and found.platform == DOMAIN}


def is_offline(connectivity: State) -> bool:
    """Return whether a microphone fails, judged by its connectivity; one that its owner has closed does not."""
    return connectivity.state == STATE_OFF and connectivity.attributes.get("problem") is not None


class SoundTrigger(StatelessEntityTriggerBase):
    """Triggers once for every sound of one kind that a microphone hears."""

    _domain_specs = EVENTS
    _schema = SOUND_SCHEMA
    _label: str

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the lowest confidence that counts, which is given in percent."""
        super().__init__(hass, config)
        self._confidence = self._options[CONF_CONFIDENCE] / 100

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of the entities tell what our microphones hear."""
        return ours(self._hass, super().entity_filter(entities))

    def is_valid_state(self, state: State, report_not_triggered: NotTriggeredReasonReporter) -> bool:
        """Return whether it was this sound, and sure enough."""
        confidence = state.attributes.get(CONF_CONFIDENCE, 0)
        if state.attributes.get("event_type") != self._label:
            return False
        if confidence < self._confidence:
            report_not_triggered("not_sure_enough", confidence=confidence, at_least=self._confidence)
            return False
        return True


class GlassBreakDetected(SoundTrigger):
    """Breaking glass was heard."""

    _label = "glass_break"


class SmokeAlarmDetected(SoundTrigger):
    """A smoke alarm was heard."""

    _label = "smoke_alarm"


class CarbonMonoxideAlarmDetected(SoundTrigger):
    """A carbon-monoxide alarm was heard."""

    _label = "co_alarm"


class MicrophoneOffline(EntityTriggerBase):
    """Triggers when a microphone no longer hears although it should: lost, out of reach or muted."""

    _domain_specs = CONNECTIVITY
    _primary_entities_only = False

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of the entities tell how our microphones are doing."""
        return ours(self._hass, super().entity_filter(entities))

    def is_valid_state(self, state: State, report_not_triggered: NotTriggeredReasonReporter) -> bool:
        """Return whether the microphone fails."""
        return is_offline(state)

    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        """Return whether it did not fail before: the reason may change while it does."""
        return not is_offline(from_state)


TRIGGERS: dict[str, type[Trigger]] = {
    "glass_break_detected": GlassBreakDetected,
    "smoke_alarm_detected": SmokeAlarmDetected,
    "carbon_monoxide_alarm_detected": CarbonMonoxideAlarmDetected,
    "microphone_offline": MicrophoneOffline,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return our triggers."""
    return TRIGGERS
