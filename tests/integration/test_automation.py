"""What Sound Guard gives to automations: triggers to begin with and conditions to ask."""

import asyncio
from typing import Any

import pytest
from homeassistant.const import SERVICE_TURN_OFF
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.condition import (
    async_from_config,
    async_get_all_descriptions as all_conditions,
    async_validate_condition_config,
)
from homeassistant.helpers.trigger import async_get_all_descriptions as all_triggers
from homeassistant.setup import async_setup_component

from custom_components.sound_guard.condition import CONDITIONS
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.health import async_listen_again
from custom_components.sound_guard.trigger import TRIGGERS

from .conftest import KITCHEN, House, until
from .fakes import gone
from .test_binary_sensor import later

DETECTED = {
    "glass_break": "sound_guard.glass_break_detected",
    "smoke_alarm": "sound_guard.smoke_alarm_detected",
    "co_alarm": "sound_guard.carbon_monoxide_alarm_detected",
}
IS_DETECTED = {
    "glass_break": "sound_guard.is_glass_break_detected",
    "smoke_alarm": "sound_guard.is_smoke_alarm_detected",
    "co_alarm": "sound_guard.is_carbon_monoxide_alarm_detected",
}
EVENT = "event.kitchen_sound_heard"
CONNECTED = "binary_sensor.kitchen_connectivity"
ASK = {"trigger": "event", "event_type": "ask"}


def a_device(house: House) -> dict[str, str]:
    """Return the kitchen's microphone as a target."""
    device = dr.async_get(house.hass).async_get_device_by_identifier((DOMAIN, KITCHEN), house.entry.entry_id)
    assert device is not None
    return {"device_id": device.id}


def an_area(house: House) -> dict[str, str]:
    """Return the kitchen as a target; an event and a connectivity sensor that are not ours are in it as well."""
    area = ar.async_get(house.hass).async_get_or_create("Kitchen")
    dr.async_get(house.hass).async_update_device(a_device(house)["device_id"], area_id=area.id)
    registry = er.async_get(house.hass)
    for domain, device_class in (("event", None), ("binary_sensor", "connectivity"), ("binary_sensor", "smoke")):
        other = registry.async_get_or_create(domain, "other", f"other_{device_class}")
        registry.async_update_entity(other.entity_id, area_id=area.id)
        house.hass.states.async_set(other.entity_id, "off", {"device_class": device_class})
    return {"area_id": area.id}


async def automate(hass: HomeAssistant, **automation: Any) -> list[str]:
    """Set an automation up and return what it has done so far: a word for every run."""
    done: list[str] = []

    @callback
    def note(event: Event) -> None:
        done.append(event.data["word"])

    hass.bus.async_listen("done", note)
    action = {"event": "done", "event_data": {"word": "{{ trigger.to_state.state if trigger.to_state else 'yes' }}"}}
    assert await async_setup_component(hass, "automation", {"automation": {"actions": [action], **automation}})
    await hass.async_block_till_done()
    return done


async def ask(house: House, done: list[str]) -> bool:
    """Return whether the automation's conditions are met now."""
    before = len(done)
    house.hass.bus.async_fire("ask")
    await house.hass.async_block_till_done()
    return len(done) > before


async def test_triggers_and_conditions_are_offered_with_what_they_apply_to(house: House) -> None:
    triggers, conditions = await all_triggers(house.hass), await all_conditions(house.hass)
    for key in TRIGGERS:
        assert triggers[f"{DOMAIN}.{key}"]["target"]["entity"][0]["integration"] == DOMAIN  # type: ignore[index]
    for key in CONDITIONS:
        assert conditions[f"{DOMAIN}.{key}"]["target"]["entity"][0]["integration"] == DOMAIN  # type: ignore[index]


@pytest.mark.parametrize("label", DETECTED)
async def test_a_sound_triggers_its_own_automation_and_no_other(house: House, label: str) -> None:
    done = await automate(house.hass, triggers=[{"trigger": DETECTED[label], "target": {"entity_id": EVENT}}])
    for other in DETECTED:
        house.room.play(other)
        await house.until_heard(other)
        await house.until_quiet()
    assert len(done) == 1


