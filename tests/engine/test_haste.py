from hearing.haste import AHEAD_S, Haste

SECOND = 16_000


def test_sound_at_the_pace_of_time_is_never_held_up() -> None:
    haste = Haste()
    assert not any(haste.wait_s(SECOND, second) for second in range(100_000))


def test_a_clock_that_runs_a_little_fast_is_no_haste() -> None:
    haste = Haste()
    assert not any(haste.wait_s(SECOND, 0.99 * second) for second in range(100_000))


def test_what_a_radio_has_at_hand_is_taken_at_once() -> None:
    assert Haste().wait_s(round(AHEAD_S) * SECOND, 0.0) == 0.0


def test_whoever_sends_faster_waits_until_time_has_caught_up() -> None:
    haste, now_s, heard_s = Haste(), 0.0, 0.0
    while now_s < 600:
        now_s += haste.wait_s(SECOND, now_s)
        heard_s += 1
    assert heard_s < AHEAD_S + 1.03 * 600 + 2


def test_a_pause_is_made_up_for_but_not_saved_up() -> None:
    haste = Haste()
    haste.wait_s(SECOND, 0.0)
    assert haste.wait_s(30 * SECOND, 30.0) == 0.0
    assert haste.wait_s(round(AHEAD_S + 5) * SECOND, 10_000.0) == 5.0
