"""The pages that add or change one microphone. It is listened to before it is saved."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import probatio as vol
from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from yarl import URL

from .address import CAMERA_DOMAIN, UNREADABLE, NoStreamError, address_id, is_url
from .const import CONF_CAMERA, CONF_SOURCE
from .engine import get_engine
from .probe import async_probe
from .src.hearing.level import DIGITAL_SILENCE_DBFS, Level
from .src.hearing.source import SourceError, is_redacted, redact, redacted_trace
from .src.hearing.sources import DEFAULT
from .texts import text

_LOGGER = logging.getLogger(__name__)

QUIET_DBFS = -60.0
"""Quieter than a quiet room sounds through a working microphone."""


class MicrophoneFlow(ConfigSubentryFlow):
    """Choose a source, listen to it, show what was heard, save."""

    def __init__(self) -> None:
        """Start with nothing chosen."""
        self._kind = "local"
        self._data: dict[str, Any] = {}
        self._title = ""
        self._stored = ""
        """The source that is to be changed, if any."""
        self._names: dict[str, str] = {}
        """What the microphones of this machine are called, by source."""
        self._error: str | None = None
        self._level: Level | None = None
        self._probing: asyncio.Task[Level] | None = None

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what kind of microphone it is."""
        return self.async_show_menu(step_id="user", menu_options=["local", "stream", "camera"])

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what kind of microphone it shall be from now on."""
        self._data = dict(self._get_reconfigure_subentry().data)
        self._stored = self._data.get(CONF_SOURCE, "")
        return self.async_show_menu(step_id="reconfigure", menu_options=["local", "stream", "camera"])

    async def async_step_local(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose among the microphones of this machine, or name one."""
        if user_input is not None:
            chosen = user_input[CONF_SOURCE].strip()
            if is_url(chosen):
                # Its name is not taken from all of it: that may hold a password.
                return await self.async_step_stream(user_input)
            source = next((spec for spec, name in self._names.items() if name == chosen), chosen)
            return await self._choose("local", {CONF_SOURCE: source}, self._names.get(source) or _name(source))
        ffmpeg = get_ffmpeg_manager(self.hass).binary
        devices = await self.hass.async_add_executor_job(get_engine(self.hass).list_devices, ffmpeg)
        self._names = {}
        for device in devices:
            name = text(self.hass, "default_microphone") if device.spec == DEFAULT else device.name
            self._names[device.spec] = f"{name} ({device.spec})" if name in self._names.values() else name
        # Where something else may be typed, the page shows what was chosen by its value: so the names are the values.
        names = list(self._names.values())
        selector = SelectSelector(
            SelectSelectorConfig(options=names, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
        )
        return self._ask("local", CONF_SOURCE, selector, suggested=next(iter(names), ""))

    async def async_step_stream(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Type the address of a stream."""
        if user_input is not None:
            source = user_input[CONF_SOURCE].strip()
            if source == self._hidden:
                source = self._stored
            if is_url(source) and not is_redacted(source):
                return await self._choose("stream", {CONF_SOURCE: source}, _host(source))
            self._kind, self._data = "stream", {CONF_SOURCE: source}
            self._error = "hidden_address" if is_url(source) else "bad_source"
        return self._ask("stream", CONF_SOURCE, TextSelector())

    async def async_step_camera(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose a camera of Home Assistant."""
        if user_input is not None:
            entity_id = user_input[CONF_CAMERA]
            state = self.hass.states.get(entity_id)
            return await self._choose("camera", {CONF_CAMERA: entity_id}, state.name if state else entity_id)
        return self._ask("camera", CONF_CAMERA, EntitySelector(EntitySelectorConfig(domain=CAMERA_DOMAIN)))

    def _ask(self, kind: str, field: str, selector: Any, suggested: str = "") -> SubentryFlowResult:
        """Show the form of one kind, with what was chosen before and what was wrong with it."""
        # The page may be fetched more than once, so what was wrong is shown until something else is chosen.
        errors = {"base": self._error} if self._error and kind == self._kind else None
        schema = vol.Schema({vol.Required(field): selector})
        chosen = self._data.get(field, "")
        if field == CONF_SOURCE and is_url(chosen) != (kind == "stream"):
            chosen = ""
        elif chosen == self._stored:
            chosen = self._hidden
        chosen = self._names.get(chosen, chosen)
        shown = {field: chosen or suggested} if chosen or suggested else None
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={"example": "rtsp://192.168.1.20:554/stream"},
            last_step=False,
        )

    @property
    def _hidden(self) -> str:
        """Return the stored source as it is shown; one that may hold a password is not shown as a whole."""
        return redact(self._stored) if "@" in self._stored or "?" in self._stored else self._stored

    async def _choose(self, kind: str, data: dict[str, Any], title: str) -> SubentryFlowResult:
        """Go on with a source, unless another microphone has it."""
        self._kind, self._data, self._title, self._error = kind, data, title, None
        own = self.context["subentry_id"] if self.source == SOURCE_RECONFIGURE else None
        for subentry in self._get_entry().subentries.values():
            if subentry.subentry_id != own and subentry.unique_id == address_id(data):
                return self.async_abort(reason="already_configured")
        return await self.async_step_listen()

    async def async_step_listen(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Listen for a few seconds, then show what was heard, or the form again with the reason why not."""
        if self._probing is None:
            # Not started at once: a result that is there before the page shows progress would be taken as confirmed.
            probe = async_probe(self.hass, self._get_entry(), self._data)
            self._probing = self.hass.async_create_task(probe, eager_start=False)
        if not self._probing.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="listen",
                description_placeholders={"microphone": self._title},
                progress_task=self._probing,
            )
        probing, self._probing = self._probing, None
        try:
            self._level = probing.result()
        except NoStreamError as error:
            return self._refuse("no_stream", error)
        except SourceError as error:
            return self._refuse(error.reason, error)
        except Exception as error:  # noqa: BLE001  whatever it is, the page says that it does not work
            # Its own words may hold a stream's password.
            _LOGGER.error("Unexpected error while listening to a new microphone%s", redacted_trace(error))
            return self._refuse("unknown", error)
        if self._level.peak_dbfs < DIGITAL_SILENCE_DBFS:
            return self.async_show_progress_done(next_step_id="silence")
        return self.async_show_progress_done(next_step_id="heard" if self._level.rms_dbfs >= QUIET_DBFS else "quiet")

    def _refuse(self, reason: str, error: Exception) -> SubentryFlowResult:
        _LOGGER.debug("a new microphone cannot be heard: %s", error)
        self._error = reason
        return self.async_show_progress_done(next_step_id=self._kind)

    async def async_step_heard(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show what was heard, then save."""
        return self._confirm("heard") if user_input is None else self._save()

    async def async_step_quiet(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show that hardly anything was heard, then save."""
        return self._confirm("quiet") if user_input is None else self._save()

    def _confirm(self, step: str) -> SubentryFlowResult:
        return self.async_show_form(step_id=step, description_placeholders=self._heard(), last_step=True)

    async def async_step_silence(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Warn that nothing at all was heard: save anyway, or choose again."""
        return self.async_show_menu(
            step_id="silence", menu_options=["save", self._kind], description_placeholders=self._heard()
        )

    async def async_step_save(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Save a microphone that is silent for now."""
        return self._save()

    def _heard(self) -> Mapping[str, str]:
        assert self._level is not None
        return {
            "microphone": self._title,
            "level": f"{self._level.rms_dbfs:.0f}",
            "peak": f"{self._level.peak_dbfs:.0f}",
        }

    def _save(self) -> SubentryFlowResult:
        unique_id = address_id(self._data)
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(title=self._title, data=self._data, unique_id=unique_id)
        subentry = self._get_reconfigure_subentry()
        # The owner may have renamed it: the name changes only with the source.
        title = subentry.title if subentry.unique_id == unique_id else self._title
        return self.async_update_and_abort(
            self._get_entry(), subentry, title=title, data=self._data, unique_id=unique_id
        )


def _name(spec: str) -> str:
    """Return the name in a source specification, without the kind before it."""
    return spec.partition(":")[2] or spec


def _host(url: str) -> str:
    """Return the machine of an address; of one that has none, which the engine will refuse, what may be shown of it."""
    try:
        return URL(url).host or redact(url)
    except UNREADABLE:
        return redact(url)
