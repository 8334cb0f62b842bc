"""A walk test that hears a real fire: it ends by itself, and everybody is told. Whoever only tests is left alone."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.src.hearing.detection import Phase
from custom_components.sound_guard.walk_test_finding import Finding
from custom_components.sound_guard.walk_test_fire import is_real

from .clip_house import pages
from .conftest import House, until
from .test_binary_sensor import SENSORS
from .test_calm import Sound
from .test_walk_test import BUTTON, PANEL, TEST, for_a_fire, start

type Pieces = Sequence[tuple[float, float]]

FIRES = {
    "one that goes on": [(0, 60)],
    "a carbon-monoxide alarm in noise": [(11, 18), (18, 36), (36, 54), (54, 65), (68, 88)],
    "a faint one": [(17, 24), (24, 30), (34, 42), (42, 48), (96, 129)],
    "a very faint one": [(22, 30), (39, 48), (69, 76), (76, 82), (104, 118), (121, 129)],
    "for forty seconds every two minutes": [(0, 40), (120, 160)],
}
"""From where to where each event reached; but for the first and the last as the model has heard them."""

TESTS = {
    "one press": [(0, 7)],
    "twice half a minute apart": [(0, 6), (36, 42)],
    "held for long": [(0, 59)],
    "six alarms one after the other": [(40 * each, 40 * each + 7) for each in range(6)],
    "many alarms in half an hour": [(150 * each, 150 * each + 12) for each in range(12)],
}


def findings(pieces: Pieces, label: str) -> list[Finding]:
    """Return what a walk test finds."""
    began = dt_util.utcnow()
    return [Finding(label, began + timedelta(seconds=a), began + timedelta(seconds=b), 0.9, a) for a, b in pieces]


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm"])
@pytest.mark.parametrize("pieces", FIRES.values(), ids=FIRES)
def test_an_alarm_that_goes_on_is_a_fire_also_in_pieces(pieces: Pieces, label: str) -> None:
    assert is_real(label, findings(pieces, label))


@pytest.mark.parametrize("pieces", TESTS.values(), ids=TESTS)
def test_who_presses_the_button_now_and_then_is_not_taken_for_a_fire(pieces: Pieces) -> None:
    assert not is_real("smoke_alarm", findings(pieces, "smoke_alarm"))


def test_breaking_glass_is_no_fire_however_long() -> None:
    assert not is_real("glass_break", findings([(0, 600)], "glass_break"))


def test_smoke_and_carbon_monoxide_do_not_add_up() -> None:
    heard = findings([(0, 40)], "smoke_alarm") + findings([(30, 70)], "co_alarm")
    assert not is_real("smoke_alarm", heard)
    assert not is_real("co_alarm", heard)


async def hear(house: House, freezer: FrozenDateTimeFactory, seconds: int) -> None:
    """Hear the smoke alarm for so long, and then nothing for 20 s."""
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    for _ in range(seconds):
        freezer.tick(1)
        sound.hear(Phase.CONTINUED)
    freezer.tick(1)
    sound.hear(Phase.ENDED)
    freezer.tick(19)


async def test_a_fire_that_is_heard_in_pieces_is_told_and_nothing_is_hushed_after_it(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    await house.call("press", BUTTON)
    for _ in range(3):
        await hear(house, freezer, 12)
        assert house.state(PANEL) == "disarmed"
    sound = Sound(house.microphone, "smoke_alarm")
    sound.hear(Phase.STARTED)
    freezer.tick(4)
    sound.hear(Phase.CONTINUED)
    assert house.state(TEST) == "off"
    assert house.state(PANEL) == "triggered"
    assert house.state(SENSORS["smoke_alarm"]) == "on"
    sound.hear(Phase.ENDED)
    await house.call("alarm_disarm", PANEL)
    Sound(house.microphone, "co_alarm").hear(Phase.STARTED)
    assert house.state(PANEL) == "triggered", "although its onset is in the test, by a second"


async def test_a_person_who_presses_the_button_twice_alarms_nobody(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    await house.call("press", BUTTON)
    for _ in range(2):
        await hear(house, freezer, 5)
    assert house.state(TEST) == "heard"
    assert house.state(PANEL) == "disarmed"


async def test_there_is_a_picture_and_a_clip_of_a_fire_that_was_first_taken_for_a_test(keeper: House) -> None:
    await start(keeper)
    # Longer than a clip: all of the sound that is cut out is cut out during the test.
    with for_a_fire(seconds=20):
        keeper.room.play("smoke_alarm", blocks=260)
        await keeper.until(PANEL, "triggered")
    await until(lambda: keeper.state("image.kitchen_last_detection") != "unknown")
    await keeper.hass.async_block_till_done()
    (page,) = pages(keeper)
    assert page["label"] == "smoke_alarm"
