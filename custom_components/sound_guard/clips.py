"""The clips of the installation on the event loop: kept if the owner wishes so, for as long and as many as set."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .clip import Clip, Verdict
from .clip_store import ClipStore, Part
from .const import (
    CONF_CLIP_DAYS,
    CONF_CLIP_MEGABYTES,
    CONF_KEEP_CLIPS,
    DEFAULT_CLIP_DAYS,
    DEFAULT_CLIP_MEGABYTES,
    DOMAIN,
    ISSUE_CLIPS,
)
from .src.hearing.features import Block
from .src.hearing.feedback import export_false_alarms

_LOGGER = logging.getLogger(__name__)

FOLDER = f"{DOMAIN}_clips"
"""Beside Home Assistant's configuration: neither `www` nor `media`, which anybody could open."""

TRIM_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """What the owner wants to be kept."""

    keep: bool = False
    days: int = DEFAULT_CLIP_DAYS
    megabytes: int = DEFAULT_CLIP_MEGABYTES

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the part about clips of the entry's options."""
        return cls(
            keep=options.get(CONF_KEEP_CLIPS, False),
            days=options.get(CONF_CLIP_DAYS, DEFAULT_CLIP_DAYS),
            megabytes=options.get(CONF_CLIP_MEGABYTES, DEFAULT_CLIP_MEGABYTES),
        )


def clip_store(hass: HomeAssistant) -> ClipStore:
    """Return the store of the clips."""
    return ClipStore(Path(hass.config.path(FOLDER)))


class Clips:
    """Keeps, finds, judges and deletes clips. Belongs to the event loop; the disk is left to the executor."""

    def __init__(self, hass: HomeAssistant, options: ClipOptions) -> None:
        """Get ready; nothing is written before there is something to keep."""
        self._hass = hass
        self._options = options
        self._store = clip_store(hass)
        self._failing = False
        """Whether the log says that clips cannot be kept."""
        self._verdicts: dict[str, Verdict] = {}
        """By the id of a clip that may yet be kept."""

    @property
    def keeping(self) -> bool:
        """Whether the owner wants clips to be kept."""
        return self._options.keep

    async def async_start(self) -> CALLBACK_TYPE:
        """Delete what is too old, now and every hour, also while no new clips are kept; return what ends that."""
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE_CLIPS)
        await self._async_trim()
        return async_track_time_interval(self._hass, self._async_trim, TRIM_EVERY, cancel_on_shutdown=True)

    async def async_keep(self, clip: Clip, samples: Block, picture: bytes | None) -> bool:
        """Keep a clip, or more of one that is kept; return whether it is kept. A full disk is survived."""
        if not self.keeping:
            return False

        def keep() -> None:
            self._store.add(clip, samples, picture)
            self._trim()

        kept = await self._async_try(keep)
        if kept and self._failing:
            self._failing = False
            _LOGGER.info("Clips can be kept again")
            ir.async_delete_issue(self._hass, DOMAIN, ISSUE_CLIPS)
        if kept and (verdict := self._verdicts.pop(clip.id, None)) is not None:
            with suppress(HomeAssistantError):
                await self.async_judge(clip.id, verdict)
        return kept

    async def async_list(self) -> list[Clip]:
        """Return all clips, the newest first."""
        return await self._hass.async_add_executor_job(self._store.clips)

    async def async_find(self, clip_id: str) -> Clip | None:
        """Return a clip, None if there is none."""
        return await self._hass.async_add_executor_job(self._store.find, clip_id)

    async def async_file(self, clip_id: str, part: Part) -> Path | None:
        """Return where a part of a clip lies, None if it is not there."""
        return await self._hass.async_add_executor_job(self._store.file, clip_id, part)

    async def async_latest(self, microphone_id: str) -> tuple[Clip, bytes | None] | None:
        """Return the newest clip of a microphone with its picture, None if there is none."""

        def latest() -> tuple[Clip, bytes | None] | None:
            clip = next((clip for clip in self._store.clips() if clip.microphone_id == microphone_id), None)
            if clip is None:
                return None
            path = self._store.file(clip.id, Part.PICTURE)
            return clip, path.read_bytes() if path is not None else None

        return await self._hass.async_add_executor_job(latest)

    async def async_note(self, clip_id: str, verdict: Verdict) -> bool:
        """Store the owner's verdict on a clip, or as soon as that is kept; return whether it is kept now.

        Raises:
            HomeAssistantError: the disk cannot be written to.
        """
        # First of all: it may be kept in this very moment.
        self._verdicts[clip_id] = verdict
        if await self.async_find(clip_id) is None:
            return False
        self._verdicts.pop(clip_id, None)
        await self.async_judge(clip_id, verdict)
        return True

    async def async_judge(self, clip_id: str, verdict: Verdict) -> Clip:
        """Store the owner's verdict on a clip.

        Raises:
            ServiceValidationError: there is no such clip.
            HomeAssistantError: the disk cannot be written to.
        """
        clip = await self._async_write(lambda: self._store.judge(clip_id, verdict))
        if clip is None:
            raise _unknown()
        return clip

    async def async_delete(self, clip_id: str) -> None:
        """Delete a clip.

        Raises:
            ServiceValidationError: there is no such clip.
            HomeAssistantError: the disk cannot be written to.
        """
        if not await self._async_write(lambda: self._store.delete(clip_id)):
            raise _unknown()

    async def async_delete_all(self) -> int:
        """Delete all clips and return how many there were.

        Raises:
            HomeAssistantError: the disk cannot be written to.
        """
        return await self._async_write(self._store.delete_all)

    async def async_export(self, folder: Path) -> int:
        """Add the clips that were judged false alarms to a folder for training; return how many that has now.

        Raises:
            ServiceValidationError: the folder holds other recordings.
            HomeAssistantError: the folder cannot be written to.
        """
        try:
            return await self._async_write(lambda: export_false_alarms(folder, self._store.sounds(Verdict.FALSE_ALARM)))
        except HomeAssistantError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise ServiceValidationError(
                    translation_domain=DOMAIN,
                    translation_key="not_an_export",
                    translation_placeholders={"folder": str(folder)},
                ) from error
            raise

    async def _async_write[T](self, job: Callable[[], T]) -> T:
        try:
            return await self._hass.async_add_executor_job(job)
        except OSError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="clips_unwritable",
                translation_placeholders={"problem": str(error)},
            ) from error

    async def _async_trim(self, _: datetime | None = None) -> None:
        await self._async_try(self._trim)

    def _trim(self) -> None:
        self._store.trim(dt_util.utcnow(), self._options.days, self._options.megabytes)

    async def _async_try(self, job: Callable[[], None]) -> bool:
        """Do something with the disk that nobody waits for; if it fails, say so once and return False."""
        try:
            await self._hass.async_add_executor_job(job)
        except OSError as error:
            if not self._failing:
                self._failing = True
                _LOGGER.warning("Clips cannot be kept or deleted: %s", error)
                ir.async_create_issue(
                    self._hass,
                    DOMAIN,
                    ISSUE_CLIPS,
                    is_fixable=False,
                    severity=ir.IssueSeverity.WARNING,
                    translation_key=ISSUE_CLIPS,
                    translation_placeholders={"problem": str(error)},
                )
            return False
        return True


def _unknown() -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key="unknown_clip")
