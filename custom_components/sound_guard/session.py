"""The thread of a microphone: the only place where its sound is waited for and judged."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .address import async_resolve
from .const import CONF_CAMERA, CONF_SOURCE, DOMAIN
from .engine import get_engine
from .news import FAULT, Heard, News, Status
from .outages import Outages
from .src.hearing.detection import Detection
from .src.hearing.evidence import Cutter
from .src.hearing.level import Level
from .src.hearing.listener import Listener
from .src.hearing.pace import Pace
from .src.hearing.source import Reason, Source, SourceError, redact_all, redacted_trace
from .vitals import VitalsMeter

if TYPE_CHECKING:
    from .microphone import Microphone

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 15.0
GOOD_S = 3.0
"""A connection that lasted this long was a good one: the next retry comes soon again, whatever breaks it each time."""

RESOLVE_S = 10.0
"""How long a camera may take to name its stream."""

JOIN_S = 8.0
"""How long closing a microphone may take."""


class Session(Thread):
    """The thread of a microphone, from start to stop: owns source and listener, and opens both again and again."""

    def __init__(
        self, hass: HomeAssistant, microphone: "Microphone", receive: Callable[["Session", News], None]
    ) -> None:
        """Get ready; `receive` is called on the event loop with every piece of news. It may come late."""
        super().__init__(name=f"{DOMAIN} {microphone.name}", daemon=True)
        self.level: Level | None = None
        """Replaced every second; a reader that comes late has missed only old levels."""
        self.judged_s = 0.0
        """How far into the sound that is heard now the model has judged it."""
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
        self._outages = Outages()
        self._traced = False
        """Whether the log has the trace of an error nobody expected."""

    def stop(self) -> None:
        """Ask the thread to end, close what it waits for, and wait for a bounded time until it has ended. Blocks."""
        self._quit.set()
        deadline_s = monotonic() + JOIN_S
        # More than once, because the thread may have been about to wait for something new.
        while self.is_alive() and monotonic() < deadline_s:
            if (resolving := self._resolving) is not None:
                resolving.cancel()
            if (source := self._source) is not None:
                source.close()
            self.join(0.5)
        if self.is_alive():
            _LOGGER.error("%s: did not close within %s s; its thread was left behind", self._microphone.name, JOIN_S)

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
            if self._connected_at_s is not None:
                self._outages.add(monotonic())
                if monotonic() - self._connected_at_s >= GOOD_S:
                    wait_s = FIRST_RETRY_S
                self._connected_at_s = None
            self._log_down(detail, trace)
            self._post(Status(problem=problem, detail=detail, unsteady=self._outages.often))
            self._quit.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_RETRY_S)

    def _log_down(self, detail: str, trace: Exception | None) -> None:
        """Log that nothing is heard, once: also if it is heard for a moment between one time and the next."""
        if not self._down or (trace and not self._traced):
            again_and_again = " again and again" if self._outages.often else ""
            # Not as exc_info: the error's own words may hold a stream's password.
            shown = redacted_trace(trace) if trace else ""
            _LOGGER.warning("%s: not listening%s: %s%s", self._microphone.name, again_and_again, detail, shown)
            self._down, self._traced = True, trace is not None

    def _listen(self) -> None:
        """Open the source and hear until it ends, which it always does with a SourceError unless told to stop."""
        spec = self._resolve()
        microphone = self._microphone
        listener = self._engine.open_listener(microphone.card, second_look=microphone.second_look)
        cutter = Cutter(listener.ring)
        self._source = self._engine.open_source(spec, ffmpeg=self._ffmpeg)
        with self._source as source:
            try:
                self._hear(source, listener, cutter)
            except SourceError:
                if self._connected_at_s is not None:
                    position_s = listener.position_s
                    self._tell(listener.flush(), position_s, cutter)
                raise

    def _hear(self, source: Source, listener: Listener, cutter: Cutter) -> None:
        meter, pace = VitalsMeter(self._microphone.card), Pace()
        for block in source:
            if self._quit.is_set():
                return
            if self._connected_at_s is None:
                self._connected(source, listener)
            listener.sensitivity = self._microphone.sensitivity
            self._tell(listener.feed(block), listener.position_s, cutter)
            self.judged_s = listener.judged_s
            if (vitals := meter.add(block, source.backlog)) is not None:
                self._post(vitals)
            self.level = meter.level
            pace.add(block.size)
            if self._outages.is_over(monotonic()):
                self._connected(source, listener)
        raise SourceError(Reason.LOST, f"{source.description} has ended")

    def _connected(self, source: Source, listener: Listener) -> None:
        self._connected_at_s = monotonic()
        self.level = None
        if self._down and not self._outages.often:
            _LOGGER.info("%s: listening again (%s)", self._microphone.name, source.description)
            self._down = False
        status = Status(connected=True, detail=source.description, runtime=listener.runtime)
        self._post(replace(status, unsteady=self._outages.often))

    def _tell(self, detections: Iterable[Detection], position_s: float, cutter: Cutter) -> None:
        """Publish detections and their sound; the position in the stream is what ties their times to the clock."""
        now = dt_util.utcnow()
        for found in detections:
            onset = now - timedelta(seconds=position_s - found.onset_s)
            event_id = cutter.follow(found)
            self._post(
                Heard(
                    found.label,
                    found.phase,
                    onset,
                    found.duration_s,
                    found.confidence,
                    event_id,
                    found.verified,
                    found.verifier_confidence,
                )
            )
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
