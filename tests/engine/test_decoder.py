"""From scores to events: one start, one end, marked by the attention, by the same rule for every sound."""

from pathlib import Path

import numpy as np
import pytest

from hearing.attention import Scores, attention, clip_probability
from hearing.card import DecoderConfig, ModelCard, Pooling, Sensitivity
from hearing.decoder import Decoder
from hearing.detection import Detection, Phase

STEP_S = 0.1
WINDOW = 100
LEVELS = {Sensitivity.LOW: 0.9, Sensitivity.BALANCED: 0.7, Sensitivity.HIGH: 0.5}


def decoder(pooling: Pooling = "max") -> Decoder:
    card = ModelCard(
        path=Path("x.json"),
        name="x",
        version="1",
        model="x.tflite",
        labels=("glass_break", "smoke_alarm"),
        thresholds={"glass_break": LEVELS, "smoke_alarm": LEVELS},
        content=b"",
        decoder=DecoderConfig(pooling=pooling, release_s=2.0),
    )
    return Decoder(card)


def hear(subject: Decoder, seconds: float, *events: tuple[int, float, float, float]) -> list[Detection]:
    """Slide a window over a stream whose frame probabilities are given as (label, from_s, to_s, probability)."""
    track = np.full((WINDOW + round(seconds / STEP_S), 2), 0.02, np.float32)
    for label, from_s, to_s, probability in events:
        track[WINDOW + round(from_s / STEP_S) : WINDOW + round(to_s / STEP_S), label] = probability
    logits = np.log(track / (1 - track))
    found = []
    for end in range(WINDOW + 5, len(track) + 1, 5):
        start_s = (end - 2 * WINDOW) * STEP_S
        found += subject.push(Scores(start_s, STEP_S, logits[end - WINDOW : end]))
    return found


def test_an_event_starts_once_and_ends_once_where_the_attention_marks_it() -> None:
    found = hear(decoder(), 12, (0, 2.0, 3.0, 0.95))
    assert [d.phase for d in found if d.phase is not Phase.CONTINUED] == [Phase.STARTED, Phase.ENDED]
    assert found[-1].onset_s == pytest.approx(2.0, abs=1e-4)
    assert found[-1].offset_s == pytest.approx(3.0, abs=1e-4)
    assert found[-1].duration_s == pytest.approx(1.0, abs=1e-4)
    assert {d.label for d in found} == {"glass_break"}
    assert found[-1].confidence == pytest.approx(0.95, abs=1e-4)


def test_an_alarm_longer_than_the_window_stays_one_event() -> None:
    found = hear(decoder(), 60, (1, 5.0, 45.0, 0.9))
    assert [d.phase for d in found].count(Phase.STARTED) == 1
    assert [d.phase for d in found].count(Phase.ENDED) == 1
    assert found[-1].onset_s == pytest.approx(5.0, abs=1e-4)
    assert found[-1].offset_s == pytest.approx(45.0, abs=1e-4)
    assert [d.phase for d in found].count(Phase.CONTINUED) > 20


def test_an_ended_event_still_in_the_window_is_not_reported_again() -> None:
    found = hear(decoder(), 30, (0, 2.0, 3.0, 0.95))
    assert len([d for d in found if d.phase is Phase.STARTED]) == 1


def test_two_events_apart_are_two() -> None:
    found = hear(decoder(), 30, (0, 2.0, 3.0, 0.95), (0, 12.0, 13.0, 0.8))
    starts = [d.onset_s for d in found if d.phase is Phase.STARTED]
    assert starts == pytest.approx([2.0, 12.0], abs=1e-4)


def test_two_sounds_at_once_are_told_apart() -> None:
    found = hear(decoder(), 20, (0, 2.0, 3.0, 0.95), (1, 2.0, 9.0, 0.95))
    assert {d.label for d in found if d.phase is Phase.ENDED} == {"glass_break", "smoke_alarm"}


@pytest.mark.parametrize(("sensitivity", "heard"), [("low", False), ("balanced", False), ("high", True)])
def test_sensitivity_decides_about_a_doubtful_sound(sensitivity: str, heard: bool) -> None:
    subject = decoder()
    subject.sensitivity = Sensitivity(sensitivity)
    assert bool(hear(subject, 8, (0, 2.0, 3.0, 0.6))) is heard
    assert subject.max_scores["glass_break"] == pytest.approx(0.6, abs=1e-4)


def test_the_end_of_the_stream_ends_what_is_open() -> None:
    subject = decoder()
    found = hear(subject, 4, (1, 2.0, 4.0, 0.9))
    assert found[-1].phase is not Phase.ENDED
    assert [d.phase for d in subject.flush()] == [Phase.ENDED]
    assert subject.flush() == []


def test_an_event_never_begins_before_the_stream() -> None:
    found = hear(decoder(), 4, (0, -3.0, 1.0, 0.9))
    assert found[0].onset_s == 0.0


def test_attention_pooling_weighs_frames_by_their_own_scores() -> None:
    logits = np.array([[4.0], [-4.0], [-4.0]], np.float32)
    pooled = clip_probability(logits, "attention")[0]
    assert clip_probability(logits, "max")[0] > pooled > 0.9
    assert attention(np.array([[0.5], [0.5]], np.float32)).tolist() == [[0.5], [0.5]]
    assert clip_probability(np.zeros((0, 2), np.float32), "max").tolist() == [0.0, 0.0]


def test_the_attention_of_an_all_quiet_window_is_finite() -> None:
    scores = Scores(0.0, STEP_S, np.full((4, 2), -200, np.float32))
    assert np.isfinite(scores.attention).all()
    assert scores.end_s == pytest.approx(0.4)
