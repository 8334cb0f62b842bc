"""Finds one recording in two files: copied, re-encoded, shifted, louder or quieter, or cut out of a longer one.

Candidates share landmarks, pairs of peaks of the spectrogram (as Shazam does it: A. Wang, ISMIR 2003), at one shift in
time; those are then laid over each other, and are duplicates if they agree in phase far beyond chance.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from tqdm import tqdm

from hearing.features import Block

from .manifest import SAMPLE_RATE_HZ

Indices = NDArray[np.int64]

WINDOW, HOP = 1024, 256
LOWEST_BIN, HIGHEST_BIN = 16, 232
"""250 to 3,600 Hz: what codecs and cheap microphones leave as it was."""

NEIGHBOURHOOD = (13, 21)
"""A peak is the highest within so many frames and bins: about 27 a second."""

FLOOR = 1e-3
"""Smallest peak against the file's largest."""

FANOUT, REACH = 6, 64
"""With how many of the next peaks a peak is paired, at most so many frames and bins away."""

RUN = 64
"""A landmark is compared with so many equal ones at most: steady beepers have thousands."""

SHARED_LANDMARKS = 4
"""Fewer equal landmarks at one shift are chance."""

STRETCH_FRAMES = 160
"""What is laid over each other: the 2.5 s with most equal peaks."""

SIGNIFICANCE = 12.0
"""How many times stronger than chance two duplicates agree in phase; different recordings stay below 8."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A stretch of sound that two recordings share."""

    first: int
    second: int
    """Positions of the recordings."""

    first_s: float
    second_s: float
    """Where it begins in each."""

    length_s: float


def find(read: Callable[[int], Block], groups: Sequence[str]) -> list[Shared]:
    """Return the duplicates among recordings of different groups; `read` returns the sound of one by its position."""
    peaks: list[Indices] = []
    copies: dict[bytes, int] = {}
    shared: dict[tuple[int, int], Shared] = {}
    for position, group in enumerate(tqdm(groups, desc="looking for duplicates", mininterval=5)):
        samples = read(position)
        peaks.append(_peaks(samples))
        first = copies.setdefault(_digest(samples), position)
        if groups[first] != group and samples.any():
            shared[first, position] = Shared(first, position, 0.0, 0.0, samples.size / SAMPLE_RATE_HZ)
    for first, second, shift in _candidates(peaks, groups):
        stretch = _stretch(peaks[first], peaks[second], shift)
        if (first, second) not in shared and (found := _lay_over(read(first), read(second), stretch, shift)):
            shared[first, second] = Shared(first, second, *found)
    return [shared[pair] for pair in sorted(shared)]


def _digest(samples: Block) -> bytes:
    """Return the same bytes for copies of a recording, whatever silence is around them and however loud they are."""
    wide = samples.astype(np.int32)
    peak = max(int(np.abs(wide).max(initial=0)), 1)
    loud = np.flatnonzero(np.abs(wide) > peak / 100)
    sound = wide[loud[0] : loud[-1] + 1] if loud.size else wide[:0]
    return hashlib.sha256(np.round(sound * (100 / peak)).astype(np.int8).tobytes()).digest()


def _peaks(samples: Block) -> Indices:
    """Return (peaks, 2): frame and bin of every peak of the spectrogram, in order of time."""
    padded = np.pad(samples, (0, max(0, WINDOW - samples.size))).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    taper = np.hanning(WINDOW).astype(np.float32)
    spectrum = scipy.fft.rfft(frames * taper, axis=1)[:, LOWEST_BIN:HIGHEST_BIN]
    levels = np.abs(spectrum).astype(np.float32)
    highest = maximum_filter(levels, size=NEIGHBOURHOOD, mode="constant")
    return np.argwhere((levels == highest) & (levels > max(FLOOR * float(levels.max()), 1.0)))


