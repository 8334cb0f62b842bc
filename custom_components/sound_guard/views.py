"""The way to clips and pictures for browsers and players: only for those who are logged in or have a signed link."""

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
    """Return the path of a part of a clip, or of the last picture. Whoever is not logged in needs it signed."""
    return ClipView.url.format(entry_id=entry_id, clip_id=clip_id, part=part.value)


@callback
def loaded_clips(hass: HomeAssistant, entry_id: str) -> Clips | None:
    """Return the clips of an entry, None if it is not ours or not in use."""
    entry: SoundGuardConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data.clips


@callback
def _last_picture(hass: HomeAssistant, entry_id: str, clip_id: str) -> bytes | None:
    """Return the picture of what a microphone has heard last, if it is this one and was never kept as a clip."""
    entry: SoundGuardConfigEntry = hass.config_entries.async_get_known_entry(entry_id)
    proofs = (witness.last for witness in entry.runtime_data.witnesses.values())
    return next((proof.picture for proof in proofs if proof and proof.clip.id == clip_id and not proof.kept), None)


class ClipView(HomeAssistantView):
    """Serves the sound and the picture of a clip, also in ranges; of what is not kept, the last picture."""

    url = f"/api/{DOMAIN}/clips/{{entry_id}}/{{clip_id}}.{{part}}"
    name = f"api:{DOMAIN}:clips"
    requires_auth = True

    async def get(self, request: web.Request, entry_id: str, clip_id: str, part: str) -> web.StreamResponse:
        """Send the file. Whatever is not there, or no proper name of a clip, is not found."""
        hass = request.app[KEY_HASS]
        clips = loaded_clips(hass, entry_id)
        if clips is None or part not in Part:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        # No copies in browsers: what the owner deletes is to be gone.
        headers = {hdrs.CONTENT_TYPE: MIME_TYPES[Part(part)], hdrs.CACHE_CONTROL: "no-store"}
        if (path := await clips.async_file(clip_id, Part(part))) is not None:
            return web.FileResponse(path, headers=headers)
        if part == Part.PICTURE and (picture := _last_picture(hass, entry_id, clip_id)) is not None:
            return web.Response(body=picture, headers=headers)
        return web.Response(status=HTTPStatus.NOT_FOUND)

    # Some players ask before they fetch.
    head = get
