"""What an automation can ask: whether a sound is or was heard, and whether a microphone fails."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import probatio as vol
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import CONF_OPTIONS, STATE_ON, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL,
    Condition,
    ConditionConfig,
    EntityConditionBase,
    EntityStateConditionBase,
)
from homeassistant.util import dt as dt_util

from .trigger import CONNECTIVITY, EVENTS, is_offline, ours

CONF_SOUND = "sound"
CONF_WITHIN = "within"

ON: set[str | bool] = {STATE_ON}

LABELS = ("glass_break", "smoke_alarm", "co_alarm")

RECENTLY_SCHEMA = ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL.extend(
    {
        vol.Required(CONF_OPTIONS, default={}): {
            vol.Required(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): vol.In([BEHAVIOR_ANY, BEHAVIOR_ALL]),
            vol.Required(CONF_SOUND, default=list(LABELS)): vol.All(cv.ensure_list, vol.Length(1), [vol.In(LABELS)]),
            vol.Required(CONF_WITHIN, default={"minutes": 5}): cv.positive_time_period,
        }
    }
)


def _sensors(device_class: BinarySensorDeviceClass) -> Mapping[str, DomainSpec]:
    return {Platform.BINARY_SENSOR: DomainSpec(device_class=device_class)}


class SoundDetected(EntityStateConditionBase):
    """Whether the sensor of one sound is on: the sound is heard, or was within the hold time."""

    _states = ON

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of the entities are sensors of our microphones."""
        return ours(self._hass, super().entity_filter(entities))


class GlassBreakDetected(SoundDetected):
    """Whether breaking glass is heard."""

    _domain_specs = _sensors(BinarySensorDeviceClass.GLASS_BREAK)


class SmokeAlarmDetected(SoundDetected):
    """Whether a smoke alarm is heard."""

    _domain_specs = _sensors(BinarySensorDeviceClass.SMOKE)


class CarbonMonoxideAlarmDetected(SoundDetected):
    """Whether a carbon-monoxide alarm is heard."""

    _domain_specs = _sensors(BinarySensorDeviceClass.CO)


class SoundHeardRecently(EntityConditionBase):
    """Whether the last sound that a microphone has heard is one of some kinds, and not long ago."""

    _domain_specs = EVENTS
    _schema = RECENTLY_SCHEMA

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the kinds and the time."""
        super().__init__(hass, config)
        assert config.options
        self._labels = set(config.options[CONF_SOUND])
        self._within: timedelta = config.options[CONF_WITHIN]

    @property
    def needs_polling(self) -> bool:
        """Return that time alone ends it."""
        return True

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of the entities tell what our microphones hear."""
        return ours(self._hass, super().entity_filter(entities))

    def is_valid_state(self, entity_state: State) -> bool:
        """Return whether a microphone has heard one of the sounds in time."""
        heard = dt_util.parse_datetime(entity_state.state)
        of_this_kind = entity_state.attributes.get("event_type") in self._labels
        return of_this_kind and heard is not None and dt_util.utcnow() - heard <= self._within


class MicrophoneOffline(EntityConditionBase):
    """Whether a microphone does not hear although it should."""

    _domain_specs = CONNECTIVITY
    _primary_entities_only = False

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return which of the entities tell how our microphones are doing."""
        return ours(self._hass, super().entity_filter(entities))

    def is_valid_state(self, entity_state: State) -> bool:
        """Return whether a microphone fails."""
        return is_offline(entity_state)

    def _state_valid_since(self, _state: State) -> datetime:
        # Its state has been "off" for longer if it was closed or being opened before.
        return _state.last_updated


CONDITIONS: dict[str, type[Condition]] = {
    "is_glass_break_detected": GlassBreakDetected,
    "is_smoke_alarm_detected": SmokeAlarmDetected,
    "is_carbon_monoxide_alarm_detected": CarbonMonoxideAlarmDetected,
    "is_microphone_offline": MicrophoneOffline,
    "sound_heard_recently": SoundHeardRecently,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return our conditions."""
    return CONDITIONS
