"""Codes, as they are entered on the panel: the right one, wrong ones, and too many of those."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sound_guard import keypad
from custom_components.sound_guard.code import hash_code, matches as code_matches
from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics

from .conftest import House

PANEL = "alarm_control_panel.sound_guard"
CODE = "748591"
with patch("custom_components.sound_guard.code._COST", (2, 8, 1)):
    # What is stored says how much work a try is: here, next to none.
    HASHED = hash_code(CODE)
STORE = "sound_guard.keypad"


class Clock:
    """The clock on the wall, and the time that has passed; both stand still between ticks. Everything else goes on."""

    def __init__(self) -> None:
        """Begin now."""
        self._now = dt_util.utcnow()
        self._passed_s = 1_000.0

    def now(self) -> datetime:
        """Return what the clock shows."""
        return self._now

    def passed_s(self) -> float:
        """Return how much time has passed, whatever the clock shows."""
        return self._passed_s

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self._passed_s += seconds
        self.put(seconds)

    def put(self, seconds: float) -> None:
        """Set the clock forward, or back, without a moment passing."""
        self._now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Return the clock that Home Assistant looks at."""
    clock = Clock()
    with patch.object(dt_util, "utcnow", clock.now), patch.object(keypad, "monotonic", clock.passed_s):
        yield clock


@pytest.fixture
def slowly() -> Iterator[threading.Event]:
    """Return what has to be set before any code is compared with the right one."""
    may_go_on = threading.Event()

    def matches(code: str, hashed: str) -> bool:
        return may_go_on.wait(10) and code_matches(code, hashed)

    with patch.object(keypad, "matches", matches):
        yield may_go_on
        may_go_on.set()


async def with_code(house: House, **options: Any) -> None:
    """Set the house up with a code, and arm it."""
    house.hass.config_entries.async_update_entry(
        house.entry, options={"exit_delay": 0, "code_hash": HASHED} | options, minor_version=2
    )
    await house.set_up()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_away", PANEL, **({"code": CODE} if options.get("code_to_arm") else {}))


async def refused(house: House, code: str | None = None, service: str = "alarm_disarm") -> ServiceValidationError:
    """Try to disarm, or something else; return why that was refused."""
    with pytest.raises(ServiceValidationError) as error:
        await house.call(service, PANEL, **({} if code is None else {"code": code}))
    return error.value


async def lock_out(house: House) -> str:
    """Enter wrong codes until the keypad is locked; return for how long."""
    for _ in range(4):
        assert (await refused(house, "1111")).translation_key == "wrong_code"
    return await wait(house, "1111")


async def wait(house: House, code: str = CODE) -> str:
    """Enter a code, by default the right one, that must not be let in; return for how long."""
    error = await refused(house, code)
    assert error.translation_key == "locked_out"
    assert error.translation_placeholders is not None
    return error.translation_placeholders["wait"]


async def test_the_code_is_needed_to_disarm_but_not_to_arm(empty_house: House) -> None:
    await with_code(empty_house)
    attributes = empty_house.attributes(PANEL)
    assert (attributes["code_format"], attributes["code_arm_required"]) == ("number", False)
    assert (await refused(empty_house)).translation_key == "code_needed"
    assert (await refused(empty_house, "748592")).translation_key == "wrong_code"
    assert empty_house.state(PANEL) == "armed_away"
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    assert empty_house.state(PANEL) == "disarmed"


async def test_the_code_can_be_needed_to_arm_as_well(empty_house: House) -> None:
    await with_code(empty_house, code_to_arm=True)
    assert empty_house.attributes(PANEL)["code_arm_required"] is True
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    await refused(empty_house, service="alarm_arm_away")
    assert (await refused(empty_house, "1111", "alarm_arm_away")).translation_key == "wrong_code"
    assert empty_house.state(PANEL) == "disarmed"


async def test_a_code_that_arming_does_not_need_is_not_looked_at(empty_house: House) -> None:
    # An automation that arms every night must not fail because the code is another one now, nor lock the owner out.
    await with_code(empty_house)
    for _ in range(10):
        await empty_house.call("alarm_arm_home", PANEL, code="1111")
    assert empty_house.state(PANEL) == "armed_home"
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


GLASS_WHILE_AWAY = {"triggers": {"glass_break": ["armed_away"]}}


@pytest.mark.parametrize("exit_delay", [0, 30])
async def test_what_the_guard_was_armed_for_is_not_taken_back_without_the_code(
    empty_house: House, exit_delay: int
) -> None:
    await with_code(empty_house, exit_delay=exit_delay, **GLASS_WHILE_AWAY)
    before = empty_house.state(PANEL)
    assert (await refused(empty_house, service="alarm_arm_home")).translation_key == "code_needed"
    assert (await refused(empty_house, "1111", "alarm_arm_home")).translation_key == "wrong_code"
    assert empty_house.state(PANEL) == before == ("arming" if exit_delay else "armed_away")
    await empty_house.call("alarm_arm_home", PANEL, code=CODE)
    assert empty_house.entry.runtime_data.guard.now.mode == "armed_home"


