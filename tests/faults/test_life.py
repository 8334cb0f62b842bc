"""Set up anew again and again, and ended in the middle of an alarm: nothing is left behind, and nothing forgotten."""

import os
import time
from pathlib import Path

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.restore_state import async_load
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.sound_guard.clips import FOLDER
from custom_components.sound_guard.session import JOIN_S

from ..integration.conftest import listening_threads, until
from ..sounds import read_wav
from ..virtual_microphone import VirtualMicrophone
from .conftest import GLASS, SMOKE, Times
from .radio import Radio
from .trial import Trial, furnish
from .watch import PATIENCE_S

PARTS = "ffmpeg, a web server"
PANEL = "alarm_control_panel.sound_guard"


def left_open() -> tuple[int, int, int]:
    """Return how many files, ffmpegs and threads of ours there are."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/comm").read_text().strip() for child in children]
    return len(list(Path("/proc/self/fd").iterdir())), names.count("ffmpeg"), len(listening_threads())


def kept(configuration: Path) -> list[str]:
    """Return what lies in the folder of clips: a sound, a picture and a page each."""
    return sorted(path.suffix for path in (configuration / FOLDER).glob("*"))


async def test_reloads_leave_nothing_behind_and_it_hears_as_before(
    sound_server: VirtualMicrophone, trial: Trial, times: Times
) -> None:
    watch = await trial.watch("pulse:default")
    house = watch.house
    await house.reload()
    await house.until("binary_sensor.kitchen_connectivity", "on")
    before = left_open()
    watch.strike()
    longest_s = 0.0
    for _ in range(times.reloads):
        began_s = time.monotonic()
        await house.reload()
        await until(lambda: house.state("binary_sensor.kitchen_connectivity") == "on", timeout_s=PATIENCE_S)
        longest_s = max(longest_s, time.monotonic() - began_s)
    watch.count_loss()
    watch.again_s = longest_s
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    await until(lambda: left_open() == before, lambda: f"{before} became {left_open()}", PATIENCE_S)
    each_s = watch.lost_s / times.reloads
    trial.note(
        watch.row(
            f"{times.reloads} reloads while sound comes in",
            "PulseAudio, ffmpeg",
            f"{each_s:.1f} s of sound lost in each",
        )
    )


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_shutdown_in_the_middle_of_an_alarm_ends_soon_and_forgets_nothing(
    hass: HomeAssistant,
    radio: Radio,
    trial: Trial,
    tmp_path: Path,
) -> None:
    hass.config.config_dir = str(tmp_path)
    watch = await trial.watch(radio.url, {"keep_clips": True})
    watch.strike()
    await watch.sound_alarm("smoke_alarm", lambda: radio.play(read_wav(SMOKE)))
    await until(lambda: len(kept(tmp_path)) == 3, timeout_s=PATIENCE_S)
    began_s = time.monotonic()
    await hass.async_stop()
    ended_s = time.monotonic() - began_s
    assert ended_s < JOIN_S + PATIENCE_S
    assert listening_threads() == []
    assert len(kept(tmp_path)) == 3
    # Nobody unloads what has been stopped.
    watch.house.entry.mock_state(hass, ConfigEntryState.NOT_LOADED)

    # The alarm goes on while Home Assistant starts again.
    radio.play(read_wav(SMOKE))
    watch.cure()
    began_s = time.monotonic()
    async with async_test_home_assistant() as again:
        again.data.pop(DATA_CUSTOM_COMPONENTS)
        await async_load(again)
        house = await furnish(again, trial.ear, {"kitchen": radio.url}, {})
        watch.again_s = time.monotonic() - began_s
        assert house.state(PANEL) == "triggered"
        watch.sounded += 1
        await until(lambda: house.state("binary_sensor.kitchen_smoke") == "on", timeout_s=PATIENCE_S)
        watch.heard += 1
        await again.async_block_till_done()
        await again.async_stop(force=True)
    trial.note(
        watch.row(
            "Home Assistant ended in the middle of an alarm, and started again",
            PARTS,
            f"it ends within {ended_s:.1f} s; the guard’s alarm and the clip are there after the start",
        )
    )
