"""What was heard and reported, in words, on the activity page."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_load_integrations
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.event import EVENT_HEARD
from custom_components.sound_guard.logbook import async_describe_events
from custom_components.sound_guard.services import EVENT_VERDICT

from .conftest import House, until
from .fakes import LABELS

SOUND = "event.kitchen_sound_heard"


async def describer(hass: HomeAssistant, event_type: str) -> Callable[[Event], dict[str, Any]]:
    """Return what puts an event into words."""
    await async_load_integrations(hass, {DOMAIN})
    found: dict[str, Callable[[Event], dict[str, Any]]] = {}

    @callback
    def describe(domain: str, described: str, words: Callable[[Event], dict[str, Any]]) -> None:
        assert domain == DOMAIN
        found[described] = words

    async_describe_events(hass, describe)
    return found[event_type]


def listen(hass: HomeAssistant) -> list[Event]:
    """Return what is fired from now on."""
    fired: list[Event] = []

    @callback
    def note(event: Event) -> None:
        fired.append(event)

    hass.bus.async_listen(EVENT_HEARD, note)
    return fired


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("glass_break", "heard breaking glass, 98 % sure"),
        ("smoke_alarm", "heard a smoke alarm, 98 % sure"),
        ("co_alarm", "heard a carbon-monoxide alarm, 98 % sure"),
    ],
)
async def test_what_was_heard_is_told_in_words(house: House, label: str, words: str) -> None:
    fired = listen(house.hass)
    house.room.play(label, blocks=10)
    await house.until_heard(label)
    await house.until_quiet()
    (event,) = fired
    entry = er.async_get(house.hass).async_get(SOUND)
    state = house.hass.states.get(SOUND)
    assert entry is not None
    assert state is not None
    assert event.data["device_id"] == entry.device_id
    assert event.data["clip"] == state.attributes["clip"]
    assert state.context.id == event.context.id
    assert (await describer(house.hass, EVENT_HEARD))(event) == {
        "name": "Kitchen",
        "message": words,
        "entity_id": SOUND,
    }


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("false_alarm", "2026-11-22 13:05:07: reported as a false alarm"),
        ("real", "2026-11-22 13:05:07: not a false alarm after all"),
    ],
)
async def test_what_was_reported_is_told_in_words(hass: HomeAssistant, label: str, verdict: str, words: str) -> None:
    onset = dt_util.parse_datetime("2026-11-22 13:05:07.250")
    assert onset is not None
    told = {"sound": label, "microphone": "Kitchen", "verdict": verdict}
    told["onset"] = onset.replace(tzinfo=dt_util.get_default_time_zone()).astimezone(dt_util.UTC).isoformat()
    describe = await describer(hass, EVENT_VERDICT)
    described = describe(Event(EVENT_VERDICT, told, context=Context()))
    assert "entity_id" not in described
    assert describe(Event(EVENT_VERDICT, told | {"entity_id": SOUND}, context=Context())) == {
        **described,
        "entity_id": SOUND,
    }
    assert described["name"] == "Kitchen"
    assert described["message"].endswith(words)
    assert described["message"].split(" of ")[0] in ("Breaking glass", "Smoke alarm", "Carbon-monoxide alarm")


async def test_a_disabled_event_entity_fires_nothing(house: House) -> None:
    fired = listen(house.hass)
    er.async_get(house.hass).async_update_entity(SOUND, disabled_by=er.RegistryEntryDisabler.USER)
    await house.reload()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    await until(lambda: not house.room.blocks)
    assert fired == []
