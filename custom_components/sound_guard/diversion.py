"""The time of a walk test in one microphone's life: what begins to be heard in it is told to the test only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeassistant.util import dt as dt_util

from .news import Heard

HUSH_S = 10.0
"""A sound that began during a walk test may go on for so long after it: the last beeps of the test button."""

EARLY = timedelta(seconds=2)
"""An onset is an estimate: a button that is pressed as soon as the test runs may seem to have been pressed before."""


@dataclass(slots=True)
class Diversion:
    """From when to when the sounds that begin belong to a walk test."""

    take: Callable[[Heard], None]
    """Tells the test."""

    since: datetime
    until: datetime | None = None
    """When the test has ended; None while it runs."""

    @property
    def is_on(self) -> bool:
        """Whether the test runs."""
        return self.until is None

    @property
    def hushes(self) -> bool:
        """Whether the sounds of the test alarm nobody: during the test, and for some seconds after it."""
        if self.until is None:
            return True
        # Less than nothing has passed only if the clock was set back.
        return timedelta(0) <= dt_util.utcnow() - self.until < timedelta(seconds=HUSH_S)

    def covers(self, onset: datetime) -> bool:
        """Return whether a sound that is reported now and began then belongs to the test."""
        # Before its own beginning a test is only if the clock was set back.
        after_start = self.since - EARLY <= onset or dt_util.utcnow() < self.since
        return self.hushes and after_start and (self.until is None or onset < self.until)
