"""What Sound Guard itself says to the owner, in notifications and repairs: in the language of the house."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN


@callback
def text(hass: HomeAssistant, key: str, **placeholders: str) -> str:
    """Return a text of the translations' section "common"; the key itself if there is none."""
    return _found(hass, "common", key).format(**placeholders)


@callback
def problem_text(hass: HomeAssistant, problem: str) -> str:
    """Return a microphone's problem as the sensor of its connection shows it."""
    return _found(hass, "entity", f"binary_sensor.connectivity.state_attributes.problem.state.{problem}")


def with_detail(told: str, detail: str | None) -> str:
    """Return what the owner is told, and behind it what helps whoever helps: English, as the log has it."""
    return f"{told} ({detail.removesuffix('.')})" if detail else told


def _found(hass: HomeAssistant, section: str, key: str) -> str:
    texts = async_get_cached_translations(hass, hass.config.language, section, DOMAIN)
    return texts.get(f"component.{DOMAIN}.{section}.{key}", key)
