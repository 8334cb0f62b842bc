"""The attention model: log-mel frames in, per-sound probabilities and an attention array out.

After "A Simple Model for Detection of Rare Sound Events" (Wang, Kao, Wang; Interspeech 2018): one vector per sound
scores every frame, the normalised scores are the attention, and the attention marks where the sound is.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from .card import CardError, ModelCard, Pooling
from .features import Array, Frames
from .gate import Gate
from .tflite import Interpreter


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says about its window, (steps, labels) float32. Read-only after creation."""

    start_s: float
    """Stream time at which the first step begins; negative while the window reaches before the stream."""

    step_s: float
    """Seconds per step."""

    logits: Array
    """Score of every step and sound before the sigmoid."""

    @property
    def end_s(self) -> float:
        """Stream time at which the last step ends."""
        return self.start_s + self.step_s * len(self.logits)

    @property
    def probabilities(self) -> Array:
        """Probability of every step and sound, (steps, labels)."""
        return sigmoid(self.logits)

    @property
    def attention(self) -> Array:
        """Share of every step in the sound, (steps, labels); each column sums to one."""
        return attention(self.probabilities)


def sigmoid(logits: Array) -> Array:
    """Return the logistic function, without overflow."""
    return np.asarray(np.float32(0.5) * (np.tanh(np.float32(0.5) * logits) + np.float32(1)), np.float32)


def attention(probabilities: Array) -> Array:
    """Return frame probabilities normalised over time, (steps, labels)."""
    return np.asarray(probabilities / np.maximum(probabilities.sum(axis=0), np.float32(1e-12)), np.float32)


def clip_probability(logits: Array, pooling: Pooling) -> Array:
    """Return the probability that the sound occurs at all, (labels,), from frame logits (steps, labels).

    "attention" weighs the frame logits by the attention array, as the paper does; "max" takes the best frame, which
    Kao et al. (ICASSP 2020) found the better judge at inference.
    """
    if not len(logits):
        return np.zeros(logits.shape[1], np.float32)
    if pooling == "max":
        return sigmoid(logits.max(axis=0))
    return sigmoid((attention(sigmoid(logits)) * logits).sum(axis=0))


class AttentionModel:
    """Runs the two halves of the model: the encoder on new sound only, the attention on the whole window.

    One instance per stream, not threadsafe.
    """

    def __init__(self, card: ModelCard, interpreter: Interpreter, gate: Gate | None = None) -> None:
        """Start on digital silence. Without a gate every chunk is looked at.

        Raises:
            CardError: the tensors of the model do not have the shapes that the card says.
        """
        self._window = window = card.window
        self._hop_s = card.features.hop_s
        self._interpreter = interpreter
        self._gate = gate
        bands, labels = card.features.mel_bands, len(card.labels)
        frames = window.chunk_frames + window.context_frames
        depth = _depth(card, interpreter)
        _check(
            card, interpreter, "encode", {"frames": (1, frames, bands)}, {"embedding": (1, window.chunk_steps, depth)}
        )
        steps = window.window_steps
        _check(card, interpreter, "attend", {"embeddings": (1, steps, depth)}, {"logits": (1, steps, labels)})
        self._frames = np.full((window.context_frames, bands), card.features.silence, np.float32)
        silence = np.full((frames, bands), card.features.silence, np.float32)
        chunks = window.window_steps // window.chunk_steps
        self._embeddings = np.tile(self._encode(silence), (chunks, 1))
        self._unseen: deque[Frames] = deque(maxlen=chunks)
        """Chunks that are to be encoded before the next look; older ones have left the window."""
        self._heard_frames = 0

    def push(self, frames: Frames) -> list[Scores]:
        """Add log-mel frames (n, mel_bands), any n, and return the scores of the chunks that they complete.

        A chunk that the gate keeps the model from looking at has no scores; those of all others are the same as without
        a gate, to the last bit.
        """
        window = self._window
        self._frames = np.concatenate((self._frames, frames))
        scores = []
        start = 0
        while len(self._frames) - start >= window.chunk_frames + window.context_frames:
            chunk = self._frames[start : start + window.chunk_frames + window.context_frames]
            start += window.chunk_frames
            self._heard_frames += window.chunk_frames
            self._unseen.append(chunk)
            if self._gate is None or self._gate.opens(chunk[window.context_frames :]):
                scores.append(self._look())
        self._frames = self._frames[start:].copy()
        return scores

    def _look(self) -> Scores:
        new = [self._encode(chunk) for chunk in self._unseen]
        self._unseen.clear()
        self._embeddings = np.concatenate((self._embeddings, *new))[-self._window.window_steps :]
        scores = self._attend()
        if self._gate is not None:
            self._gate.saw(scores.logits)
        return scores

    def _encode(self, frames: Frames) -> Array:
        embedding: Array = self._interpreter.run("encode", frames=frames[None])["embedding"][0]
        return embedding

    def _attend(self) -> Scores:
        logits = self._interpreter.run("attend", embeddings=self._embeddings[None])["logits"][0]
        step_s = self._window.frames_per_step * self._hop_s
        # A step sees `context_frames` around it; its middle lies half of them back.
        end_s = (self._heard_frames - self._window.context_frames / 2) * self._hop_s
        return Scores(end_s - step_s * self._window.window_steps, step_s, logits)


def _depth(card: ModelCard, interpreter: Interpreter) -> int:
    """Return the width of an embedding, which the card does not name."""
    try:
        return interpreter.shapes("encode")[1]["embedding"][-1]
    except (KeyError, IndexError, ValueError) as error:
        raise CardError(f"{card.model_path}: is no attention model (no signature 'encode')") from error


def _check(
    card: ModelCard,
    interpreter: Interpreter,
    signature: str,
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
) -> None:
    try:
        found = interpreter.shapes(signature)
    except (KeyError, ValueError) as error:
        raise CardError(f"{card.model_path}: has no signature {signature!r}") from error
    if found != (inputs, outputs):
        file = card.model_path
        raise CardError(f"{file}: the tensors of {signature!r} are {found}, the card says {(inputs, outputs)}")
