"""Sound Guard's own actions, besides those of its entities: analyse a file, report a false alarm, export those."""

import asyncio
from functools import partial
from pathlib import Path

import probatio as vol
from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.service import async_register_admin_service

from .analysis import UnreadableError, analyse
from .clip import Clip, Verdict
from .clip_actions import ATTR_CLIP, clip_id
from .const import DOMAIN
from .engine import get_engine
from .incident import INCIDENTS
from .runtime import Runtime, SoundGuardConfigEntry
from .src.hearing.card import Sensitivity

ANALYZE_FILE = "analyze_file"
REPORT_FALSE_ALARM = "report_false_alarm"
EXPORT_FEEDBACK = "export_feedback"

ATTR_PATH = "path"
ATTR_SENSITIVITY = "sensitivity"
ATTR_FALSE_ALARM = "false_alarm"
ATTR_FOLDER = "folder"

EVENT_VERDICT = f"{DOMAIN}_verdict"

DEFAULT_FOLDER = f"{DOMAIN}_feedback"
"""Beside Home Assistant's configuration, where its owner's tools reach."""

ANALYZE_SCHEMA = vol.Schema(
    {
        vol.Required(ATTR_PATH): cv.string,
        vol.Optional(ATTR_SENSITIVITY, default=Sensitivity.BALANCED): vol.Coerce(Sensitivity),
    }
)
REPORT_SCHEMA = vol.Schema(
    {
        vol.Exclusive(ATTR_CLIP, "which"): clip_id,
        vol.Exclusive(ATTR_DEVICE_ID, "which"): cv.string,
        vol.Optional(ATTR_FALSE_ALARM, default=True): cv.boolean,
    }
)
EXPORT_SCHEMA = vol.Schema({vol.Optional(ATTR_FOLDER): cv.string})


@callback
def async_register_actions(hass: HomeAssistant) -> None:
    """Register the actions; only administrators may have something written to the disk."""
    one_at_a_time = asyncio.Lock()

    async def analyze_file(call: ServiceCall) -> ServiceResponse:
        path = await _async_allowed(hass, call.data[ATTR_PATH])
        if not await hass.async_add_executor_job(path.is_file):
            raise _refusal("no_file", path=str(path))
        runtime = _runtime(hass)
        job = partial(
            analyse,
            second_look=runtime.verification.look,
            sensitivity=call.data[ATTR_SENSITIVITY],
            ffmpeg=get_ffmpeg_manager(hass).binary,
        )
        async with one_at_a_time:
            try:
                return await hass.async_add_executor_job(job, path, runtime.card, get_engine(hass))
            except UnreadableError as error:
                raise HomeAssistantError(
                    translation_domain=DOMAIN,
                    translation_key="file_unreadable",
                    translation_placeholders={"problem": str(error)},
                ) from error

    async def report_false_alarm(call: ServiceCall) -> ServiceResponse:
        runtime = _runtime(hass)
        clip = await _async_clip(hass, runtime, call)
        verdict = Verdict.FALSE_ALARM if call.data[ATTR_FALSE_ALARM] else Verdict.REAL
        kept = await runtime.clips.async_note(clip.id, verdict)
        told = {
            "clip": clip.id,
            "sound": clip.label,
            "microphone": clip.microphone,
            "onset": clip.onset.isoformat(),
            "verdict": verdict.value,
            "kept": kept,
        }
        entity_id = er.async_get(hass).async_get_entity_id(Platform.EVENT, DOMAIN, f"{clip.microphone_id}_sound")
        # For the history, also that of the microphone's page; it stays there even where no clip is kept.
        hass.bus.async_fire(EVENT_VERDICT, {**told, ATTR_ENTITY_ID: entity_id}, context=call.context)
        return {**told}

    async def export_feedback(call: ServiceCall) -> ServiceResponse:
        asked = call.data.get(ATTR_FOLDER)
        folder = await _async_allowed(hass, asked) if asked else Path(hass.config.path(DEFAULT_FOLDER))
        if await hass.async_add_executor_job(_is_public, hass, folder):
            raise _refusal("folder_public", folder=str(folder))
        count = await _runtime(hass).clips.async_export(folder)
        return {"folder": str(folder), "count": count}

    hass.services.async_register(
        DOMAIN, ANALYZE_FILE, analyze_file, ANALYZE_SCHEMA, supports_response=SupportsResponse.ONLY
    )
    hass.services.async_register(
        DOMAIN, REPORT_FALSE_ALARM, report_false_alarm, REPORT_SCHEMA, supports_response=SupportsResponse.OPTIONAL
    )
    async_register_admin_service(
        hass, DOMAIN, EXPORT_FEEDBACK, export_feedback, EXPORT_SCHEMA, SupportsResponse.OPTIONAL
    )


def _refusal(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders or None
    )


@callback
def _runtime(hass: HomeAssistant) -> Runtime:
    entries: list[SoundGuardConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    if not entries:
        raise _refusal("not_set_up")
    return entries[0].runtime_data


async def _async_allowed(hass: HomeAssistant, path: str) -> Path:
    """Return a path without its detours, if Home Assistant may use it."""

    def resolve() -> Path | None:
        try:
            resolved = Path(path).resolve()
        except (OSError, ValueError):
            return None
        return resolved if hass.config.is_allowed_path(str(resolved)) else None

    if not Path(path).is_absolute() or (allowed := await hass.async_add_executor_job(resolve)) is None:
        raise _refusal("path_not_allowed", path=path)
    return allowed


def _is_public(hass: HomeAssistant, folder: Path) -> bool:
    """Return whether Home Assistant hands out what lies in a folder to everybody, without a login."""
    return folder.resolve().is_relative_to(Path(hass.config.path("www")).resolve())


async def _async_clip(hass: HomeAssistant, runtime: Runtime, call: ServiceCall) -> Clip:
    """Return the clip that is meant: the one that is named, else the newest one, of one microphone or of all.

    One that is not kept is known as long as it is the last of its microphone, or part of an alert.
    """
    last = {key: witness.last.clip for key, witness in runtime.witnesses.items() if witness.last}
    if wanted := call.data.get(ATTR_CLIP):
        if (kept := await runtime.clips.async_find(wanted)) is not None:
            return kept
        alerted = (sound for each in hass.data.get(INCIDENTS, {}).values() for sound in each.sounds.values())
        clip = next((each for each in (*last.values(), *alerted) if each.id == wanted), None)
        if clip is None:
            raise _refusal("unknown_clip")
        return clip
    if device_id := call.data.get(ATTR_DEVICE_ID):
        device = dr.async_get(hass).async_get(device_id)
        if device is None or device.config_subentry_id not in runtime.witnesses:
            raise _refusal("no_microphone")
        last = {key: clip for key, clip in last.items() if key == device.config_subentry_id}
    if not last:
        raise _refusal("nothing_heard")
    return max(last.values(), key=lambda clip: clip.onset)
