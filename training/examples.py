"""What the networks are shown of a mixture: log-mel frames from the engine, and where the sounds are. Without Keras."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hearing.card import WindowConfig
from hearing.features import FeatureConfig, Frames, LogMel
from hearing.rcrnn_card import RegionConfig

from .config import LABELS, Config
from .mixtures import Mixture
from .recipes import EVIDENCE_S
from .teacher import CLASSES, HOP_SAMPLES, WINDOW_SAMPLES

Array = NDArray[np.float32]

FEATURES = FeatureConfig()
WINDOW = WindowConfig()
WINDOW_FRAMES = WINDOW.window_steps * WINDOW.frames_per_step + WINDOW.context_frames
"""Frames from which the encoder makes one whole window."""

REGION_FEATURES = FeatureConfig(window_samples=800, hop_samples=320, fft_size=1024, mel_bands=96)
"""Of the R-CRNN: more bands and longer windows, so that it errs where the attention model does not."""

REGIONS = RegionConfig()
STEP_S = REGIONS.frames_per_step * REGION_FEATURES.hop_s
SCENE_FRAMES = 800
"""Length of a mixture for the R-CRNN; every epoch cuts another clip out of it."""

SPANS = 6
"""Sounds that a mixture of the R-CRNN holds at most."""

SHORT_S = 1.0
"""Of two stretches of a sound closer than this, one region is made."""


@dataclass(frozen=True)
class Shard:
    """Some mixtures, ready for training."""

    frames: NDArray[np.float16]
    """(mixtures, frames, mel_bands)."""

    targets: NDArray[Any]
    """What is in each mixture, in the form of its Examples."""

    taught: NDArray[np.uint8]
    """(mixtures, teacher's windows, teacher's classes): its scores in 255ths; no classes without a teacher."""


class Examples(Protocol):
    """How one kind of network is shown a mixture."""

    frames: int
    """Log-mel frames of a mixture."""

    features: FeatureConfig

    def targets(self, mixture: Mixture) -> NDArray[Any]:
        """Return what is in a mixture, as a shard keeps it."""
        ...

    def varied(self, shard: Shard, place: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return frames and targets of one mixture as the network is to learn them this time."""
        ...

    def plain(self, shard: Shard) -> tuple[Array, NDArray[np.bool_]]:
        """Return the frames of all mixtures as they are, and which labels are in each, (mixtures, labels)."""
        ...


