"""When a sound raises the alarm, and when it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hearing.guard import ALWAYS, NEVER, TRIGGERS, WHEN_ARMED, Cause, Guard, GuardConfig, Mode, State

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONFIG = GuardConfig()
AT_ONCE = GuardConfig(exit_delay_s=0)
ENTRY = GuardConfig(entry_delay_s=20, trigger_time_s=120)
ARMED_MODES = [Mode.ARMED_AWAY, Mode.ARMED_HOME, Mode.ARMED_NIGHT]
LIFE = ["smoke_alarm", "co_alarm"]


def after(seconds: float) -> datetime:
    """Return a time that many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def sound(label: str, microphone: str = "Hall") -> Cause:
    """Return a sound that was heard."""
    return Cause(label, microphone, 0.9, NOON, "hall_id", "Hallway")


GLASS = sound("glass_break")
SMOKE = sound("smoke_alarm", "Kitchen")


def armed(mode: Mode = Mode.ARMED_AWAY) -> Guard:
    """Return a guard that has been armed at noon."""
    return Guard(NOON).arm(mode, NOON, AT_ONCE)


def raised(cause: Cause = GLASS, guard: Guard | None = None, config: GuardConfig = CONFIG) -> Guard:
    """Return a guard that has heard a sound at noon."""
    return (guard or armed()).hear(cause, NOON, config)


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
    guard = armed(mode).hear(GLASS, after(5), CONFIG)
    assert (guard.mode, guard.state, guard.since, guard.cause) == (mode, State.TRIGGERED, after(5), GLASS)


def test_breaking_glass_is_nothing_when_disarmed_or_while_somebody_leaves() -> None:
    for guard in (Guard(NOON), Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG)):
        assert guard.hear(GLASS, after(5), CONFIG) is guard


@pytest.mark.parametrize("config", [CONFIG, ENTRY])
@pytest.mark.parametrize("label", LIFE)
def test_smoke_and_carbon_monoxide_raise_the_alarm_in_every_state_at_once(label: str, config: GuardConfig) -> None:
    for guard in (Guard(NOON), Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG), *map(armed, ARMED_MODES)):
        assert guard.hear(sound(label), after(5), config).state is State.TRIGGERED


@pytest.mark.parametrize("label", TRIGGERS)
@pytest.mark.parametrize("chosen", [ALWAYS, WHEN_ARMED, NEVER, {Mode.ARMED_NIGHT}, {Mode.DISARMED, Mode.ARMED_AWAY}])
def test_each_sound_raises_the_alarm_in_the_modes_that_the_owner_chose(label: str, chosen: frozenset[Mode]) -> None:
    config = GuardConfig(triggers={label: chosen})
    for mode in Mode:
        guard = Guard(NOON) if mode is Mode.DISARMED else armed(mode)
        expected = State.TRIGGERED if mode in chosen else guard.state
        assert guard.hear(sound(label), NOON, config).state is expected


def test_a_mode_is_weaker_if_one_sound_is_missing_whatever_else_it_has() -> None:
    away, home = Mode.ARMED_AWAY, Mode.ARMED_HOME
    config = GuardConfig(triggers={"glass_break": frozenset({away}), "smoke_alarm": frozenset({home})})
    assert config.is_weaker(home, away)
    assert config.is_weaker(away, home)
    assert not config.is_weaker(away, Mode.ARMED_NIGHT)
    assert not any(CONFIG.is_weaker(one, other) for one in ARMED_MODES for other in ARMED_MODES)


def test_a_sound_that_the_guard_does_not_know_is_nothing() -> None:
    assert armed().hear(sound("doorbell"), NOON, CONFIG) == armed()


def test_the_entry_delay_gives_time_to_disarm_and_then_raises_the_alarm() -> None:
    guard = armed().hear(GLASS, after(5), ENTRY)
    assert (guard.mode, guard.state, guard.since, guard.cause) == (Mode.ARMED_AWAY, State.PENDING, after(5), GLASS)
    assert guard.next_change(ENTRY) == after(25)
    assert guard.tick(after(24.9), ENTRY) is guard
    assert guard.tick(after(25), ENTRY) == replace(guard, state=State.TRIGGERED, since=after(25))
    assert guard.disarm(after(10)) == Guard(after(10))


def test_a_late_tick_raises_an_alarm_that_lasts_its_full_time() -> None:
    guard = raised(config=ENTRY).tick(after(10_000), ENTRY)
    assert (guard.state, guard.next_change(ENTRY)) == (State.TRIGGERED, after(10_120))


def test_what_raises_the_alarm_at_all_times_has_no_entry_delay() -> None:
    config = replace(ENTRY, triggers={"glass_break": ALWAYS})
    for guard in (Guard(NOON), armed()):
        assert guard.hear(GLASS, NOON, config).state is State.TRIGGERED


@pytest.mark.parametrize("label", LIFE)
def test_smoke_and_carbon_monoxide_never_wait_even_if_they_count_only_while_armed(label: str) -> None:
    config = replace(ENTRY, triggers={label: WHEN_ARMED})
    assert armed().hear(sound(label), NOON, config).state is State.TRIGGERED


