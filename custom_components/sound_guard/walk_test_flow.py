"""The pages behind the reminder of a walk test: they start one and show what is heard."""

import asyncio

import probatio as vol
from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .runtime import SoundGuardConfigEntry
from .walk_test import DEFAULT_MINUTES, WalkTest
from .walk_test_finding import Finding, sentence
from .walk_test_reminder import reminder_id


class WalkTestFlow(RepairsFlow):
    """Tests one microphone together with its owner."""

    def __init__(self, entry_id: str, subentry_id: str) -> None:
        """Know which microphone."""
        self._entry_id = entry_id
        self._subentry_id = subentry_id
        self._waiting: asyncio.Task[list[Finding]] | None = None
        self._findings: list[Finding] = []

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin with the explanation."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Explain, and start the test when the owner is ready; show the page again if the microphone does not hear."""
        return self._page("confirm") if user_input is None else await self._async_start("confirm")

    async def async_step_listen(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Wait for the alarm."""
        if (test := self._test()) is None:
            # From a progress page, the only way leads through this one.
            return self.async_show_progress_done(next_step_id="unheard")
        if self._waiting is None:
            self._waiting = self.hass.async_create_task(test.async_result(), eager_start=False)
        if not self._waiting.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="listen",
                description_placeholders=self._placeholders(test),
                progress_task=self._waiting,
            )
        waiting, self._waiting = self._waiting, None
        self._findings = waiting.result()
        return self.async_show_progress_done(next_step_id="heard" if self._findings else "unheard")

    async def async_step_heard(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show what was heard; the reminder is gone by then."""
        return self._page("heard") if user_input is None else self.async_create_entry(data={})

    async def async_step_unheard(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show that nothing was heard, and offer to try once more."""
        return self._page("unheard") if user_input is None else await self._async_start("unheard")

    async def _async_start(self, step: str) -> RepairsFlowResult:
        if (test := self._test()) is None:
            return self.async_abort(reason="gone")
        try:
            test.start()
        except ServiceValidationError:
            return self._page(step, {"base": "deaf"})
        return await self.async_step_listen()

    def _page(self, step: str, errors: dict[str, str] | None = None) -> RepairsFlowResult:
        if (test := self._test()) is None:
            return self.async_abort(reason="gone")
        return self.async_show_form(
            step_id=step,
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders=self._placeholders(test),
        )

    def _placeholders(self, test: WalkTest) -> dict[str, str]:
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, reminder_id(self._subentry_id))
        known = (issue.translation_placeholders if issue else None) or {}
        return {
            "microphone": test.microphone.name,
            "minutes": str(DEFAULT_MINUTES),
            "date": known.get("date", "–"),
            "result": "\n\n".join(sentence(self.hass, finding) for finding in self._findings),
        }

    def _test(self) -> WalkTest | None:
        """Return the microphone's test, None if it was removed meanwhile."""
        entry: SoundGuardConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        return entry.runtime_data.walk_tests.get(self._subentry_id)
