"""The walk test of a microphone: the owner sounds the real alarm, and nothing but the test hears it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .microphone import Microphone
from .news import Heard, News, Status
from .texts import text
from .walk_test_finding import ECHO, Finding, in_words, over_room_db, sentence
from .walk_test_fire import is_real

DEFAULT_MINUTES = 5
LONGEST_MINUTES = 30

LOOK_EVERY = timedelta(seconds=1)
"""How often the level is noted: a microphone measures a new one every second."""

type Divert = Callable[[Callable[[Heard], None]], CALLBACK_TYPE]
"""Has what is heard told to the test only, until the end of that."""


class State(StrEnum):
    """What a walk test is doing."""

    OFF = "off"
    WAITING = "waiting"
    HEARD = "heard"


class WalkTest:
    """Tests one microphone whenever its owner asks for it. Belongs to the event loop; a restart ends it."""

    def __init__(
        self,
        hass: HomeAssistant,
        microphone_id: str,
        microphone: Microphone,
        divert: Divert,
        last_success: datetime | None = None,
    ) -> None:
        """Get ready for tests; the last successful one was then."""
        self.microphone = microphone
        self.last_success = last_success
        """When a test has heard a sound last, None if none ever did."""
        self.ends: datetime | None = None
        """When the test that is running will end, None if none is."""
        self._hass = hass
        # Not the microphone's address: that of a stream may hold a token.
        self._notification_id = f"{DOMAIN}_walk_test_{microphone_id}"
        self._divert = divert
        self._started = dt_util.utcnow()
        self._findings: dict[str, Finding] = {}
        """By the id of the sound's event; the latest is the last."""
        self._levels: list[tuple[datetime, float]] = []
        self._subscribers: list[Callable[[], None]] = []
        self._endings: list[CALLBACK_TYPE] = []
        self._cancel_end: CALLBACK_TYPE | None = None
        self._done = asyncio.Event()

    @property
    def state(self) -> State:
        """Return what the test is doing."""
        if self.ends is None:
            return State.OFF
        return State.HEARD if self._findings else State.WAITING

    @property
    def latest(self) -> Finding | None:
        """Return what was heard last, in this test or the one before; None if nothing was."""
        return next(reversed(self._findings.values()), None)

    @property
    def surest(self) -> list[Finding]:
        """Return the surest finding of every sound that was heard, in this test or the one before."""
        found: dict[str, Finding] = {}
        for finding in sorted(self._findings.values(), key=lambda finding: finding.confidence):
            found[finding.label] = finding
        return list(found.values())

    @callback
    def subscribe(self, subscriber: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the subscriber after every change; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @callback
    def start(self, minutes: float = DEFAULT_MINUTES) -> None:
        """Begin a test; one that is running begins anew.

        Raises:
            ServiceValidationError: the microphone does not hear, so there is nothing to test.
        """
        if not self.microphone.status.hears:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="walk_test_deaf",
                translation_placeholders={"microphone": self.microphone.name},
            )
        if self.ends is None:
            self.microphone.in_walk_test = True
            self._endings = [
                self._divert(self._take),
                self.microphone.subscribe(self._follow),
                async_track_time_interval(self._hass, self._look, LOOK_EVERY),
            ]
        self._call_off()
        self._started = dt_util.utcnow()
        self.ends = self._started + timedelta(minutes=minutes)
        self._cancel_end = async_call_later(self._hass, 60 * minutes, self._time_is_up)
        self._findings.clear()
        self._levels.clear()
        self._done.clear()
        persistent_notification.async_dismiss(self._hass, self._notification_id)
        self._look()
        self._publish()

    @callback
    def stop(self) -> None:
        """End the test, if one is running, and tell the owner what was heard."""
        self._end()

    async def async_result(self) -> list[Finding]:
        """Wait until the test has heard a sound and knows how loud it was, or is over; return what was heard."""
        await self._done.wait()
        return self.surest

    @callback
    def _end(self, *more: str) -> None:
        if self.ends is None:
            return
        report = [*self._report(), *more]
        for end in self._endings:
            end()
        self._call_off()
        self.microphone.in_walk_test = False
        self.ends = None
        self._done.set()
        self._tell(report)
        self._publish()

    @callback
    def _take(self, news: Heard) -> None:
        # Put back at the end, so that it is the latest.
        known = self._findings.pop(news.event_id, None)
        onset = known.onset if known else news.onset
        offset = onset + timedelta(seconds=news.duration_s)
        self._findings[news.event_id] = Finding(
            news.label,
            onset,
            offset,
            news.confidence,
            max(0.0, (onset - self._started).total_seconds()),
            over_room_db(self._levels, onset, offset),
        )
        if known is None:
            self.last_success = onset
        self._tell(self._report())
        self._publish()
        if is_real(news.label, self._findings.values()):
            self._end(text(self._hass, "walk_test_goes_on"))

    @callback
    def _follow(self, news: News) -> None:
        if isinstance(news, Status) and not self.microphone.listening:
            self._end()

    @callback
    def _look(self, _: datetime | None = None) -> None:
        """Note how loud it is, and compare the latest finding with the room."""
        now = dt_util.utcnow()
        if (level := self.microphone.level) is not None:
            self._levels.append((now, level.rms_dbfs))
        if (latest := self.latest) is None:
            return
        over_db = over_room_db(self._levels, latest.onset, latest.offset)
        if over_db != latest.over_room_db:
            self._findings[next(reversed(self._findings))] = replace(latest, over_room_db=over_db)
            self._tell(self._report())
            self._publish()
        if now > latest.onset + ECHO:
            self._done.set()

    @callback
    def _time_is_up(self, _: datetime) -> None:
        self._cancel_end = None
        self._end()

    @callback
    def _call_off(self) -> None:
        if self._cancel_end is not None:
            self._cancel_end()
            self._cancel_end = None

    @callback
    def _publish(self) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber()

    @callback
    def _tell(self, report: Sequence[str]) -> None:
        """Put it where the owner sees it without having to search for it: no page shows the attributes by itself."""
        title = text(self._hass, "walk_test", microphone=self.microphone.name)
        persistent_notification.async_create(self._hass, "\n\n".join(report), title, self._notification_id)

    def _report(self) -> list[str]:
        """Return what the owner should know, in sentences."""
        if self._findings:
            return [sentence(self._hass, finding) for finding in self.surest]
        if not self.microphone.status.hears:
            return [text(self._hass, "walk_test_lost", microphone=self.microphone.name)]
        return [text(self._hass, "walk_test_nothing", duration=in_words(dt_util.utcnow() - self._started))]
