"""What helps to find a fault: no sound, no code, no credentials."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import (
    CONF_CAMERA,
    CONF_CODE_HASH,
    CONF_NOTIFY,
    CONF_SERVER,
    CONF_SOURCE,
    CONF_TOKEN,
    SUBENTRY_MICROPHONE,
)
from .guard_record import guard_as_dict
from .microphone import Microphone
from .runtime import SoundGuardConfigEntry
from .src.hearing.source import redact
from .verification import Verification


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: SoundGuardConfigEntry) -> dict[str, Any]:
    """Return the state of the installation; of one that could not be set up, why, and what it consists of."""
    options = async_redact_data(dict(entry.options), {CONF_CODE_HASH, CONF_NOTIFY, CONF_TOKEN})
    if server := options.get(CONF_SERVER):
        options[CONF_SERVER] = redact(server)
    if entry.state is not ConfigEntryState.LOADED:
        microphones = entry.get_subentries_of_type(SUBENTRY_MICROPHONE)
        return {
            "options": options,
            "state": entry.state,
            "problem": entry.reason,
            "microphones": [{"name": one.title, **_origin(one.data)} for one in microphones],
        }
    runtime = entry.runtime_data
    card = runtime.card
    return {
        "options": options,
        "guard": guard_as_dict(runtime.guard.now),
        "model": {
            "name": card.name,
            "version": card.version,
            "sha256": card.sha256,
            "labels": list(card.labels),
            "thresholds": {label: dict(levels) for label, levels in card.thresholds.items()},
        },
        "second_look": _second_look(runtime.verification),
        "microphones": [_microphone(microphone) for microphone in runtime.microphones.values()],
    }


def _second_look(verification: Verification) -> dict[str, Any]:
    card, standing, failure = verification.card, verification.standing, verification.failure
    return {
        "state": verification.state,
        "problem": str(failure) if failure else None,
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256} if card else None,
        "standing": asdict(standing) if standing else None,
    }


def _microphone(microphone: Microphone) -> dict[str, Any]:
    level = microphone.level
    return {
        "name": microphone.name,
        **_origin(microphone.data),
        "listening": microphone.listening,
        "sensitivity": microphone.sensitivity,
        "status": asdict(microphone.status),
        "level": asdict(level) if level else None,
        "vitals": asdict(microphone.vitals) if microphone.vitals else None,
        "noise_floor_dbfs": microphone.deafness.floor_dbfs,
        "noise_gate": microphone.deafness.is_gated,
    }


def _origin(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a microphone's sound comes from, without credentials."""
    source = data.get(CONF_SOURCE)
    return {CONF_SOURCE: redact(source) if source else None, CONF_CAMERA: data.get(CONF_CAMERA)}
