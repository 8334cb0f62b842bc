"""The pages behind an issue in Home Assistant's repairs: what is wrong, what helps, and whether it has helped."""

import asyncio
from abc import abstractmethod

import probatio as vol
from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN, ISSUE_MODEL, ISSUE_VERIFIER
from .deafness import DEAF
from .health import ATTR_ENTRY, ATTR_MICROPHONE, CLIPPED_SHARE, Complaint, async_listen_again, issue_id, reason
from .microphone import Microphone
from .runtime import SoundGuardConfigEntry
from .vitals import Vitals
from .walk_test_flow import WalkTestFlow
from .walk_test_reminder import reminder_id


async def async_create_fix_flow(
    hass: HomeAssistant, issue: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the pages for one of our issues."""
    assert data is not None
    entry_id = str(data[ATTR_ENTRY])
    if issue == ISSUE_MODEL:
        return ModelFlow(entry_id)
    if issue == ISSUE_VERIFIER:
        return SecondLookFlow(entry_id)
    subentry_id = str(data[ATTR_MICROPHONE])
    if issue == reminder_id(subentry_id):
        return WalkTestFlow(entry_id, subentry_id)
    complaint = next(each for each in Complaint if issue == issue_id(each, subentry_id))
    return ListenAgainFlow(entry_id, subentry_id, complaint)


def verdict(complaint: Complaint, vitals: Vitals | None, problem: str | None) -> str:
    """Return the page for a microphone that sounds like this and has this problem now: unheard, unwell or well."""
    if vitals is None:
        return "unheard"
    still = {
        Complaint.SILENT: vitals.silent,
        Complaint.DEAF: problem == DEAF,
        Complaint.CLIPPING: vitals.clipped_share > CLIPPED_SHARE,
    }
    return "unwell" if still.get(complaint) else "well"


class ListenAgainFlow(RepairsFlow):
    """Explains what is wrong with a microphone, opens it again when asked to, and shows what it hears then."""

    def __init__(self, entry_id: str, subentry_id: str, complaint: Complaint) -> None:
        """Help with one complaint of one microphone."""
        self._entry_id = entry_id
        self._subentry_id = subentry_id
        self._complaint = complaint
        self._vitals: Vitals | None = None
        self._listening: asyncio.Task[Vitals | None] | None = None

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin with the explanation."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Explain, until the owner says that the microphone may be listened to again."""
        return self._page("confirm") if user_input is None else await self.async_step_listen()

    async def async_step_listen(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Listen for a few seconds."""
        if (microphone := self._microphone()) is None:
            if self._listening is None:
                return self.async_abort(reason="gone")
            # From a progress page, the only way leads through another one; whoever comes back from there hears the end.
            self._listening = None
            return self.async_show_progress_done(next_step_id="unheard")
        if self._listening is None:
            listen_again = async_listen_again(self.hass, microphone)
            self._listening = self.hass.async_create_task(listen_again, eager_start=False)
        if not self._listening.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="listen",
                description_placeholders=self._placeholders(microphone),
                progress_task=self._listening,
            )
        listening, self._listening = self._listening, None
        self._vitals = listening.result()
        return self.async_show_progress_done(
            next_step_id=verdict(self._complaint, self._vitals, microphone.deafness.problem)
        )

    async def async_step_well(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show what is heard now; the issue goes when the page is closed, if it has not gone by itself."""
        return self._page("well") if user_input is None else self.async_create_entry(data={})

    async def async_step_unwell(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show that it has not helped, and offer to listen once more."""
        return self._page("unwell") if user_input is None else await self.async_step_listen()

    async def async_step_unheard(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show why no sound arrives, and offer to try once more."""
        return self._page("unheard") if user_input is None else await self.async_step_listen()

    def _page(self, step: str) -> RepairsFlowResult:
        if (microphone := self._microphone()) is None:
            return self.async_abort(reason="gone")
        return self.async_show_form(
            step_id=step, data_schema=vol.Schema({}), description_placeholders=self._placeholders(microphone)
        )

    def _placeholders(self, microphone: Microphone) -> dict[str, str]:
        level = self._vitals.level if self._vitals else None
        return {
            "microphone": microphone.name,
            "level": str(round(level.rms_dbfs)) if level else "–",
            "peak": str(round(level.peak_dbfs)) if level else "–",
            **reason(microphone),
        }

    def _microphone(self) -> Microphone | None:
        """Return the microphone, None if it was removed meanwhile."""
        entry: SoundGuardConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        return entry.runtime_data.microphones.get(self._subentry_id)


class TryAgainFlow(RepairsFlow):
    """Explains what is wrong with the whole installation, and tries it again when asked to."""

    issue: str
    error: str
    """Translation key of what the page says when it has not helped."""

    def __init__(self, entry_id: str) -> None:
        """Help with one installation."""
        self._entry_id = entry_id

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin with the explanation."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Explain, then try again; show the page again, with the reason, if that fails."""
        errors = None
        if user_input is not None:
            entry: SoundGuardConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
            if entry is None:
                return self.async_abort(reason="gone")
            if await self._async_try(entry):
                return self.async_create_entry(data={})
            errors = {"base": self.error}
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue)
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders=issue.translation_placeholders if issue else None,
        )

    @abstractmethod
    async def _async_try(self, entry: SoundGuardConfigEntry) -> bool:
        """Return whether it works again."""


class ModelFlow(TryAgainFlow):
    """Loads the model again."""

    issue, error = ISSUE_MODEL, "still_damaged"

    async def _async_try(self, entry: SoundGuardConfigEntry) -> bool:
        await self.hass.config_entries.async_reload(entry.entry_id)
        return entry.state is ConfigEntryState.LOADED


class SecondLookFlow(TryAgainFlow):
    """Takes a second look at silence, wherever second looks are taken."""

    issue, error = ISSUE_VERIFIER, "still_unavailable"

    async def _async_try(self, entry: SoundGuardConfigEntry) -> bool:
        if entry.state is ConfigEntryState.LOADED and entry.runtime_data.verification.look is not None:
            await entry.runtime_data.verification.async_try()
        else:
            # Its model could not be used; it is read when everything is set up.
            await self.hass.config_entries.async_reload(entry.entry_id)
        return entry.state is ConfigEntryState.LOADED and entry.runtime_data.verification.failure is None
