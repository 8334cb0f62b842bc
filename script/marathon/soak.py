"""The soak itself: lets time pass in the house, step by step, and looks after everything that happens."""

import asyncio
import faulthandler
import logging
import sys
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import Engine
from custom_components.sound_guard.src.hearing.card import ModelCard
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.listener import Listener
from custom_components.sound_guard.src.hearing.rcrnn import Rcrnn
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.second_look import SecondLook
from custom_components.sound_guard.src.hearing.source import Source
from custom_components.sound_guard.src.hearing.verifier import Region, Verifier

from .clock import CLOCK, STEP_S
from .findings import Findings
from .footprint import Footprint, measure
from .house import PANEL, House, open_house
from .plan import Deed, deeds, room_plan
from .room import Room
from .vigil import Look, looks

SAMPLE_S = 60.0
"""How often the footprint is taken."""

MOST_ERRORS = 20
"""More different errors than this are not kept: they would be the growth that is looked for."""

STUCK_S = 600
"""Seconds of real time that a simulated minute may take. After that it says where all threads are, and ends."""


@dataclass
class Outcome:
    """What a soak leaves to be judged."""

    rooms: Sequence[Room]
    deeds: Sequence[Deed]
    findings: Findings
    footprints: list[Footprint] = field(default_factory=list)
    wrong_looks: list[Look] = field(default_factory=list)
    looked: int = 0
    log: Counter[str] = field(default_factory=Counter)
    """Records by level."""

    errors: Counter[str] = field(default_factory=Counter)
    """What the log says of errors, the first few of them."""

    secrets: int = 0
    """Records that give a password away."""

    threads_left: list[str] = field(default_factory=list)
    """Sound Guard's threads after it was unloaded."""

    runtime: str = ""
    """What ran the model."""

    second_look: str = ""
    """Where second looks were taken in the end, or why not."""

    looks: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


class Soak:
    """One run. Belongs to the event loop."""

    def __init__(self, seed: int, microphones: int, seconds: float, options: Mapping[str, Any]) -> None:
        """Draw the plan. `options` of Sound Guard are kept throughout."""
        rooms = [Room(seed, number, room_plan(seed, number, seconds)) for number in range(microphones)]
        self._seconds = seconds
        self._options = options
        self._outcome = Outcome(rooms, deeds(seed, microphones, seconds), Findings(rooms))
        self._someone_waits = asyncio.Event()

    async def run(self, folder: Path) -> Outcome:
        """Let all of it happen, in a house whose Home Assistant lives in `folder`."""
        outcome, loop = self._outcome, asyncio.get_running_loop()
        CLOCK.on_wait = lambda: loop.call_soon_threadsafe(self._someone_waits.set)
        logging.getLogger().addHandler(_LogKeeper(outcome))
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        started_s, started_cpu_s = perf_counter(), process_time()
        try:
            sources = [str(number) for number in range(len(outcome.rooms))]
            async with open_house(folder, sources, self._engine(), self._options) as house:
                outcome.findings.follow(house.hass, PANEL)
                await self._live(house)
                outcome.runtime = ", ".join({str(each.status.runtime) for each in house.microphones})
                outcome.second_look = house.second_look
                await house.unload()
                names = [thread.name for thread in threading.enumerate()]
                outcome.threads_left = [name for name in names if name.startswith((DOMAIN, "second look", "picture"))]
        finally:
            faulthandler.cancel_dump_traceback_later()
        outcome.wall_s, outcome.cpu_s = perf_counter() - started_s, process_time() - started_cpu_s
        return outcome

    def _engine(self) -> Engine:
        """Return the real engine, but for its sources; and its second looks are counted."""
        outcome = self._outcome

        def open_source(spec: str, *, ffmpeg: str) -> Source:
            return outcome.rooms[int(spec)].open()

        def open_listener(card: ModelCard, *, second_look: SecondLook | None = None, wait: bool = False) -> Listener:
            # A second look takes no simulated time, as no work does. What is reported is the same by design.
            return Listener(card, second_look=second_look, wait=True)

        def open_verifier(card: RcrnnCard) -> Verifier:
            return _Counted(Rcrnn(card), outcome)

        return Engine(open_source=open_source, open_listener=open_listener, open_verifier=open_verifier)

    async def _live(self, house: House) -> None:
        outcome = self._outcome
        due, due_looks = deque(outcome.deeds), deque(looks(outcome.rooms, outcome.deeds))
        going_on: list[Deed] = []
        now_s = 0.0
        while now_s < self._seconds:
            until_s = [self._seconds, now_s + STEP_S, now_s + SAMPLE_S - now_s % SAMPLE_S]
            until_s += [deed.end_s for deed in going_on] + [deed.start_s for deed in islice(due, 1)]
            until_s += [look.at_s for look in islice(due_looks, 1)]
            now_s = await self._advance(house, min(until_s))
            for deed in [each for each in going_on if each.end_s <= now_s]:
                going_on.remove(deed)
                await house.undo(deed)
            while due and due[0].start_s <= now_s:
                await house.do(due[0])
                going_on.append(due.popleft())
            while due_looks and due_looks[0].at_s <= now_s:
                self._look(house, due_looks.popleft())
            if now_s % SAMPLE_S == 0:
                self._sample(now_s)

    async def _advance(self, house: House, to_s: float) -> float:
        """Let time pass until everything that it led to is done, and return the time."""
        # A microphone that was just opened must not miss what it is late for.
        await self._settle(house)
        now_s = CLOCK.advance(to_s)
        await self._settle(house)
        return now_s

    async def _settle(self, house: House) -> None:
        """Wait until everybody has heard what there is to hear, and all that came of it is done."""
        while not CLOCK.all_wait(_listening()):
            self._someone_waits.clear()
            if not CLOCK.all_wait(_listening()):
                await self._someone_waits.wait()
        await house.hass.async_block_till_done()

    def _sample(self, now_s: float) -> None:
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        footprint = measure(now_s)
        self._outcome.footprints.append(footprint)
        if now_s % 3600 == 0:
            print(f"soak: {now_s / 3600:.0f} h, {footprint.rss_mb:.0f} MB", file=sys.stderr)

    def _look(self, house: House, look: Look) -> None:
        self._outcome.looked += 1
        if house.connectivity(look.microphone) != look.expected:
            self._outcome.wrong_looks.append(look)


class _Counted:
    """A verifier whose looks are counted."""

    def __init__(self, verifier: Verifier, outcome: Outcome) -> None:
        self._verifier = verifier
        self._outcome = outcome

    def verify(self, samples: Block) -> tuple[Region, ...]:
        self._outcome.looks += 1
        return self._verifier.verify(samples)


class _LogKeeper(logging.Handler):
    """Counts what is logged, and keeps errors."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(logging.WARNING)
        self._outcome = outcome
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self._outcome.log[record.levelname.lower()] += 1
        self._outcome.secrets += "secret" in text
        if record.levelno >= logging.ERROR and (
            text in self._outcome.errors or len(self._outcome.errors) < MOST_ERRORS
        ):
            self._outcome.errors[text] += 1


def _listening() -> list[threading.Thread]:
    """Return the threads of all microphones."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{DOMAIN} Room")]
