"""Where second looks are taken; what each microphone's walk test hears, and how well its sound arrives.

The last is for whoever looks for a fault, and off until asked for: it never rests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.components.sensor import SensorEntity, SensorEntityDescription
from homeassistant.components.sensor.const import SensorDeviceClass, SensorStateClass
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_MICROPHONE
from .entity import MicrophoneEntity, guard_device
from .news import News, Status
from .runtime import SoundGuardConfigEntry
from .verification import State as SecondLookState
from .vitals import Vitals
from .walk_test import State, WalkTest

PARALLEL_UPDATES = 0

WALK_TEST_FEATURE = 1
"""The actions that start and stop walk tests look for it: of our sensors, only those of the walk tests have it."""


@dataclass(frozen=True, kw_only=True)
class VitalsDescription(SensorEntityDescription):
    """Says which of the vitals a sensor shows."""

    value: Callable[[Vitals], float | None]


VITALS = (
    VitalsDescription(
        key="sound_level",
        translation_key="sound_level",
        # Relative to full scale: no sound pressure, which only a calibrated microphone could tell.
        native_unit_of_measurement="dBFS",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value=lambda vitals: round(vitals.level.rms_dbfs, 1),
    ),
    VitalsDescription(
        key="latency",
        translation_key="latency",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value=lambda vitals: round(vitals.latency_s, 2),
    ),
    VitalsDescription(
        key="dropped_sound",
        translation_key="dropped_sound",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=1,
        value=lambda vitals: vitals.dropped_s,
    ),
    VitalsDescription(
        key="cpu_share",
        translation_key="cpu_share",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value=lambda vitals: round(vitals.cpu_percent, 2),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensor of the installation and those of every microphone."""
    async_add_entities([SecondLookSensor(entry)])
    for subentry in entry.get_subentries_of_type(SUBENTRY_MICROPHONE):
        async_add_entities(
            [
                WalkTestSensor(entry, subentry),
                LastWalkTestSensor(entry, subentry),
                *(VitalsSensor(entry, subentry, description) for description in VITALS),
            ],
            config_subentry_id=subentry.subentry_id,
        )


class SecondLookSensor(SensorEntity):
    """Where second looks are taken, or why they are not. Always available: saying so is its purpose."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_translation_key = "second_look"
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_device_class = SensorDeviceClass.ENUM

    def __init__(self, entry: SoundGuardConfigEntry) -> None:
        """Belong to the guard's device."""
        self._attr_unique_id = f"{entry.entry_id}_second_look"
        self._attr_device_info = guard_device(entry)
        self._attr_options = list(SecondLookState)
        self._verification = entry.runtime_data.verification

    @property
    def native_value(self) -> str:
        """Return where second looks are taken now."""
        return self._verification.state

    @property
    def extra_state_attributes(self) -> dict[str, str | None]:
        """Return why none can be taken, None while all is well."""
        return {"problem": self._verification.problem}

    async def async_added_to_hass(self) -> None:
        """Start to follow the second look."""
        await super().async_added_to_hass()
        self.async_on_remove(self._verification.subscribe(self.async_write_ha_state))


class _TestSensor(MicrophoneEntity, SensorEntity):
    """Shows something of a microphone's walk tests. Always available: they tell of the past, too."""

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry, key: str) -> None:
        """Follow the tests of one microphone."""
        super().__init__(entry, subentry, key)
        self.test: WalkTest = entry.runtime_data.walk_tests[subentry.subentry_id]

    async def async_added_to_hass(self) -> None:
        """Start to follow the tests."""
        await super().async_added_to_hass()
        self.async_on_remove(self.test.subscribe(self.async_write_ha_state))


class WalkTestSensor(_TestSensor):
    """Whether a walk test runs, and what the last one has heard. A restart ends the test, and forgets that.

    In no category: an action on a device or an area reaches only entities like that.
    """

    _attr_translation_key = "walk_test"
    _attr_device_class = SensorDeviceClass.ENUM
    _attr_supported_features = WALK_TEST_FEATURE

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Show the tests of one microphone."""
        super().__init__(entry, subentry, "walk_test")
        self._attr_options = list(State)

    @property
    def native_value(self) -> str:
        """Return what the test is doing."""
        return self.test.state

    @property
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return when the test ends, and what was heard last in this one or the one before."""
        ends = {"ends": self.test.ends.isoformat(timespec="seconds")} if self.test.ends else {}
        return ends | (self.test.latest.as_dict() if self.test.latest else {})


class LastWalkTestSensor(_TestSensor):
    """When a walk test has heard a sound last; unknown until one has."""

    _attr_translation_key = "last_walk_test"
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_device_class = SensorDeviceClass.TIMESTAMP

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry) -> None:
        """Show the last success of one microphone."""
        super().__init__(entry, subentry, "last_walk_test")

    @property
    def native_value(self) -> datetime | None:
        """Return the time."""
        return self.test.last_success


class VitalsSensor(MicrophoneEntity, SensorEntity):
    """One of a microphone's vitals."""

    entity_description: VitalsDescription
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False

    def __init__(self, entry: SoundGuardConfigEntry, subentry: ConfigSubentry, description: VitalsDescription) -> None:
        """Show what the description says."""
        super().__init__(entry, subentry, description.key)
        self.entity_description = description

    @property
    def available(self) -> bool:
        """Return whether sound arrives."""
        return self.microphone.vitals is not None

    @property
    def native_value(self) -> float | None:
        """Return the latest value, None where the microphone cannot tell."""
        vitals = self.microphone.vitals
        return self.entity_description.value(vitals) if vitals else None

    @callback
    def _take(self, news: News) -> None:
        if isinstance(news, Status | Vitals):
            self.async_write_ha_state()
