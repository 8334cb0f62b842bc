"""Keeps live sound from coming faster than time: a recording that is sent as a stream must not take a whole core."""

from .source import SAMPLE_RATE_HZ

AHEAD_S = 60.0
"""So far ahead of time sound may come: a radio begins with what it has at hand, and a hiccup is made up for."""

FASTEST = 1.02
"""Seconds of sound in a second, over time: clocks differ by less."""


class Haste:
    """Watches one live source. Not threadsafe; has no clock of its own."""

    def __init__(self) -> None:
        """Begin with a source that has not been heard yet."""
        self._ahead_s = 0.0
        self._heard_at_s: float | None = None

    def wait_s(self, samples: int, now_s: float) -> float:
        """Take note of sound that has arrived, and return for how many seconds to take no more."""
        if self._heard_at_s is not None:
            self._ahead_s = max(0.0, self._ahead_s - FASTEST * (now_s - self._heard_at_s))
        self._heard_at_s = now_s
        self._ahead_s += samples / SAMPLE_RATE_HZ
        return max(0.0, self._ahead_s - AHEAD_S)
