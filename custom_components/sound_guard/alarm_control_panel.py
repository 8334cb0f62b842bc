"""The guard of the house as an alarm panel."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from homeassistant.components.alarm_control_panel import AlarmControlPanelEntity
from homeassistant.components.alarm_control_panel.const import (
    AlarmControlPanelEntityFeature,
    AlarmControlPanelState,
    CodeFormat,
)
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity

from .const import CONF_CODE_TO_ARM, DOMAIN
from .entity import async_save_states, guard_device
from .guard import LEFT
from .guard_record import guard_as_dict, guard_from_dict, guard_from_state
from .runtime import SoundGuardConfigEntry
from .src.hearing.guard import Guard, Mode

PARALLEL_UPDATES = 0

_LOGGER = logging.getLogger(__name__)


async def async_setup_entry(
    hass: HomeAssistant, entry: SoundGuardConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the panel."""
    async_add_entities([GuardPanel(entry)])


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks for a change."""

    context: Context
    """Not that of the panel: while a code is checked, somebody else may ask for something."""

    name: str | None
    """None if Home Assistant does not know."""


class GuardPanel(AlarmControlPanelEntity, RestoreEntity):
    """Arms and disarms the guard, and shows what raised the alarm.

    If the owner has set a code, disarming needs it, and so does a mode in which an armed guard would let pass what it
    does not let pass now. Arming does only if the owner wants that: leaving the house is not held up. Where no code is
    needed, none is looked at: an automation with an old one must not leave the house unguarded. Raising the alarm by
    hand never needs one.
    """

    _attr_has_entity_name = True
    _attr_name = None
    _attr_should_poll = False
    _attr_translation_key = "guard"
    _attr_supported_features = (
        AlarmControlPanelEntityFeature.ARM_AWAY
        | AlarmControlPanelEntityFeature.ARM_HOME
        | AlarmControlPanelEntityFeature.ARM_NIGHT
        | AlarmControlPanelEntityFeature.TRIGGER
    )

    def __init__(self, entry: SoundGuardConfigEntry) -> None:
        """Show the guard of an installation."""
        self._guard = entry.runtime_data.guard
        self._keypad = entry.runtime_data.keypad
        self._lookout = entry.runtime_data.lookout
        self._attr_code_format = CodeFormat.NUMBER if self._keypad.has_code else None
        self._attr_code_arm_required = self._keypad.has_code and entry.options.get(CONF_CODE_TO_ARM, False)
        self._is_restored = False
        self._entry_id = entry.entry_id
        self._asker: _Asker | None = None
        """None if nobody asks for a change at this moment."""
        self._attr_unique_id = f"{entry.entry_id}_guard"
        self._attr_device_info = guard_device(entry)

    @property
    def alarm_state(self) -> AlarmControlPanelState:
        """Return what the guard is doing."""
        return AlarmControlPanelState(self._guard.now.state)

    @property
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what raised the alarm or is about to, and which microphones do not listen although it is armed."""
        cause = self._guard.now.cause
        return {
            "triggered_by": cause.label if cause else None,
            "microphone": cause.microphone if cause else None,
            "area": cause.area if cause else None,
            "confidence": round(cause.confidence, 3) if cause else None,
            "onset": cause.onset.isoformat(timespec="milliseconds") if cause else None,
            "not_listening": self._lookout.not_listening,
        }

    @property
    def extra_restore_state_data(self) -> RestoredExtraData:
        """Return what is needed to go on after a restart."""
        return RestoredExtraData(guard_as_dict(self._guard.now) | {"changed_by": self.changed_by})

    async def async_added_to_hass(self) -> None:
        """Go on from before a restart, and follow the guard."""
        await super().async_added_to_hass()
        if not self._is_restored:
            # Once: a panel that gets another name is added again, to a guard that has gone on.
            self._is_restored = True
            await self._restore()
        self.async_on_remove(self._guard.subscribe(self._follow))
        self.async_on_remove(self._lookout.subscribe(self.async_write_ha_state))

    async def _restore(self) -> None:
        extra, last = await self.async_get_last_extra_data(), await self.async_get_last_state()
        stored = extra.as_dict() if extra else {}
        guard = guard_from_dict(stored)
        if guard is not None and isinstance(changed_by := stored.get("changed_by"), str):
            self._attr_changed_by = changed_by
        if guard is None and last is not None:
            if extra is not None:
                _LOGGER.warning("The record of the guard cannot be read; it goes on from its state, %s", last.state)
            guard = guard_from_state(last.state, last.last_changed)
        left = self.hass.data.get(LEFT, {}).pop(self._entry_id, None)
        if left is not None and (then := guard_from_dict(guard_as_dict(left))) != guard:
            guard, self._attr_changed_by = then, left.cause.microphone if left.cause else None
        if guard is not None:
            self._guard.restore(guard)

    async def async_alarm_arm_away(self, code: str | None = None) -> None:
        """Arm for an empty house."""
        await self._arm(Mode.ARMED_AWAY, code)

    async def async_alarm_arm_home(self, code: str | None = None) -> None:
        """Arm with people at home."""
        await self._arm(Mode.ARMED_HOME, code)

    async def async_alarm_arm_night(self, code: str | None = None) -> None:
        """Arm with people asleep."""
        await self._arm(Mode.ARMED_NIGHT, code)

    async def async_alarm_disarm(self, code: str | None = None) -> None:
        """Disarm, and end a raised alarm."""
        asked, known = self._context, self._guard.now.cause
        await self._keypad.async_check(code)
        cause = self._guard.now.cause
        if cause is not None and cause.is_life_safety and cause != known:
            # It began while the code was checked: whoever entered it does not know yet.
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="alarm_meanwhile")
        await self._by_a_person(asked, self._guard.disarm)

    async def async_alarm_trigger(self, code: str | None = None) -> None:
        """Raise the alarm by hand; never needs a code."""
        await self._by_a_person(self._context, self._guard.trigger)

    async def _arm(self, mode: Mode, code: str | None) -> None:
        asked = self._context
        if self.code_arm_required or self._guard.would_weaken(mode):
            await self._keypad.async_check(code)
        if self._guard.now.is_raising:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="disarm_first")
        await self._by_a_person(asked, partial(self._guard.arm, mode))

    async def _by_a_person(self, asked: Context | None, change: Callable[[], None]) -> None:
        """Change the guard, and note who asked for that, where Home Assistant knows."""
        user = await self.hass.auth.async_get_user(asked.user_id) if asked and asked.user_id else None
        self._asker = _Asker(asked or Context(), user.name if user else None)
        try:
            change()
        finally:
            self._asker = None

    @callback
    def _follow(self, before: Guard, after: Guard) -> None:
        # Unless somebody asks for it now: a sound did this, or the time, not who touched the panel a moment ago.
        context = Context()
        if after.cause is not None and after.cause != before.cause:
            self._attr_changed_by = after.cause.microphone
        elif self._asker is not None:
            self._attr_changed_by, context = self._asker.name, self._asker.context
        self.async_set_context(context)
        self.async_write_ha_state()
        self.hass.async_create_task(async_save_states(self.hass), "sound_guard saves the guard")
