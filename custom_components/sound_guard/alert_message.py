"""What an alert says: in words for everybody; for phones also the picture, the sound, and buttons."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util

from .area import microphone_area
from .clip_store import Part
from .const import DOMAIN
from .incident import Incident, Witnessed
from .src.hearing.guard import LIFE_SAFETY
from .texts import text
from .views import clip_path

ALL_CLEAR = "SOUND_GUARD_ALL_CLEAR_"
FALSE_ALARM = "SOUND_GUARD_FALSE_ALARM_"
"""The buttons, followed by the id of the incident."""

LINK_LASTS = timedelta(hours=24)

_SILENT = {"alert_once": True, "push": {"sound": "none", "interruption-level": "active"}}


class Occasion(Enum):
    """Why something is said about an incident."""

    NEW = auto()
    """It is told of for the first time."""

    MORE = auto()
    """More is known than was said: that makes no noise."""

    AGAIN = auto()
    """Nobody has said that all is clear."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said about an incident at one moment."""

    title: str
    text: str

    picture: str | None
    """A link to the picture that whoever has it can open, for a day."""

    data: dict[str, Any]
    """What only phones understand."""


def tag(incident: Incident) -> str:
    """Return what tells the messages about an incident from all others."""
    return f"{DOMAIN}_{incident.id}"


@callback
def compose(hass: HomeAssistant, entry_id: str, incident: Incident, occasion: Occasion) -> Message:
    """Return what there is to say about an incident now."""
    loudest = incident.loudest
    area = microphone_area(hass, entry_id, loudest.sound.microphone_id)
    place = area.name if area else loudest.sound.microphone
    picture, clip = _links(hass, entry_id, loudest)
    return Message(
        title=text(hass, "alert_title", sound=text(hass, incident.label), place=place),
        text=" ".join(_sentences(hass, incident, place, occasion)),
        picture=picture,
        data=_for_phones(hass, incident, clip)
        | (_SILENT if occasion is Occasion.MORE else {})
        | ({"image": picture} if picture else {}),
    )


def _sentences(hass: HomeAssistant, incident: Incident, place: str, occasion: Occasion) -> Iterable[str]:
    loudest = incident.loudest
    named = loudest.sound.microphone
    # Some recipients are shown no title: the place is said here, too.
    where = "" if place == named else f" ({place})"
    yield text(
        hass,
        "alert_heard",
        sound=text(hass, incident.label),
        microphone=f"{named}{where}",
        time=dt_util.as_local(incident.began).strftime("%Y-%m-%d %H:%M:%S"),
        percent=str(int(100 * loudest.sound.confidence)),
    )
    if any(each.verified for each in incident.witnessed.values()):
        yield text(hass, "alert_verified")
    if others := [each.sound.microphone for each in incident.witnessed.values() if each is not loudest]:
        yield text(hass, "alert_others", microphones=", ".join(others))
    yield text(hass, f"alert_{incident.mode}")
    if occasion is Occasion.AGAIN:
        yield text(hass, "alert_repeated")


def _for_phones(hass: HomeAssistant, incident: Incident, clip: str | None) -> dict[str, Any]:
    is_critical = incident.label in LIFE_SAFETY
    sound = {"name": "default", "critical": 1, "volume": 1.0} if is_critical else {"name": "default"}
    return {
        "tag": tag(incident),
        "group": DOMAIN,
        # Android: at once, and for smoke and carbon monoxide as loud as an alarm clock.
        "ttl": 0,
        "priority": "high",
        "importance": "high",
        "channel": "alarm_stream" if is_critical else "Sound Guard",
        "sticky": "true",
        # iOS: in spite of silence and of a focus.
        "push": {"sound": sound, "interruption-level": "critical" if is_critical else "time-sensitive"},
        "actions": [
            # iOS: a burglar who finds a locked phone cannot clear the glass that he has broken.
            {
                "action": f"{button}{incident.id}",
                "title": text(hass, title),
                "authenticationRequired": not is_critical,
            }
            for button, title in ((ALL_CLEAR, "alert_all_clear"), (FALSE_ALARM, "alert_false_alarm"))
        ]
        # Not as an attachment: Android knows none with sound, and an iPhone would show it instead of the picture.
        + ([{"action": "URI", "title": text(hass, "alert_listen"), "uri": clip}] if clip else []),
    }


def _links(hass: HomeAssistant, entry_id: str, loudest: Witnessed) -> tuple[str | None, str | None]:
    """Return signed links to the picture and the clip, as far as there are any."""

    def link(part: Part) -> str:
        path = clip_path(entry_id, loudest.sound.id, part)
        return async_sign_path(hass, path, LINK_LASTS, use_content_user=True)

    picture = link(Part.PICTURE) if loudest.has_picture else None
    try:
        # Without the address of the house the apps would open the clip in a page of their own, and add to the link:
        # its signature would not fit any more.
        clip = get_url(hass, prefer_external=True) + link(Part.SOUND) if loudest.has_clip else None
    except NoURLAvailableError:
        clip = None
    return picture, clip
