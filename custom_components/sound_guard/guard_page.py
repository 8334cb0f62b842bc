"""The page of the options about the guard: how long it waits, and how long an alarm lasts."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult

from .const import CONF_ENTRY_DELAY, CONF_EXIT_DELAY, CONF_TRIGGER_TIME, DEFAULT_EXIT_DELAY_S
from .options_page import OptionsPage, seconds

SCHEMA = vol.Schema(
    {
        vol.Required(CONF_EXIT_DELAY, default=DEFAULT_EXIT_DELAY_S): seconds(0, 600),
        vol.Required(CONF_ENTRY_DELAY, default=0): seconds(0, 600),
        vol.Required(CONF_TRIGGER_TIME, default=0): seconds(0, 7_200),
    }
)


class GuardPage(OptionsPage):
    """Sets the guard's times."""

    async def async_step_guard(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the times and take them."""
        return self.ask("guard", SCHEMA) if user_input is None else self.save(user_input)
