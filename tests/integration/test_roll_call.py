"""Whether those who are to be told can be told: if not, it stands in Home Assistant's repairs before an alarm does."""

import pytest
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.sound_guard.roll_call import LOOK_EVERY, recipient_issue

from .conftest import House
from .test_alerts import FAMILY, PHONE, family, later, phone, start
from .test_calm import configure
from .test_health import issue

__all__ = ["family", "phone"]


async def look(house: House) -> None:
    """Let the roll be called once."""
    await later(house.hass, LOOK_EVERY.total_seconds() / 60)


@pytest.fixture
async def lonely(house: House) -> House:
    """Return a house that is to tell a phone and the family, of which there is neither, and has noticed that."""
    await configure(house, notify=[PHONE, FAMILY])
    await look(house)
    return house


def missing(hass: HomeAssistant) -> list[str]:
    """Return who is said to be missing."""
    return [target for target in (PHONE, FAMILY) if issue(hass, recipient_issue(target))]


async def test_whoever_is_not_there_is_reported(lonely: House) -> None:
    assert missing(lonely.hass) == [PHONE, FAMILY]
    found = issue(lonely.hass, recipient_issue(PHONE))
    assert found is not None
    assert not found.is_fixable
    assert found.translation_placeholders == {"recipient": PHONE}


async def test_whoever_can_be_told_is_not_reported(
    house: House, phone: list[ServiceCall], family: list[ServiceCall]
) -> None:
    await configure(house, notify=[PHONE, FAMILY])
    await look(house)
    assert missing(house.hass) == []


async def test_an_entity_that_is_unavailable_is_reported(house: House, family: list[ServiceCall]) -> None:
    house.hass.states.async_set(FAMILY, "unavailable")
    await configure(house, notify=[FAMILY])
    assert missing(house.hass) == [], "it may come yet"
    await look(house)
    assert missing(house.hass) == [FAMILY]


async def test_while_home_assistant_starts_nobody_is_missed(house: House) -> None:
    await configure(house, notify=[PHONE])
    house.hass.set_state(CoreState.starting)
    await look(house)
    assert missing(house.hass) == []
    house.hass.set_state(CoreState.running)
    await later(house.hass, 2 * LOOK_EVERY.total_seconds() / 60)
    assert missing(house.hass) == [PHONE]


async def test_whoever_comes_back_is_not_reported_any_more(lonely: House) -> None:
    async_mock_service(lonely.hass, "notify", "mobile_app_pixel")
    lonely.hass.states.async_set(FAMILY, "unknown")
    await later(lonely.hass, 2 * LOOK_EVERY.total_seconds() / 60)
    assert missing(lonely.hass) == []


async def test_whoever_is_not_to_be_told_any_more_is_not_missed(lonely: House) -> None:
    await configure(lonely, notify=[FAMILY])
    assert missing(lonely.hass) == [FAMILY]


async def test_a_house_that_is_disabled_misses_nobody(lonely: House) -> None:
    await lonely.hass.config_entries.async_set_disabled_by(lonely.entry.entry_id, ConfigEntryDisabler.USER)
    assert missing(lonely.hass) == []


async def test_a_house_that_is_removed_misses_nobody(lonely: House) -> None:
    await lonely.hass.config_entries.async_remove(lonely.entry.entry_id)
    assert missing(lonely.hass) == []


@pytest.mark.parametrize("state", [None, "unavailable"])
async def test_a_message_to_an_entity_that_cannot_take_it_has_failed(
    house: House, family: list[ServiceCall], caplog: pytest.LogCaptureFixture, state: str | None
) -> None:
    if state is None:
        house.hass.states.async_remove(FAMILY)
    else:
        house.hass.states.async_set(FAMILY, state)
    await configure(house, notify=[FAMILY], repeat=5)
    await start(house)
    assert family == []
    assert "notify.family cannot be told: it is not there, or unavailable" in caplog.text
    house.hass.states.async_set(FAMILY, "unknown")
    await later(house.hass, 5)
    assert len(family) == 1
