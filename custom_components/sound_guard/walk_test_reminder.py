"""Reminds the owner, if asked to, that a microphone should be tested again."""

from datetime import datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .const import DOMAIN, ISSUE_WALK_TEST
from .health import ATTR_ENTRY, ATTR_MICROPHONE
from .texts import text
from .walk_test import WalkTest

OFF = "off"

AFTER = {"6": timedelta(days=183), "12": timedelta(days=365)}
"""By the number of months, as the options have it."""


def reminder_id(subentry_id: str) -> str:
    """Return the id of the issue that reminds of a microphone's test."""
    return f"{ISSUE_WALK_TEST}_{subentry_id}"


class Reminder:
    """Keeps one microphone's tests coming. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, entry_id: str, subentry_id: str, test: WalkTest, months: str) -> None:
        """Remind so many months after the last successful test, and at once if there was none; OFF: never."""
        self._hass = hass
        self._data: dict[str, str | int | float | None] = {ATTR_ENTRY: entry_id, ATTR_MICROPHONE: subentry_id}
        self._issue_id = reminder_id(subentry_id)
        self._test = test
        self._after = AFTER.get(months)
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Look after the microphone's tests; return what ends that."""
        self._look()
        end = self._test.subscribe(self._look)

        @callback
        def stop() -> None:
            end()
            self._forget()

        return stop

    @callback
    def _look(self, now: datetime | None = None) -> None:
        self._forget()
        last = self._test.last_success
        if self._after is None:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        elif last is None or last + self._after <= (now or dt_util.utcnow()):
            self._remind(last)
        else:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
            self._cancel = async_track_point_in_utc_time(self._hass, self._look, last + self._after)

    @callback
    def _forget(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def _remind(self, last: datetime | None) -> None:
        date = dt_util.as_local(last).strftime("%Y-%m-%d") if last else text(self._hass, "walk_test_never")
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            data=self._data,
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=ISSUE_WALK_TEST,
            translation_placeholders={"microphone": self._test.microphone.name, "date": date},
        )
