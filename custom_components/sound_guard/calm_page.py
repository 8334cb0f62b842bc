"""The page of the options about calm: when breaking glass needs more than one microphone's usual confidence."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import PERCENTAGE
from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode

from .const import CONF_AGREE, CONF_PLAYING_PERCENT, DEFAULT_PLAYING_PERCENT
from .options_page import OptionsPage, seconds

CONFIDENCE = NumberSelector(
    NumberSelectorConfig(min=0, max=99.9, step=0.1, unit_of_measurement=PERCENTAGE, mode=NumberSelectorMode.BOX)
)

SCHEMA = vol.Schema(
    {
        vol.Required(CONF_PLAYING_PERCENT, default=DEFAULT_PLAYING_PERCENT): CONFIDENCE,
        vol.Required(CONF_AGREE, default=0): seconds(0, 60),
    }
)


class CalmPage(OptionsPage):
    """Sets what breaking glass needs; smoke and carbon monoxide never need more than at other times."""

    async def async_step_calm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is needed and take what is wanted."""
        return self.ask("calm", SCHEMA) if user_input is None else self.save(user_input)
