"""The proof of what a microphone has heard last: its picture, and what is known of it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .clip import Clip
from .clips import Clips
from .const import DOMAIN
from .engine import get_engine
from .microphone import Microphone
from .news import News
from .src.hearing.evidence import Evidence
from .src.hearing.picture import Caption
from .texts import text

_LOGGER = logging.getLogger(__name__)

_DRAWING: HassKey[asyncio.Lock] = HassKey(f"{DOMAIN}_drawing")


@dataclass(frozen=True, slots=True)
class Proof:
    """What there is to show of a detection."""

    clip: Clip

    picture: bytes | None
    """A PNG; None if it could not be drawn."""

    kept: bool
    """Whether sound and picture were stored as a clip; if not, they are gone with the next restart."""

    def without_clip(self) -> Self:
        """Return what is left when the clip is deleted: that something was heard, which can still be reported."""
        return replace(self, picture=None, kept=False)


class Witness:
    """Proves what one microphone hears. Belongs to the event loop; only the last proof stays in memory."""

    def __init__(self, hass: HomeAssistant, microphone_id: str, microphone: Microphone, clips: Clips) -> None:
        """Get ready to prove."""
        self.last: Proof | None = None
        self._hass = hass
        self._microphone_id = microphone_id
        self._microphone = microphone
        self._clips = clips
        self._engine = get_engine(hass)
        self._followers: list[Callable[[], None]] = []
        self._subscribers: list[Callable[[Proof], None]] = []
        self._proving = asyncio.Lock()

    @callback
    def restore(self, clip: Clip, picture: bytes | None) -> None:
        """Take the last proof from before a restart, unless something was heard since, or it was deleted."""
        if self.last is None and not self._clips.is_deleted(clip.id):
            self._show(Proof(clip, picture, kept=True))

    @callback
    def follow(self, follower: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the follower whenever there is something else to show; return what ends that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    @callback
    def subscribe(self, subscriber: Callable[[Proof], None]) -> CALLBACK_TYPE:
        """Call the subscriber with every proof, the first one and the complete one; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def watch(self) -> CALLBACK_TYPE:
        """Prove what the microphone hears from now on; return what ends that."""
        endings = self._microphone.subscribe(self._take), self._clips.subscribe(self._forget)

        @callback
        def end() -> None:
            for ending in endings:
                ending()

        return end

    @callback
    def _take(self, news: News) -> None:
        if isinstance(news, Evidence):
            self._clips.expect(news.event_id)
            self._hass.async_create_task(self._async_prove(news), f"proof of {self._microphone.name}")

    async def _async_prove(self, evidence: Evidence) -> None:
        # One after the other: the complete proof of a sound must not be overtaken by its first one.
        async with self._proving:
            clip = Clip.of(evidence, self._microphone_id, self._microphone.name)
            caption = Caption(
                text(self._hass, clip.label),
                text(self._hass, "confidence", percent=str(clip.percent)),
                dt_util.as_local(clip.onset).strftime("%Y-%m-%d %H:%M:%S"),
            )
            picture = await self._async_draw(evidence, caption)
            kept = await self._clips.async_keep(clip, evidence.samples, picture)
            proof = Proof(clip, picture, kept)
            if self._clips.is_deleted(clip.id):
                proof = proof.without_clip()
            self._show(proof)
        for subscriber in tuple(self._subscribers):
            subscriber(proof)

    @callback
    def _forget(self, clip_id: str | None) -> None:
        """Let go of the picture as well, if the clip was deleted; None: all were."""
        if self.last is not None and clip_id in (None, self.last.clip.id):
            self._show(self.last.without_clip())

    @callback
    def _show(self, proof: Proof) -> None:
        self.last = proof
        for follower in tuple(self._followers):
            follower()

    async def _async_draw(self, evidence: Evidence, caption: Caption) -> bytes | None:
        """Draw in a thread made for it, one picture at a time in the whole house.

        A thread keeps the memory that it has needed, which is 11 MB here. Home Assistant's pool has 64 threads.
        """
        async with self._hass.data.setdefault(_DRAWING, asyncio.Lock()):
            thread = ThreadPoolExecutor(1, "picture")
            try:
                return await self._hass.loop.run_in_executor(thread, self._draw, evidence, caption)
            finally:
                thread.shutdown(wait=False)

    def _draw(self, evidence: Evidence, caption: Caption) -> bytes | None:
        try:
            return self._engine.draw(evidence, caption, self._microphone.card)
        except Exception:
            # The sound is worth keeping without a picture, too.
            _LOGGER.exception("%s: the picture of what was heard could not be drawn", self._microphone.name)
            return None


async def async_look_back(clips: Clips, witnesses: Mapping[str, Witness]) -> None:
    """Delete what has become too old, and show what was heard last before a restart; never fails."""
    await clips.async_trim()
    deletions = clips.deletions
    for microphone_id, latest in (await clips.async_latest()).items():
        if microphone_id in witnesses and clips.deletions == deletions:
            witnesses[microphone_id].restore(*latest)
