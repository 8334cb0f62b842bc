"""How well each microphone's sound arrives, for whoever looks for a fault."""

from typing import Any

import pytest
from homeassistant.core import Event, EventStateChangedData
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event

from custom_components.sound_guard.src.hearing.source import Backlog

from .conftest import House, until
from .fakes import gone

LEVEL = "sensor.kitchen_sound_level"
DELAY = "sensor.kitchen_delay"
LOST = "sensor.kitchen_lost_sound"
SHARE = "sensor.kitchen_processor_share"


@pytest.fixture
async def watched(house: House) -> House:
    """Return a house whose owner has asked for all sensors."""
    registry = er.async_get(house.hass)
    for entity_id in (LEVEL, DELAY, LOST, SHARE):
        registry.async_update_entity(entity_id, disabled_by=None)
    await house.reload()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    return house


async def test_what_never_rests_is_off_until_it_is_asked_for(house: House) -> None:
    registry = er.async_get(house.hass)
    for entity_id in (LEVEL, DELAY, LOST, SHARE):
        entry = registry.async_get(entity_id)
        assert entry is not None
        assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION
        assert entry.entity_category == "diagnostic"
        assert house.hass.states.get(entity_id) is None


@pytest.mark.parametrize(
    ("entity_id", "unit", "state_class", "device_class"),
    [
        (LEVEL, "dBFS", "measurement", None),
        (DELAY, "s", "measurement", "duration"),
        (LOST, "s", "total_increasing", "duration"),
        (SHARE, "%", "measurement", None),
    ],
)
async def test_a_sensor_says_what_it_measures(
    watched: House, entity_id: str, unit: str, state_class: str, device_class: str | None
) -> None:
    attributes: dict[str, Any] = dict(watched.attributes(entity_id))
    assert attributes["unit_of_measurement"] == unit
    assert attributes["state_class"] == state_class
    assert attributes.get("device_class") == device_class


async def test_the_sensors_show_how_the_sound_arrives(watched: House) -> None:
    watched.room.backlog = Backlog(waiting_s=2.0, dropped_s=0.5)
    await until(lambda: watched.state(DELAY) == "2.74", lambda: watched.state(DELAY))
    assert float(watched.state(LEVEL)) == pytest.approx(-50.3, abs=0.1)
    assert float(watched.state(LOST)) == 0.5
    assert 0 <= float(watched.state(SHARE)) <= 100


async def test_what_a_source_cannot_tell_is_unknown(watched: House) -> None:
    watched.room.backlog = Backlog()
    await watched.until(LOST, "unknown")


async def test_the_sensors_are_unavailable_while_nothing_arrives(watched: House) -> None:
    await until(lambda: watched.state(LEVEL) not in ("unavailable", "unknown"))
    watched.room.fault = gone()
    await watched.until(LEVEL, "unavailable")
    watched.room.fault = None
    await until(lambda: watched.state(LEVEL) not in ("unavailable", "unknown"))


async def test_the_level_is_written_every_ten_seconds_and_not_every_second(watched: House) -> None:
    await until(lambda: watched.state(LEVEL) != "unavailable")
    written: list[Event[EventStateChangedData]] = []
    async_track_state_change_event(watched.hass, LEVEL, written.append)
    begin = watched.room.delivered
    for hum in (200, 400, 800):
        watched.room.hum = hum
        before = watched.room.delivered
        await until(lambda before=before: watched.room.delivered > before + 100)  # type: ignore[misc]
    seconds = (watched.room.delivered - begin) / 10
    assert 2 <= len(written) <= seconds / 10 + 1
