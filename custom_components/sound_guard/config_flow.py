"""The pages on which the owner sets Sound Guard up: the installation, its options, and one microphone at a time."""

from collections.abc import Callable
from typing import Any

import probatio as vol
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    OptionsFlow,
    SubentryFlowContext,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import (
    CONF_ALWAYS_ALERT,
    CONF_CODE,
    CONF_EXIT_DELAY,
    CONF_HOLD,
    DEFAULT_EXIT_DELAY_S,
    DEFAULT_HOLD_S,
    DOMAIN,
    SUBENTRY_MICROPHONE,
)
from .microphone_flow import MicrophoneFlow


def _seconds(low: int, high: int) -> Callable[[Any], Any]:
    number = NumberSelector(
        NumberSelectorConfig(min=low, max=high, step=1, unit_of_measurement="s", mode=NumberSelectorMode.BOX)
    )
    return vol.All(number, vol.Coerce(int))


OPTIONS_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_HOLD, default=DEFAULT_HOLD_S): _seconds(5, 3_600),
        vol.Required(CONF_EXIT_DELAY, default=DEFAULT_EXIT_DELAY_S): _seconds(0, 600),
        vol.Required(CONF_ALWAYS_ALERT, default=True): BooleanSelector(),
        vol.Optional(CONF_CODE): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD)),
    }
)


class SoundGuardConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds the installation, of which there is one."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask once, then add it."""
        if user_input is None:
            return self.async_show_form(step_id="user")
        return self.async_create_entry(title="Sound Guard", data={})

    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go straight on to the first microphone: without one nothing is heard."""
        first = await self.hass.config_entries.subentries.async_init(
            (result["result"].entry_id, SUBENTRY_MICROPHONE), context=SubentryFlowContext(source=SOURCE_USER)
        )
        result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, first["flow_id"])
        return result

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the pages for the options."""
        return SoundGuardOptionsFlow()

    @classmethod
    @callback
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to the installation: microphones."""
        return {SUBENTRY_MICROPHONE: MicrophoneFlow}


class SoundGuardOptionsFlow(OptionsFlow):
    """Changes how the guard behaves."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the options and take them."""
        errors = {}
        if user_input is not None:
            code = user_input.get(CONF_CODE, "")
            if not code or (code.isascii() and code.isdecimal()):
                # An empty code is none.
                return self.async_create_entry(data={key: value for key, value in user_input.items() if value != ""})
            errors[CONF_CODE] = "code_not_numeric"
        shown = self.config_entry.options if user_input is None else user_input
        return self.async_show_form(
            step_id="init", data_schema=self.add_suggested_values_to_schema(OPTIONS_SCHEMA, shown), errors=errors
        )
