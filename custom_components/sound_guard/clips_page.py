"""The page of the options about clips: whether sound is kept at all, for how long, and how much of it."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, NumberSelector, NumberSelectorConfig, NumberSelectorMode

from .const import (
    CONF_CLIP_DAYS,
    CONF_CLIP_MEGABYTES,
    CONF_KEEP_CLIPS,
    DEFAULT_CLIP_DAYS,
    DEFAULT_CLIP_MEGABYTES,
)
from .options_page import OptionsPage


def _whole(low: int, high: int, unit: str) -> Any:
    number = NumberSelector(
        NumberSelectorConfig(min=low, max=high, step=1, unit_of_measurement=unit, mode=NumberSelectorMode.BOX)
    )
    return vol.All(number, vol.Coerce(int))


SCHEMA = vol.Schema(
    {
        vol.Required(CONF_KEEP_CLIPS, default=False): BooleanSelector(),
        vol.Required(CONF_CLIP_DAYS, default=DEFAULT_CLIP_DAYS): _whole(1, 365, "d"),
        vol.Required(CONF_CLIP_MEGABYTES, default=DEFAULT_CLIP_MEGABYTES): _whole(10, 10_000, "MB"),
    }
)


class ClipsPage(OptionsPage):
    """Sets whether clips are kept; as long as nobody says so, they are not."""

    async def async_step_clips(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is kept and take what is wanted."""
        return self.ask("clips", SCHEMA) if user_input is None else self.save(user_input)
