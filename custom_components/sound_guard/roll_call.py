"""Calls the roll of those who are to be told: whoever is missing becomes an issue in Home Assistant's repairs.

Otherwise the owner would learn of it from the log, and only during an alarm.
"""

from collections.abc import Collection, Container
from datetime import datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from .const import DOMAIN, ISSUE_RECIPIENT
from .recipient import is_reachable

LOOK_EVERY = timedelta(minutes=10)
"""Also how long others have to appear after a start, and what was missing may still be called so."""


class RollCall:
    """Looks again and again whether everybody can be told. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, targets: Collection[str]) -> None:
        """Know who is to be told."""
        self._hass = hass
        self._targets = targets

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Look from now on, and forget those who are not to be told any more; return what ends that."""
        forget_recipients(self._hass, keep=self._targets)
        return async_track_time_interval(self._hass, self._look, LOOK_EVERY, cancel_on_shutdown=True)

    @callback
    def _look(self, _: datetime) -> None:
        if self._hass.state is not CoreState.running:
            return
        for target in self._targets:
            if is_reachable(self._hass, target):
                ir.async_delete_issue(self._hass, DOMAIN, recipient_issue(target))
            else:
                ir.async_create_issue(
                    self._hass,
                    DOMAIN,
                    recipient_issue(target),
                    is_fixable=False,
                    severity=ir.IssueSeverity.WARNING,
                    translation_key=ISSUE_RECIPIENT,
                    translation_placeholders={"recipient": target},
                )


def recipient_issue(target: str) -> str:
    """Return the id of the issue that somebody cannot be told."""
    return f"{ISSUE_RECIPIENT}_{target}"


@callback
def forget_recipients(hass: HomeAssistant, keep: Container[str] = ()) -> None:
    """Take the issues back: of all but those who are still to be told."""
    for issue in tuple(ir.async_get(hass).issues.values()):
        target = issue.issue_id.removeprefix(recipient_issue(""))
        if issue.domain == DOMAIN and target != issue.issue_id and target not in keep:
            ir.async_delete_issue(hass, DOMAIN, issue.issue_id)
