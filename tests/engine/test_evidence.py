"""The sound of a detection, cut out of what was heard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hearing.detection import Detection, Phase
from hearing.evidence import CLIP_S, POST_ROLL_S, PRE_ROLL_S, Cutter, Evidence
from hearing.listener import RING_S
from hearing.ring import Ring

RATE_HZ = 16_000
NOW = datetime(2026, 11, 22, 12, 3, tzinfo=UTC)


class Stream:
    """A stream whose every sample says, in hundredths of a second, when it was recorded."""

    def __init__(self) -> None:
        self.ring = Ring(RING_S, RATE_HZ)
        self.cutter = Cutter(self.ring)

    def run(self, until_s: float) -> None:
        """Go on to a time."""
        samples = np.arange(round(self.ring.position_s * RATE_HZ), round(until_s * RATE_HZ))
        self.ring.write((samples * 100 // RATE_HZ).astype(np.int16))

    def cut(self, *found: Detection) -> list[Evidence]:
        """Follow detections and cut what is due."""
        for each in found:
            self.cutter.follow(each)
        return self.cutter.cut(NOW, self.ring.position_s)


def started(onset_s: float, offset_s: float, label: str = "smoke_alarm") -> Detection:
    """Return an event that has just been reported."""
    return Detection(label, Phase.STARTED, onset_s, offset_s, 0.9)


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_a_first_clip_begins_before_the_onset_and_reaches_to_now(stream: Stream) -> None:
    stream.run(10)
    (clip,) = stream.cut(started(8, 9.5))
    assert clip.samples[0] == 100 * (8 - PRE_ROLL_S)
    assert clip.samples[-1] == 999
    assert (clip.label, clip.confidence, clip.complete) == ("smoke_alarm", 0.9, False)
    assert clip.onset_s == pytest.approx(PRE_ROLL_S)
    assert clip.offset_s == pytest.approx(PRE_ROLL_S + 1.5)
    assert clip.began == NOW - timedelta(seconds=2 + PRE_ROLL_S)
    assert clip.onset == NOW - timedelta(seconds=2)


def test_the_complete_clip_has_the_same_id_and_ends_a_little_behind_the_offset(stream: Stream) -> None:
    stream.run(5)
    (first,) = stream.cut(started(4, 5))
    stream.run(12)
    (last,) = stream.cut(replace(started(4, 6), phase=Phase.ENDED, confidence=0.95))
    assert last.event_id == first.event_id
    assert last.complete
    assert last.confidence == 0.95
    assert last.samples.size / RATE_HZ == pytest.approx(PRE_ROLL_S + 2 + POST_ROLL_S)
    assert last.onset == NOW - timedelta(seconds=8)


def test_a_sound_that_goes_on_is_cut_twice_and_no_more(stream: Stream) -> None:
    found = started(20, 21)
    stream.run(21)
    clips = stream.cut(found)
    for tenth in range(211, 600):
        stream.run(tenth / 10)
        clips += stream.cut(replace(found, phase=Phase.CONTINUED, offset_s=tenth / 10))
    clips += stream.cut(replace(found, phase=Phase.ENDED, offset_s=60))
    assert [clip.complete for clip in clips] == [False, True]
    last = clips[1]
    assert last.samples.size / RATE_HZ == pytest.approx(CLIP_S, abs=0.001)
    assert last.samples[0] == 100 * (20 - PRE_ROLL_S), "the beginning is what is kept"
    assert last.offset_s <= CLIP_S


def test_a_sound_at_the_beginning_of_the_stream_has_what_there_is_before_it(stream: Stream) -> None:
    stream.run(1)
    (clip,) = stream.cut(started(0.5, 0.9))
    assert clip.samples.size == RATE_HZ
    assert clip.onset_s == pytest.approx(0.5)


def test_a_sound_whose_beginning_is_lost_has_the_rest(stream: Stream) -> None:
    stream.run(40)
    (clip,) = stream.cut(started(20, 28))
    assert clip.samples[0] == 100 * (40 - RING_S)
    assert clip.onset_s == 0
    assert clip.offset_s == pytest.approx(3)


def test_the_next_event_of_a_sound_has_another_id(stream: Stream) -> None:
    stream.run(10)
    (first,) = stream.cut(replace(started(8, 9), phase=Phase.ENDED))
    assert stream.cut() == []
    (second,) = stream.cut(started(9.5, 9.9))
    assert first.event_id != second.event_id
    assert len(first.event_id) == 32


def test_two_sounds_at_once_are_cut_each_for_itself(stream: Stream) -> None:
    stream.run(10)
    clips = stream.cut(started(8, 9), started(9, 10, "glass_break"))
    assert {clip.label for clip in clips} == {"smoke_alarm", "glass_break"}
    assert len({clip.event_id for clip in clips}) == 2


def test_a_clip_cannot_be_changed(stream: Stream) -> None:
    stream.run(10)
    (clip,) = stream.cut(started(8, 9))
    with pytest.raises(ValueError, match="read-only"):
        clip.samples[0] = 1
    stream.run(40)
    assert clip.samples[0] == 100 * (8 - PRE_ROLL_S), "nor by what is heard later"