@pytest.mark.parametrize("target", [a_device, an_area])
async def test_a_device_or_an_area_is_enough_of_a_target(house: House, target: Any) -> None:
    done = await automate(house.hass, triggers=[{"trigger": DETECTED["smoke_alarm"], "target": target(house)}])
    house.room.play("smoke_alarm")
    await until(lambda: done)
    assert done == [house.state(EVENT)]


async def test_two_sounds_in_a_row_trigger_twice_and_one_that_goes_on_once(house: House) -> None:
    done = await automate(
        house.hass, triggers=[{"trigger": DETECTED["smoke_alarm"], "target": {"entity_id": EVENT}}], mode="parallel"
    )
    house.room.play("smoke_alarm", blocks=20)
    await house.until_heard("smoke_alarm")
    await house.until_quiet()
    assert len(done) == 1
    house.room.play("smoke_alarm")
    await until(lambda: len(done) == 2)


@pytest.mark.parametrize(("at_least", "times"), [(98, 1), (99, 0)])
async def test_a_sound_must_be_as_sure_as_asked_for(house: House, at_least: int, times: int) -> None:
    trigger = {"trigger": DETECTED["glass_break"], "target": {"entity_id": EVENT}, "options": {"confidence": at_least}}
    done = await automate(house.hass, triggers=[trigger])
    house.room.play("glass_break")
    await house.until_heard("glass_break")
    await house.until_quiet()
    assert len(done) == times


@pytest.mark.parametrize("target", [lambda house: {"entity_id": CONNECTED}, a_device, an_area])
async def test_a_microphone_that_fails_triggers_once(house: House, target: Any) -> None:
    done = await automate(house.hass, triggers=[{"trigger": "sound_guard.microphone_offline", "target": target(house)}])
    house.room.fault = gone()
    await until(lambda: done)
    house.room.fault = ZeroDivisionError("another reason")
    await until(lambda: house.attributes(CONNECTED)["problem"] == "fault")
    assert done == ["off"]
    house.room.fault = None
    await house.until(CONNECTED, "on")
    assert done == ["off"]


async def test_a_microphone_that_is_not_there_from_the_start_triggers(empty_house: House) -> None:
    done = await automate(
        empty_house.hass, triggers=[{"trigger": "sound_guard.microphone_offline", "target": {"entity_id": CONNECTED}}]
    )
    empty_house.room.fault = gone()
    await empty_house.set_up()
    await until(lambda: done)


async def test_a_microphone_that_its_owner_closes_does_not_trigger(house: House) -> None:
    done = await automate(
        house.hass, triggers=[{"trigger": "sound_guard.microphone_offline", "target": {"entity_id": CONNECTED}}]
    )
    await house.call(SERVICE_TURN_OFF, "switch.kitchen_listening")
    assert house.state(CONNECTED) == "off"
    assert done == []


async def test_a_microphone_that_is_soon_back_need_not_trigger(house: House) -> None:
    trigger = {"trigger": "sound_guard.microphone_offline", "target": {"entity_id": CONNECTED}}
    done = await automate(house.hass, triggers=[trigger | {"options": {"for": "00:05:00"}}])
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    house.room.fault = None
    await house.until(CONNECTED, "on")
    later(house.hass, 400)
    await house.hass.async_block_till_done()
    assert done == []
    house.room.fault = gone()
    await house.until(CONNECTED, "off")
    later(house.hass, 800)
    await until(lambda: done)


@pytest.mark.parametrize("label", IS_DETECTED)
async def test_a_condition_is_met_while_its_sound_is_heard(house: House, label: str) -> None:
    done = await automate(
        house.hass, triggers=[ASK], conditions=[{"condition": IS_DETECTED[label], "target": an_area(house)}]
    )
    assert not await ask(house, done)
    for other in IS_DETECTED:
        house.room.play(other)
        await house.until_heard(other)
        await house.until_quiet()
        assert await ask(house, done) is (list(IS_DETECTED).index(other) >= list(IS_DETECTED).index(label))
    later(house.hass, 61)
    assert not await ask(house, done)


