"""Sound that comes too slowly is noticed; hiccups, clocks that differ a little and sound that comes at once are not."""

import pytest

from hearing import pace as pace_file
from hearing.pace import LOOK_S, Pace
from hearing.source import BLOCK_SAMPLES, Reason, SourceError


class Clock:
    """Stands still unless it is moved."""

    now_s = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_file, "monotonic", lambda: clock.now_s)
    return clock


def hear(pace: Pace, clock: Clock, seconds: float, share: float) -> None:
    """Let time pass, in which so much of it comes as sound."""
    blocks = round(10 * seconds * share)
    for _ in range(blocks):
        clock.now_s += seconds / blocks
        pace.add(BLOCK_SAMPLES)


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_sound_that_comes_too_slowly_has_stalled(clock: Clock, share: float) -> None:
    pace = Pace()
    with pytest.raises(SourceError, match=r"too slowly: \d+ s of it in 60 s") as caught:
        hear(pace, clock, 2 * LOOK_S, share)
    assert caught.value.reason is Reason.STALLED
    assert clock.now_s <= 1_000 + LOOK_S + 1


@pytest.mark.parametrize("share", [0.9, 0.999, 1.0, 20.0])
def test_sound_at_about_the_pace_of_time_has_not(clock: Clock, share: float) -> None:
    hear(Pace(), clock, 10 * LOOK_S, share)


def test_one_hiccup_of_several_seconds_is_survived(clock: Clock) -> None:
    pace = Pace()
    hear(pace, clock, LOOK_S / 2, 1)
    clock.now_s += 9
    hear(pace, clock, 10 * LOOK_S, 1)


def test_what_it_takes_to_open_a_source_does_not_count(clock: Clock) -> None:
    pace = Pace()
    clock.now_s += 5 * LOOK_S
    hear(pace, clock, 2 * LOOK_S, 1)


def test_a_source_that_was_fast_may_not_be_slow_later(clock: Clock) -> None:
    pace = Pace()
    hear(pace, clock, LOOK_S + 0.1, 20)
    with pytest.raises(SourceError):
        hear(pace, clock, 2 * LOOK_S, 0.5)
