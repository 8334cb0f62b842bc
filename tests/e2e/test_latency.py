"""What the measurement of latency makes of recordings and of plays."""

import numpy as np
import pytest

from live.latency import AUDIO, Latency, Recording, figures_of
from live.player import SAMPLE_RATE_HZ
from live.witness import READ_BYTES, Witness


@pytest.mark.parametrize(
    ("name", "label", "evidence_s"),
    [
        ("glass_break", "glass_break", 0.0),
        ("smoke_alarm_t3", "smoke_alarm", 6.5),
        ("co_alarm_t4", "co_alarm", 6.5),
    ],
)
def test_enough_has_sounded_when_the_second_group_of_beeps_ends(name: str, label: str, evidence_s: float) -> None:
    recording = Recording.read(AUDIO / f"{name}.wav", label)
    assert recording.evidence_s == pytest.approx(evidence_s, abs=0.7)


def test_what_was_not_heard_counts_as_a_play_and_has_no_latency() -> None:
    plays = [Latency("co_alarm", latency_s, latency_s) for latency_s in (0.8, 1.0, 1.2, None)]
    assert figures_of(plays)["co_alarm"] == {
        "plays": 4,
        "heard": 3,
        "from_onset_s": [1.0, 1.18],
        "from_evidence_s": [1.0, 1.18],
    }


def test_a_sound_was_there_when_its_first_loud_sample_was_whatever_the_recorder_lagged_behind() -> None:
    witness, size = Witness("nothing", {}), READ_BYTES // 2
    quiet, loud = np.zeros(size, np.int16), np.zeros(size, np.int16)
    loud[80:] = -900
    for number in range(10):
        lag_s = 0.3 if number > 2 else 0.01
        witness.note(1_000 + (number + 1) * size / SAMPLE_RATE_HZ + lag_s, loud if number == 6 else quiet)
    assert witness.first_above(800, 1_000) == pytest.approx(1_000.01 + (6 * size + 80) / SAMPLE_RATE_HZ)
    assert witness.first_above(800, 1_001) is None
