"""One event per sound."""

from datetime import datetime, timedelta

import pytest
from homeassistant.core import Event, EventStateChangedData
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from .conftest import House, until
from .fakes import LABELS, gone

EVENT = "event.kitchen_sound_heard"


async def test_the_event_types_are_the_three_sounds(house: House) -> None:
    assert house.attributes(EVENT)["event_types"] == ["glass_break", "smoke_alarm", "co_alarm"]


@pytest.mark.parametrize("label", LABELS)
async def test_a_sound_fires_an_event_with_confidence_onset_and_duration(house: House, label: str) -> None:
    assert house.state(EVENT) == "unknown"
    house.room.play(label)
    await house.until_heard(label)
    attributes = house.attributes(EVENT)
    assert attributes["confidence"] == 0.988
    assert attributes["duration"] == 0.1
    onset = datetime.fromisoformat(attributes["onset"])
    assert timedelta(0) <= dt_util.utcnow() - onset < timedelta(seconds=2)


async def test_a_sound_that_goes_on_fires_once(house: House) -> None:
    fired: list[Event[EventStateChangedData]] = []
    async_track_state_change_event(house.hass, EVENT, fired.append)
    house.room.play("smoke_alarm", blocks=20)
    await house.until_heard("smoke_alarm")
    await house.until_quiet()
    assert len(fired) == 1


async def test_two_sounds_in_a_row_fire_twice(house: House) -> None:
    house.room.play("glass_break", blocks=1)
    await house.until_heard("glass_break")
    first = house.state(EVENT)
    await house.until_quiet()
    house.room.play("glass_break", blocks=1)
    await until(lambda: house.state(EVENT) != first)


async def test_what_was_heard_stays_heard_when_the_microphone_fails(house: House) -> None:
    house.room.play("smoke_alarm", blocks=1)
    await house.until_heard("smoke_alarm")
    heard = house.state(EVENT)
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert house.state(EVENT) == heard
    assert house.attributes(EVENT)["event_type"] == "smoke_alarm"
