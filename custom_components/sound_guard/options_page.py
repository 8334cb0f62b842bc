"""What all pages of the options have in common: each saves its own part and keeps the rest."""

from collections.abc import Callable, Mapping
from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode


def seconds(low: int, high: int) -> Callable[[Any], int]:
    """Return a field for whole seconds."""
    number = NumberSelector(
        NumberSelectorConfig(min=low, max=high, step=1, unit_of_measurement="s", mode=NumberSelectorMode.BOX)
    )
    validate: Callable[[Any], int] = vol.All(number, vol.Coerce(int))
    return validate


class OptionsPage(OptionsFlow):
    """A page of the options, reached from the menu."""

    def ask(
        self,
        step: str,
        schema: vol.Schema,
        shown: Mapping[str, Any] | None = None,
        errors: Mapping[str, str] | None = None,
        placeholders: Mapping[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Show a form with the options as they are, or with what is given instead."""
        filled_in = self.add_suggested_values_to_schema(schema, self.config_entry.options if shown is None else shown)
        return self.async_show_form(
            step_id=step, data_schema=filled_in, errors=dict(errors or {}), description_placeholders=placeholders
        )

    def save(self, part: Mapping[str, Any]) -> ConfigFlowResult:
        """Save one page's part; an option whose value is None is taken away."""
        options = {**self.config_entry.options, **part}
        return self.async_create_entry(data={key: value for key, value in options.items() if value is not None})
