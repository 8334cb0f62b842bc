"""Log-mel features: the only implementation, used on the device, in training and in evaluation."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.int16]
Frames = NDArray[np.float32]


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
            ValueError: a length is not positive, or the bands lie outside 0 to half the sample rate.
        """
        lengths = (self.sample_rate_hz, self.hop_samples, self.mel_bands, self.group_frames)
        if min(lengths) < 1 or not 1 <= self.window_samples <= self.fft_size:
            raise ValueError(f"feature lengths must be positive and the window must fit the FFT: {self}")
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2 or self.floor <= 0:
            raise ValueError(f"feature bands must lie between 0 Hz and half the sample rate: {self}")

    @property
    def hop_s(self) -> float:
        """Seconds between frames."""
        return self.hop_samples / self.sample_rate_hz

    @property
    def silence(self) -> float:
        """The feature value of digital silence."""
        return float(_normalise(np.log(np.float32(self.floor))))

    def samples_for(self, frames: int) -> int:
        """Return how many samples the given number of frames spans."""
        return (frames - 1) * self.hop_samples + self.window_samples


class LogMel:
    """Turns a stream of samples into log-mel frames. One instance per stream, not threadsafe."""

    def __init__(self, config: FeatureConfig) -> None:
        """Start with an empty stream."""
        self._config = config
        self._window = np.hanning(config.window_samples + 1)[:-1].astype(np.float32)
        # int16 full scale and the window's own power are divided out here, once.
        self._window /= np.float32(32_768 * np.sqrt(np.sum(self._window**2) * config.fft_size / 2))
        self._mel = mel_filters(config)
        self._pending = np.zeros(0, np.int16)

    def push(self, samples: Block) -> Frames:
        """Add samples (int16, any length) and return the frames they complete, (n, mel_bands) float32.

        n is a multiple of `group_frames`; what is left waits for the next call. The result does not depend on how
        the stream was cut into blocks, to the last bit.
        """
        config = self._config
        self._pending = np.concatenate((self._pending, samples)) if self._pending.size else samples
        group_hop = config.group_frames * config.hop_samples
        groups = max(0, (self._pending.size - config.samples_for(config.group_frames)) // group_hop + 1)
        frames = [self._group(self._pending[i * group_hop :]) for i in range(groups)]
        # A copy, so that the caller's buffer is free to be reused.
        self._pending = self._pending[groups * group_hop :].copy()
        return np.concatenate(frames) if frames else np.zeros((0, config.mel_bands), np.float32)

    def _group(self, samples: Block) -> Frames:
        config = self._config
        span = samples[: config.samples_for(config.group_frames)]
        windows = np.lib.stride_tricks.sliding_window_view(span, config.window_samples)[:: config.hop_samples]
        spectrum = np.fft.rfft(windows * self._window, n=config.fft_size)
        power = spectrum.real**2 + spectrum.imag**2
        return _normalise(np.log(power @ self._mel + np.float32(config.floor)))


def _normalise(log_power: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """Bring log power (natural, about -21 to 0) to about -2 to 3."""
    return np.asarray((log_power + np.float32(12)) / np.float32(4), np.float32)


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


def _mel(hz: float) -> float:
    return 2595 * float(np.log10(1 + hz / 700))
