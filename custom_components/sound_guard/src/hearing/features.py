"""Log-mel features: the only implementation, used on the device, in training and in evaluation."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.int16]
Array = NDArray[np.float32]
Frames = Array

MAX_RATE_HZ = 192_000
"""More samples in a second than anybody records; no length of a front end is longer than that second."""

MAX_FILTERS = 1 << 22
"""Most numbers in the table of filters, and in the frames that are computed together."""

_ROWS = 32
"""About how many frames are transformed together: NumPy's own cost per call is spread, and the cache holds them."""


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """Every number of the front end; it travels with the model in its card."""

    sample_rate_hz: int = 16_000
    """Samples per second of the input."""

    window_samples: int = 736
    """Length of one frame: 46 ms, as in the DCASE 2017 systems."""

    hop_samples: int = 368
    """Distance between frames: 23 ms."""

    fft_size: int = 768
    """FFT length; the window is zero-padded to it."""

    mel_bands: int = 64
    """Number of triangular mel filters."""

    low_hz: float = 60.0
    """Lower edge of the first filter."""

    high_hz: float = 7_800.0
    """Upper edge of the last filter."""

    floor: float = 1e-9
    """Power added before the logarithm (full scale = 1); about the noise of a 16-bit converter."""

    group_frames: int = 8
    """Frames computed together. A fixed group makes every sum run in the same order, whatever the block sizes."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no front end.

        Raises:
            ValueError: a length is not positive or much too large, or the bands lie outside 0 to half the sample rate.
        """
        lengths = (self.sample_rate_hz, self.hop_samples, self.mel_bands, self.group_frames)
        if min(lengths) < 1 or not 2 <= self.window_samples <= self.fft_size:
            raise ValueError(f"feature lengths must be positive and the window must fit the FFT: {self}")
        # A damaged card must not take a home server's memory.
        most = self.fft_size * max(self.mel_bands, self.group_frames)
        if max(*lengths, self.fft_size) > MAX_RATE_HZ or most > MAX_FILTERS or self.mel_bands > self.fft_size:
            raise ValueError(f"feature lengths are too large: {self}")
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2 or not 1e-30 <= self.floor <= 1:
            raise ValueError(f"feature bands must lie between 0 Hz and half the sample rate, the floor below 1: {self}")

    @property
    def hop_s(self) -> float:
        """Seconds between frames."""
        return self.hop_samples / self.sample_rate_hz

    @property
    def silence(self) -> float:
        """The feature value of digital silence."""
        return float(_normalised(np.zeros(1, np.float32), self.floor)[0])

    def samples_for(self, frames: int) -> int:
        """Return how many samples the given number of frames spans."""
        return (frames - 1) * self.hop_samples + self.window_samples


class LogMel:
    """Turns a stream of samples into log-mel frames. One instance per stream, not threadsafe."""

    def __init__(self, config: FeatureConfig) -> None:
        """Start with an empty stream."""
        self._config = config
        window = np.hanning(config.window_samples + 1)[:-1].astype(np.float32)
        # int16 full scale, the window's own power and what the transform divides by are divided out here, once.
        window *= np.float32(config.fft_size / (32_768 * np.sqrt(np.sum(window**2) * config.fft_size / 2)))
        self._window = np.pad(window, (0, config.fft_size - config.window_samples))
        self._filters = _filter_bank(config)
        self._pending = np.zeros(0, np.float32)
        self._padding = np.zeros(config.fft_size - config.window_samples, np.float32)
        rows = config.group_frames * max(1, _ROWS // config.group_frames)
        self._windows = np.empty((rows, config.fft_size), np.float32)
        self._spectrum = np.empty((rows, config.fft_size // 2 + 1), np.complex64)
        self._power = np.empty(self._spectrum.shape, np.float32)

    def push(self, samples: Block) -> Frames:
        """Add samples (int16, any length) and return the frames they complete, (n, mel_bands) float32.

        n is a multiple of `group_frames`; what is left waits for the next call. The result does not depend on how
        the stream was cut into blocks, to the last bit. One call with many samples costs less than many with few.
        """
        config = self._config
        # Behind the last window the transform reads on; what it reads there counts nothing.
        sound = np.concatenate((self._pending, samples, self._padding), dtype=np.float32)
        size = sound.size - self._padding.size
        group_hop = config.group_frames * config.hop_samples
        groups = max(0, (size - config.samples_for(config.group_frames)) // group_hop + 1)
        frames = np.empty((groups * config.group_frames, config.mel_bands), np.float32)
        if groups:
            strides = (config.hop_samples * sound.itemsize, sound.itemsize)
            windows = np.ndarray((len(frames), config.fft_size), np.float32, sound, strides=strides)
            for start in range(0, len(frames), len(self._windows)):
                piece = slice(start, start + len(self._windows))
                self._transform(windows[piece], frames[piece])
        self._pending = sound[groups * group_hop : size].copy()
        return _normalised(frames, config.floor)

    def _transform(self, windows: NDArray[np.float32], frames: Frames) -> None:
        """Write the mel powers of whole groups of windows, at most as many as there is memory for, to their frames."""
        count, group = len(frames), self._config.group_frames
        np.multiply(windows, self._window, out=self._windows[:count])
        # This norm keeps NumPy in single precision, which takes half the time; its types know double only.
        np.fft.rfft(self._windows[:count], norm="forward", out=self._spectrum[:count])  # type: ignore[arg-type]
        squares = self._spectrum[:count].view(np.float32)
        np.square(squares, out=squares)
        power = np.add(squares[:, ::2], squares[:, 1::2], out=self._power[:count]).reshape(
            -1, group, squares.shape[1] // 2
        )
        # One product per group: the order of its sums would change with the number of rows.
        groups = frames.reshape(-1, group, frames.shape[1])
        for bins, bands, filters in self._filters:
            np.matmul(power[..., bins], filters, out=groups[..., bands])


def _normalised(power: Frames, floor: float) -> Frames:
    """Turn power, in place, to its logarithm (natural, about -21 to 0) and that to about -2 to 3."""
    power += np.float32(floor)
    np.log(power, out=power)
    power += np.float32(12)
    power /= np.float32(4)
    return power


@lru_cache(maxsize=8)
def mel_filters(config: FeatureConfig) -> NDArray[np.float32]:
    """Return triangular filters of unit peak on the HTK mel scale, (fft_size // 2 + 1, mel_bands)."""
    edges_mel = np.linspace(_mel(config.low_hz), _mel(config.high_hz), config.mel_bands + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    bins_hz = np.arange(config.fft_size // 2 + 1) * config.sample_rate_hz / config.fft_size
    lower, centre, upper = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - lower) / (centre - lower)
    falling = (upper - bins_hz[:, None]) / (upper - centre)
    filters: NDArray[np.float32] = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=8)
def _filter_bank(config: FeatureConfig) -> tuple[tuple[slice, slice, Array], ...]:
    """Return the filters in two halves, each with the bins it sees and the bands it makes: the rest is zeros."""
    filters = mel_filters(config)
    halves = (slice(0, config.mel_bands // 2), slice(config.mel_bands // 2, config.mel_bands))
    seen = [np.flatnonzero(filters[:, bands].any(axis=1)) for bands in halves]
    spans = [slice(int(bins[0]), int(bins[-1]) + 1) if bins.size else slice(0, 0) for bins in seen]
    return tuple((bins, bands, filters[bins, bands].copy()) for bins, bands in zip(spans, halves, strict=True))


def _mel(hz: float) -> float:
    return 2595 * float(np.log10(1 + hz / 700))