def _candidates(peaks: Sequence[Indices], groups: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield (first, second, shift in frames) for pairs of recordings that share landmarks, at their best shift."""
    landmarks, files, frames = _landmarks(peaks)
    group = np.unique(np.asarray(groups), return_inverse=True)[1][files]
    span = 2 * max((int(found[-1, 0]) for found in peaks if found.size), default=0) + 3
    codes: list[Indices] = []
    for distance in range(1, RUN):
        equal = np.flatnonzero(landmarks[distance:] == landmarks[:-distance])
        equal = equal[group[equal] != group[equal + distance]]
        # In order of landmarks and then of files, so the first of two is never the later file.
        pair = files[equal] * len(peaks) + files[equal + distance]
        codes.append(pair * span + frames[equal + distance] - frames[equal] + span // 2)
    code, count = np.unique(np.concatenate(codes), return_counts=True)
    # The true shift lies between two whole frames.
    count[:-1] += np.where(code[1:] == code[:-1] + 1, count[1:], 0)
    best: dict[tuple[int, int], tuple[int, int]] = {}
    for place in np.flatnonzero(count >= SHARED_LANDMARKS).tolist():
        pair, shift = divmod(int(code[place]), span)
        found = (int(count[place]), shift - span // 2)
        best[divmod(pair, len(peaks))] = max(best.get(divmod(pair, len(peaks)), (0, 0)), found)
    for (first, second), (_, shift) in best.items():
        yield first, second, shift


def _landmarks(peaks: Sequence[Indices]) -> tuple[Indices, Indices, Indices]:
    """Return landmark, file and frame of every pair of neighbouring peaks, in order of landmark and file."""
    made: list[tuple[Indices, Indices, Indices]] = []
    for file, found in enumerate(peaks):
        for step in range(1, FANOUT + 1):
            start, later = found[:-step], (found[step:] - found[:-step])
            near = (later[:, 0] > 0) & (later[:, 0] < REACH) & (np.abs(later[:, 1]) < REACH)
            keys = (start[:, 1] * 2 * REACH + later[:, 1] + REACH) * REACH + later[:, 0]
            made.append((keys[near], np.full(int(near.sum()), file), start[near, 0]))
    landmarks, files, frames = (np.concatenate(column) for column in zip(*made, strict=True))
    order = np.argsort(landmarks, kind="stable")
    return landmarks[order], files[order], frames[order]


def _stretch(first: Indices, second: Indices, shift: int) -> tuple[int, int]:
    """Return the first and last frame, in the first recording, of the stretch with most peaks that both have."""
    bins = HIGHEST_BIN - LOWEST_BIN
    theirs = [(second[:, 0] - shift - late) * bins + second[:, 1] for late in (0, 1)]
    frames = first[np.isin(first[:, 0] * bins + first[:, 1], np.concatenate(theirs)), 0]
    within = np.searchsorted(frames, frames + STRETCH_FRAMES) - np.arange(frames.size)
    start = int(within.argmax())
    return int(frames[start]), int(frames[start + within[start] - 1])


def _lay_over(first: Block, second: Block, stretch: tuple[int, int], shift: int) -> tuple[float, float, float] | None:
    """Return where in both recordings (s, s) a stretch begins and its length (s), if they agree in it; else None.

    What counts is the phase, every frequency alike: neither level nor equaliser nor a tone of equal pitch matters.
    """
    ahead = shift * HOP
    margin = WINDOW * 2
    start = max(0, -ahead, stretch[0] * HOP - margin)
    end = min(first.size, second.size - ahead, stretch[1] * HOP + WINDOW + margin)
    taper = np.hanning(end - start)
    size = scipy.fft.next_fast_len(end - start + WINDOW)
    band = slice(round(LOWEST_BIN * size / WINDOW), round(HIGHEST_BIN * size / WINDOW))
    ours = scipy.fft.rfft(first[start:end] * taper, size)[band]
    theirs = scipy.fft.rfft(second[start + ahead : end + ahead] * taper, size)[band]
    product = ours * np.conj(theirs)
    agreement = np.abs(scipy.fft.ifft(product / np.maximum(np.abs(product), 1e-9)))
    # The shift is known to two frames or so.
    reach = 2 + 2 * HOP * agreement.size // size
    strongest = max(float(agreement[:reach].max()), float(agreement[-reach:].max()))
    chance = (size / (end - start) / agreement.size) ** 0.5
    if strongest < SIGNIFICANCE * chance:
        return None
    return start / SAMPLE_RATE_HZ, (start + ahead) / SAMPLE_RATE_HZ, (end - start) / SAMPLE_RATE_HZ
