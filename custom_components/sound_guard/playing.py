"""Whether a media player can be heard in an area: a film may break glass, too."""

from homeassistant.const import STATE_BUFFERING, STATE_ON, STATE_PLAYING, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.area_registry import AreaEntry
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

PLAYING = (STATE_PLAYING, STATE_BUFFERING, STATE_ON)
"""Many televisions do not say more than that they are on."""


@callback
def is_playing(hass: HomeAssistant, area: AreaEntry | None) -> bool:
    """Return whether a media player can be heard in an area; nobody knows what can be heard outside of any."""
    if area is None:
        return False
    there = async_extract_referenced_entity_ids(hass, TargetSelection({"area_id": area.id}))
    states = (hass.states.get(entity_id) for entity_id in there.indirectly_referenced)
    return any(
        state.state in PLAYING and not state.attributes.get("is_volume_muted")
        for state in states
        if state is not None and state.domain == Platform.MEDIA_PLAYER
    )
