"""Brings what an older version of Sound Guard has stored up to date."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .code import hash_code
from .const import CONF_CODE_HASH, CONF_TRIGGERS
from .src.hearing.guard import LIFE_SAFETY, WHEN_ARMED

# What only older versions knew.
OLD_CODE = "code"
OLD_ALWAYS_ALERT = "always_alert"


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Bring an entry up to date."""
    if entry.minor_version < 2:
        options = await hass.async_add_executor_job(_since_1_2, dict(entry.options))
        hass.config_entries.async_update_entry(entry, options=options, minor_version=2)
    return True


def _since_1_2(options: dict[str, Any]) -> dict[str, Any]:
    """Hash the code; say for every sound in which modes it raises the alarm. Blocks for a tenth of a second."""
    if code := options.pop(OLD_CODE, None):
        options[CONF_CODE_HASH] = hash_code(code)
    if not options.pop(OLD_ALWAYS_ALERT, True):
        options[CONF_TRIGGERS] = {label: sorted(WHEN_ARMED) for label in LIFE_SAFETY}
    return options