@pytest.mark.parametrize(
    ("options", "met"),
    [
        ({}, True),
        ({"sound": ["glass_break"]}, True),
        ({"sound": "smoke_alarm"}, False),
        ({"within": "00:00:00"}, False),
        ({"within": {"minutes": 1}, "sound": ["smoke_alarm", "glass_break"]}, True),
    ],
)
async def test_a_sound_was_heard_recently(house: House, options: dict[str, Any], met: bool) -> None:
    condition = {"condition": "sound_guard.sound_heard_recently", "target": a_device(house), "options": options}
    done = await automate(house.hass, triggers=[ASK], conditions=[condition])
    assert not await ask(house, done)
    house.room.play("glass_break")
    await house.until_heard("glass_break")
    assert await ask(house, done) is met


async def test_a_sound_was_heard_recently_also_if_the_microphone_has_failed_since(house: House) -> None:
    condition = {"condition": "sound_guard.sound_heard_recently", "target": a_device(house), "options": {}}
    done = await automate(house.hass, triggers=[ASK], conditions=[condition])
    house.room.play("smoke_alarm")
    await house.until_heard("smoke_alarm")
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert await ask(house, done)


async def test_time_alone_ends_what_was_recent(house: House) -> None:
    asked = {"condition": "sound_guard.sound_heard_recently", "target": {"entity_id": EVENT}, "options": {}}
    checker = await async_from_config(house.hass, await async_validate_condition_config(house.hass, asked))
    assert checker.needs_polling


@pytest.mark.parametrize("options", [{"sound": []}, {"sound": ["thunder"]}, {"within": "soon"}])
async def test_a_question_that_makes_no_sense_is_refused(
    house: House, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    condition = {"condition": "sound_guard.sound_heard_recently", "target": a_device(house), "options": options}
    await automate(house.hass, triggers=[ASK], conditions=[condition])
    assert "failed to setup conditions" in caplog.text
    (automation,) = house.hass.states.async_entity_ids("automation")
    assert house.state(automation) == "unavailable"


async def test_a_condition_is_met_while_a_microphone_fails(house: House) -> None:
    condition = {"condition": "sound_guard.is_microphone_offline", "target": an_area(house)}
    done = await automate(house.hass, triggers=[ASK], conditions=[condition])
    await house.call(SERVICE_TURN_OFF, "switch.kitchen_listening")
    assert not await ask(house, done)
    house.room.fault = gone()
    await house.call("turn_on", "switch.kitchen_listening")
    await until(lambda: house.attributes(CONNECTED)["problem"])
    assert await ask(house, done)
    house.room.fault = None
    await house.until(CONNECTED, "on")
    assert not await ask(house, done)


async def test_how_long_a_microphone_fails_is_not_counted_from_when_it_was_closed(house: House) -> None:
    condition = {"condition": "sound_guard.is_microphone_offline", "target": a_device(house)}
    condition |= {"options": {"for": {"milliseconds": 300}}}
    done = await automate(house.hass, triggers=[ASK], conditions=[condition])
    await house.call(SERVICE_TURN_OFF, "switch.kitchen_listening")
    await asyncio.sleep(0.35)
    house.room.fault = gone()
    await house.call("turn_on", "switch.kitchen_listening")
    await until(lambda: house.attributes(CONNECTED)["problem"])
    assert not await ask(house, done)
    await asyncio.sleep(0.35)
    assert await ask(house, done)


async def test_listening_again_in_the_repairs_does_not_trigger_once_more(house: House) -> None:
    done = await automate(
        house.hass, triggers=[{"trigger": "sound_guard.microphone_offline", "target": {"entity_id": CONNECTED}}]
    )
    house.room.fault = gone()
    await until(lambda: done)
    assert await async_listen_again(house.hass, house.microphone) is None
    assert done == ["off"]
