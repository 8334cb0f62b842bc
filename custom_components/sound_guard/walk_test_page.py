"""The page of the options about walk tests: whether and when the owner is reminded of one."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode

from .const import CONF_WALK_TEST_REMINDER
from .options_page import OptionsPage
from .walk_test_reminder import AFTER, OFF

MONTHS = SelectSelector(
    SelectSelectorConfig(options=[OFF, *AFTER], mode=SelectSelectorMode.LIST, translation_key="walk_test_reminder")
)

SCHEMA = vol.Schema({vol.Required(CONF_WALK_TEST_REMINDER, default=OFF): MONTHS})


class WalkTestPage(OptionsPage):
    """Sets the reminder; as long as nobody says so, there is none."""

    async def async_step_walk_test(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show when the owner is reminded and take what is wanted."""
        return self.ask("walk_test", SCHEMA) if user_input is None else self.save(user_input)
