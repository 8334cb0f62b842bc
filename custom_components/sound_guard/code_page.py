"""The page of the options about the code. It takes a new one and never shows the present one: nobody knows it."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, TextSelector, TextSelectorConfig, TextSelectorType

from .code import hash_code, is_code
from .const import CONF_CODE_HASH, CONF_CODE_TO_ARM
from .options_page import OptionsPage

NEW_CODE = "new_code"
REMOVE_CODE = "remove_code"

_NEW_CODE = {vol.Optional(NEW_CODE): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))}
_REMOVE_CODE = {vol.Required(REMOVE_CODE, default=False): BooleanSelector()}
_CODE_TO_ARM = {vol.Required(CONF_CODE_TO_ARM, default=False): BooleanSelector()}

SCHEMA = vol.Schema(_NEW_CODE | _CODE_TO_ARM)
SCHEMA_IF_THERE_IS_ONE = vol.Schema(_NEW_CODE | _REMOVE_CODE | _CODE_TO_ARM)


class CodePage(OptionsPage):
    """Sets, changes and removes the code of the guard."""

    async def async_step_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new code, and hash it at once."""
        schema = SCHEMA_IF_THERE_IS_ONE if CONF_CODE_HASH in self.config_entry.options else SCHEMA
        if user_input is None:
            return self.ask("code", schema)
        code_to_arm = {CONF_CODE_TO_ARM: user_input[CONF_CODE_TO_ARM]}
        code, remove = user_input.get(NEW_CODE), user_input.get(REMOVE_CODE)
        if code and remove:
            return self.ask("code", schema, code_to_arm, errors={REMOVE_CODE: "new_or_none"})
        if remove:
            return self.save(code_to_arm | {CONF_CODE_HASH: None})
        if not code:
            return self.save(code_to_arm)
        if not is_code(code):
            return self.ask("code", schema, code_to_arm, errors={NEW_CODE: "not_a_code"})
        return self.save(code_to_arm | {CONF_CODE_HASH: await self.hass.async_add_executor_job(hash_code, code)})
