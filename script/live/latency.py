"""How soon Home Assistant knows of a sound: from the moment when it is at the microphone to the change of a state."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import performance
from tests.virtual_microphone import VirtualMicrophone

from .client import NotSeenError, RefusedError
from .home import CHECKOUT, Home, HomeError, free_port
from .installation import Installation, SetUpError
from .player import SAMPLE_RATE_HZ, read_wav
from .room import Room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .installation import Microphone

AUDIO = CHECKOUT / "tests" / "audio"
SOUNDS: Mapping[str, tuple[str, ...]] = {
    "glass_break": ("glass_break.wav", "glass_break_bottle.wav"),
    "smoke_alarm": ("smoke_alarm_t3.wav",),
    "co_alarm": ("co_alarm_t4.wav",),
}
HOLD_S = 5
"""How long a sensor stays on after a sound: short, for the next one must wait for it."""

HEARD_WITHIN_S = 10.0
"""After the end of a recording."""

CLEAR_WITHIN_S = HOLD_S + 20.0
GROUP_GAP_S = 1.0
"""Silence between two groups of beeps; between the beeps of a group it is shorter."""

LOUD = 0.1
"""A sound has begun where it reaches this share of its peak."""


@dataclass(frozen=True)
class Recording:
    """A sound to play."""

    path: Path
    loudness: int
    """What a sample reaches as soon as it has begun."""

    seconds: float
    evidence_s: float
    """From its onset to when enough has sounded to be sure."""

    @classmethod
    def read(cls, path: Path, label: str) -> Recording:
        """Look where the sound begins, and where its second group of beeps ends."""
        samples = np.abs(read_wav(path).astype(np.int32))
        loudness = int(LOUD * samples.max())
        loud = np.flatnonzero(samples > loudness)
        ends = loud[:-1][np.diff(loud) > GROUP_GAP_S * SAMPLE_RATE_HZ]
        evidence_s = 0.0 if label == "glass_break" else float(ends[1] - loud[0]) / SAMPLE_RATE_HZ
        return cls(path, loudness, samples.size / SAMPLE_RATE_HZ, evidence_s)


@dataclass(frozen=True)
class Latency:
    """What one play gave."""

    label: str
    from_onset_s: float | None
    """None: it was not heard."""

    from_evidence_s: float | None


class Measurement:
    """Plays sounds in rooms of one Home Assistant, and waits for what it makes of them."""

    def __init__(self, installation: Installation, plays: int) -> None:
        """Play each sound so often, over all rooms together."""
        self.latencies: list[Latency] = []
        self._client = installation.client
        self._rng = np.random.default_rng()
        waiting = [(label, number) for number in range(plays) for label in SOUNDS]
        self._waiting = [
            (label, Recording.read(AUDIO / _nth(SOUNDS[label], number), label)) for label, number in waiting
        ]
        self._total = len(waiting)

    async def work_off(self, room: Room, microphone: Microphone) -> None:
        """Play what is still to be played, in one room."""
        while self._waiting:
            label, recording = self._waiting.pop(0)
            # At any moment between two looks of the model.
            await asyncio.sleep(self._rng.uniform(1, 2))
            self.latencies.append(await self._measure(room, microphone, label, recording))
            print(f"\r{len(self.latencies)} of {self._total}", end="", file=sys.stderr, flush=True)

    async def _measure(self, room: Room, microphone: Microphone, label: str, recording: Recording) -> Latency:
        sensor = {
            "glass_break": microphone.glass_break,
            "smoke_alarm": microphone.smoke,
            "co_alarm": microphone.carbon_monoxide,
        }[label]
        known, started_s = len(self._client.changes), time.time()
        playing = asyncio.create_task(room.play(recording.path))
        try:
            await self._client.until_state(sensor, "on", recording.seconds + HEARD_WITHIN_S)
        except NotSeenError:
            await playing
            return Latency(label, None, None)
        changed_s = next(one.at for one in self._client.changes[known:] if (one.entity, one.after) == (sensor, "on"))
        await playing
        for each in microphone.sounds:
            await self._client.until_state(each, "off", CLEAR_WITHIN_S)
        onset_s = room.witness.first_above(recording.loudness, started_s)
        if onset_s is None:
            raise NotSeenError(f"{recording.path.name} to come through the microphone")
        return Latency(label, changed_s - onset_s, changed_s - onset_s - recording.evidence_s)


def figures_of(latencies: Sequence[Latency]) -> dict[str, dict[str, object]]:
    """Return plays, and the median and the 95th percentile of what was heard, by sound."""
    table: dict[str, dict[str, object]] = {}
    for label in SOUNDS:
        plays = [one for one in latencies if one.label == label]
        onset_s = [one.from_onset_s for one in plays if one.from_onset_s is not None]
        evidence_s = [one.from_evidence_s for one in plays if one.from_evidence_s is not None]
        row: dict[str, object] = {"plays": len(plays), "heard": len(onset_s)}
        if onset_s:
            row |= {"from_onset_s": _percentiles(onset_s), "from_evidence_s": _percentiles(evidence_s)}
        table[label] = row
    return table


async def measure(plays: int, rooms: int) -> list[Latency]:
    """Start a Home Assistant with so many rooms, and play every sound so often."""
    # Not the default folder for such things: the name of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="sg") as folder:
        async with contextlib.AsyncExitStack() as stack:
            sounds = stack.enter_context(VirtualMicrophone(Path(folder) / "pulse"))
            places = [await stack.enter_async_context(Room(f"room{n}", sounds)) for n in range(rooms)]
            home = Home(Path(folder) / "home", port=free_port(), environment=sounds.env)
            await stack.enter_async_context(home)
            installation = await Installation.add(home.client)
            await installation.set_options(hold=HOLD_S)
            microphones = [await installation.add_microphone("local", f"pulse:{room.source}") for room in places]
            measurement = Measurement(installation, plays)
            await asyncio.gather(*map(measurement.work_off, places, microphones))
            return measurement.latencies


def main() -> int:
    """Measure, print, and keep the figures if asked to; the exit code."""
    parser = argparse.ArgumentParser(prog="script/latency", description=__doc__)
    parser.add_argument("--plays", type=int, default=24, help="plays of each sound (default: 24)")
    parser.add_argument("--rooms", type=int, default=4, help="rooms in which sounds are played at a time (default: 4)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in docs/{performance.PAGE}")
    arguments = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    try:
        latencies = asyncio.run(measure(arguments.plays, arguments.rooms))
    except (HomeError, NotSeenError, RefusedError, SetUpError) as problem:
        print(f"Not measured: {problem}", file=sys.stderr)
        return 1
    print(file=sys.stderr)
    figures = {"rooms": arguments.rooms, "load": load, "sounds": figures_of(latencies)}
    if arguments.write:
        performance.keep("latency", figures)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for label, row in figures_of(latencies).items():
            print(label, row)
    return 0


def _nth(names: Sequence[str], number: int) -> str:
    return names[number % len(names)]


def _percentiles(values_s: Sequence[float]) -> list[float]:
    return [round(float(np.percentile(values_s, percent)), 2) for percent in (50, 95)]


if __name__ == "__main__":
    sys.exit(main())