async def test_more_is_guarded_without_a_code(empty_house: House) -> None:
    await with_code(empty_house, **GLASS_WHILE_AWAY)
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    for service in ("alarm_arm_home", "alarm_arm_night", "alarm_arm_away", "alarm_arm_away"):
        await empty_house.call(service, PANEL)
    assert empty_house.state(PANEL) == "armed_away"


async def test_a_demand_to_arm_with_a_code_means_nothing_without_one(empty_house: House) -> None:
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"code_to_arm": True})
    await empty_house.set_up()
    await empty_house.call("alarm_arm_away", PANEL)
    assert empty_house.state(PANEL) == "arming"
    await empty_house.call("alarm_disarm", PANEL, code="any code at all")
    assert empty_house.state(PANEL) == "disarmed"


async def test_after_five_wrong_codes_even_the_right_one_is_refused_for_a_while(
    empty_house: House, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await with_code(empty_house)
    assert await lock_out(empty_house) == "30 s"
    clock.tick(12)
    assert await wait(empty_house) == "18 s"
    assert empty_house.state(PANEL) == "armed_away"
    clock.tick(18)
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    assert empty_house.state(PANEL) == "disarmed"
    assert "5 wrong codes; every code is refused for 30 s" in caplog.text


async def test_a_forgotten_code_is_no_guess(empty_house: House) -> None:
    await with_code(empty_house)
    for _ in range(10):
        assert (await refused(empty_house)).translation_key == "code_needed"
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_each_further_wrong_code_locks_for_twice_as_long_up_to_an_hour(empty_house: House, clock: Clock) -> None:
    await with_code(empty_house)
    waits = [await lock_out(empty_house)]
    for _ in range(8):
        clock.tick(3_600)
        waits.append(await wait(empty_house, "1111"))
    assert waits == ["30 s", "60 s", "2 min", "4 min", "8 min", "16 min", "32 min", "60 min", "60 min"]


async def test_codes_that_are_refused_unseen_do_not_make_it_longer(empty_house: House, clock: Clock) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    for _ in range(20):
        assert await wait(empty_house, "1111") == "30 s"
    clock.tick(30)
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_the_right_code_forgives_the_wrong_ones(empty_house: House) -> None:
    await with_code(empty_house)
    for _ in range(2):
        for _ in range(4):
            await refused(empty_house, "1111")
        await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_many_guesses_at_once_get_no_further_than_one_after_the_other(empty_house: House) -> None:
    await with_code(empty_house)
    guesses = [*(f"{guess:04}" for guess in range(50)), CODE]
    tries = (empty_house.call("alarm_disarm", PANEL, code=guess) for guess in guesses)
    errors = await asyncio.gather(*tries, return_exceptions=True)
    keys = [error.translation_key for error in errors if isinstance(error, ServiceValidationError)]
    assert keys == ["wrong_code"] * 4 + ["locked_out"] * 47
    assert empty_house.state(PANEL) == "armed_away"


async def test_a_lock_out_survives_a_restart(empty_house: House, clock: Clock, hass_storage: dict[str, Any]) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    assert hass_storage[STORE]["data"]["wrong"] == 5
    await empty_house.reload()
    clock.tick(10)
    assert await wait(empty_house) == "20 s"
    clock.tick(20)
    # Nor does a restart give five new tries.
    assert await wait(empty_house, "1111") == "60 s"


async def test_wrong_codes_before_a_restart_are_not_forgotten(empty_house: House) -> None:
    await with_code(empty_house)
    for _ in range(4):
        await refused(empty_house, "1111")
    await empty_house.reload()
    assert await wait(empty_house, "1111") == "30 s"


@pytest.mark.parametrize("by", [-86_400, 86_400])
async def test_a_clock_that_was_set_makes_the_wait_neither_longer_nor_shorter(
    empty_house: House, clock: Clock, by: int
) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    clock.put(by)
    assert await wait(empty_house) == "30 s"
    clock.tick(29)
    assert await wait(empty_house) == "1 s"
    clock.tick(1)
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_a_clock_that_is_behind_after_a_restart_makes_the_wait_begin_anew_and_end(
    empty_house: House, clock: Clock
) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    clock.tick(10)
    clock.put(-86_400)
    await empty_house.reload()
    assert await wait(empty_house) == "30 s"
    clock.tick(30)
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_a_power_cut_right_after_a_wrong_code_does_not_undo_the_count(empty_house: House) -> None:
    # What is written without this is soon on the disk, but not at once.
    assert keypad.keypad_store(empty_house.hass)._atomic_writes


async def test_a_new_code_ends_the_wait(empty_house: House, clock: Clock) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    options = dict(empty_house.entry.options) | {"code_hash": hash_code("1111")}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=options)
    await empty_house.hass.async_block_till_done()
    await empty_house.call("alarm_disarm", PANEL, code="1111")
    assert empty_house.state(PANEL) == "disarmed"


