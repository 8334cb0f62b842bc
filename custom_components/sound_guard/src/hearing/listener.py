"""The main path: a block of sound goes in, what was heard comes out."""

import math
from dataclasses import replace
from functools import lru_cache
from threading import Lock

import numpy as np

from .attention import AttentionModel
from .card import CardError, ModelCard, Sensitivity
from .cascade import Cascade
from .decoder import Decoder
from .detection import Detection
from .features import Block, LogMel
from .gate import Gate
from .ring import Ring
from .second_look import SecondLook
from .tflite import Interpreter, ModelFormatError, open_interpreter

RING_S = 15.0
"""Seconds of sound kept in memory at least: the model's window and a little before it."""

_turn = Lock()
"""Held by the listener that is at work, one in a process. NumPy and LiteRT let go of Python's own lock in every call:
threads at work at the same time hand it to and fro, which takes longer than the work. A turn lasts about a
millisecond, and the model is in memory only once."""


class Listener:
    """Listens to one stream of 16 kHz mono int16 sound. Not threadsafe, except for `sensitivity`."""

    def __init__(
        self,
        card: ModelCard,
        *,
        runtime: str = "auto",
        sensitivity: Sensitivity = Sensitivity.BALANCED,
        second_look: SecondLook | None = None,
        wait: bool = False,
        gate: bool = True,
    ) -> None:
        """Get ready to listen.

        With a second look both models decide together, as long as it answers; `wait` for each answer where the
        sound does (a recording), never while a microphone is heard. Without the gate the model looks at every chunk,
        even while a room stays as it was: for comparing.

        Raises:
            CardError: the model is damaged, or does not fit its card.
            RuntimeMissingError: the runtime that was asked for is not installed.
        """
        try:
            interpreter = _shared_interpreter(card.content, runtime)
        except ModelFormatError as error:
            raise CardError(f"{card.model_path}: is damaged: {error}") from error
        self.runtime = interpreter.runtime
        self._card = card
        self._features = LogMel(card.features)
        with _turn:
            self._attention = AttentionModel(card, interpreter, Gate(card) if gate else None)
        self.judged_s = 0.0
        """Up to where in the stream the model has judged the sound: stands still if the model does."""
        self._chunks = 0
        self._chunk_samples = self._missing_samples = self._chunk_end(0)
        rate_hz = card.features.sample_rate_hz
        self.ring = Ring(RING_S + self._chunk_samples / rate_hz, rate_hz)
        self._cascade = Cascade(card, sensitivity, second_look, self.ring, wait=wait) if second_look else None
        self._decoder = self._cascade or Decoder(card, sensitivity)
        # Silence that pushes the last sound through the features and the encoder.
        tail_frames = 2 * card.window.chunk_frames + card.features.group_frames
        self._tail_samples = card.features.samples_for(tail_frames)

    @property
    def sensitivity(self) -> Sensitivity:
        """How readily sounds are reported; may be set at any time, from any thread."""
        return self._decoder.sensitivity

    @sensitivity.setter
    def sensitivity(self, sensitivity: Sensitivity) -> None:
        self._decoder.sensitivity = sensitivity

    @property
    def position_s(self) -> float:
        """Seconds of sound heard so far."""
        return self.ring.position_s

    @property
    def max_scores(self) -> dict[str, float]:
        """Highest clip probability per label so far, whatever the threshold."""
        return dict(self._decoder.max_scores)

    def feed(self, block: Block) -> list[Detection]:
        """Hear int16 samples, any number of them, and return what they reveal."""
        detections = self._cascade.collect() if self._cascade else []
        # Most blocks only wait in the ring: a chunk is heard in one go, as soon as its last sample is there.
        while block.size >= self._missing_samples:
            self.ring.write(block[: self._missing_samples])
            block = block[self._missing_samples :]
            detections += self._hear()
        self.ring.write(block)
        self._missing_samples -= block.size
        return detections

    def flush(self) -> list[Detection]:
        """End the stream: hear its last sound out, then end what is still open."""
        heard_s = self.position_s
        if self._cascade:
            self._cascade.heard_s = heard_s
        detections = self.feed(np.zeros(self._tail_samples, np.int16)) + self._decoder.flush()
        real = (found for found in detections if found.onset_s < heard_s)
        return [replace(found, offset_s=min(found.offset_s, heard_s)) for found in real]

    def _hear(self) -> list[Detection]:
        chunk = self.ring.newest(self._chunk_samples)
        self._chunks += 1
        self._chunk_samples = self._missing_samples = self._chunk_end(self._chunks) - self._chunk_end(self._chunks - 1)
        with _turn:
            windows = self._attention.push(self._features.push(chunk))
        self.judged_s = self.position_s
        return [found for scores in windows for found in self._decoder.push(scores)]

    def _chunk_end(self, number: int) -> int:
        """Return how many samples of the stream the model needs to score a chunk; frames come in whole groups."""
        features = self._card.features
        groups = math.ceil((number + 1) * self._card.window.chunk_frames / features.group_frames)
        return features.samples_for(groups * features.group_frames)


@lru_cache(maxsize=1)
def _shared_interpreter(content: bytes, runtime: str) -> Interpreter:
    """Return the interpreter of all listeners of a process; whoever runs it holds `_turn`."""
    return open_interpreter(content, runtime)
