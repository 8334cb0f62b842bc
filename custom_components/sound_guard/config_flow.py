"""The pages on which the owner sets Sound Guard up. They lead on to those of its options and of its microphones."""

from typing import Any

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

from .const import DOMAIN, SUBENTRY_MICROPHONE
from .microphone_flow import MicrophoneFlow
from .options_flow import SoundGuardOptionsFlow


class SoundGuardConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds the installation, of which there is one."""

    VERSION = 1
    MINOR_VERSION = 2

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
