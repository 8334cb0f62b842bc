"""Whether live sound keeps up with time. Sound that comes too slowly is heard ever later, and nothing else shows it."""

from time import monotonic

from .source import SAMPLE_RATE_HZ, Reason, SourceError

LOOK_S = 60.0
"""How long sound is watched before it is judged."""

SLOWEST = 0.75
"""Least share of that time that has to arrive as sound: clocks differ by far less, and hiccups are made up for."""


class Pace:
    """Watches the pace of one live source. Belongs to the thread that listens."""

    def __init__(self) -> None:
        """Begin with a source that has not been heard yet."""
        self._began_s: float | None = None
        self._samples = 0

    def add(self, samples: int) -> None:
        """Take note of sound that has arrived.

        Raises:
            SourceError: STALLED, too little of it did. What is heard next after opening it again is of now.
        """
        if self._began_s is None:
            # From the first sound on: what it took to get that far does not count.
            self._began_s = monotonic()
            return
        self._samples += samples
        passed_s = monotonic() - self._began_s
        if passed_s < LOOK_S:
            return
        heard_s = self._samples / SAMPLE_RATE_HZ
        if heard_s < SLOWEST * passed_s:
            raise SourceError(Reason.STALLED, f"sound comes too slowly: {heard_s:.0f} s of it in {passed_s:.0f} s.")
        self._began_s, self._samples = monotonic(), 0
