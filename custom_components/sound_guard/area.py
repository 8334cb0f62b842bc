"""Where in the house a microphone is: the area of its device."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.area_registry import AreaEntry

from .const import DOMAIN


@callback
def microphone_area(hass: HomeAssistant, entry_id: str, subentry_id: str) -> AreaEntry | None:
    """Return the area of a microphone's device; None if it has none."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, subentry_id), entry_id)
    return ar.async_get(hass).async_get_area(device.area_id) if device and device.area_id else None
