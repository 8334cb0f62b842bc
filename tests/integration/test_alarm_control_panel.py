"""The guard as people meet it: the alarm panel."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.entity_component import async_update_entity
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed

from custom_components.sound_guard.const import DOMAIN

from .conftest import KITCHEN, House, until
from .two_rooms import add_hall

PANEL = "alarm_control_panel.sound_guard"
ARM = {"armed_away": "alarm_arm_away", "armed_home": "alarm_arm_home", "armed_night": "alarm_arm_night"}


async def with_options(house: House, **options: Any) -> None:
    """Set the house up with options of the guard."""
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0} | options)
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")


@pytest.mark.parametrize("mode", ARM)
async def test_arming_gives_time_to_leave_before_it_is_armed(house: House, mode: str) -> None:
    assert house.state(PANEL) == "disarmed"
    await house.call(ARM[mode], PANEL)
    assert house.state(PANEL) == "arming"
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=31))
    assert house.state(PANEL) == mode
    await house.call("alarm_disarm", PANEL)
    assert house.state(PANEL) == "disarmed"


async def test_disarming_while_arming_stays_disarmed(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    await house.call("alarm_disarm", PANEL)
    async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(seconds=31))
    assert house.state(PANEL) == "disarmed"


@pytest.mark.parametrize("mode", ARM)
async def test_breaking_glass_raises_the_alarm_when_armed(empty_house: House, mode: str) -> None:
    await with_options(empty_house)
    await empty_house.call(ARM[mode], PANEL)
    assert empty_house.state(PANEL) == mode
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")
    attributes = empty_house.attributes(PANEL)
    assert attributes["triggered_by"] == "glass_break"
    assert attributes["microphone"] == attributes["changed_by"] == "Kitchen"
    assert (attributes["confidence"], attributes["area"]) == (0.988, None)


async def test_the_panel_says_where_the_sound_was(house: House) -> None:
    devices = dr.async_get(house.hass)
    device = devices.async_get_device_by_identifier((DOMAIN, KITCHEN), house.entry.entry_id)
    assert device is not None
    area = ar.async_get(house.hass).async_create("Ground floor")
    devices.async_update_device(device.id, area_id=area.id)
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    assert house.attributes(PANEL)["area"] == "Ground floor"
    cause = house.entry.runtime_data.guard.now.cause
    assert (cause.area_id, cause.area) == (area.id, "Ground floor")
    assert abs((dt_util.utcnow() - cause.onset).total_seconds()) < 60


async def test_breaking_glass_raises_no_alarm_when_disarmed_but_is_shown(house: House) -> None:
    house.room.play("glass_break")
    await house.until("binary_sensor.kitchen_glass_break", "on")
    assert house.state(PANEL) == "disarmed"


async def test_breaking_glass_raises_no_alarm_during_the_exit_delay(house: House) -> None:
    await house.call("alarm_arm_away", PANEL)
    house.room.play("glass_break")
    await house.until("binary_sensor.kitchen_glass_break", "on")
    assert house.state(PANEL) == "arming"


@pytest.mark.parametrize("label", ["smoke_alarm", "co_alarm"])
@pytest.mark.parametrize("service", ["alarm_disarm", "alarm_arm_away"])
async def test_smoke_and_carbon_monoxide_raise_the_alarm_in_every_state(house: House, label: str, service: str) -> None:
    await house.call(service, PANEL)
    house.room.play(label)
    await house.until(PANEL, "triggered")
    assert house.attributes(PANEL)["triggered_by"] == label


@pytest.mark.parametrize("label", ["glass_break", "smoke_alarm"])
async def test_the_owner_chooses_in_which_modes_a_sound_raises_the_alarm(empty_house: House, label: str) -> None:
    await with_options(empty_house, triggers={label: ["armed_home"]})
    for service in ("alarm_disarm", "alarm_arm_away"):
        await empty_house.call(service, PANEL)
        empty_house.room.play(label)
        await empty_house.until_heard(label)
        await empty_house.until_quiet()
        assert empty_house.state(PANEL) in ("disarmed", "armed_away")
    await empty_house.call("alarm_arm_home", PANEL)
    empty_house.room.play(label)
    await empty_house.until(PANEL, "triggered")


async def test_the_entry_delay_gives_time_to_disarm(empty_house: House) -> None:
    await with_options(empty_house, entry_delay=20)
    for disarmed_in_time in (True, False):
        await empty_house.call("alarm_arm_away", PANEL)
        empty_house.room.play("glass_break")
        await empty_house.until(PANEL, "pending")
        assert empty_house.attributes(PANEL)["triggered_by"] == "glass_break"
        if disarmed_in_time:
            await empty_house.call("alarm_disarm", PANEL)
        await empty_house.until_quiet()
        async_fire_time_changed(empty_house.hass, dt_util.utcnow() + timedelta(seconds=21))
        assert empty_house.state(PANEL) == ("disarmed" if disarmed_in_time else "triggered")
    assert empty_house.attributes(PANEL)["changed_by"] == "Kitchen"


async def test_arming_again_is_no_way_out_of_the_entry_delay(empty_house: House) -> None:
    await with_options(empty_house, entry_delay=20)
    await empty_house.call("alarm_arm_away", PANEL)
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "pending")
    with pytest.raises(ServiceValidationError):
        await empty_house.call("alarm_arm_home", PANEL)
    assert empty_house.state(PANEL) == "pending"


@pytest.mark.parametrize("entry_delay", [0, 20])
async def test_smoke_takes_the_place_of_breaking_glass(empty_house: House, entry_delay: int) -> None:
    await with_options(empty_house, entry_delay=entry_delay)
    await empty_house.call("alarm_arm_away", PANEL)
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "pending" if entry_delay else "triggered")
    empty_house.room.play("smoke_alarm")
    await until(lambda: empty_house.attributes(PANEL)["triggered_by"] == "smoke_alarm")
    assert empty_house.state(PANEL) == "triggered"


@pytest.mark.parametrize("service", ["alarm_disarm", "alarm_arm_away"])
async def test_an_alarm_of_limited_time_goes_back_to_what_was_before(empty_house: House, service: str) -> None:
    await with_options(empty_house, trigger_time=60)
    await empty_house.call(service, PANEL)
    before = empty_house.state(PANEL)
    empty_house.room.play("smoke_alarm")
    await empty_house.until(PANEL, "triggered")
    await empty_house.until_quiet()
    async_fire_time_changed(empty_house.hass, dt_util.utcnow() + timedelta(seconds=61))
    assert empty_house.state(PANEL) == before


@pytest.mark.parametrize("switched_off", [False, True])
async def test_an_alarm_is_not_over_while_the_smoke_alarm_sounds(empty_house: House, switched_off: bool) -> None:
    await with_options(empty_house, trigger_time=60)
    empty_house.room.play("smoke_alarm", blocks=100_000)
    await empty_house.until(PANEL, "triggered")
    over = dt_util.utcnow() + timedelta(seconds=61)
    async_fire_time_changed(empty_house.hass, over)
    assert empty_house.state(PANEL) == "triggered"
    # Whether it is silent or not heard any more: then the time counts.
    if switched_off:
        await empty_house.call("turn_off", "switch.kitchen_listening")
    else:
        empty_house.room.blocks.clear()
        await empty_house.until_quiet()
    async_fire_time_changed(empty_house.hass, over + timedelta(seconds=6))
    assert empty_house.state(PANEL) == "disarmed"


async def test_disarming_clears_the_alarm_even_while_the_sound_goes_on(house: House) -> None:
    house.room.play("smoke_alarm", blocks=200)
    await house.until(PANEL, "triggered")
    await house.call("alarm_disarm", PANEL)
    await house.until_playing()
    assert house.room.blocks, "the sound was over too soon for this test"
    assert house.state(PANEL) == "disarmed"
    assert house.attributes(PANEL)["triggered_by"] is None


ONLY_ARMED = {"smoke_alarm": ["armed_away", "armed_home", "armed_night"], "glass_break": ["armed_away"]}


async def goes_on(house: House, label: str = "smoke_alarm") -> None:
    """Let a sound begin that does not end, and that the guard lets pass as long as it is not armed."""
    house.room.play(label, blocks=100_000)
    await house.until_heard(label)
    assert house.state(PANEL) in ("disarmed", "arming")


async def test_smoke_that_began_while_somebody_left_raises_the_alarm_when_the_guard_is_armed(
    empty_house: House,
) -> None:
    await with_options(empty_house, exit_delay=30, triggers=ONLY_ARMED)
    await empty_house.call("alarm_arm_away", PANEL)
    await goes_on(empty_house)
    async_fire_time_changed(empty_house.hass, dt_util.utcnow() + timedelta(seconds=31))
    attributes = empty_house.attributes(PANEL)
    assert empty_house.state(PANEL) == "triggered"
    assert (attributes["triggered_by"], attributes["changed_by"]) == ("smoke_alarm", "Kitchen")


async def test_smoke_that_goes_on_raises_the_alarm_as_soon_as_somebody_arms(empty_house: House) -> None:
    await with_options(empty_house, triggers=ONLY_ARMED)
    await goes_on(empty_house)
    await empty_house.call("alarm_arm_night", PANEL)
    assert empty_house.state(PANEL) == "triggered"


async def test_smoke_that_goes_on_in_two_rooms_is_not_laid_at_the_door_of_whoever_arms(
    empty_house: House, hass_admin_user: MockUser
) -> None:
    await with_options(empty_house, triggers=ONLY_ARMED)
    hall = await add_hall(empty_house)
    await goes_on(empty_house)
    hall.play("smoke_alarm", blocks=100_000)
    await empty_house.until("binary_sensor.hall_smoke", "on")
    person = Context(user_id=hass_admin_user.id)
    await empty_house.hass.services.async_call(
        "alarm_control_panel", "alarm_arm_away", {"entity_id": PANEL}, blocking=True, context=person
    )
    assert empty_house.state(PANEL) == "triggered"
    assert empty_house.attributes(PANEL)["changed_by"] == "Kitchen"


async def test_smoke_that_goes_on_raises_the_alarm_in_another_mode(empty_house: House) -> None:
    await with_options(empty_house, triggers={"smoke_alarm": ["armed_home"]})
    await goes_on(empty_house)
    await empty_house.call("alarm_arm_away", PANEL)
    assert empty_house.state(PANEL) == "armed_away"
    await empty_house.call("alarm_arm_home", PANEL)
    assert empty_house.state(PANEL) == "triggered"


@pytest.mark.parametrize("ended_by", ["its end", "the microphone"])
async def test_smoke_that_is_over_or_heard_no_more_is_nothing_to_an_arming_guard(
    empty_house: House, ended_by: str
) -> None:
    await with_options(empty_house, triggers=ONLY_ARMED)
    await goes_on(empty_house)
    if ended_by == "the microphone":
        await empty_house.call("turn_off", "switch.kitchen_listening")
    else:
        empty_house.room.blocks.clear()
        await empty_house.until_quiet()
    await empty_house.call("alarm_arm_away", PANEL)
    assert empty_house.state(PANEL) == "armed_away"


async def test_smoke_in_spite_of_which_a_person_has_disarmed_stays_disarmed_until_it_begins_again(
    empty_house: House,
) -> None:
    await with_options(empty_house, triggers=ONLY_ARMED)
    await empty_house.call("alarm_arm_away", PANEL)
    empty_house.room.play("smoke_alarm", blocks=100_000)
    await empty_house.until(PANEL, "triggered")
    await empty_house.call("alarm_disarm", PANEL)
    await empty_house.call("alarm_arm_away", PANEL)
    await empty_house.until_playing()
    assert empty_house.state(PANEL) == "armed_away"
    empty_house.room.blocks.clear()
    await empty_house.until_quiet()
    empty_house.room.play("smoke_alarm")
    await empty_house.until(PANEL, "triggered")


async def test_glass_that_broke_before_the_guard_was_armed_is_nothing_to_it(empty_house: House) -> None:
    await with_options(empty_house, triggers=ONLY_ARMED)
    await goes_on(empty_house, "glass_break")
    await empty_house.call("alarm_arm_away", PANEL)
    assert empty_house.state(PANEL) == "armed_away"


async def test_an_alarm_cannot_be_cleared_by_arming(house: House) -> None:
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    with pytest.raises(ServiceValidationError) as error:
        await house.call("alarm_arm_away", PANEL)
    assert error.value.translation_key == "disarm_first"
    assert house.state(PANEL) == "triggered"


async def test_a_person_can_raise_the_alarm(house: House) -> None:
    await house.call("alarm_trigger", PANEL)
    assert house.state(PANEL) == "triggered"
    assert house.attributes(PANEL)["triggered_by"] is None


async def test_without_a_code_none_is_asked_for(house: House) -> None:
    assert house.attributes(PANEL)["code_format"] is None


async def test_the_panel_says_who_armed_and_disarmed(house: House, hass_admin_user: MockUser) -> None:
    person = Context(user_id=hass_admin_user.id)
    await house.hass.services.async_call(
        "alarm_control_panel", "alarm_arm_away", {"entity_id": PANEL}, blocking=True, context=person
    )
    assert house.attributes(PANEL)["changed_by"] == hass_admin_user.name
    await house.call("alarm_disarm", PANEL)
    assert house.attributes(PANEL)["changed_by"] is None


async def test_a_sound_that_is_heard_while_everything_is_unloaded_raises_the_alarm(house: House) -> None:
    house.hass.config_entries.async_update_entry(house.entry, options={"exit_delay": 0})
    await house.hass.async_block_till_done()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_away", PANEL)
    unload = house.hass.config_entries.async_unload_platforms

    async def unload_slowly(entry: ConfigEntry, platforms: Iterable[str]) -> bool:
        unloaded = await unload(entry, platforms)
        guard = house.entry.runtime_data.guard
        house.room.play("glass_break")
        await until(lambda: guard.now.state == "triggered")
        return unloaded

    with patch.object(house.hass.config_entries, "async_unload_platforms", unload_slowly):
        await house.reload()
    assert house.state(PANEL) == "triggered"
    assert house.attributes(PANEL)["triggered_by"] == "glass_break"
    assert house.attributes(PANEL)["changed_by"] == "Kitchen"


async def test_an_armed_guard_survives_a_reload(empty_house: House) -> None:
    await with_options(empty_house)
    await empty_house.call("alarm_arm_night", PANEL)
    await empty_house.reload()
    assert empty_house.state(PANEL) == "armed_night"
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")


async def test_a_sound_is_not_laid_at_the_door_of_whoever_armed(empty_house: House, hass_admin_user: MockUser) -> None:
    await with_options(empty_house)
    person = Context(user_id=hass_admin_user.id)
    await empty_house.hass.services.async_call(
        "alarm_control_panel", "alarm_arm_away", {"entity_id": PANEL}, blocking=True, context=person
    )
    armed = empty_house.hass.states.get(PANEL)
    assert armed is not None
    assert armed.context.user_id == hass_admin_user.id
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "triggered")
    triggered = empty_house.hass.states.get(PANEL)
    assert triggered is not None
    assert triggered.context.user_id is None


@pytest.mark.parametrize(("options", "sound"), [({"exit_delay": 1}, None), ({"entry_delay": 1}, "glass_break")])
async def test_what_time_alone_does_is_not_laid_at_anybodys_door(
    empty_house: House, hass_admin_user: MockUser, options: dict[str, int], sound: str | None
) -> None:
    await with_options(empty_house, **options)
    if sound:
        await empty_house.call("alarm_arm_away", PANEL)
        empty_house.room.play(sound)
        await empty_house.until(PANEL, "pending")
    with suppress(ServiceValidationError):
        await empty_house.hass.services.async_call(
            "alarm_control_panel",
            "alarm_arm_away",
            {"entity_id": PANEL},
            blocking=True,
            context=Context(user_id=hass_admin_user.id),
        )
    async_fire_time_changed(empty_house.hass, dt_util.utcnow() + timedelta(seconds=2))
    state = empty_house.hass.states.get(PANEL)
    assert state is not None
    assert state.state == ("triggered" if sound else "armed_away")
    assert state.context.user_id is None


async def test_who_asks_for_an_alarm_that_is_there_already_has_not_raised_it(
    house: House, hass_admin_user: MockUser
) -> None:
    house.room.play("smoke_alarm")
    await house.until(PANEL, "triggered")
    person = Context(user_id=hass_admin_user.id)
    await house.hass.services.async_call(
        "alarm_control_panel", "alarm_trigger", {"entity_id": PANEL}, blocking=True, context=person
    )
    await async_update_entity(house.hass, PANEL)
    assert house.attributes(PANEL)["changed_by"] == "Kitchen"


async def test_the_panel_says_who_raised_the_alarm_during_the_entry_delay(
    empty_house: House, hass_admin_user: MockUser
) -> None:
    await with_options(empty_house, entry_delay=20)
    await empty_house.call("alarm_arm_away", PANEL)
    empty_house.room.play("glass_break")
    await empty_house.until(PANEL, "pending")
    person = Context(user_id=hass_admin_user.id)
    await empty_house.hass.services.async_call(
        "alarm_control_panel", "alarm_trigger", {"entity_id": PANEL}, blocking=True, context=person
    )
    attributes = empty_house.attributes(PANEL)
    assert empty_house.state(PANEL) == "triggered"
    assert (attributes["changed_by"], attributes["triggered_by"]) == (hass_admin_user.name, "glass_break")


async def test_what_follows_the_guard_learns_what_it_was_and_what_it_is(house: House) -> None:
    changes: list[tuple[str, str]] = []
    end = house.entry.runtime_data.guard.subscribe(lambda before, after: changes.append((before.state, after.state)))
    await house.call("alarm_arm_away", PANEL)
    await house.call("alarm_trigger", PANEL)
    await house.call("alarm_trigger", PANEL)
    end()
    await house.call("alarm_disarm", PANEL)
    assert changes == [("disarmed", "arming"), ("arming", "triggered")]
