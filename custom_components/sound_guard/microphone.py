"""One microphone: the boundary between its listening thread and the event loop."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .address import address_id
from .deafness import COMPLAINTS, deafness_of, forget_deafness
from .news import STUCK, News, Status
from .session import Session
from .src.hearing.card import ModelCard, Sensitivity
from .src.hearing.level import Level
from .src.hearing.second_look import SecondLook
from .vitals import Vitals
from .watchdog import Watchdog

_LOGGER = logging.getLogger(__name__)

MOST_LEFT_BEHIND = 3
"""So many threads of one microphone may hang. Nothing can end them from outside; more would help no better."""


class Microphone:
    """One microphone of the house. Belongs to the event loop; only frozen values come from its thread."""

    def __init__(
        self,
        hass: HomeAssistant,
        name: str,
        data: Mapping[str, Any],
        card: ModelCard,
        second_look: SecondLook | None = None,
    ) -> None:
        """Get ready to listen; nothing is opened before async_start()."""
        self.name = name
        self.data = data
        self.card = card
        self.second_look = second_look
        """Shared by all microphones; None: what the model suspects is not looked at again."""
        self.listening = True
        """Whether the owner wants it to listen."""
        self.sensitivity = Sensitivity.BALANCED
        """May change at any time; the thread reads it with every block."""
        self.status = Status()
        self.vitals: Vitals | None = None
        """The latest, None while nothing arrives."""
        self.hass = hass
        self._in_walk_test = False
        self._screen: Callable[[News], None] | None = None
        self._subscribers: list[Callable[[News], None]] = []
        self.deafness = deafness_of(hass, self.address)
        """What is known of its quiet moments; closing and opening it does not change that."""
        self._session: Session | None = None
        self._told = Status()
        """What its thread said last, whatever is known from outside."""
        self._told_times = 0
        self._stuck = False
        self._stop_watching: CALLBACK_TYPE = lambda: None
        self._left_behind: list[Session] = []
        self._changing = asyncio.Lock()

    @property
    def screen(self) -> Callable[[News], None]:
        """What is given all news, and tells what everybody may know; everybody may know all if None is set."""
        return self._screen or self.tell

    @screen.setter
    def screen(self, screen: Callable[[News], None] | None) -> None:
        self._screen = screen

    @property
    def in_walk_test(self) -> bool:
        """Whether what it hears is told to its walk test only. For whoever looks after it, that is news."""
        return self._in_walk_test

    @in_walk_test.setter
    def in_walk_test(self, in_walk_test: bool) -> None:
        self._in_walk_test = in_walk_test
        self.tell(self.status)

    @property
    def address(self) -> str:
        """What makes it the same microphone; no credentials."""
        return address_id(self.data)

    @property
    def level(self) -> Level | None:
        """How loud the last second was, None while nothing arrives."""
        return self._session.level if self._session and self.status.connected else None

    @property
    def pulse(self) -> tuple[int, float]:
        """Return what changes as long as its thread is alive.

        It is how often the thread has told its status, and how far into the sound the model has judged it.
        """
        return self._told_times, self._session.judged_s if self._session else 0.0

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
        if not listening:
            self.deafness = forget_deafness(self.hass, self.address)
        await (self.async_start() if listening else self.async_stop())

    async def async_restart(self) -> None:
        """Close the microphone and open it again; one that is closed stays closed. Meanwhile its problem remains."""
        # In one go: a microphone that is removed meanwhile must not be opened once more behind its back.
        async with self._changing:
            if self._session is not None:
                await self._async_close(replace(self.status, connected=False))
                await self._async_open()

    @callback
    def mark_stuck(self, stuck: bool) -> None:
        """Take note that its thread shows no sign of life, or that it does again."""
        if stuck and not self._stuck:
            _LOGGER.error("%s: its thread shows no sign of life", self.name)
        if stuck is not self._stuck:
            self._stuck = stuck
            self._publish(self._told)

    async def async_revive(self) -> None:
        """Begin anew with another thread; one that does not end is left behind."""
        async with self._changing:
            self._left_behind = [session for session in self._left_behind if session.is_alive()]
            if self._session is not None and len(self._left_behind) < MOST_LEFT_BEHIND:
                self._left_behind.append(self._session)
                await self._async_close(Status())
                await self._async_open()

    async def async_start(self) -> None:
        """Start the thread, if the owner wants the microphone to listen."""
        async with self._changing:
            await self._async_open()

    async def async_stop(self) -> None:
        """Close the microphone and wait, for a bounded time, until its thread has ended."""
        async with self._changing:
            self._stuck = False
            await self._async_close(Status())

    async def _async_open(self) -> None:
        if self.listening and self._session is None:
            self._session = Session(self.hass, self, self._receive)
            self._stop_watching = Watchdog(self.hass, self).start()
            # Not on the loop: start() waits until the thread runs, which on a busy machine takes a while.
            await self.hass.async_add_executor_job(self._session.start)

    async def _async_close(self, status: Status) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        self._stop_watching()
        # Holds on to nothing that holds on to it: after a reload it goes at once, not when garbage is looked for.
        self._stop_watching = lambda: None
        ended = self.hass.async_add_executor_job(session.stop)
        self._publish(status)
        await ended

    @callback
    def _receive(self, session: Session, news: News) -> None:
        # What a session says after it was told to stop is of no interest.
        if session is self._session:
            if isinstance(news, Status):
                self._told_times += 1
                self._stuck = False
            self._publish(news)

    @callback
    def _publish(self, news: News) -> None:
        if isinstance(news, Vitals):
            self.vitals = news
            self._mind_deafness(news)
        elif isinstance(news, Status):
            self._told = news
            self.status = news = self._judged(news)
            if not news.connected:
                self.vitals = None
        self.screen(news)

    def _judged(self, status: Status) -> Status:
        """Return a status with what its thread does not know."""
        if self._stuck:
            return Status(problem=STUCK)
        if status.connected and self.deafness.problem:
            return replace(status, problem=self.deafness.problem)
        return status

    @callback
    def _mind_deafness(self, vitals: Vitals) -> None:
        """Note whether sound arrives in which nothing can be heard."""
        before = self.deafness.problem
        self.deafness.add(vitals.seconds)
        problem = self.deafness.problem
        if problem == before:
            return
        if problem:
            _LOGGER.warning("%s: %s", self.name, COMPLAINTS[problem])
        else:
            _LOGGER.info("%s: hears again", self.name)
        self._publish(self._told)
