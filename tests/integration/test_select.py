"""The sensitivity of a microphone."""

from homeassistant.core import State
from pytest_homeassistant_custom_component.common import mock_restore_cache

from custom_components.sound_guard.src.hearing.card import Sensitivity

from .conftest import House, until

SELECT = "select.kitchen_sensitivity"


async def test_a_choice_reaches_the_listener_while_it_listens(house: House) -> None:
    assert house.state(SELECT) == "balanced"
    await until(lambda: house.room.sensitivities == [Sensitivity.BALANCED])
    assert house.attributes(SELECT)["options"] == ["low", "balanced", "high"]
    await house.call("select_option", SELECT, option="high")
    assert house.state(SELECT) == "high"
    await until(lambda: house.room.sensitivities == [Sensitivity.BALANCED, Sensitivity.HIGH])


async def test_the_choice_survives_a_restart(empty_house: House) -> None:
    mock_restore_cache(empty_house.hass, [State(SELECT, "low")])
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    assert empty_house.state(SELECT) == "low"
    await until(lambda: empty_house.room.sensitivities == [Sensitivity.LOW])


async def test_a_choice_that_no_longer_exists_is_forgotten(empty_house: House) -> None:
    mock_restore_cache(empty_house.hass, [State(SELECT, "extreme")])
    await empty_house.set_up()
    assert empty_house.state(SELECT) == "balanced"
