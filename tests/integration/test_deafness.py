"""What is made of a microphone's silences, in the times of a home."""

from unittest.mock import patch

from custom_components.sound_guard.deafness import (
    DEAF,
    GATED_SILENT_AFTER_S,
    PAUSE_S,
    PAUSES,
    PAUSES_WITHIN_S,
    SILENT,
    Deafness,
)
from custom_components.sound_guard.src.hearing import noise_floor
from custom_components.sound_guard.src.hearing.level import SILENCE_DBFS, Level

SOUND = Level(-50, -40)
SILENCE = Level(SILENCE_DBFS, SILENCE_DBFS)


def problem_after(deafness: Deafness, *stretches: tuple[Level, float]) -> str | None:
    """Return what is wrong after stretches of sound, given with their seconds; ten at a time are told."""
    seconds = [level for level, length_s in stretches for _ in range(round(length_s))]
    for start in range(0, len(seconds), 10):
        deafness.add(seconds[start : start + 10])
    return deafness.problem


def gated() -> Deafness:
    """Return what is known of a microphone with a noise gate after a minute of talk."""
    deafness = Deafness()
    assert problem_after(deafness, *[(SILENCE, PAUSE_S), (SOUND, 2)] * PAUSES) is None
    assert deafness.is_gated
    return deafness


def test_silence_is_told_within_a_minute_and_a_sound_takes_it_back() -> None:
    assert problem_after(Deafness(), (SOUND, 35), (SILENCE, 45)) is None
    assert problem_after(Deafness(), (SOUND, 35), (SILENCE, 55)) == SILENT
    assert problem_after(Deafness(), (SOUND, 35), (SILENCE, 500), (SOUND, 1)) is None


def test_a_noise_gate_may_be_silent_all_night() -> None:
    deafness = gated()
    assert problem_after(deafness, (SILENCE, GATED_SILENT_AFTER_S - 20)) is None
    assert problem_after(deafness, (SILENCE, 30)) == SILENT


def test_a_noise_gate_that_was_switched_off_is_forgotten_in_a_day() -> None:
    deafness = gated()
    assert problem_after(deafness, (SOUND, PAUSES_WITHIN_S - 60)) is None
    assert deafness.is_gated
    assert problem_after(deafness, (SOUND, 70)) is None
    assert not deafness.is_gated


def test_a_button_that_mutes_is_no_noise_gate() -> None:
    deafness = Deafness()
    assert problem_after(deafness, *[(SILENCE, 40), (SOUND, 600)] * (PAUSES - 1)) is None
    assert not deafness.is_gated
    assert problem_after(deafness, (SILENCE, 60)) == SILENT


def test_pauses_between_words_are_none() -> None:
    deafness = Deafness()
    assert problem_after(deafness, *[(SILENCE, PAUSE_S - 1), (SOUND, 2)] * 5 * PAUSES) is None
    assert not deafness.is_gated


def test_a_microphone_that_is_dead_and_then_unplugged_is_first_the_one_and_then_the_other() -> None:
    deafness = Deafness()
    with patch.object(noise_floor, "LEARN_HOURS", 1):
        assert problem_after(deafness, (SOUND, noise_floor.HOUR_S)) is None
        assert problem_after(deafness, (Level(-80, -70), 60)) == DEAF
        assert problem_after(deafness, (SILENCE, 60)) == SILENT
