"""A stopwatch in a house: when a fault is seen, when sound is heard again, and what was lost."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

import pytest
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers import issue_registry as ir

from custom_components.sound_guard import microphone as microphone_file, session
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.microphone import Microphone
from custom_components.sound_guard.news import Heard, News, Status
from custom_components.sound_guard.src.hearing.detection import Phase

from ..integration.conftest import House, until
from .ear import Ear, Loss
from .ledger import Row

TEXTS = json.loads((Path(microphone_file.__file__).parent / "translations" / "en.json").read_text())
PROBLEMS: dict[str, str] = TEXTS["entity"]["binary_sensor"]["connectivity"]["state_attributes"]["problem"]["state"]

ALARM_S = 30.0
"""How long after an alarm it may be told."""

TRIES = 2
"""How often an alarm may sound: a machine too busy to listen is no fault of the product. All of them count."""

PATIENCE_S = 120.0
"""How long a test waits for anything: long enough for a machine that has other things to do."""


class Watch:
    """Watches the microphones of a house through one fault. Belongs to the event loop."""

    def __init__(
        self, house: House, ear: Ear, rooms: Iterable[str] = ("kitchen",), clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin to watch; `rooms` are the microphones that the fault strikes."""
        self.house = house
        self.sounded = 0
        self.heard = 0
        self.lost_s = 0.0
        self.noticed_s: float | None = None
        self.again_s: float | None = None
        self._ear = ear
        self._rooms = tuple(rooms)
        self._clock = clock
        self._struck_s = self._cured_s = clock()
        self._changes: list[tuple[float, str, str]] = []
        """Moment, room and "on" or "off" of the connectivity sensors."""
        self._problems: list[str] = []
        self._issues: list[tuple[float, str]] = []
        """Moment and translation key of the repairs."""
        self._losses: list[Loss] = []
        self._followed: list[Microphone] = []
        self._going_on: set[tuple[str, str]] = set()
        """Room and label of the sounds that have not ended."""
        house.hass.bus.async_listen(EVENT_STATE_CHANGED, self._note_state)
        house.hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, self._note_issue)

    @callback
    def strike(self) -> None:
        """Take the time: the fault strikes now."""
        self._struck_s = self._cured_s = self._clock()
        self._changes.clear()
        self._issues.clear()
        self._problems.clear()
        sources = [dict(each.data)["source"] for each in self.house.entry.subentries.values()]
        self._losses = [Loss(self._ear, source, self._clock) for source in sources]

    @callback
    def cure(self) -> None:
        """Take the time: the fault is over now."""
        self._cured_s = self._clock()

    async def until_noticed(self) -> None:
        """Wait until every microphone that is struck is seen to be deaf."""
        await self._until("off", self._struck_s)
        self.noticed_s = max(self._first("off", room, self._struck_s) for room in self._rooms) - self._struck_s

    async def until_problem(self, problem: str) -> None:
        """Wait until a microphone says that this is what is wrong."""
        await until(lambda: problem in self._problems, lambda: f"problems: {self._problems}", 4 * PATIENCE_S)
        self.noticed_s = self._clock() - self._struck_s

    async def until_back(self) -> None:
        """Wait until all of them listen again, and count what was lost until then."""
        await self._until("on", self._cured_s)
        self.again_s = max(self._first("on", room, self._cured_s) for room in self._rooms) - self._cured_s
        self.count_loss()

    @callback
    def count_loss(self) -> None:
        """Take note of the sound that was not heard up to now, at the microphone that lost most."""
        self.lost_s = max(loss.seconds for loss in self._losses)

    async def sound_alarm(self, label: str, play: Callable[[], object]) -> None:
        """Let an alarm sound when the last is over, and wait until every microphone that is struck has heard it."""
        await self.until_quiet()
        before = {room: self.heard_at(room) for room in self._rooms}

        def all_heard() -> bool:
            return all(
                self.heard_at(room) != before[room] and self._event(room)["event_type"] == label for room in self._rooms
            )

        for _ in range(TRIES):
            self.sounded += 1
            play()
            with suppress(TimeoutError):
                async with asyncio.timeout(ALARM_S):
                    while not all_heard():
                        await asyncio.sleep(0.01)
                self.heard += 1
                return
        pytest.fail(f"{label} was not heard everywhere")

    async def until_quiet(self) -> None:
        """Wait until no microphone that is struck hears an alarm any more."""
        for room in self._rooms:
            self._follow(room)
        await until(lambda: not self._going_on, lambda: f"{self._going_on} go on", PATIENCE_S)

    def is_shown(self, key: str) -> bool:
        """Return whether a repair is shown."""
        return any(
            issue.domain == DOMAIN and issue.active and issue.translation_key == key
            for issue in ir.async_get(self.house.hass).issues.values()
        )

    async def until_issue(self, key: str) -> None:
        """Wait until a repair is shown, which is when the fault is noticed at last; `key` is its translation key."""
        await until(lambda: self.is_shown(key), lambda: f"{key} is not shown", PATIENCE_S)
        if self.noticed_s is None:
            self.noticed_s = next(moment_s for moment_s, each in self._issues if each == key) - self._struck_s

    async def until_no_issue(self, key: str) -> None:
        """Wait until a repair has gone."""
        await until(lambda: not self.is_shown(key), lambda: f"{key} is still shown", PATIENCE_S)

    def row(self, fault: str, made_with: str, *more: str) -> Row:
        """Return the row of the table; `more` is what is seen besides states and repairs."""
        seen = [f"*{PROBLEMS[problem]}*" for problem in dict.fromkeys(self._problems)]
        if seen:
            seen = [f"Connectivity off: {', '.join(seen)}"]
        seen += [f"repair “{_title(key)}”" for key in dict.fromkeys(key for _, key in self._issues)]
        return Row(
            fault,
            made_with,
            "; ".join((*seen, *more)) or "nothing: it goes on",
            self.noticed_s,
            self.again_s,
            self.lost_s,
            self.heard,
            self.sounded,
        )

    async def _until(self, state: str, since_s: float) -> None:
        def all_are() -> bool:
            return all(self.house.state(f"binary_sensor.{room}_connectivity") == state for room in self._rooms) and all(
                any(each[1:] == (room, state) and each[0] >= since_s for each in self._changes) for room in self._rooms
            )

        await until(all_are, lambda: f"not {state}: {self._changes}", 4 * PATIENCE_S)

    def _first(self, state: str, room: str, since_s: float) -> float:
        return next(each[0] for each in self._changes if each[1:] == (room, state) and each[0] >= since_s)

    def _event(self, room: str) -> dict[str, object]:
        return dict(self.house.attributes(f"event.{room}_sound_heard"))

    def heard_at(self, room: str) -> str:
        """Return when a room heard a sound last, as its event entity says."""
        return self.house.state(f"event.{room}_sound_heard")

    @callback
    def _follow(self, room: str) -> None:
        """Take note of what a microphone hears; after a reload it is another one."""
        microphone: Microphone = self.house.entry.runtime_data.microphones[f"{room}_id"]
        if microphone not in self._followed:
            self._followed.append(microphone)
            microphone.subscribe(partial(self._note_news, room))

    @callback
    def _note_news(self, room: str, news: News) -> None:
        if isinstance(news, Heard) and news.phase is not Phase.ENDED:
            self._going_on.add((room, news.label))
        elif isinstance(news, Heard):
            self._going_on.discard((room, news.label))
        elif isinstance(news, Status) and not news.connected:
            self._going_on = {sound for sound in self._going_on if sound[0] != room}

    @callback
    def _note_state(self, event: Event[EventStateChangedData]) -> None:
        entity_id, state = event.data["entity_id"], event.data["new_state"]
        for room in self._rooms:
            if state is not None and entity_id == f"binary_sensor.{room}_connectivity":
                self._changes.append((self._clock(), room, state.state))
                if (problem := state.attributes.get("problem")) is not None:
                    self._problems.append(problem)

    @callback
    def _note_issue(self, event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
        issue = ir.async_get(self.house.hass).async_get_issue(DOMAIN, event.data["issue_id"])
        if issue is not None and issue.active and issue.translation_key is not None:
            self._issues.append((self._clock(), issue.translation_key))


def warnings(records: Iterable[logging.LogRecord]) -> list[str]:
    """Return what the log says of the microphones from WARNING up."""
    ours = [each for each in records if each.name in (microphone_file.__name__, session.__name__)]
    return [each.getMessage() for each in ours if each.levelno >= logging.WARNING]


def _title(key: str) -> str:
    title: str = TEXTS["issues"][key]["title"]
    return title.replace("{microphone}", "…")
