"""The R-CRNN: takes a second look at a whole clip and says which sounds are in it, and where.

After "R-CRNN: Region-based Convolutional Recurrent Neural Network for Audio Event Detection" (Kao, Wang, Sun, Wang;
Interspeech 2018): regions of several lengths are tried around every step, the best are classified and refined.
"""

from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from .attention import sigmoid
from .card import CardError
from .features import Block, Frames, LogMel
from .rcrnn_card import LEAST, RcrnnCard, RegionConfig
from .tflite import Interpreter, ModelFormatError, open_interpreter
from .verifier import Region

Array = NDArray[np.float32]

_turn = Lock()
"""Held by whoever runs the interpreter: there is one in a process."""


class Rcrnn:
    """A verifier on this machine. Not threadsafe."""

    def __init__(self, card: RcrnnCard, *, runtime: str = "auto") -> None:
        """Load the model.

        Raises:
            CardError: the model is damaged, or does not fit its card.
            RuntimeMissingError: the runtime that was asked for is not installed.
        """
        try:
            self._interpreter = _shared_interpreter(card.content, runtime)
        except ModelFormatError as error:
            raise CardError(f"{card.path.with_name(card.model)}: is damaged: {error}") from error
        self.runtime = self._interpreter.runtime
        self._card = card
        self._step_s = card.regions.frames_per_step * card.features.hop_s
        self._anchors = anchors_s(card.regions, self._step_s)
        _check(card, self._interpreter)

    def verify(self, samples: Block) -> tuple[Region, ...]:
        """Return what is in the newest `clip_s` seconds of a clip, best first."""
        missing = self._card.clip_samples - samples.size
        clip = np.concatenate((np.zeros(max(0, missing), np.int16), samples[max(0, -missing) :]))
        frames = LogMel(self._card.features).push(clip)[: self._card.regions.clip_frames]
        # Times count from the first sample that was given; what was put before it is no sound.
        rate_hz = self._card.features.sample_rate_hz
        start_s, length_s = -missing / rate_hz, samples.size / rate_hz
        found = []
        with _turn:
            regions = self._regions(frames)
        for label, begin_s, end_s, confidence in regions:
            onset_s, offset_s = np.clip((begin_s + start_s, end_s + start_s), 0, length_s).tolist()
            if offset_s > onset_s:
                found.append(Region(self._card.labels[label], onset_s, offset_s, confidence))
        return tuple(found)

    def _regions(self, frames: Frames) -> list[tuple[int, float, float, float]]:
        """Return (label, onset, offset, confidence) of what is in log-mel frames (clip_frames, mel_bands)."""
        config = self._card.regions
        seen = self._interpreter.run("propose", frames=frames[None])
        scores = sigmoid(seen["scores"][0])
        spans_s = refined(self._anchors, seen["deltas"][0])
        if not config.classifier:
            return _best(spans_s, scores, config)
        chosen = suppress(spans_s, scores[:, 0], config.proposal_overlap, config.proposals)
        # The model takes a fixed number of proposals; what is missing repeats the best.
        chosen += chosen[:1] * (config.proposals - len(chosen))
        proposed = spans_s[chosen]
        judged = self._interpreter.run(
            "classify", features=seen["features"], regions=(proposed / self._step_s)[None].astype(np.float32)
        )
        # The last class is the background.
        return _best(refined(proposed, judged["deltas"][0]), softmax(judged["logits"][0])[:, :-1], config)


@lru_cache(maxsize=1)
def _shared_interpreter(content: bytes, runtime: str) -> Interpreter:
    """Return the interpreter of all verifiers of a process; whoever runs it holds `_turn`.

    It stays: to open one takes 100 MB, and every thread that has ever opened one keeps them.
    """
    return open_interpreter(content, runtime)


def anchors_s(config: RegionConfig, step_s: float) -> Array:
    """Return the regions that are tried, (steps * lengths, 2) onset and offset in seconds, step by step."""
    centres = (np.arange(config.steps) + 0.5) * step_s
    half = np.array(config.anchors_s) / 2
    spans = np.stack((centres[:, None] - half, centres[:, None] + half), axis=-1)
    return np.asarray(spans.reshape(-1, 2), np.float32)


def refined(spans: Array, deltas: Array) -> Array:
    """Return spans (n, 2) with their centres moved by a share of their length, and their lengths scaled (n, 2)."""
    length = spans[:, 1] - spans[:, 0]
    centre = (spans[:, 0] + spans[:, 1]) / 2 + deltas[:, 0] * length
    half = length * np.exp(np.clip(deltas[:, 1], -2, 2)) / 2
    return np.stack((centre - half, centre + half), axis=1)


def suppress(spans: Array, scores: Array, overlap: float, count: int) -> list[int]:
    """Return the numbers of the best spans, best first, of which no two overlap more than that.

    Greedy non-maximum suppression; overlap is intersection over union.
    """
    kept: list[int] = []
    waiting = np.argsort(-scores, kind="stable")
    while waiting.size and len(kept) < count:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        onset, offset = spans[best]
        others = spans[waiting]
        shared = np.maximum(0, np.minimum(offset, others[:, 1]) - np.maximum(onset, others[:, 0]))
        union = (offset - onset) + (others[:, 1] - others[:, 0]) - shared
        waiting = waiting[shared <= overlap * union]
    return kept


def softmax(logits: Array) -> Array:
    """Return probabilities over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def _best(spans_s: Array, scores: Array, config: RegionConfig) -> list[tuple[int, float, float, float]]:
    """Return the regions of every sound that stand out, best first, from spans (n, 2) and scores (n, labels)."""
    found = []
    for label in range(scores.shape[1]):
        likely = np.flatnonzero(scores[:, label] >= LEAST)
        for number in suppress(spans_s[likely], scores[likely, label], config.region_overlap, config.proposals):
            place = likely[number]
            onset_s, offset_s = spans_s[place].tolist()
            found.append((label, onset_s, offset_s, float(scores[place, label])))
    return sorted(found, key=lambda region: -region[3])


def _check(card: RcrnnCard, interpreter: Interpreter) -> None:
    """Refuse a model whose tensors do not have the shapes that the card says."""
    config, model = card.regions, card.path.with_name(card.model)
    try:
        inputs, outputs = interpreter.shapes("propose")
        width = outputs["features"][-1]
        found = {"propose": (inputs, outputs)} | (
            {"classify": interpreter.shapes("classify")} if config.classifier else {}
        )
    except (KeyError, IndexError, ValueError) as error:
        raise CardError(f"{model}: is no R-CRNN (a signature or an output is missing: {error})") from error
    labels, proposals = len(card.labels), config.proposals
    expected = {
        "propose": (
            {"frames": (1, config.clip_frames, card.features.mel_bands)},
            {
                "features": (1, config.steps, width),
                "scores": (1, config.anchors, 1 if config.classifier else labels),
                "deltas": (1, config.anchors, 2),
            },
        ),
        "classify": (
            {"features": (1, config.steps, width), "regions": (1, proposals, 2)},
            {"logits": (1, proposals, labels + 1), "deltas": (1, proposals, 2)},
        ),
    }
    for signature, shapes in found.items():
        if shapes != expected[signature]:
            raise CardError(f"{model}: the tensors of {signature!r} are {shapes}, the card says {expected[signature]}")
