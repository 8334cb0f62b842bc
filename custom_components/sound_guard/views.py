"""The way to clips for browsers and players: only for those who are logged in, or who were given a signed link."""

from http import HTTPStatus

from aiohttp import hdrs, web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from .clip_store import Part
from .clips import Clips
from .const import DOMAIN
from .runtime import SoundGuardConfigEntry

MIME_TYPES = {Part.SOUND: "audio/wav", Part.PICTURE: "image/png"}


def clip_path(entry_id: str, clip_id: str, part: Part) -> str:
    """Return the path of a part of a clip. Whoever is not logged in needs it signed."""
    return ClipView.url.format(entry_id=entry_id, clip_id=clip_id, part=part.value)


@callback
def loaded_clips(hass: HomeAssistant, entry_id: str) -> Clips | None:
    """Return the clips of an entry, None if it is not ours or not in use."""
    entry: SoundGuardConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data.clips


class ClipView(HomeAssistantView):
    """Serves the sound and the picture of a clip, also in ranges."""

    url = f"/api/{DOMAIN}/clips/{{entry_id}}/{{clip_id}}.{{part}}"
    name = f"api:{DOMAIN}:clips"
    requires_auth = True

    async def get(self, request: web.Request, entry_id: str, clip_id: str, part: str) -> web.StreamResponse:
        """Send the file. Whatever is not there, or no proper name of a clip, is not found."""
        clips = loaded_clips(request.app[KEY_HASS], entry_id)
        if clips is None or part not in Part:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        path = await clips.async_file(clip_id, Part(part))
        if path is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        # No copies in browsers: what the owner deletes is to be gone.
        headers = {hdrs.CONTENT_TYPE: MIME_TYPES[Part(part)], hdrs.CACHE_CONTROL: "no-store"}
        return web.FileResponse(path, headers=headers)

    # Some players ask before they fetch.
    head = get