def test_the_first_cause_of_an_alarm_stays() -> None:
    pending = raised(config=ENTRY)
    assert pending.hear(sound("glass_break", "Kitchen"), after(2), ENTRY) is pending
    assert raised().hear(sound("glass_break", "Kitchen"), after(2), ENTRY).cause == GLASS
    smoke = raised(SMOKE)
    assert smoke.hear(sound("co_alarm"), after(2), CONFIG).cause == SMOKE
    assert smoke.hear(GLASS, after(2), CONFIG) is smoke
    assert smoke.trigger(after(3)) is smoke


@pytest.mark.parametrize("alarm", [raised(), armed().trigger(NOON)])
def test_glass_that_breaks_during_an_alarm_makes_it_last_for_its_full_time_again(alarm: Guard) -> None:
    again = alarm.hear(sound("glass_break", "Kitchen"), after(100), ENTRY)
    assert again == replace(alarm, since=after(100))
    assert again.tick(after(219), ENTRY).state is State.TRIGGERED
    assert again.tick(after(220), ENTRY).state is State.ARMED_AWAY


def test_what_would_not_raise_the_alarm_does_not_make_it_last_longer() -> None:
    home = armed(Mode.ARMED_HOME).trigger(NOON)
    assert home.hear(GLASS, after(100), replace(ENTRY, triggers={"glass_break": frozenset({Mode.ARMED_AWAY})})) is home


@pytest.mark.parametrize("before", [raised(), raised(config=ENTRY), armed().trigger(NOON)])
def test_smoke_takes_the_place_of_any_other_cause_at_once(before: Guard) -> None:
    guard = before.hear(SMOKE, after(2), ENTRY)
    assert guard == Guard(after(2), Mode.ARMED_AWAY, State.TRIGGERED, SMOKE)


def test_smoke_that_is_never_to_raise_the_alarm_does_not_take_part() -> None:
    config = replace(ENTRY, triggers={**TRIGGERS, "smoke_alarm": NEVER})
    pending = raised(config=config)
    assert pending.hear(SMOKE, after(2), config) is pending


def test_disarming_ends_an_alarm_and_forgets_its_cause() -> None:
    assert raised().disarm(after(9)) == Guard(after(9))


def test_an_alarm_cannot_be_ended_by_arming() -> None:
    for guard in (raised(), raised(config=ENTRY)):
        assert guard.is_raising
        assert guard.arm(Mode.ARMED_HOME, after(2), ENTRY) is guard


def test_a_guard_is_armed_neither_before_it_is_nor_while_it_raises_the_alarm() -> None:
    assert all(armed(mode).is_armed for mode in ARMED_MODES)
    others = (Guard(NOON), Guard(NOON).arm(Mode.ARMED_AWAY, NOON, CONFIG), raised(config=ENTRY), raised())
    assert not [guard for guard in others if guard.is_armed]


def test_a_person_can_raise_the_alarm() -> None:
    guard = Guard(NOON).trigger(after(1))
    assert (guard.state, guard.cause, guard.mode) == (State.TRIGGERED, None, Mode.DISARMED)


def test_a_person_need_not_wait_for_the_entry_delay() -> None:
    pending = raised(config=ENTRY)
    assert pending.trigger(after(1)) == replace(pending, state=State.TRIGGERED, since=after(1))


def test_an_alarm_lasts_until_somebody_disarms() -> None:
    assert raised().next_change(CONFIG) is None
    assert raised().tick(after(1_000_000), CONFIG) == raised()


@pytest.mark.parametrize("before", [Guard(NOON), *map(armed, ARMED_MODES)])
def test_an_alarm_with_a_limit_goes_back_to_what_was_before(before: Guard) -> None:
    guard = before.hear(SMOKE, NOON, ENTRY)
    assert guard.tick(after(119), ENTRY) is guard
    assert guard.tick(after(120), ENTRY) == replace(before, since=after(120))


@pytest.mark.parametrize("label", LIFE)
def test_an_alarm_is_not_over_while_a_smoke_or_carbon_monoxide_alarm_is_still_heard(label: str) -> None:
    for guard in (raised(SMOKE), raised()):
        assert guard.tick(after(500), ENTRY, heard={label}) is guard
        assert guard.tick(after(500), ENTRY, heard={"glass_break"}).state is State.ARMED_AWAY


def test_a_sound_that_goes_on_holds_up_no_other_delay() -> None:
    guard = Guard(NOON).arm(Mode.ARMED_NIGHT, NOON, CONFIG)
    assert guard.tick(after(30), CONFIG, heard=LIFE).state is State.ARMED_NIGHT
    assert raised(config=ENTRY).tick(after(20), ENTRY, heard=LIFE).state is State.TRIGGERED


def test_an_alarm_during_the_exit_delay_ends_in_the_mode_that_was_asked_for() -> None:
    guard = Guard(NOON).arm(Mode.ARMED_NIGHT, NOON, ENTRY).hear(SMOKE, after(10), ENTRY)
    assert guard.tick(after(130), ENTRY).state is State.ARMED_NIGHT


def test_the_states_are_those_of_home_assistants_alarm_panel() -> None:
    panel = {"disarmed", "arming", "armed_away", "armed_home", "armed_night", "pending", "triggered"}
    assert {state.value for state in State} == panel
    assert {mode.value for mode in Mode} < panel
