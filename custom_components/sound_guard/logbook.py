"""What the activity page says of Sound Guard: what was heard, how sure it was, and what the owner made of it."""

from collections.abc import Callable

from homeassistant.components.logbook.const import LOGBOOK_ENTRY_ENTITY_ID, LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .clip import Verdict
from .const import DOMAIN
from .event import EVENT_HEARD
from .services import EVENT_VERDICT
from .texts import text


@callback
def async_describe_events(
    hass: HomeAssistant, async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None]
) -> None:
    """Say how our events are put into words."""

    @callback
    def heard(event: Event) -> dict[str, str]:
        percent = str(int(100 * event.data["confidence"]))
        message = text(hass, f"heard_{event.data['sound']}", percent=percent)
        # Events of earlier versions say nothing about that.
        if event.data.get("verified"):
            message = f"{message}, {text(hass, 'heard_verified')}"
        return {
            LOGBOOK_ENTRY_NAME: event.data["microphone"],
            LOGBOOK_ENTRY_MESSAGE: message,
            LOGBOOK_ENTRY_ENTITY_ID: event.data[ATTR_ENTITY_ID],
        }

    @callback
    def verdict(event: Event) -> dict[str, str]:
        onset = dt_util.parse_datetime(event.data["onset"], raise_on_error=True)
        key = "reported_false" if event.data["verdict"] == Verdict.FALSE_ALARM else "reported_real"
        time = dt_util.as_local(onset).strftime("%Y-%m-%d %H:%M:%S")
        told = {
            LOGBOOK_ENTRY_NAME: event.data["microphone"],
            LOGBOOK_ENTRY_MESSAGE: text(hass, key, sound=text(hass, event.data["sound"]), time=time),
        }
        # The microphone may have been removed since it heard that.
        entity_id = event.data.get(ATTR_ENTITY_ID)
        return told | {LOGBOOK_ENTRY_ENTITY_ID: entity_id} if entity_id else told

    async_describe_event(DOMAIN, EVENT_HEARD, heard)
    async_describe_event(DOMAIN, EVENT_VERDICT, verdict)
