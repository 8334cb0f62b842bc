"""The last seconds of sound, in memory."""

import numpy as np

from .features import Block


class Ring:
    """A fixed number of the newest samples of a stream. Not threadsafe."""

    def __init__(self, seconds: float, sample_rate_hz: int) -> None:
        """Reserve the memory for the given number of seconds.

        Raises:
            ValueError: there is no room for a single sample.
        """
        self._samples = np.zeros(int(seconds * sample_rate_hz), np.int16)
        if not self._samples.size:
            raise ValueError(f"a ring of {seconds} s at {sample_rate_hz} Hz holds nothing")
        self._rate_hz = sample_rate_hz
        self._written = 0

    @property
    def position_s(self) -> float:
        """Seconds of sound written so far."""
        return self._written / self._rate_hz

    def write(self, block: Block) -> None:
        """Append samples; the oldest ones are overwritten."""
        start = self._written % self._samples.size
        self._written += block.size
        if start + block.size <= self._samples.size:
            self._samples[start : start + block.size] = block
            return
        kept = block[-self._samples.size :]
        start = (self._written - kept.size) % self._samples.size
        first = min(kept.size, self._samples.size - start)
        self._samples[start : start + first] = kept[:first]
        self._samples[: kept.size - first] = kept[first:]

    def read(self, start_s: float, end_s: float) -> Block:
        """Return a copy of the sound between two stream times, as far as it is still held."""
        oldest = max(0, self._written - self._samples.size)
        start = min(max(round(start_s * self._rate_hz), oldest), self._written)
        return self._held(start, min(max(round(end_s * self._rate_hz), start), self._written))

    def newest(self, samples: int) -> Block:
        """Return a copy of the given number of samples that were written last, as far as they are still held."""
        return self._held(self._written - min(samples, self._written, self._samples.size), self._written)

    def _held(self, start: int, end: int) -> Block:
        first = start % self._samples.size
        behind = self._samples[first : first + end - start]
        return np.concatenate((behind, self._samples[: end - start - behind.size]))
