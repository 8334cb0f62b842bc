"""Many microphones in real time, as network streams through ffmpeg: what all of it takes of this machine's cores."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

from custom_components.sound_guard.engine import Engine
from live.player import Player

from .house import House, open_house

RECORDING = Path(__file__).parents[2] / "tests" / "audio" / "smoke_alarm_t3.wav"
OPENED_WITHIN_S = 60.0
SETTLE_S = 5.0
BUSY = 0.5
"""More than this share of the cores is too much."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class CrowdError(Exception):
    """The microphones could not be opened."""


async def measure_crowd(folder: Path, microphones: int, seconds: float, options: dict[str, Any]) -> dict[str, Any]:
    """Listen with so many microphones for a while; in the middle of it, an alarm sounds in all rooms at once.

    Raises:
        CrowdError: they did not all hear after a minute.
    """
    async with _streams() as (url, play):
        sources = [f"{url}?room={number}" for number in range(microphones)]
        async with open_house(folder, sources, Engine(), options) as house:
            await _all_hear(house)
            await asyncio.sleep(SETTLE_S)
            before, busy, started_s = _processor_s(), _cores_s(), monotonic()
            await asyncio.sleep(seconds / 2)
            play()
            await asyncio.sleep(seconds / 2)
            wall_s, cores = monotonic() - started_s, os.cpu_count() or 1
            ours, theirs = (after - then for after, then in zip(_processor_s(), before, strict=True))
            shares = [(after - then) / wall_s for after, then in zip(_cores_s(), busy, strict=True)]
            vitals = [each.vitals for each in house.microphones if each.vitals is not None]
            found = {
                "microphones": microphones,
                "seconds": round(wall_s, 1),
                "cores": cores,
                "second_look": house.second_look,
                "home_assistant_percent_of_one_core": round(100 * ours / wall_s, 1),
                "ffmpeg_percent_of_one_core": round(100 * theirs / wall_s, 1),
                "percent_of_all_cores": round(100 * (ours + theirs) / wall_s / cores, 1),
                "percent_of_each_core_with_everything_else": [round(100 * share) for share in shares],
                "hearing": sum(each.status.hears for each in house.microphones),
                "dropped_s": round(sum(each.dropped_s or 0.0 for each in vitals), 1),
                "longest_delay_s": round(max((each.latency_s for each in vitals), default=0.0), 2),
                "heard_the_alarm": sum(_heard(house, number) for number in range(microphones)),
            }
            await house.hass.async_block_till_done()
    return {**found, "broken": _broken(found)}


def _broken(found: dict[str, Any]) -> list[str]:
    wrong = [
        f"{what.replace('_', ' ')}: {found[what]} of {found['microphones']}"
        for what in ("hearing", "heard_the_alarm")
        if found[what] < found["microphones"]
    ]
    if found["percent_of_all_cores"] > 100 * BUSY:
        wrong.append(f"takes {found['percent_of_all_cores']} % of all cores (more than {100 * BUSY:.0f} %)")
    if found["dropped_s"]:
        wrong.append(f"dropped {found['dropped_s']} s of sound")
    return wrong


def _heard(house: House, number: int) -> bool:
    state = house.hass.states.get(f"event.room_{number}_sound_heard")
    return state is not None and state.attributes.get("event_type") == "smoke_alarm"


async def _all_hear(house: House) -> None:
    try:
        async with asyncio.timeout(OPENED_WITHIN_S):
            while not all(each.status.hears for each in house.microphones):
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise CrowdError(f"not all microphones could be heard within {OPENED_WITHIN_S:.0f} s") from error


@asynccontextmanager
async def _streams() -> AsyncIterator[tuple[str, Any]]:
    """Serve sound from another process, whose work is not ours; yield its address and what makes the alarm sound."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    there.close()
    try:
        yield await asyncio.to_thread(here.recv), lambda: here.send("play")
    finally:
        server.terminate()
        server.join()


def _serve(parent: Connection) -> None:
    """Play until told to end."""

    async def serve() -> None:
        async with Player() as player:
            parent.send(player.url)
            while True:
                await asyncio.to_thread(parent.recv)
                player.play(RECORDING)

    asyncio.run(serve())


def _processor_s() -> tuple[float, float]:
    """Return the seconds that this process, and its children of the name ffmpeg, have had a core."""
    times = os.times()
    ffmpeg_s = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text(encoding="ascii", errors="replace").rpartition(")")
        except OSError:
            continue
        values = rest.split()
        if name.endswith("(ffmpeg") and int(values[1]) == os.getpid():
            ffmpeg_s += (int(values[11]) + int(values[12])) / _TICKS_PER_S
    return times.user + times.system, ffmpeg_s


def _cores_s() -> list[float]:
    """Return the seconds that every core has been at work since the machine started, for whomever."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    cores = [
        [int(value) for value in line.split()[1:]] for line in lines if line.startswith("cpu") and line[3].isdigit()
    ]
    # user, nice, system, idle, waiting for a disk, interrupts
    return [(sum(values[:8]) - values[3] - values[4]) / _TICKS_PER_S for values in cores]
