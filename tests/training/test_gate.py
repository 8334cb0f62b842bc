"""The comparison that proves the sound gate: it would notice if something were lost."""

import numpy as np
import pytest

from hearing import ModelCard
from hearing.card import ATTENTION_CARD
from hearing.features import Frames
from hearing.gate import Gate
from hearing.tflite import open_interpreter
from training import gate
from training.config import Config
from training.gate import LEAD_S, Comparison, streams
from training.recordings import Library
from training.synthesis import RATE_HZ

CARD = ModelCard.load(ATTENTION_CARD)


class Stubborn(Gate):
    """Never opens again, whatever happens."""

    def opens(self, frames: Frames) -> bool:
        """Look at the first chunks only."""
        self.chunks = getattr(self, "chunks", 0) + 1
        return super().opens(frames) and self.chunks < LEAD_S


def alarm_in_a_quiet_room() -> np.ndarray:
    sound = np.random.default_rng(0).normal(0, 5, round((LEAD_S + 20) * RATE_HZ))
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    beeping = (time_s % 4 < 3) & (time_s % 1 < 0.5)
    sound[round(LEAD_S * RATE_HZ) :][: time_s.size] += beeping * 900 * np.sin(2 * np.pi * 3_100 * time_s)
    return np.round(sound).astype(np.int16)


def test_nothing_is_lost_and_not_every_chunk_is_looked_at() -> None:
    comparison = Comparison(CARD, open_interpreter(CARD.content))
    comparison.hear("an alarm", alarm_in_a_quiet_room())
    found = comparison.findings
    assert found.differing == []
    assert found.detections > 4
    assert found.looks < found.chunks
    assert found.missed_score < 0.3


def test_a_gate_that_stays_shut_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "Gate", Stubborn)
    comparison = Comparison(CARD, open_interpreter(CARD.content))
    comparison.hear("an alarm", alarm_in_a_quiet_room())
    assert "an alarm, at 0.4" in comparison.findings.differing
    assert comparison.findings.missed_score > 0.9


def test_without_recordings_the_built_alarms_are_heard_in_quiet_rooms() -> None:
    library = Library.load(None, Config.load("tiny").recordings.split_seed, (0.2, 0.2))
    found = list(streams(library, "validation", every=200))
    assert found
    for name, samples in found:
        assert name.startswith("validation, ")
        assert samples.dtype == np.int16
        assert samples.size > LEAD_S * RATE_HZ
    again = list(streams(library, "validation", every=200))
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(found, again, strict=True))
