"""What helps to find a fault: no sound, no code, no credentials."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_CAMERA, CONF_CODE_HASH, CONF_NOTIFY, CONF_SOURCE
from .guard_record import guard_as_dict
from .microphone import Microphone
from .runtime import SoundGuardConfigEntry
from .src.hearing.source import redact


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> dict[str, Any]:
    """Return the state of the installation."""
    runtime = entry.runtime_data
    card = runtime.card
    return {
        "options": async_redact_data(dict(entry.options), {CONF_CODE_HASH, CONF_NOTIFY}),
        "guard": guard_as_dict(runtime.guard.now),
        "model": {
            "name": card.name,
            "version": card.version,
            "sha256": card.sha256,
            "labels": list(card.labels),
            "thresholds": {label: dict(levels) for label, levels in card.thresholds.items()},
        },
        "microphones": [_microphone(microphone) for microphone in runtime.microphones.values()],
    }


def _microphone(microphone: Microphone) -> dict[str, Any]:
    level = microphone.level
    source = microphone.data.get(CONF_SOURCE)
    return {
        "name": microphone.name,
        CONF_SOURCE: redact(source) if source else None,
        CONF_CAMERA: microphone.data.get(CONF_CAMERA),
        "listening": microphone.listening,
        "sensitivity": microphone.sensitivity,
        "status": asdict(microphone.status),
        "level": asdict(level) if level else None,
        "vitals": asdict(microphone.vitals) if microphone.vitals else None,
    }
