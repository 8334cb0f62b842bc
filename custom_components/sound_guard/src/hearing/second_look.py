"""Second looks: clips wait in a short queue for the one thread that shows them to a verifier, and nobody waits for it.

A verifier may be slow, fail or hang: every look ends within its limit, with an answer or without one.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from threading import Condition, Event, Lock, Thread
from time import monotonic
from traceback import format_exception
from typing import Literal, Protocol, Self

from .card import Sensitivity
from .features import Block
from .source import redact_all
from .verifier import Failure, Region, Verifier, VerifierError

_LOGGER = logging.getLogger(__name__)

LIMIT_S = 2.0
"""How long a sound that would be reported may be held back for a second look."""

OFFLINE_LIMIT_S = 60.0
"""The same for recordings: nobody waits for an alarm."""

QUEUE = 8
"""So many clips may wait; one more is being looked at."""

CLOSE_S = 3.0
"""How long closing may take."""

LATE = "late"
"""The reason of a look that brought no answer within its limit."""

CROWDED = "crowded"
"""The reason of a look that found the queue full."""

Place = Literal["local", "remote"]


class VerifierCard(Protocol):
    """What must be known of a verifier's model to ask it and to judge its answers."""

    @property
    def clip_s(self) -> float:
        """Seconds of sound that it looks at."""

    @property
    def suspicion(self) -> Mapping[str, float]:
        """Per label that it knows, the clip probability of the attention model from which it is asked."""

    def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
        """Return whether a sound is to be reported, given the attention's confidence and the region's."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a verifier is doing."""

    place: Place
    failure: Failure | None = None
    """Why the last look could not be taken; None after a success."""

    looks: int = 0
    """Looks that were asked for."""

    confirmed: int = 0
    """Sounds that it confirmed."""

    failures: int = 0
    """Looks that brought no answer in time."""


class Status(Enum):
    """What has become of a look."""

    WAITING = auto()
    ANSWERED = auto()
    FAILED = auto()


@dataclass(slots=True, eq=False)
class Look:
    """A clip that was handed in. Changed by its SecondLook only."""

    deadline_s: float
    """Time of the monotonic clock from which on the answer is late."""

    regions: tuple[Region, ...] | None = None
    """The answer, even a late one."""

    failed: bool = False
    """Whether there was no answer in time."""

    done: Event = field(default_factory=Event)
    """Set when nothing more will come."""


