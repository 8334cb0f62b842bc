"""A made-up stream with sounds in it that a cascade suspects, and second looks at them."""

from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import Self

import numpy as np
import pytest

from hearing import Detection, ModelCard, Phase, Sensitivity
from hearing.attention import Scores
from hearing.card import DecoderConfig
from hearing.cascade import Cascade
from hearing.decoder import Decoder
from hearing.features import Block
from hearing.ring import Ring
from hearing.second_look import SecondLook
from hearing.verifier import Region
from tests.engine.fake_verifier import Answer, FakeCard, FakeVerifier

STEP_S = 0.1
WINDOW = 100
PUSH = 5
"""Steps between two windows: one is pushed every half second."""

LEVELS = {Sensitivity.LOW: 0.97, Sensitivity.BALANCED: 0.7, Sensitivity.HIGH: 0.6}
CARD = ModelCard(
    path=Path("x.json"),
    name="x",
    version="1",
    model="x.tflite",
    labels=("glass_break", "smoke_alarm", "co_alarm"),
    thresholds=dict.fromkeys(("glass_break", "smoke_alarm", "co_alarm"), LEVELS),
    content=b"",
    decoder=DecoderConfig(pooling="max", release_s=2.0),
)
GLASS, SMOKE, CO = range(3)
DOUBTFUL, SURE, CERTAIN = 0.55, 0.95, 0.98
"""Probabilities: suspected only, reported even without a verifier, and whatever a verifier says."""

Sound = tuple[int, float, float, float]
NO: tuple[Region, ...] = ()


def yes(label: str = "smoke_alarm", onset_s: float = 0.0, offset_s: float = 10.0, confidence: float = 0.9) -> Region:
    return Region(label, onset_s, offset_s, confidence)


class Stream:
    """A stream whose step probabilities are given as (label, from_s, to_s, probability)."""

    def __init__(self, second_look: SecondLook, *events: Sound, wait: bool = False) -> None:
        track = np.full((WINDOW + 1_000, 3), 0.02, np.float32)
        for label, from_s, to_s, probability in events:
            track[WINDOW + round(from_s / STEP_S) : WINDOW + round(to_s / STEP_S), label] = probability
        self.logits = np.log(track / (1 - track))
        self.ring = Ring(16.0, 16_000)
        self.cascade = Cascade(CARD, Sensitivity.BALANCED, second_look, self.ring, wait=wait)
        self.sure = Decoder(CARD)
        """What there would be without a verifier."""
        self.without: list[Detection] = []
        self.found: list[Detection] = []

    def play(self, to_s: float) -> list[Detection]:
        """Go on to a stream time and return what is new. Every tenth of a second of sound has its own number."""
        new = self.cascade.collect()
        while self.ring.position_s < to_s:
            first = round(self.ring.position_s / STEP_S)
            self.ring.write(np.repeat(np.arange(first, first + PUSH, dtype=np.int16), 1_600))
            window = self.logits[first + PUSH : first + PUSH + WINDOW]
            scores = Scores((first + PUSH - WINDOW) * STEP_S, STEP_S, window)
            self.without += self.sure.push(scores)
            new += self.cascade.push(scores)
            new += self.cascade.collect()
        self.found += new
        return new

    def flush(self) -> list[Detection]:
        """End the stream."""
        self.without += self.sure.flush()
        new = self.cascade.flush()
        self.found += new
        return new

    @property
    def ended(self) -> list[Detection]:
        """All events, after a check that each has started once, before it ended, and with the same onset."""
        lives: dict[tuple[str, float], list[Phase]] = {}
        for found in self.found:
            lives.setdefault((found.label, found.onset_s), []).append(found.phase)
        for phases in lives.values():
            assert [phase for phase in phases if phase is not Phase.CONTINUED] == [Phase.STARTED, Phase.ENDED]
            assert (phases[0], phases[-1]) == (Phase.STARTED, Phase.ENDED)
        return [found for found in self.found if found.phase is Phase.ENDED]


class Rig:
    """Makes second looks, and closes them afterwards."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.verifier = FakeVerifier()
        """The one of the last second look."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def second_look(self, *answers: Answer, limit_s: float = 20.0, card: FakeCard | None = None) -> SecondLook:
        self.verifier = verifier = FakeVerifier(*answers)
        second_look = SecondLook(card or FakeCard(), verifier, limit_s=limit_s)
        # In this order: first let it go, then close.
        self._stack.callback(second_look.close)
        self._stack.callback(verifier.free.set)
        return second_look

    def settle(self, second_look: SecondLook) -> None:
        """Wait until the verifier has nothing to do."""
        until_s = monotonic() + 5
        while second_look._queue or second_look._looking:
            assert monotonic() < until_s
            sleep(0.001)


def phases(found: list[Detection]) -> list[Phase]:
    return [detection.phase for detection in found]


def at(sound: Block) -> tuple[float, float]:
    """Return the stream times at which a clip begins and ends."""
    return sound[0] * STEP_S, (sound[-1] + 1) * STEP_S


def approx(seconds: float) -> object:
    return pytest.approx(seconds, abs=1e-4)
