"""A second look at a clip: the features and the attention array that the model drew its conclusion from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .attention import AttentionModel, Scores
from .card import ModelCard
from .features import Array, Block, Frames, LogMel
from .tflite import open_interpreter

LEAD_S = 1.0
"""Sound that is put before a clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """What the model saw in a clip, and where it saw the sound."""

    frames: Frames
    """Log-mel frames of the clip, (n, mel_bands)."""

    hop_s: float
    """Seconds per frame; the first one begins with the clip."""

    attention: Array
    """How much of the sound the model sees at every step, (steps,), 0 to 1: the attention before it is normalised."""

    times_s: Array
    """The middle of every step, seconds into the clip, (steps,)."""

    @property
    def seconds(self) -> float:
        """Length of the clip, in whole frames."""
        return self.hop_s * len(self.frames)


def look_back(samples: Block, label: str, card: ModelCard) -> Hindsight:
    """Return what the model sees of a sound in a clip (int16, 16 kHz mono). Takes some 50 ms; not for the event loop.

    Raises:
        CardError: the model does not fit its card.
        ValueError: the model does not know the label.
    """
    features, window = card.features, card.window
    index = card.labels.index(label)
    # The room's own sound, backwards, comes before it: the beginning of the clip must not look like an event.
    lead = round(LEAD_S / features.hop_s)
    before = np.resize(samples[: lead * features.hop_samples][::-1], lead * features.hop_samples)
    # Silence that pushes the last sound through the features and the encoder, as at the end of a stream.
    behind = np.zeros(features.samples_for(2 * window.chunk_frames + features.group_frames), np.int16)
    frames = LogMel(features).push(np.concatenate((before, samples, behind)))
    # The NumPy executor: always there, opened faster than any other, and of the same result.
    model = AttentionModel(card, open_interpreter(card.content, "numpy"))
    step_s = window.frames_per_step * features.hop_s
    attention, first_s = _by_most(model.push(frames), index)
    times_s = np.asarray(first_s - lead * features.hop_s + step_s * (np.arange(attention.size) + 0.5), np.float32)
    # Frames that lie wholly inside the clip: its end is no event either.
    heard = max(1, (samples.size - features.window_samples) // features.hop_samples + 1)
    inside = (times_s >= 0) & (times_s <= heard * features.hop_s)
    return Hindsight(frames[lead : lead + heard], features.hop_s, attention[inside], times_s[inside])


def _by_most(windows: Sequence[Scores], index: int) -> tuple[Array, float]:
    """Return the median probability of every step, and the time of the first step.

    Every window judges its steps anew; a single one that has just begun to see a sound is of little weight.
    """
    first_s, step_s = windows[0].start_s, windows[0].step_s
    judged = np.full((len(windows), round((windows[-1].end_s - first_s) / step_s)), np.nan, np.float32)
    for row, scores in zip(judged, windows, strict=True):
        start = round((scores.start_s - first_s) / step_s)
        row[start : start + len(scores.logits)] = scores.probabilities[:, index]
    return np.asarray(np.nanmedian(judged, axis=0), np.float32), first_s
