"""The clock is set, the hour is put back, the machine sleeps: no delay gets longer, and no alarm is swallowed."""

from datetime import UTC, datetime, timedelta

import pytest
from homeassistant.components import persistent_notification

from custom_components.sound_guard.src.hearing import source

from ..integration.conftest import House, until
from ..sounds import read_wav
from .clock import WallClock
from .conftest import GLASS, Impatience
from .radio import Radio
from .trial import Trial
from .watch import ALARM_S, PATIENCE_S

PARTS = "ffmpeg, a web server; a made-up clock"
PANEL = "alarm_control_panel.sound_guard"
DELAYS = {"exit_delay": 1, "entry_delay": 1, "trigger_time": 1}
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Return the clock on the wall."""
    return WallClock(monkeypatch)


async def until_panel(house: House, state: str) -> None:
    """Wait until the guard is in a state."""
    await until(lambda: house.state(PANEL) == state, lambda: f"the guard is {house.state(PANEL)}", PATIENCE_S)


def messages(house: House) -> set[str]:
    """Return the ids of the messages that Home Assistant shows."""
    return set(persistent_notification._async_get_or_create_notifications(house.hass))


@pytest.mark.parametrize(("step", "way"), [(-HOUR, "back"), (HOUR, "ahead")])
async def test_a_clock_that_is_set_makes_no_delay_longer_and_swallows_no_alarm(
    radio: Radio, trial: Trial, clock: WallClock, step: timedelta, way: str
) -> None:
    watch = await trial.watch(radio.url, DELAYS)
    house = watch.house
    watch.strike()
    await house.call("alarm_arm_away", PANEL)
    clock.step(step)
    await until_panel(house, "armed_away")
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    clock.step(step)
    await until_panel(house, "triggered")
    clock.step(step)
    await until_panel(house, "armed_away")

    # The owner says that all is clear; what is heard next is news, and has a message of its own.
    await watch.until_quiet()
    before = messages(house)
    persistent_notification.async_dismiss_all(house.hass)
    clock.step(step)
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    await until(lambda: messages(house) - before, lambda: "the second alarm was swallowed", ALARM_S)
    watch.count_loss()
    trial.note(watch.row(f"Clock set {way} by an hour (NTP), in every delay of the guard", PARTS))


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        (datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), "Summer time ends during the exit delay"),
        (datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC), "Summer time begins during the exit delay"),
    ],
)
async def test_summer_time_comes_and_goes_unnoticed(
    radio: Radio, trial: Trial, clock: WallClock, moment: datetime, fault: str
) -> None:
    watch = await trial.watch(radio.url, DELAYS | {"entry_delay": 0, "trigger_time": 0})
    house = watch.house
    await house.hass.config.async_set_time_zone("Europe/Berlin")
    clock.set(moment)
    watch.strike()
    await house.call("alarm_arm_away", PANEL)
    await until_panel(house, "armed_away")
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    await until_panel(house, "triggered")
    watch.count_loss()
    heard = datetime.fromisoformat(watch.heard_at("kitchen"))
    assert timedelta(0) < heard - moment < timedelta(seconds=PATIENCE_S)
    trial.note(watch.row(fault, PARTS))


async def test_a_machine_that_slept_listens_again_and_is_still_armed(
    radio: Radio, trial: Trial, clock: WallClock, soon: Impatience
) -> None:
    soon(source, "STALL_S", 3)
    watch = await trial.watch(radio.url, DELAYS | {"entry_delay": 0})
    house = watch.house
    await house.call("alarm_arm_away", PANEL)
    await until_panel(house, "armed_away")
    # On waking up, the clock is eight hours ahead, and the other end has long given the connection up.
    radio.forget()
    clock.step(timedelta(hours=8))
    watch.strike()
    await watch.until_noticed()
    await watch.until_back()
    assert house.state(PANEL) == "armed_away"
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    await until_panel(house, "triggered")
    trial.note(watch.row("Machine suspended for 8 h (counted from waking up)", PARTS))
