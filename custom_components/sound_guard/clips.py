"""The clips of the installation on the event loop: kept if the owner wishes so, for as long and as many as set."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

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


_STORE: HassKey[ClipStore] = HassKey(f"{DOMAIN}_clip_store")


@callback
def clip_store(hass: HomeAssistant) -> ClipStore:
    """Return the store of the clips: one for all, so that what is still to be stored meets what was deleted."""
    if _STORE not in hass.data:
        hass.data[_STORE] = ClipStore(Path(hass.config.path(FOLDER)))
    return hass.data[_STORE]


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
        self._subscribers: list[Callable[[str | None], None]] = []

    @property
    def keeping(self) -> bool:
        """Whether the owner wants clips to be kept."""
        return self._options.keep

    @callback
    def subscribe(self, subscriber: Callable[[str | None], None]) -> CALLBACK_TYPE:
        """Call the subscriber with a clip that the owner has deleted, or None for all; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def expect(self, clip_id: str) -> None:
        """Take note that a clip is in the making: if all are deleted meanwhile, it is not kept."""
        self._store.expect(clip_id)

    @callback
    def is_deleted(self, clip_id: str) -> bool:
        """Return whether the owner has deleted a clip, be it in the making."""
        return self._store.is_deleted(clip_id)

    @property
    def deletions(self) -> int:
        """How often the owner has deleted all clips."""
        return self._store.deletions

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Delete every hour what is too old, also while no new clips are kept; return what ends that."""
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE_CLIPS)
        return async_track_time_interval(self._hass, self.async_trim, TRIM_EVERY, cancel_on_shutdown=True)

    async def async_trim(self, _: datetime | None = None) -> None:
        """Delete what is too old, and the oldest if there is too much; a disk that refuses is survived."""
        # While clips are kept, only one that is kept shows that this works: on a full disk, old ones can be deleted.
        if await self._async_try(self._trim) and not self.keeping:
            self._recover()

    async def async_keep(self, clip: Clip, samples: Block, picture: bytes | None) -> bool:
        """Keep a clip, or more of one that is kept; return whether it is kept. A full disk is survived."""
        if not self.keeping:
            return False

        def keep() -> bool:
            return self._store.add(clip, samples, picture) and self._trim()

        kept = await self._async_try(keep) or False
        if kept:
            self._recover()
            if (verdict := self._verdicts.pop(clip.id, None)) is not None:
                await self._async_try(lambda: self._store.judge(clip.id, verdict))
        return kept

    async def async_list(self) -> list[Clip]:
        """Return all clips, the newest first.

        Raises:
            HomeAssistantError: the disk cannot be read.
        """
        return await self._async_use(self._store.clips)

    async def async_find(self, clip_id: str) -> Clip | None:
        """Return a clip, None if there is none."""
        return await self._hass.async_add_executor_job(self._store.find, clip_id)

    async def async_file(self, clip_id: str, part: Part) -> Path | None:
        """Return where a part of a clip lies, None if it is not there."""
        return await self._hass.async_add_executor_job(self._store.file, clip_id, part)

    async def async_latest(self) -> dict[str, tuple[Clip, bytes | None]]:
        """Return the newest clip of every microphone, with its picture, by the microphone's id.

        What cannot be read is not there; the owner is told.
        """
        clips = await self._async_try(self._store.clips) or []
        newest = {clip.microphone_id: clip for clip in reversed(clips)}
        return {
            microphone_id: (clip, await self._async_try(partial(self._store.picture, clip.id)))
            for microphone_id, clip in newest.items()
        }

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
        clip = await self._async_use(lambda: self._store.judge(clip_id, verdict))
        if clip is None:
            raise _unknown()
        return clip

    async def async_delete(self, clip_id: str) -> None:
        """Delete a clip.

        Raises:
            ServiceValidationError: there is no such clip.
            HomeAssistantError: the disk cannot be written to.
        """
        if not await self._async_use(lambda: self._store.delete(clip_id)):
            raise _unknown()
        self._tell(clip_id)

    async def async_delete_all(self) -> int:
        """Delete all that was heard until now, and return how many clips there were.

        Raises:
            HomeAssistantError: something could not be deleted; all the rest is.
        """
        try:
            return await self._async_use(self._store.delete_all)
        finally:
            self._tell(None)

    async def async_export(self, folder: Path) -> int:
        """Add the clips that were judged false alarms to a folder for training; return how many that has now.

        Those whose report was taken back since an earlier export go from it.

        Raises:
            ServiceValidationError: the folder holds anything but an earlier export.
            HomeAssistantError: the folder cannot be written to.
        """

        def export() -> int:
            false, real = (self._store.sounds(verdict) for verdict in (Verdict.FALSE_ALARM, Verdict.REAL))
            return export_false_alarms(folder, false, taken_back=real)

        try:
            return await self._async_use(export)
        except HomeAssistantError as error:
            if isinstance(error.__cause__, FileExistsError):
                raise ServiceValidationError(
                    translation_domain=DOMAIN,
                    translation_key="not_an_export",
                    translation_placeholders={"folder": str(folder)},
                ) from error
            raise

    async def _async_use[T](self, job: Callable[[], T]) -> T:
        try:
            return await self._hass.async_add_executor_job(job)
        except OSError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="clips_unwritable",
                translation_placeholders={"problem": str(error)},
            ) from error

    @callback
    def _tell(self, clip_id: str | None) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(clip_id)

    def _trim(self) -> bool:
        self._store.trim(dt_util.utcnow(), self._options.days, self._options.megabytes)
        return True

    async def _async_try[T](self, job: Callable[[], T]) -> T | None:
        """Do something with the disk that nobody waits for; if it fails, say so once and return None."""
        try:
            return await self._hass.async_add_executor_job(job)
        except OSError as error:
            if not self._failing:
                self._failing = True
                _LOGGER.warning("Clips cannot be kept, read or deleted: %s", error)
                ir.async_create_issue(
                    self._hass,
                    DOMAIN,
                    ISSUE_CLIPS,
                    is_fixable=False,
                    severity=ir.IssueSeverity.WARNING,
                    translation_key=ISSUE_CLIPS,
                    translation_placeholders={"problem": str(error)},
                )
            return None

    @callback
    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            _LOGGER.info("Clips can be kept again")
            ir.async_delete_issue(self._hass, DOMAIN, ISSUE_CLIPS)


def _unknown() -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key="unknown_clip")