class StepExamples:
    """Of the attention model: which label sounds in which step."""

    frames = WINDOW_FRAMES
    features = FEATURES

    def targets(self, mixture: Mixture) -> NDArray[np.uint8]:
        """Return targets, (window_steps, labels): 1 where the sound is."""
        targets = np.zeros((WINDOW.window_steps, len(LABELS)), np.uint8)
        step_s = WINDOW.frames_per_step * FEATURES.hop_s
        first_s = WINDOW.context_frames / 2 * FEATURES.hop_s
        for label, onset_s, offset_s in mixture.spans_s:
            start = max(0, int((onset_s - first_s) / step_s))
            end = max(start + 1, int(np.ceil((offset_s - first_s) / step_s)))
            targets[start:end, LABELS.index(label)] = 1
        return targets

    def varied(self, shard: Shard, place: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return frames, and our targets with the teacher's behind them, (window_steps, all)."""
        ours = shard.targets[place].astype(np.float32)
        # Each of the teacher's windows lasts until the next.
        windows = np.linspace(0, shard.taught.shape[1] - 1, len(ours)).round().astype(int)
        taught = shard.taught[place][windows].astype(np.float32) / 255
        return augment(shard.frames[place].astype(np.float32), rng), np.concatenate((ours, taught), axis=1)

    def plain(self, shard: Shard) -> tuple[Array, NDArray[np.bool_]]:
        """Return the whole windows."""
        return shard.frames.astype(np.float32), shard.targets.max(axis=1) > 0


class RegionExamples:
    """Of the R-CRNN: where every sound begins and ends."""

    frames = SCENE_FRAMES
    features = REGION_FEATURES

    def targets(self, mixture: Mixture) -> Array:
        """Return targets, (SPANS, 3): number of the label, onset and offset in seconds; label -1 is none."""
        spans = np.full((SPANS, 3), -1, np.float32)
        merged: list[tuple[int, float, float]] = []
        for label, onset_s, offset_s in sorted(mixture.spans_s, key=lambda span: (span[0], span[1])):
            number = LABELS.index(label)
            if merged and merged[-1][0] == number and onset_s < merged[-1][2] + SHORT_S:
                merged[-1] = (number, merged[-1][1], max(merged[-1][2], offset_s))
            else:
                merged.append((number, onset_s, offset_s))
        for row, span in zip(spans, merged, strict=False):
            row[:] = span
        return spans

    def varied(self, shard: Shard, place: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return a clip cut anywhere, and what is in it, flat.

        That is spans (SPANS, 4), then for every step our labels (steps, labels), then the teacher's scores.
        """
        start = int(rng.integers(0, SCENE_FRAMES - REGIONS.clip_frames + 1))
        frames = shard.frames[place, start : start + REGIONS.clip_frames].astype(np.float32)
        taught = _taught(shard.taught[place], start * REGION_FEATURES.hop_s)
        spans = _clipped(shard.targets[place], start)
        return augment(frames, rng), np.concatenate((spans.ravel(), _sounding(spans).ravel(), taught.ravel()))

    def plain(self, shard: Shard) -> tuple[Array, NDArray[np.bool_]]:
        """Return the middle of each mixture; a sound of which too little is there counts as there."""
        start = (SCENE_FRAMES - REGIONS.clip_frames) // 2
        present = np.zeros((len(shard.frames), len(LABELS)), np.bool_)
        for place, targets in enumerate(shard.targets):
            labels = _clipped(targets, start)[:, 0].astype(int)
            present[place, labels[labels >= 0]] = True
        return shard.frames[:, start : start + REGIONS.clip_frames].astype(np.float32), present


def _clipped(spans: Array, start: int) -> Array:
    """Return what a clip from the frame `start` on shows of spans (SPANS, 3): label, onset, offset, weight.

    The weight is 0 for what is there but not long enough to be told: neither finding nor missing it is a mistake.
    """
    start_s, length_s = start * REGION_FEATURES.hop_s, REGIONS.clip_frames * REGION_FEATURES.hop_s
    shown = np.full((SPANS, 4), -1, np.float32)
    for row, (number, onset_s, offset_s) in zip(shown, spans, strict=True):
        begin, end = max(0.0, onset_s - start_s), min(length_s, offset_s - start_s)
        if number < 0 or end - begin < 0.05:
            continue
        enough_s = min(EVIDENCE_S[LABELS[int(number)]], 0.9 * (offset_s - onset_s))
        row[:] = number, begin, end, end - begin >= enough_s
    return shown


def _sounding(spans: Array) -> Array:
    """Return which labels sound in every step of a clip, (steps, labels), from spans (SPANS, 4)."""
    sounding = np.zeros((REGIONS.steps, len(LABELS)), np.float32)
    for number, onset_s, offset_s, _ in spans[spans[:, 0] >= 0]:
        start = int(onset_s / STEP_S)
        sounding[start : max(start + 1, int(np.ceil(offset_s / STEP_S))), int(number)] = 1
    return sounding


def _taught(scores: NDArray[np.uint8], start_s: float) -> Array:
    """Return the teacher's scores of every step of a clip, (steps, classes)."""
    middles_s = start_s + (np.arange(REGIONS.steps) + 0.5) * STEP_S
    rate_hz = REGION_FEATURES.sample_rate_hz
    windows = np.round((middles_s * rate_hz - WINDOW_SAMPLES / 2) / HOP_SAMPLES).astype(int)
    return np.asarray(scores[np.clip(windows, 0, len(scores) - 1)] / np.float32(255), np.float32)


def examples_of(config: Config) -> Examples:
    """Return how the network of a configuration is shown mixtures."""
    return RegionExamples() if config.network == "rcrnn" else StepExamples()


def length_s(examples: Examples) -> float:
    """Return the seconds of sound in one mixture."""
    groups = -(-examples.frames // examples.features.group_frames)
    return examples.features.samples_for(groups * examples.features.group_frames) / examples.features.sample_rate_hz


def frames_of(examples: Examples, mixture: Mixture) -> Frames:
    """Return the log-mel frames of a mixture, (frames, mel_bands).

    Raises:
        ValueError: the features are not finite; the recipe is at fault.
    """
    frames = LogMel(examples.features).push(mixture.samples)[: examples.frames]
    if not np.isfinite(frames).all():
        raise ValueError("a mixture has features that are not finite")
    return frames


def augment(frames: Array, rng: np.random.Generator) -> Array:
    """Vary level, microphone curve and missing bands of a mixture (frames, bands), so that each epoch differs."""
    bands = frames.shape[1]
    corners = rng.normal(0, 0.12, 5) + rng.normal(0, 0.3)
    curve = np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), corners).astype(np.float32)
    varied = frames + curve * (frames > frames.min() + 0.05)  # digital silence stays silent
    if rng.random() < 0.3:
        band = int(rng.integers(0, bands - 6))
        varied[:, band : band + int(rng.integers(1, 7))] = varied.mean()
    return varied


def taught_classes(config: Config) -> int:
    """Return how many classes of a teacher a run learns on the side."""
    return len(CLASSES) if config.teacher.model else 0
