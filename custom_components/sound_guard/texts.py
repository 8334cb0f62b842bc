"""What Sound Guard itself says to the owner, in notifications: in the language of the house."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN


@callback
def text(hass: HomeAssistant, key: str, **placeholders: str) -> str:
    """Return a text of the translations' section "common"; the key itself if there is none."""
    texts = async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)
    return texts.get(f"component.{DOMAIN}.common.{key}", key).format(**placeholders)
