"""What counts as a microphone that is lost again and again."""

import pytest

from custom_components.sound_guard.outages import OFTEN, STEADY_S, Outages


def lost(times: int, every_s: float) -> Outages:
    """Return the outages of a microphone that was lost so often, from second 0 on."""
    outages = Outages()
    for number in range(times):
        outages.add(number * every_s)
    return outages


@pytest.mark.parametrize(
    ("times", "every_s", "often"),
    [(1, 1, False), (OFTEN - 1, 1, False), (OFTEN, 1, True), (100, 60, True), (100, STEADY_S / 2, False)],
)
def test_many_outages_in_a_short_time_are_too_many(times: int, every_s: float, often: bool) -> None:
    assert lost(times, every_s).often is often


def test_it_is_over_once_when_it_has_been_steady_for_long() -> None:
    outages = lost(OFTEN, every_s=0)
    assert not outages.is_over(STEADY_S - 1)
    assert outages.is_over(STEADY_S)
    assert not outages.often
    assert not outages.is_over(2 * STEADY_S)


def test_another_outage_puts_the_end_off_and_after_it_counting_begins_anew() -> None:
    outages = lost(OFTEN, every_s=0)
    outages.add(STEADY_S - 1)
    assert not outages.is_over(STEADY_S)
    assert outages.is_over(2 * STEADY_S)
    outages.add(2 * STEADY_S + 1)
    assert not outages.often
