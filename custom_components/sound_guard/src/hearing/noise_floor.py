"""How quiet a microphone gets by itself, learnt by listening, and whether it has fallen far below that."""

import math
from collections import deque

from .level import Level

STRETCH_S = 50
"""A microphone is judged by so many seconds on end: with the time until they are told of, within a minute."""

LEARN_HOURS = 24
"""Nothing is judged before so many hours have been heard: a night must be among them."""

KEEP_HOURS = 168
"""How long a quiet hour is remembered: a week."""

FALL_DB = 10.0
"""So far below the quietest stretch of all these hours lies what no quiet night explains."""

STILL_DB = 1.0
"""Seconds that differ by no more are dead still: noise of electronics differs by a quarter of that, a quiet room by
several times as much."""

HEARD_DB = 3.0
"""A second that stands out so far from the stillness has been heard by somebody who was thought deaf."""

HOUR_S = 3_600
"""How much sound makes an hour."""


class NoiseFloor:
    """The noise floor of one microphone. Told of every second; counts seconds of sound, not of any clock."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._recent: deque[float] = deque(maxlen=STRETCH_S)
        self._hours: deque[float] = deque(maxlen=KEEP_HOURS)
        self._hour_dbfs = math.inf
        self._hour_s = 0
        self._fallen_dbfs: float | None = None

    @property
    def dbfs(self) -> float | None:
        """Return the loudest second of the quietest stretch that is remembered; None until enough has been learnt."""
        return min(*self._hours, self._hour_dbfs) if len(self._hours) >= LEARN_HOURS else None

    @property
    def has_fallen(self) -> bool:
        """Whether it lies dead still, far below its floor."""
        return self._fallen_dbfs is not None

    def add(self, second: Level) -> None:
        """Take note of the next second. Digital silence says nothing about the microphone's own noise."""
        if second.silent:
            self._recent.clear()
            return
        self._recent.append(second.rms_dbfs)
        if self._fallen_dbfs is None:
            self._listen()
        elif second.rms_dbfs > self._fallen_dbfs + HEARD_DB:
            # So it was the room that was quiet, and is allowed to be from now on.
            self._learn(self._fallen_dbfs)
            self._fallen_dbfs = None

    def _listen(self) -> None:
        if len(self._recent) == STRETCH_S:
            quietest, loudest = min(self._recent), max(self._recent)
            is_still = loudest - quietest <= STILL_DB
            if is_still and (floor := self.dbfs) is not None and loudest < floor - FALL_DB:
                self._fallen_dbfs = loudest
            else:
                self._learn(loudest)
        self._hour_s += 1
        if self._hour_s == HOUR_S:
            self._hours.append(self._hour_dbfs)
            self._hour_dbfs, self._hour_s = math.inf, 0

    def _learn(self, dbfs: float) -> None:
        self._hour_dbfs = min(self._hour_dbfs, dbfs)
