"""What Home Assistant's system information says about Sound Guard."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .runtime import SoundGuardConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is shown."""
    register.async_register_info(async_system_health_info, "/config/integrations/integration/sound_guard")


async def async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is shown; only the version while nothing is set up."""
    integration = await async_get_integration(hass, DOMAIN)
    info: dict[str, Any] = {"version": str(integration.version)}
    entries: list[SoundGuardConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    for entry in entries:
        card, microphones = entry.runtime_data.card, entry.runtime_data.microphones.values()
        hearing = [microphone for microphone in microphones if microphone.status.hears]
        info |= {
            "microphones": f"{len(hearing)} / {len(microphones)}",
            "runtime": ", ".join(sorted({str(microphone.status.runtime) for microphone in hearing})) or "–",
            "model": f"{card.name} {card.version}",
            "model_sha256": card.sha256[:12],
            "second_look": entry.runtime_data.verification.state.value,
        }
    return info
