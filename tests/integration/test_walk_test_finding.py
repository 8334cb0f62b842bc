"""What a walk test says of a sound: how loud it was over the room, and that in words."""

from datetime import datetime, timedelta

from homeassistant.util import dt as dt_util

from custom_components.sound_guard.walk_test_finding import Finding, in_words, over_room_db, sentence

from .conftest import House

NOON = datetime(2026, 11, 22, 12, tzinfo=dt_util.UTC)


def at(second: float) -> datetime:
    """Return a time so many seconds after noon."""
    return NOON + timedelta(seconds=second)


def test_a_sound_is_compared_with_the_room_before_it() -> None:
    levels = [(at(0), -50.0), (at(1), -20.0), (at(2), -52.0), (at(3), -30.0), (at(4), -18.0), (at(9), 0.0)]
    # Of -50, -20 and -52 dBFS, the one in the middle is the room: a door that slams is not.
    assert over_room_db(levels, at(2.5), at(3.5)) == -18 - -50
    assert over_room_db(levels, at(-1), at(3)) is None
    assert over_room_db(levels[:3], at(2.5), at(3)) is None


def test_a_sound_that_is_quieter_than_the_room_is_not_over_it() -> None:
    assert over_room_db([(at(0), -20.0), (at(2), -25.0)], at(1), at(2)) == 0


async def test_the_report_warns_of_an_alarm_that_is_hardly_louder_than_the_room(house: House) -> None:
    found = Finding("co_alarm", at(1), at(3), 0.7, 1.0, 9.4)
    assert "heard: 9 dB over the room, 70 % sure, 1 s after the start. That is little" in sentence(house.hass, found)
    unknown = Finding("glass_break", at(1), at(3), 0.7, 1.0)
    assert sentence(house.hass, unknown).startswith("Breaking glass was heard: – dB over the room, 70 % sure")


def test_times_are_told_in_units_that_every_language_knows() -> None:
    assert [in_words(timedelta(seconds=each)) for each in (0, 89, 90, 300)] == ["0 s", "89 s", "2 min", "5 min"]
