"""One microphone: the boundary between its listening thread and the event loop."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .address import address_id, async_resolve
from .const import CONF_CAMERA, CONF_SOURCE, DOMAIN
from .engine import get_engine
from .src.hearing.card import ModelCard, Sensitivity
from .src.hearing.detection import Detection, Phase
from .src.hearing.evidence import Cutter, Evidence
from .src.hearing.level import Level
from .src.hearing.listener import Listener
from .src.hearing.source import Reason, Source, SourceError, redact_all
from .vitals import Vitals, VitalsMeter

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 15.0
STEADY_S = 30.0
"""A connection that lasted this long was a good one: the next retry comes soon again."""

RESOLVE_S = 10.0
"""How long a camera may take to name its stream."""

JOIN_S = 8.0
"""How long closing a microphone may take."""

SILENT_AFTER_S = 60.0
"""Digital silence for this long means that a microphone is muted or unplugged."""

FAULT = "fault"
"""The problem of a microphone whose thread met an error nobody expected."""

SILENT = "silent"
"""The problem of a microphone that is connected and delivers digital silence."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound event as known at this moment, in wall-clock time."""

    label: str
    phase: Phase
    onset: datetime
    duration_s: float
    confidence: float

    event_id: str = ""
    """The same for all news of one sound; its picture and its clip go by it, too."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a microphone is doing."""

    connected: bool = False
    """Whether sound is arriving."""

    problem: str | None = None
    """A Reason, FAULT or SILENT; None while all is well or nobody wants it to listen."""

    detail: str | None = None
    """The problem as a sentence, or the source that is open; never credentials."""

    runtime: str | None = None
    """What runs the model."""

    @property
    def hears(self) -> bool:
        """Whether the microphone would hear a sound now: one that is muted is connected and deaf."""
        return self.connected and self.problem is None


type News = Heard | Status | Vitals | Evidence


class Microphone:
    """One microphone of the house. Belongs to the event loop; only frozen values come from its thread."""

    def __init__(self, hass: HomeAssistant, name: str, data: Mapping[str, Any], card: ModelCard) -> None:
        """Get ready to listen; nothing is opened before async_start()."""
        self.name = name
        self.data = data
        self.card = card
        self.listening = True
        """Whether the owner wants it to listen."""
        self.sensitivity = Sensitivity.BALANCED
        """May change at any time; the thread reads it with every block."""
        self.status = Status()
        self.vitals: Vitals | None = None
        """The latest, None while nothing arrives."""
        self.hass = hass
        self.in_walk_test = False
        """Whether what it hears is told to its walk test only."""
        self.screen: Callable[[News], None] = self.tell
        """Is given all news, and tells what everybody may know."""
        self._subscribers: list[Callable[[News], None]] = []
        self._session: _Session | None = None
        self._silent = False
        """Whether it was muted when it was heard last; closing and opening it does not change that."""
        self._changing = asyncio.Lock()

    @property
    def address(self) -> str:
        """What makes it the same microphone; no credentials."""
        return address_id(self.data)

    @property
    def level(self) -> Level | None:
        """How loud the last second was, None while nothing arrives."""
        return self._session.level if self._session and self.status.connected else None

    @callback
    def subscribe(self, subscriber: Callable[[News], None]) -> CALLBACK_TYPE:
        """Call the subscriber on the event loop with every piece of news; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def tell(self, news: News) -> None:
        """Tell all subscribers."""
        for subscriber in tuple(self._subscribers):
            subscriber(news)

    async def async_listen(self, listening: bool) -> None:
        """Follow the owner's wish: open the microphone, or really close it."""
        self.listening = listening
        await (self.async_start() if listening else self.async_stop())

    async def async_restart(self) -> None:
        """Close the microphone and open it again; one that is closed stays closed. Meanwhile its problem remains."""
        # In one go: a microphone that is removed meanwhile must not be opened once more behind its back.
        async with self._changing:
            if self._session is not None:
                await self._async_close(replace(self.status, connected=False))
                await self._async_open()

    async def async_start(self) -> None:
        """Start the thread, if the owner wants the microphone to listen."""
        async with self._changing:
            await self._async_open()

    async def async_stop(self) -> None:
        """Close the microphone and wait, for a bounded time, until its thread has ended."""
        async with self._changing:
            await self._async_close(Status())

    async def _async_open(self) -> None:
        if self.listening and self._session is None:
            self._session = _Session(self.hass, self, self._receive)
            # Not on the loop: start() waits until the thread runs, which on a busy machine takes a while.
            await self.hass.async_add_executor_job(self._session.start)

    async def _async_close(self, status: Status) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        ended = self.hass.async_add_executor_job(session.stop)
        self._publish(status)
        if not await ended:
            _LOGGER.error("%s: did not close within %s s; its thread was left behind", self.name, JOIN_S)

    @callback
    def _receive(self, session: "_Session", news: News) -> None:
        # What a session says after it was told to stop is of no interest.
        if session is self._session:
            self._publish(news)

    @callback
    def _publish(self, news: News) -> None:
        if isinstance(news, Vitals):
            self.vitals = news
            self._mind_silence(news)
        elif isinstance(news, Status):
            self._silent &= self.listening
            self.status = news = replace(news, problem=SILENT) if news.connected and self._silent else news
            if not news.connected:
                self.vitals = None
        self.screen(news)

    @callback
    def _mind_silence(self, vitals: Vitals) -> None:
        """Note digital silence: sound arrives, and nothing can be heard in it."""
        silent = vitals.silent and (self._silent or vitals.silent_s >= SILENT_AFTER_S)
        if silent is self._silent:
            return
        if silent:
            _LOGGER.warning("%s: has been completely silent for %.0f s: is it muted?", self.name, vitals.silent_s)
        else:
            _LOGGER.info("%s: is no longer silent", self.name)
        self._silent = silent
        self._publish(replace(self.status, problem=None))


