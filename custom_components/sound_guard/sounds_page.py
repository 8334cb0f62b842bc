"""The page of the options about the sounds: when each of them raises the alarm, and how long it is shown."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode

from .const import CONF_HOLD, CONF_TRIGGERS, DEFAULT_HOLD_S
from .options_page import OptionsPage, seconds
from .src.hearing.guard import TRIGGERS, Mode

MODES = SelectSelector(
    SelectSelectorConfig(options=list(Mode), multiple=True, mode=SelectSelectorMode.LIST, translation_key="guard_mode")
)

SCHEMA = vol.Schema(
    {
        **{
            vol.Required(label, default=[mode for mode in Mode if mode in modes]): MODES
            for label, modes in TRIGGERS.items()
        },
        vol.Required(CONF_HOLD, default=DEFAULT_HOLD_S): seconds(5, 3_600),
    }
)


class SoundsPage(OptionsPage):
    """Sets what the guard does about each sound: all modes are always, none is never."""

    async def async_step_sounds(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the sounds and take what is wanted of them."""
        options = self.config_entry.options
        if user_input is None:
            return self.ask("sounds", SCHEMA, {**options, **options.get(CONF_TRIGGERS, {})})
        triggers = {label: user_input[label] for label in TRIGGERS}
        return self.save({CONF_TRIGGERS: triggers, CONF_HOLD: user_input[CONF_HOLD]})