class SecondLook:
    """Takes second looks for all listeners of a process. Threadsafe; the verifier belongs to its thread."""

    def __init__(
        self,
        card: VerifierCard,
        verifier: Verifier,
        *,
        place: Place = "local",
        limit_s: float = LIMIT_S,
        told: Callable[[Standing], None] | None = None,
    ) -> None:
        """Get ready; the thread starts with the first look.

        `told` is called when the failure comes, changes or goes: from the thread that notices, in order, one at a
        time. It must return at once. Nothing is told after close().
        """
        self.card = card
        self.limit_s = limit_s
        self._verifier = verifier
        self._told = told
        self._standing = Standing(place)
        self._queue: deque[tuple[Look, Block]] = deque()
        self._looking: Look | None = None
        self._worker: Thread | None = None
        self._closed = False
        self._changed = Condition()
        """Guards all of the above."""
        self._telling = Lock()
        self._known: Failure | None = None
        """The failure that was told last; guarded by `_telling`."""

    def __enter__(self) -> Self:
        """Close it afterwards."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def standing(self) -> Standing:
        """How the verifier is doing."""
        return self._standing

    def submit(self, samples: Block) -> Look:
        """Hand in a clip (16 kHz mono int16). Never blocks; if it cannot be taken, the look has failed already."""
        look = Look(monotonic() + self.limit_s)
        refusal = None
        with self._changed:
            self._standing = replace(self._standing, looks=self._standing.looks + 1)
            if self._closed:
                _abandon(look)
            elif len(self._queue) >= QUEUE:
                refusal = Failure(CROWDED, "too many sounds wait for a second look")
            else:
                refusal = self._start()
            if refusal is not None:
                self._note_failure(look, refusal)
                look.done.set()
            elif not self._closed:
                self._queue.append((look, samples))
                self._changed.notify()
        self._tell()
        return look

    def status(self, look: Look, *, wait: bool = False) -> Status:
        """Return what has become of a look; with `wait` block until it is answered or its limit has passed."""
        if wait:
            look.done.wait(max(0.0, look.deadline_s - monotonic()))
        if not look.done.is_set():
            if monotonic() < look.deadline_s:
                return Status.WAITING
            with self._changed:
                self._note_late(look)
            self._tell()
        return Status.FAILED if look.failed else Status.ANSWERED

    def count_confirmed(self) -> None:
        """Take note that an answer has confirmed a sound."""
        with self._changed:
            self._standing = replace(self._standing, confirmed=self._standing.confirmed + 1)

    def close(self) -> bool:
        """End the thread and return whether it has ended; takes at most CLOSE_S. What waits has failed."""
        with self._changed:
            self._closed = True
            for look, _ in self._queue:
                _abandon(look)
            self._queue.clear()
            if self._looking is not None:
                _abandon(self._looking)
            self._changed.notify()
            worker = self._worker
        if worker is not None:
            worker.join(CLOSE_S)
        # Who was told may hold on to this: both can go at once, model and all, not when garbage is looked for.
        self._told = None
        return worker is None or not worker.is_alive()

    def _start(self) -> Failure | None:
        """Start the thread if there is none; return why that is impossible, if it is."""
        if self._worker is None:
            worker = Thread(target=self._work, name="second look", daemon=True)
            try:
                worker.start()
            except RuntimeError as error:
                return Failure.unforeseen(f"no thread could be started: {error}")
            self._worker = worker
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._looking = None
                self._changed.wait_for(lambda: self._closed or self._queue)
                if self._closed:
                    return
                self._looking, samples = self._queue.popleft()
            self._take(self._looking, samples)
            del samples  # until the next clip comes, no sound is kept

    def _take(self, look: Look, samples: Block) -> None:
        regions, failure, trace = None, None, ""
        # Nobody waits any more for what has waited too long itself.
        if monotonic() < look.deadline_s:
            try:
                regions = self._verifier.verify(samples)
            except VerifierError as error:
                failure = error.failure
            except BaseException as error:  # noqa: BLE001  whatever it is, the next sound is looked at again
                failure = Failure.unforeseen(f"{type(error).__name__}: {redact_all(str(error))}")
                trace = redact_all("\n" + "".join(format_exception(error)))
        with self._changed:
            if look.done.is_set():
                return  # closed meanwhile
            look.regions = regions
            if failure is not None:
                self._note_failure(look, failure)
            elif monotonic() >= look.deadline_s:
                self._note_late(look)
            elif not look.failed:
                self._standing = replace(self._standing, failure=None)
            look.done.set()
        self._tell(trace)

    def _note_late(self, look: Look) -> None:
        limit = f"{self.limit_s:g} s"
        self._note_failure(look, Failure(LATE, f"no answer within {limit}", limit))

    def _note_failure(self, look: Look, failure: Failure) -> None:
        """Count a look as failed, once; `_changed` is held."""
        if not look.failed and not look.done.is_set():
            look.failed = True
            self._standing = replace(self._standing, failure=failure, failures=self._standing.failures + 1)

    def _tell(self, trace: str = "") -> None:
        """Tell the failure if it has changed, and log the first and the last moment of an outage."""
        with self._telling:
            standing = self._standing
            if standing.failure == self._known:
                return
            if standing.failure is None:
                _LOGGER.info("Second looks are taken again")
            elif self._known is None:
                _LOGGER.warning("Sounds are reported without a second look: %s%s", standing.failure, trace)
            self._known = standing.failure
            if (told := self._told) is not None:
                try:
                    told(standing)
                except Exception:  # whoever wants to know must not keep a sound from being reported
                    _LOGGER.exception("The state of second looks could not be told")


def _abandon(look: Look) -> None:
    """End a look without an answer and without blame."""
    look.failed = True
    look.done.set()
