"""Microphones that are unplugged, muted, changed, shared, and of another make, at a real sound server."""

import asyncio
import fcntl
from pathlib import Path

from custom_components.sound_guard import deafness, vitals
from custom_components.sound_guard.src.hearing import ffmpeg

from ..sounds import read_wav, tone, write_wav
from ..virtual_microphone import SOURCE, VirtualMicrophone
from .conftest import GLASS, SMOKE, Impatience, Simulate, program
from .simulation import Day
from .trial import Trial

NAMED = f"pulse:{SOURCE}"


async def test_an_unplugged_microphone_is_missed_although_the_server_goes_on_with_another(
    sound_server: VirtualMicrophone, trial: Trial, soon: Impatience
) -> None:
    soon(ffmpeg, "_ROLL_CALL_S", 2)
    watch = await trial.watch(NAMED)
    watch.strike()
    sound_server.unplug()
    await watch.until_noticed()
    await asyncio.sleep(1)
    watch.cure()
    sound_server.plug_in()
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    assert watch.house.microphone.status.detail == f"ffmpeg: {NAMED.replace(':', ' ')}"
    trial.note(
        watch.row("Microphone unplugged while the server has another one, plugged in again", "PulseAudio, ffmpeg")
    )


async def test_a_muted_microphone_is_told_from_a_quiet_room_and_heard_at_once_when_it_is_not_muted(
    sound_server: VirtualMicrophone, trial: Trial, soon: Impatience
) -> None:
    soon(deafness, "SILENT_AFTER_S", 3)
    soon(vitals, "REPORT_S", 1)
    watch = await trial.watch(NAMED)
    watch.strike()
    sound_server.mute(True)
    await watch.until_noticed()
    await watch.until_issue("microphone_silent")
    watch.cure()
    sound_server.mute(False)
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    await watch.until_back()
    await watch.until_no_issue("microphone_silent")
    trial.note(watch.row("Microphone muted (digital silence), and not muted any more", "PulseAudio, ffmpeg"))


async def test_a_microphone_of_another_sample_rate_is_heard(sound_server: VirtualMicrophone, trial: Trial) -> None:
    old = await asyncio.to_thread(sound_server.add, "old", 8_000)
    new = await asyncio.to_thread(sound_server.add, "new", 44_100)
    rooms = {"kitchen": f"pulse:{old}", "hall": f"pulse:{new}"}
    watch = await trial.watch(rooms)
    watch.strike()

    def play() -> None:
        for device in ("old", "new"):
            sound_server.play(SMOKE, background=True, device=device)

    await watch.sound_alarm("smoke_alarm", play)
    watch.count_loss()
    trial.note(watch.row("Microphones that record at 8 kHz and at 44.1 kHz only", "PulseAudio, ffmpeg"))


async def test_another_default_microphone_is_followed(
    sound_server: VirtualMicrophone, trial: Trial, tmp_path: Path
) -> None:
    rooms = {"kitchen": "pyaudio:default", "hall": "pulse:default"}
    other = await asyncio.to_thread(sound_server.add, "other")
    hum = write_wav(tmp_path / "hum.wav", tone(60, hz=100, amplitude=0.001))
    sound_server.play(hum, background=True, device="other")
    watch = await trial.watch(rooms)
    watch.strike()
    await asyncio.to_thread(sound_server.choose, other)
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True, device="other"))
    watch.count_loss()
    trial.note(watch.row("Another microphone is made the default one", "PulseAudio, PyAudio and ffmpeg"))


async def test_two_microphones_on_one_device_hear_apart(sound_server: VirtualMicrophone, trial: Trial) -> None:
    watch = await trial.watch({"kitchen": "pulse:default", "hall": NAMED})
    house = watch.house
    watch.strike()
    await watch.sound_alarm("glass_break", lambda: sound_server.play(GLASS, background=True))
    watch.count_loss()
    for service in ("turn_off", "turn_on") * 2:
        await house.call(service, "switch.hall_listening")
    await house.until("binary_sensor.hall_connectivity", "on")
    assert house.state("binary_sensor.kitchen_connectivity") == "on"
    trial.note(watch.row("Two microphones on one device", "PulseAudio, ffmpeg"))


async def test_a_sound_card_that_another_program_uses_is_listened_to_when_it_is_free(
    trial: Trial, tmp_path: Path
) -> None:
    # There is no sound card here, so ALSA's part is made up: a lock, and its words when that is taken.
    card = tmp_path / "card"
    busy = "echo 'cannot open audio device hw:1 (Device or resource busy)' >&2; exit 1"
    noise = "exec ffmpeg -nostdin -v error -re -f lavfi -i anoisesrc=amplitude=0.002:sample_rate=16000 -f s16le pipe:1"
    trial.ear.ffmpeg = program(tmp_path / "ffmpeg", f"exec 9>{card}", f"flock --nonblock 9 || {{ {busy}; }}", noise)
    watch = await trial.watch("alsa:hw:1,0")
    house = watch.house
    await house.call("turn_off", "switch.kitchen_listening")
    with card.open("w") as other_program:
        fcntl.flock(other_program, fcntl.LOCK_EX)
        watch.strike()
        await house.call("turn_on", "switch.kitchen_listening")
        await watch.until_noticed()
        assert str(house.microphone.status.detail).endswith("another program is using this microphone.")
        watch.cure()
    await watch.until_back()
    trial.note(watch.row("Sound card in use by another program, then free", "ffmpeg; ALSA’s words made up"))


async def test_an_overdriven_microphone_is_told_of_and_hears_an_alarm_all_the_same(
    simulate: Simulate, trial: Trial
) -> None:
    day = Day(read_wav(SMOKE), at_s=range(300, 301))
    simulation = simulate(day)
    day.gain = 300
    simulation.limit_s = 10
    watch = await trial.watch("simulated", clock=simulation.monotonic)
    watch.strike()
    await simulation.run_until(lambda: watch.is_shown("microphone_clipping"), limit_s=290)
    await watch.until_issue("microphone_clipping")
    await simulation.run(290)
    before = watch.heard_at("kitchen")
    await simulation.run(330)
    watch.sounded, watch.heard = 1, int(watch.heard_at("kitchen") != before)
    watch.count_loss()
    day.gain = 1
    await simulation.run(700)
    await watch.until_no_issue("microphone_clipping")
    trial.note(watch.row("Microphone overdriven (clipping), then turned down", "simulated time"))
