"""The page of the options about alerts: who is told of which sound when, and whether that is repeated."""

from typing import Any

import probatio as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import CONF_ALERTS, CONF_NOTIFY, CONF_PERSISTENT, CONF_REPEAT, CONF_WARN
from .options_page import OptionsPage
from .recipient import known_targets
from .sounds_page import MODES
from .src.hearing.guard import TRIGGERS, Mode

REPEAT = NumberSelector(
    NumberSelectorConfig(min=0, max=60, step=1, unit_of_measurement=UnitOfTime.MINUTES, mode=NumberSelectorMode.BOX)
)


class AlertsPage(OptionsPage):
    """Sets who is told; as long as nobody says so, only Home Assistant itself shows alerts."""

    async def async_step_alerts(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show who can be told and take who shall be."""
        options = self.config_entry.options
        if user_input is None:
            return self.ask("alerts", self._schema(), {**options, **options.get(CONF_ALERTS, {})})
        alerts = {label: user_input.pop(label) for label in TRIGGERS}
        return self.save({**user_input, CONF_ALERTS: alerts})

    def _schema(self) -> vol.Schema:
        targets = known_targets(self.hass)
        # Whom Home Assistant does not know at the moment stays chosen.
        missing = {target: target for target in self.config_entry.options.get(CONF_NOTIFY, ()) if target not in targets}
        recipients = SelectSelector(
            SelectSelectorConfig(
                options=[SelectOptionDict(value=target, label=name) for target, name in (targets | missing).items()],
                multiple=True,
                mode=SelectSelectorMode.DROPDOWN,
                sort=True,
            )
        )
        return vol.Schema(
            {
                vol.Required(CONF_NOTIFY, default=[]): recipients,
                **{
                    vol.Required(label, default=[mode for mode in Mode if mode in modes]): MODES
                    for label, modes in TRIGGERS.items()
                },
                vol.Required(CONF_REPEAT, default=0): vol.All(REPEAT, vol.Coerce(int)),
                vol.Required(CONF_WARN, default=True): BooleanSelector(),
                vol.Required(CONF_PERSISTENT, default=True): BooleanSelector(),
            }
        )
