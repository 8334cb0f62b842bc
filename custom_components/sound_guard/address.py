"""Where a microphone's sound comes from: what the owner chose, as the engine's source specification."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from yarl import URL

from .const import CONF_CAMERA, CONF_SOURCE
from .src.hearing.source import Reason, SourceError, redact

CAMERA_DOMAIN = "camera"

UNREADABLE = (IndexError, ValueError)
"""What URL raises for an address that cannot be taken apart; the first is its slip, on `http://[user]@/`."""


class NoStreamError(SourceError):
    """The camera offers no stream that can be listened to."""

    def __init__(self, entity_id: str) -> None:
        """Name the camera."""
        super().__init__(Reason.NOT_FOUND, f"{entity_id} offers no stream: it is off, gone, or its stream is private")


def is_url(spec: str) -> bool:
    """Return whether a source specification is a network address."""
    return "://" in spec


def address_id(data: Mapping[str, Any]) -> str:
    """Return what makes a microphone the same one: its source in one spelling, without user name and password."""
    if camera := data.get(CONF_CAMERA):
        return str(camera)
    spec = str(data[CONF_SOURCE])
    if not is_url(spec):
        return spec
    try:
        return str(URL(spec).with_user(None).with_fragment(None))
    except UNREADABLE:
        # The engine will refuse it, and say why.
        return redact(spec)


async def async_resolve(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return the source specification to open now. A camera is asked each time: its address may have expired.

    Raises:
        NoStreamError: the camera is not there or has no stream.
    """
    entity_id = data.get(CONF_CAMERA)
    if entity_id is None:
        return str(data[CONF_SOURCE])
    if CAMERA_DOMAIN not in hass.config.components:
        raise NoStreamError(entity_id)
    # Imported here because a house without cameras need not have what the camera integration requires.
    from homeassistant.components.camera import async_get_stream_source

    try:
        url = await async_get_stream_source(hass, entity_id)
    except HomeAssistantError as error:
        raise NoStreamError(entity_id) from error
    if not url:
        raise NoStreamError(entity_id)
    return url
