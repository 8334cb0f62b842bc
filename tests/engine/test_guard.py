"""When a sound raises the alarm, and when it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hearing.guard import Cause, Guard, GuardConfig, Mode, Policy, State, sound_policies

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONFIG = GuardConfig()
AT_ONCE = GuardConfig(exit_delay_s=0)
ARMED_MODES = [Mode.ARMED_AWAY, Mode.ARMED_HOME, Mode.ARMED_NIGHT]
LIFE = ["smoke_alarm", "co_alarm"]


def after(seconds: float) -> datetime:
    """Return a time that many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def armed(mode: Mode = Mode.ARMED_AWAY) -> Guard:
    """Return a guard that has been armed at noon."""
    return Guard(NOON).arm(mode, NOON, AT_ONCE)


def test_a_new_guard_is_disarmed() -> None:
    assert (Guard(NOON).mode, Guard(NOON).state, Guard(NOON).cause) == (Mode.DISARMED, State.DISARMED, None)


@pytest.mark.parametrize("mode", ARMED_MODES)
def test_arming_takes_the_exit_delay_and_not_a_moment_longer(mode: Mode) -> None:
    guard = Guard(NOON).arm(mode, NOON, CONFIG)
    assert guard.state is State.ARMING
    assert guard.next_change(CONFIG) == after(30)
    assert guard.tick(after(29.9), CONFIG) is guard
    done = guard.tick(after(30), CONFIG)
    assert (done.mode, done.state, done.since) == (mode, State(mode), after(30))
    assert done.next_change(CONFIG) is None


def test_a_late_tick_is_armed_since_the_delay_was_over() -> None:
    assert Guard(NOON).arm(Mode.ARMED_HOME, NOON, CONFIG).tick(after(500), CONFIG).since == after(30)


@pytest.mark.parametrize("mode", ARMED_MODES)
def test_without_an_exit_delay_arming_is_immediate(mode: Mode) -> None:
    assert armed(mode) == Guard(NOON, mode, State(mode))


def test_arming_as_disarmed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="disarm"):
        Guard(NOON).arm(Mode.DISARMED, NOON, CONFIG)


def test_another_mode_while_arming_does_not_begin_the_delay_anew() -> None:
    guard = Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG).arm(Mode.ARMED_NIGHT, after(20), CONFIG)
    assert (guard.mode, guard.state, guard.since) == (Mode.ARMED_NIGHT, State.ARMING, NOON)
    assert guard.tick(after(30), CONFIG).state is State.ARMED_NIGHT


def test_another_mode_while_armed_leaves_no_gap() -> None:
    guard = armed(Mode.ARMED_AWAY).arm(Mode.ARMED_HOME, after(60), CONFIG)
    assert (guard.mode, guard.state, guard.since) == (Mode.ARMED_HOME, State.ARMED_HOME, after(60))


@pytest.mark.parametrize("mode", ARMED_MODES)
def test_breaking_glass_raises_the_alarm_when_armed(mode: Mode) -> None:
    guard = armed(mode).hear("glass_break", "Hall", after(5), CONFIG)
    assert (guard.state, guard.since, guard.cause) == (State.TRIGGERED, after(5), Cause("glass_break", "Hall"))
    assert guard.mode is mode


def test_breaking_glass_is_nothing_when_disarmed_or_while_somebody_leaves() -> None:
    for guard in (Guard(NOON), Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG)):
        assert guard.hear("glass_break", "Hall", after(5), CONFIG) is guard


@pytest.mark.parametrize("label", LIFE)
def test_smoke_and_carbon_monoxide_raise_the_alarm_in_every_state(label: str) -> None:
    for guard in (Guard(NOON), Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG), *map(armed, ARMED_MODES)):
        assert guard.hear(label, "Hall", after(5), CONFIG).state is State.TRIGGERED


@pytest.mark.parametrize("label", LIFE)
def test_smoke_and_carbon_monoxide_can_be_limited_to_the_armed_states(label: str) -> None:
    config = GuardConfig(triggers=sound_policies(Policy.ARMED))
    guard = Guard(NOON)
    assert guard.hear(label, "Hall", NOON, config) is guard
    assert armed().hear(label, "Hall", NOON, config).state is State.TRIGGERED


@pytest.mark.parametrize("label", ["smoke_alarm", "doorbell"])
def test_what_is_never_to_raise_the_alarm_does_not(label: str) -> None:
    config = GuardConfig(triggers=sound_policies(Policy.NEVER))
    assert armed().hear(label, "Hall", NOON, config) == armed()


def test_the_first_cause_of_an_alarm_stays() -> None:
    guard = armed().hear("glass_break", "Hall", after(1), CONFIG)
    assert guard.hear("smoke_alarm", "Kitchen", after(2), CONFIG) is guard
    assert guard.trigger(after(3)) is guard


def test_disarming_ends_an_alarm_and_forgets_its_cause() -> None:
    guard = armed().hear("glass_break", "Hall", after(1), CONFIG).disarm(after(9))
    assert guard == Guard(after(9))


def test_an_alarm_cannot_be_ended_by_arming() -> None:
    guard = armed().hear("glass_break", "Hall", after(1), CONFIG)
    assert guard.arm(Mode.ARMED_HOME, after(2), CONFIG) is guard


def test_a_person_can_raise_the_alarm() -> None:
    guard = Guard(NOON).trigger(after(1))
    assert (guard.state, guard.cause, guard.mode) == (State.TRIGGERED, None, Mode.DISARMED)


def test_an_alarm_lasts_until_somebody_disarms() -> None:
    guard = armed().hear("glass_break", "Hall", NOON, CONFIG)
    assert guard.next_change(CONFIG) is None
    assert guard.tick(after(1_000_000), CONFIG) is guard


@pytest.mark.parametrize("before", [Guard(NOON), armed()])
def test_an_alarm_with_a_limit_goes_back_to_what_was_before(before: Guard) -> None:
    config = GuardConfig(trigger_time_s=120)
    guard = before.hear("smoke_alarm", "Hall", NOON, config)
    assert guard.tick(after(119), config) is guard
    assert guard.tick(after(120), config) == replace(before, since=after(120))


def test_an_alarm_during_the_exit_delay_ends_in_the_mode_that_was_asked_for() -> None:
    config = GuardConfig(trigger_time_s=120)
    guard = Guard(NOON).arm(Mode.ARMED_NIGHT, NOON, config).hear("co_alarm", "Hall", after(10), config)
    assert guard.tick(after(130), config).state is State.ARMED_NIGHT


def test_the_states_are_those_of_home_assistants_alarm_panel() -> None:
    panel = {"disarmed", "arming", "armed_away", "armed_home", "armed_night", "triggered"}
    assert {state.value for state in State} == panel
    assert {mode.value for mode in Mode} < panel