@pytest.mark.parametrize("damage", [{"wrong": "nonsense"}, {"locked_since": "nonsense"}, {"locked_since": 5}])
async def test_a_damaged_count_does_not_keep_the_guard_from_working(
    empty_house: House, hass_storage: dict[str, Any], damage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    data = {"salt": HASHED.rpartition("$")[0], "wrong": 5, "locked_since": "2026-11-22T12:00:00+00:00"} | damage
    hass_storage[STORE] = {"version": 1, "minor_version": 1, "key": STORE, "data": data}
    await with_code(empty_house)
    assert "it begins anew" in caplog.text
    await empty_house.call("alarm_disarm", PANEL, code=CODE)


async def test_a_smoke_alarm_is_raised_and_a_person_can_raise_one_during_a_lock_out(
    empty_house: House, clock: Clock
) -> None:
    await with_code(empty_house)
    await lock_out(empty_house)
    empty_house.room.play("smoke_alarm")
    await empty_house.until(PANEL, "triggered")
    await empty_house.reload()
    await empty_house.call("alarm_trigger", PANEL)
    assert empty_house.state(PANEL) == "triggered"


async def test_smoke_that_begins_while_a_code_is_checked_is_not_disarmed_unseen(
    empty_house: House, slowly: threading.Event
) -> None:
    await with_code(empty_house)
    disarming = empty_house.hass.async_create_task(refused(empty_house, CODE))
    empty_house.room.play("smoke_alarm")
    await empty_house.until(PANEL, "triggered")
    slowly.set()
    assert (await disarming).translation_key == "alarm_meanwhile"
    assert empty_house.state(PANEL) == "triggered"
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    assert empty_house.state(PANEL) == "disarmed"


async def test_the_panel_says_whose_code_disarmed_though_somebody_else_asked_for_something_meanwhile(
    empty_house: House, slowly: threading.Event
) -> None:
    await with_code(empty_house)
    anna, bob = (MockUser(name=name, is_owner=True).add_to_hass(empty_house.hass) for name in ("Anna", "Bob"))

    async def ask(service: str, user: MockUser, **data: str) -> None:
        data = {"entity_id": PANEL, **data}
        context = Context(user_id=user.id)
        await empty_house.hass.services.async_call("alarm_control_panel", service, data, blocking=True, context=context)

    disarming = empty_house.hass.async_create_task(ask("alarm_disarm", anna, code=CODE))
    await ask("alarm_trigger", bob)
    assert empty_house.attributes(PANEL)["changed_by"] == "Bob"
    slowly.set()
    await disarming
    state = empty_house.hass.states.get(PANEL)
    assert state is not None
    assert (state.state, state.attributes["changed_by"], state.context.user_id) == ("disarmed", "Anna", anna.id)


async def test_removing_the_installation_leaves_no_count_behind(
    empty_house: House, hass_storage: dict[str, Any]
) -> None:
    await with_code(empty_house)
    await refused(empty_house, "1111")
    assert STORE in hass_storage
    await empty_house.hass.config_entries.async_remove(empty_house.entry.entry_id)
    await empty_house.hass.async_block_till_done()
    assert STORE not in hass_storage


async def test_neither_code_nor_hash_is_given_away(
    empty_house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await with_code(empty_house)
    caplog.clear()
    wrong = "748592"
    messages = [str(await refused(empty_house, wrong))]
    await empty_house.call("alarm_disarm", PANEL, code=CODE)
    await empty_house.hass.async_block_till_done()
    state = empty_house.hass.states.get(PANEL)
    assert state is not None
    shown = json.dumps(
        [
            messages,
            # Home Assistant itself writes every call of an action down when it is asked to log everything.
            [record.getMessage() for record in caplog.records if record.name.startswith("custom_components")],
            await async_get_config_entry_diagnostics(empty_house.hass, empty_house.entry),
            [state.as_dict() for state in empty_house.hass.states.async_all()],
            hass_storage[STORE],
            hass_storage["core.restore_state"],
        ],
        default=str,
    )
    assert not [code for code in (CODE, wrong) if code in json.dumps(hass_storage, default=str)]
    assert not [secret for secret in (CODE, wrong, HASHED, HASHED.rpartition("$")[2]) if secret in shown]
