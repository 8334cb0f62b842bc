"""The sound gate: while a room sounds as it has sounded all along, the model need not look at it again and again.

It asks what is new, not what is loud: an alarm two floors away is quiet, but it stands out from the room's own hiss and
hum. Whatever stands out has the model look at every chunk until it has left the window, and as long as the model sees
the least of anything there, it goes on looking.
"""

import math
from functools import lru_cache

import numpy as np

from .card import ModelCard
from .features import Array, FeatureConfig, Frames, LogMel

NEW = 6.0
"""How far a stretch of one band must stand out to be new, in standard deviations. Steady noise alone does so in one
chunk of a few hundred, which costs little; `training/gate.py` shows that nothing is lost."""

CALM_LOGIT = -2.0
"""Score before the sigmoid (a probability of 12 %) up to which the model sees nothing, at any step and of any sound."""

LOOK_S = 60.0
"""Even where nothing is new the model looks once in this time."""

_MIN_SPREAD = 0.02
"""Least standard deviation of a band, 0.35 dB: where there is no noise at all, rounding must not be news."""

_NOISE_S = 10.0
_SEED = 2018


class Gate:
    """Decides at which chunks of one stream the model looks. Not threadsafe."""

    def __init__(self, card: ModelCard) -> None:
        """Start open: what a room sounds like is learnt while the model looks at it."""
        features, window = card.features, card.window
        chunk_s = window.chunk_frames * features.hop_s
        self._window_chunks = window.window_steps // window.chunk_steps
        # The encoder sees a little of the chunk before: one chunk more, and nothing is left of what was new.
        self._hold_chunks = self._window_chunks + 1
        # By then every event has ended.
        self._release_chunks = math.floor(card.decoder.release_s / chunk_s) + 2
        self._look_chunks = max(1, round(LOOK_S / chunk_s))
        self._averages, self._weights = _stretches(window.chunk_frames)
        self._most_spread = _noise_spread(features)
        # A quarter of the chunks are quieter than what tells how a band sounds at rest: neither an outlier, nor one of
        # those in which something goes on.
        self._rank = self._window_chunks // 4
        # All that is remembered of a chunk, for as long as the gate holds and the window before that.
        chunks = self._hold_chunks + self._window_chunks
        self._heard = np.full((chunks, len(self._weights), features.mel_bands), np.inf, np.float32)
        self._spreads = np.tile(self._most_spread, (chunks, 1))
        self._chunk = self._judged_chunk = 0
        self._open_until_chunk = self._hold_chunks

    def opens(self, frames: Frames) -> bool:
        """Take the frames of the next chunk, (chunk_frames, mel_bands); return whether the model must look at it."""
        self._remember(frames)
        if self._chunk < self._open_until_chunk:
            return True
        # Only now it counts whether something was new: in a room that is never quiet this is asked once in a window.
        for chunk in range(self._chunk, max(self._judged_chunk, self._chunk - self._hold_chunks), -1):
            if self._novelty(chunk) > NEW:
                self._open_until_chunk = chunk + self._hold_chunks
                break
        self._judged_chunk = self._chunk
        shut_chunks = self._chunk - self._open_until_chunk + 1
        return shut_chunks <= 0 or shut_chunks % self._look_chunks == 0

    def saw(self, logits: Array) -> None:
        """Take the model's scores of the window, (steps, labels), after it has looked."""
        if logits.max() > CALM_LOGIT:
            self._open_until_chunk = max(self._open_until_chunk, self._chunk + self._release_chunks)

    def _remember(self, frames: Frames) -> None:
        self._chunk += 1
        place = self._chunk % len(self._heard)
        stretches = np.matmul(self._averages, frames, out=self._heard[place])
        variance = self._averages[-1] @ np.square(frames) - stretches[-1] ** 2
        self._spreads[place] = np.sqrt(np.maximum(variance, 0))

    def _novelty(self, chunk: int) -> float:
        """Return how far the most striking stretch of a chunk stands out from the window before it."""
        before = np.arange(chunk - self._window_chunks, chunk) % len(self._heard)
        level = np.partition(self._heard[before, -1], self._rank, axis=0)[self._rank]
        # Never more than steady noise wavers: beeps that go on and on are no noise, however regular.
        spread = np.clip(self._spreads[before].mean(axis=0), _MIN_SPREAD, self._most_spread)
        rise = self._heard[chunk % len(self._heard)] - level
        return float((rise * self._weights / spread).max())


def _stretches(frames: int) -> tuple[Array, Array]:
    """Return what averages the stretches of a chunk, (stretches, frames), the whole chunk last, and their weights.

    A short beep fills a short stretch; a long, faint one shows in a long stretch only. They overlap by half.
    """
    places = [
        (start, length)
        for length in (max(1, frames // 8), max(1, frames // 2), frames)
        for start in range(0, frames - length + 1, max(1, length // 2))
    ]
    averages = np.zeros((len(places), frames), np.float32)
    for row, (start, length) in zip(averages, places, strict=True):
        row[start : start + length] = 1 / length
    # The mean of n frames of noise wavers by the root of n less than a frame.
    return averages, np.sqrt([[length] for _, length in places], dtype=np.float32)


@lru_cache(maxsize=8)
def _noise_spread(config: FeatureConfig) -> Array:
    """Return the standard deviation of every band in steady noise, (mel_bands,); narrow bands waver most."""
    noise = np.random.default_rng(_SEED).normal(0, 1_000, round(_NOISE_S * config.sample_rate_hz))
    spread: Array = LogMel(config).push(noise.astype(np.int16)).std(axis=0)
    return spread
