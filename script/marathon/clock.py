"""The time of the simulation: everything that asks what time it is gets this one, and it only moves when told to.

Sound is made and heard faster than real time, so real time would make nonsense of every timer: holding a sensor for a
minute, trying a microphone again after fifteen seconds, digital silence for sixty. Therefore a process that soaks lives
in a time of its own. `install()` puts it in the place of `time.time`, `time.monotonic` (with it the event loop's own
timers) and Home Assistant's clock, before anything that could remember the real ones is imported. Work takes none of
this time: it stands still until everybody waits for it.

The house lives at the end of the step that was just made; a listening thread, at the end of the block that it hears, so
that the times of what it reports are exact. What the integration's own threads wait for is time that passes, like that
before a microphone is tried again: their `Event` is the one made here. The engine's threads wait for work, for real.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

STEP_S = 10.0
"""The longest step: sound that everybody hears before anybody looks at the clock again."""

BEGIN = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
"""What the clocks show when a simulation begins, in seconds since 1970."""

_UPTIME_S = 1_000.0
"""What a monotonic clock shows then."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """What a thread waits for."""

    until_s: float
    event: threading.Event
    stops_clock: bool
    changed: threading.Condition


class Clock:
    """Counts seconds since the simulation began. Threadsafe; advance() belongs to whoever conducts it.

    Threads that have waited for a time go on one after the other: at work together, they would mostly wait for each
    other's locks; and so a seed really decides on everything.
    """

    def __init__(self) -> None:
        """Begin at 0."""
        self.on_wait: Callable[[], object] = lambda: None
        """Called, from some thread, when nobody is at work any more who has waited before."""
        self._now_s = 0.0
        self._lock = threading.Lock()
        self._waits: dict[int, _Wait] = {}
        self._at_work: int | None = None
        """The thread whose turn it is."""
        self._mine = threading.local()

    def now_s(self) -> float:
        """Seconds since the beginning, as the thread that asks sees it."""
        mine: float | None = getattr(self._mine, "now_s", None)
        return self._now_s if mine is None else mine

    def time(self) -> float:
        """Stand in for time.time."""
        return BEGIN + self.now_s()

    def monotonic(self) -> float:
        """Stand in for time.monotonic."""
        return _UPTIME_S + self.now_s()

    def utcnow(self) -> datetime:
        """Stand in for Home Assistant's utcnow."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, to_s: float) -> float:
        """Let time pass until then, or until the first wait that the clock must not pass by; return the time."""
        with self._lock:
            stops = (wait.until_s for wait in self._waits.values() if wait.stops_clock)
            self._now_s = min([to_s, *(until_s for until_s in stops if until_s > self._now_s)])
            if self._at_work is None:
                self._pass_on()
            return self._now_s

    def live_at(self, now_s: float) -> None:
        """Let this thread live at its own time until it waits for the clock again."""
        self._mine.now_s = now_s

    def wait(self, until_s: float, event: threading.Event, *, stops_clock: bool = True) -> bool:
        """Wait for a time, or for the event before it; return whether the event has come.

        The clock stops at that time, unless whoever waits can go on later as if it were then.
        """
        self._mine.now_s = None
        me = threading.get_ident()
        with self._lock:
            changed = threading.Condition(self._lock)
            self._waits[me] = _Wait(until_s, event, stops_clock, changed)
            if self._at_work == me:
                self._pass_on()
            if self._at_work is None:
                self.on_wait()
            while not event.is_set() and not (self._at_work == me and self._now_s >= until_s):
                changed.wait()
            del self._waits[me]
            if event.is_set() and self._at_work == me:
                self._pass_on()
        return event.is_set()

    def wake(self) -> None:
        """Let those go on whose events have come."""
        with self._lock:
            for wait in self._waits.values():
                if wait.event.is_set():
                    wait.changed.notify()

    def all_wait(self, threads: Iterable[threading.Thread]) -> bool:
        """Return whether these threads have nothing to do before the clock moves on."""
        idents = [thread.ident or 0 for thread in threads]
        with self._lock:
            if self._at_work is not None and self._at_work not in idents:
                # It has ended.
                self._pass_on()
            waits = [self._waits.get(ident) for ident in idents]
            return all(wait and wait.until_s > self._now_s and not wait.event.is_set() for wait in waits)

    def _pass_on(self) -> None:
        """Let the next thread go on that has waited long enough."""
        due = (ident for ident, wait in self._waits.items() if wait.until_s <= self._now_s)
        self._at_work = next(due, None)
        if self._at_work is not None:
            self._waits[self._at_work].changed.notify()

    def install(self) -> None:
        """Become the time of this process; nothing of Home Assistant may have been imported before."""
        time.time = self.time
        time.monotonic = self.monotonic
        from homeassistant.util import dt as dt_util

        def now(time_zone: tzinfo | None = None) -> datetime:
            return self.utcnow().astimezone(time_zone or dt_util.DEFAULT_TIME_ZONE)

        dt_util.utcnow = self.utcnow  # type: ignore[assignment]
        dt_util.now = now


CLOCK = Clock()


class Event(threading.Event):
    """An event that is waited for in simulated time."""

    def set(self) -> None:
        """Let it come."""
        super().set()
        CLOCK.wake()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it, at most `timeout` simulated seconds."""
        return CLOCK.wait(float("inf") if timeout is None else CLOCK.now_s() + timeout, self)


def install_events(package: str, *, real_in: str) -> None:
    """Let all modules of a package that were imported wait in simulated time, except those of one of its packages."""
    for name, module in sys.modules.items():
        names = vars(module)
        if name.startswith(package) and not name.startswith(real_in) and names.get("Event") is threading.Event:
            names["Event"] = Event
