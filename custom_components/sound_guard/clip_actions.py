"""The actions that delete clips, and how an action names a clip: as it is picked in the Media panel, or by its id."""

import re
from typing import Any

import probatio as vol
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_register_admin_service

from .clips import Clips
from .const import DOMAIN
from .runtime import SoundGuardConfigEntry

ATTR_CLIP = "clip"
DELETE_CLIP = "delete_clip"
DELETE_ALL_CLIPS = "delete_all_clips"

_MEDIA = re.compile(rf"(?:media-source://{DOMAIN}/[^/]+/)?([0-9a-f]{{32}})")


def clip_id(value: Any) -> str:
    """Return the id of the clip that was picked or named: the validator of a field for a clip.

    Raises:
        vol.Invalid: it is no clip.
    """
    named = value.get("media_content_id") if isinstance(value, dict) else value
    if not isinstance(named, str) or not (match := _MEDIA.fullmatch(named)):
        raise vol.Invalid("this is no clip of Sound Guard")
    return match[1]


@callback
def clips_of(hass: HomeAssistant) -> Clips:
    """Return the clips of the installation.

    Raises:
        ServiceValidationError: it is not set up.
    """
    entries: list[SoundGuardConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    if not entries:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_set_up")
    return entries[0].runtime_data.clips


@callback
def async_register_clip_actions(hass: HomeAssistant) -> None:
    """Register the actions; people who are not administrators may not delete what was heard."""

    async def delete_clip(call: ServiceCall) -> None:
        await clips_of(hass).async_delete(call.data[ATTR_CLIP])

    async def delete_all_clips(call: ServiceCall) -> None:
        await clips_of(hass).async_delete_all()

    schema = vol.Schema({vol.Required(ATTR_CLIP): clip_id})
    async_register_admin_service(hass, DOMAIN, DELETE_CLIP, delete_clip, schema)
    async_register_admin_service(hass, DOMAIN, DELETE_ALL_CLIPS, delete_all_clips, vol.Schema({}))
