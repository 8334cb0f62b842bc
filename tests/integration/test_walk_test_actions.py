"""The actions that start and stop walk tests: whom they reach, and what they say about it."""

import pytest
from homeassistant.exceptions import ServiceNotSupported, ServiceValidationError
from homeassistant.helpers import entity_registry as er, label_registry as lr

from .conftest import House
from .fakes import gone
from .test_walk_test import TEST, act
from .two_rooms import add_hall

HALL_TEST = "sensor.hall_walk_test"
SECOND_LOOK = "sensor.sound_guard_second_look"


@pytest.mark.parametrize("target", [{"entity_id": "all"}, {"label_id": "for_tests"}, {"entity_id": [TEST, HALL_TEST]}])
async def test_all_the_microphones_are_tested_and_nothing_else(house: House, target: dict[str, str]) -> None:
    await add_hall(house)
    registry = er.async_get(house.hass)
    label = lr.async_get(house.hass).async_create("For tests")
    for entity_id in (TEST, HALL_TEST, SECOND_LOOK):
        registry.async_update_entity(entity_id, labels={label.label_id})
    started = await act(house, "start_walk_test", **target)
    assert {name: one["microphone"] for name, one in started.items()} == {TEST: "Kitchen", HALL_TEST: "Hall"}
    assert house.state(TEST) == house.state(HALL_TEST) == "waiting"
    stopped = await act(house, "stop_walk_test", **target)
    assert {name: one["heard"] for name, one in stopped.items()} == {TEST: [], HALL_TEST: []}
    assert house.state(TEST) == house.state(HALL_TEST) == "off"


@pytest.mark.parametrize("name", ["start_walk_test", "stop_walk_test"])
@pytest.mark.parametrize("wrong", [SECOND_LOOK, "sensor.kitchen_last_successful_walk_test"])
async def test_a_sensor_that_cannot_be_tested_is_named(house: House, name: str, wrong: str) -> None:
    with pytest.raises(ServiceNotSupported, match=f"{wrong} does not support action sound_guard.{name}"):
        await act(house, name, entity_id=wrong)


async def test_if_one_microphone_is_deaf_none_is_tested_and_its_owner_knows(house: House) -> None:
    hall = await add_hall(house)
    hall.fault = gone()
    await house.until("binary_sensor.hall_connectivity", "off")
    with pytest.raises(ServiceValidationError, match=r"No walk test was started, .*: Hall$"):
        await act(house, "start_walk_test", entity_id=[TEST, HALL_TEST])
    assert house.state(TEST) == house.state(HALL_TEST) == "off"
