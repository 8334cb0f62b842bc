"""The main path: a block of sound goes in, what was heard comes out."""

from dataclasses import replace

import numpy as np

from .attention import AttentionModel
from .card import CardError, ModelCard, Sensitivity
from .decoder import Decoder
from .detection import Detection
from .features import Block, LogMel
from .ring import Ring
from .tflite import ModelFormatError, open_interpreter

RING_S = 15.0
"""Seconds of sound kept in memory: the model's window and a little before it."""


class Listener:
    """Listens to one stream of 16 kHz mono int16 sound. Not threadsafe, except for `sensitivity`."""

    def __init__(
        self, card: ModelCard, *, runtime: str = "auto", sensitivity: Sensitivity = Sensitivity.BALANCED
    ) -> None:
        """Get ready to listen.

        Raises:
            CardError: the model is damaged, or does not fit its card.
            RuntimeMissingError: the runtime that was asked for is not installed.
        """
        try:
            interpreter = open_interpreter(card.content, runtime)
        except ModelFormatError as error:
            raise CardError(f"{card.model_path}: is damaged: {error}") from error
        self.runtime = interpreter.runtime
        self.ring = Ring(RING_S, card.features.sample_rate_hz)
        self._features = LogMel(card.features)
        self._attention = AttentionModel(card, interpreter)
        self._decoder = Decoder(card, sensitivity)
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
        self.ring.write(block)
        frames = self._features.push(block)
        return [found for scores in self._attention.push(frames) for found in self._decoder.push(scores)]

    def flush(self) -> list[Detection]:
        """End the stream: hear its last sound out, then end what is still open."""
        heard_s = self.position_s
        detections = self.feed(np.zeros(self._tail_samples, np.int16)) + self._decoder.flush()
        real = (found for found in detections if found.onset_s < heard_s)
        return [replace(found, offset_s=min(found.offset_s, heard_s)) for found in real]
