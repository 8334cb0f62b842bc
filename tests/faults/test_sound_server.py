"""The sound server dies, comes back, and hangs, while one microphone listens with PyAudio and one with ffmpeg."""

import asyncio

import pytest

from custom_components.sound_guard.src.hearing import source

from ..virtual_microphone import VirtualMicrophone
from .conftest import GLASS, Impatience
from .trial import Trial
from .watch import PATIENCE_S, warnings

ROOMS = {"kitchen": "pyaudio:default", "hall": "pulse:default"}
PARTS = "PulseAudio, PyAudio and ffmpeg"


async def test_a_killed_sound_server_is_seen_and_its_return_is_heard(
    sound_server: VirtualMicrophone, trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    watch = await trial.watch(ROOMS)
    watch.strike()
    await asyncio.to_thread(sound_server.kill)
    await watch.until_noticed()
    await asyncio.sleep(3)
    watch.cure()
    await asyncio.to_thread(sound_server.start)
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    assert sorted(line.partition(":")[0] for line in warnings(caplog.records)) == ["Hall", "Kitchen"]
    trial.note(watch.row("Sound server killed, started again seconds later", PARTS))


async def test_a_restarted_sound_server_is_listened_to_again(sound_server: VirtualMicrophone, trial: Trial) -> None:
    def restart() -> None:
        sound_server.stop()
        sound_server.start()

    watch = await trial.watch(ROOMS)
    watch.strike()
    await asyncio.to_thread(restart)
    watch.cure()
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    trial.note(watch.row("Sound server restarted", PARTS))


async def test_a_wedged_sound_server_is_seen_and_listened_to_when_it_goes_on(
    sound_server: VirtualMicrophone, trial: Trial, soon: Impatience
) -> None:
    soon(source, "STALL_S", 3)
    watch = await trial.watch(ROOMS)
    watch.strike()
    sound_server.suspend()
    await watch.until_noticed()
    assert watch.noticed_s is not None
    assert watch.noticed_s >= source.STALL_S - 1
    watch.cure()
    sound_server.resume()
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    trial.note(watch.row("Sound server wedged (SIGSTOP) until it was seen, then goes on", PARTS))


async def test_a_wedged_sound_server_holds_nobody_up(
    sound_server: VirtualMicrophone, trial: Trial, soon: Impatience
) -> None:
    soon(source, "STALL_S", 3)
    watch = await trial.watch(ROOMS)
    sound_server.suspend()
    async with asyncio.timeout(PATIENCE_S):
        await watch.house.reload()
    sound_server.resume()
    watch.strike()
    await watch.until_back()