class _Session(Thread):
    """The thread of a microphone, from start to stop: owns source and listener, and opens both again and again."""

    def __init__(
        self, hass: HomeAssistant, microphone: Microphone, receive: Callable[["_Session", News], None]
    ) -> None:
        super().__init__(name=f"{DOMAIN} {microphone.name}", daemon=True)
        self.level: Level | None = None
        """Replaced every second; a reader that comes late has missed only old levels."""
        self._hass = hass
        self._engine = get_engine(hass)
        self._ffmpeg = get_ffmpeg_manager(hass).binary
        self._microphone = microphone
        self._receive = receive
        self._quit = Event()
        self._source: Source | None = None
        self._resolving: Future[str] | None = None
        self._connected_at_s: float | None = None
        """When sound began to arrive; None while there is none."""
        self._down = False
        """Whether the log says that the microphone is down."""
        self._traced = False
        """Whether the log has the trace of an error nobody expected."""

    def stop(self) -> bool:
        """Ask the thread to end, close what it waits for, and return whether it has ended. Blocks."""
        self._quit.set()
        deadline_s = monotonic() + JOIN_S
        # More than once, because the thread may have been about to wait for something new.
        while self.is_alive() and monotonic() < deadline_s:
            if (resolving := self._resolving) is not None:
                resolving.cancel()
            if (source := self._source) is not None:
                source.close()
            self.join(0.5)
        return not self.is_alive()

    def run(self) -> None:
        """Listen until told to stop; after a failure try again, ever more slowly."""
        wait_s = FIRST_RETRY_S
        while not self._quit.is_set():
            try:
                self._listen()
            except SourceError as error:
                problem, detail, trace = error.reason.value, str(error), None
            except Exception as error:  # noqa: BLE001  whatever it is, the microphone must not die silently
                problem, detail, trace = FAULT, f"{type(error).__name__}: {redact_all(str(error))}", error
            if self._quit.is_set():
                return
            if not self._down or (trace and not self._traced):
                _LOGGER.warning("%s: not listening: %s", self._microphone.name, detail, exc_info=trace)
                self._down, self._traced = True, trace is not None
            self._post(Status(problem=problem, detail=detail))
            if self._connected_at_s is not None and monotonic() - self._connected_at_s >= STEADY_S:
                wait_s = FIRST_RETRY_S
            self._connected_at_s = None
            self._quit.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_RETRY_S)

    def _listen(self) -> None:
        """Open the source and hear until it ends, which it always does with a SourceError unless told to stop."""
        spec = self._resolve()
        listener = self._engine.open_listener(self._microphone.card)
        cutter = Cutter(listener.ring)
        self._source = self._engine.open_source(spec, ffmpeg=self._ffmpeg)
        with self._source as source:
            try:
                self._hear(source, listener, cutter)
            except SourceError:
                position_s = listener.position_s
                self._tell(listener.flush(), position_s, cutter)
                raise

    def _hear(self, source: Source, listener: Listener, cutter: Cutter) -> None:
        meter = VitalsMeter(self._microphone.card)
        for block in source:
            if self._quit.is_set():
                return
            if self._connected_at_s is None:
                self._connected(source, listener)
            listener.sensitivity = self._microphone.sensitivity
            self._tell(listener.feed(block), listener.position_s, cutter)
            if (vitals := meter.add(block, source.backlog)) is not None:
                self._post(vitals)
            self.level = meter.level
        raise SourceError(Reason.LOST, f"{source.description} has ended")

    def _connected(self, source: Source, listener: Listener) -> None:
        self._connected_at_s = monotonic()
        self.level = None
        if self._down:
            _LOGGER.info("%s: listening again (%s)", self._microphone.name, source.description)
            self._down = False
        self._post(Status(connected=True, detail=source.description, runtime=listener.runtime))

    def _tell(self, detections: Iterable[Detection], position_s: float, cutter: Cutter) -> None:
        """Publish detections and their sound; the position in the stream is what ties their times to the clock."""
        now = dt_util.utcnow()
        for found in detections:
            onset = now - timedelta(seconds=position_s - found.onset_s)
            event_id = cutter.follow(found)
            self._post(Heard(found.label, found.phase, onset, found.duration_s, found.confidence, event_id))
        for evidence in cutter.cut(now, position_s):
            self._post(evidence)

    def _post(self, news: News) -> None:
        # A loop that is closed is not interested any more.
        with suppress(RuntimeError):
            self._hass.loop.call_soon_threadsafe(self._receive, self, news)

    def _resolve(self) -> str:
        if CONF_CAMERA not in self._microphone.data:
            return str(self._microphone.data[CONF_SOURCE])
        self._resolving = asyncio.run_coroutine_threadsafe(
            async_resolve(self._hass, self._microphone.data), self._hass.loop
        )
        try:
            return self._resolving.result(RESOLVE_S)
        except TimeoutError as error:
            self._resolving.cancel()
            raise SourceError(Reason.STALLED, "the camera does not name its stream") from error
