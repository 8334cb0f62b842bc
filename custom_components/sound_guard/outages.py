"""How often a microphone was lost of late: one that comes and goes all the time is as good as deaf."""

from collections import deque

OFTEN = 5
"""So many outages within STEADY_S are too many."""

STEADY_S = 600.0
"""A microphone that was not lost for so long is steady again."""


class Outages:
    """Counts the outages of one microphone. Belongs to the thread that listens."""

    def __init__(self) -> None:
        """Begin with none."""
        self.often = False
        """Whether it keeps being lost."""
        self._times_s: deque[float] = deque(maxlen=OFTEN)

    def add(self, now_s: float) -> None:
        """Take note of an outage."""
        self._times_s.append(now_s)
        if len(self._times_s) == OFTEN and now_s - self._times_s[0] <= STEADY_S:
            self.often = True

    def is_over(self, now_s: float) -> bool:
        """Return whether it has just become steady again."""
        if not self.often or now_s - self._times_s[-1] < STEADY_S:
            return False
        self.often = False
        self._times_s.clear()
        return True
