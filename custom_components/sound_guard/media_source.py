"""The clips in Home Assistant's Media panel: Sound Guard, the microphone, and what it has heard, the newest first."""

from homeassistant.components.media_player.const import MediaClass, MediaType
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .clip import Clip, Verdict
from .clip_store import Part
from .const import DOMAIN
from .runtime import SoundGuardConfigEntry
from .texts import text
from .views import MIME_TYPES, clip_path


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    """Return the source that Home Assistant asks for clips."""
    return ClipSource(hass)


class ClipSource(MediaSource):
    """Names clips by microphone and id; hands out paths that need a login, which Home Assistant signs for players."""

    name = "Sound Guard"

    def __init__(self, hass: HomeAssistant) -> None:
        """Show the clips of the installation."""
        super().__init__(DOMAIN)
        self._hass = hass

    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return where a clip is played from.

        Raises:
            Unresolvable: there is no such clip.
        """
        microphone_id, _, clip_id = item.identifier.partition("/")
        entry = self._entry()
        clip = await entry.runtime_data.clips.async_find(clip_id) if entry is not None else None
        if entry is None or clip is None or clip.microphone_id != microphone_id:
            raise Unresolvable(translation_domain=DOMAIN, translation_key="unknown_clip")
        return PlayMedia(clip_path(entry.entry_id, clip_id, Part.SOUND), MIME_TYPES[Part.SOUND])

    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return the microphones that have clips, or the clips of one.

        Raises:
            BrowseError: there is nothing of that name.
        """
        entry = self._entry()
        clips = await entry.runtime_data.clips.async_list() if entry is not None else []
        if not item.identifier:
            # The newest name of each, in the order of the alphabet.
            names = {clip.microphone_id: clip.microphone for clip in reversed(clips)}
            folders = sorted(names.items(), key=lambda named: named[1].casefold())
            return _folder(None, "Sound Guard", [_folder(microphone_id, name) for microphone_id, name in folders])
        mine = [clip for clip in clips if clip.microphone_id == item.identifier]
        if entry is None or not mine:
            raise BrowseError(translation_domain=DOMAIN, translation_key="unknown_clip")
        return _folder(item.identifier, mine[0].microphone, [self._clip(entry.entry_id, clip) for clip in mine])

    def _entry(self) -> SoundGuardConfigEntry | None:
        entries: list[SoundGuardConfigEntry] = self._hass.config_entries.async_loaded_entries(DOMAIN)
        return entries[0] if entries else None

    def _clip(self, entry_id: str, clip: Clip) -> BrowseMediaSource:
        moment = dt_util.as_local(clip.onset).strftime("%Y-%m-%d %H:%M")
        # Without the microphone, which is the page's title: it must be read on a phone.
        words = [text(self._hass, clip.label), moment, f"{clip.percent} %"]
        if clip.verdict is Verdict.FALSE_ALARM:
            words.append(text(self._hass, "false_alarm"))
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=f"{clip.microphone_id}/{clip.id}",
            media_class=MediaClass.MUSIC,
            media_content_type=MIME_TYPES[Part.SOUND],
            title=", ".join(words),
            can_play=True,
            can_expand=False,
            thumbnail=clip_path(entry_id, clip.id, Part.PICTURE),
        )


def _folder(identifier: str | None, title: str, children: list[BrowseMediaSource] | None = None) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=MediaClass.DIRECTORY,
        media_content_type=MediaType.MUSIC,
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
        children_media_class=MediaClass.MUSIC if identifier else MediaClass.DIRECTORY,
    )
