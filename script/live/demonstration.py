"""A home to look around in: Home Assistant with Sound Guard, a microphone and a dashboard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from .dashboard import write_dashboard
from .home import CHECKOUT, Home, HomeError, check_port
from .installation import Installation, SetUpError
from .player import Player

if TYPE_CHECKING:
    from pathlib import Path

AUDIO = CHECKOUT / "tests" / "audio"
RECORDINGS = ("smoke_alarm_t3.wav", "glass_break.wav", "co_alarm_t4.wav")
PAUSE_S = 20.0

# In a process of its own, because ALSA tells the terminal about each device that it does not find.
LIST_MICROPHONES = """
from hearing.sources import list_devices
for device in list_devices():
    if device.spec != "default" and not device.spec.endswith(".monitor"):
        print(device.name)
"""


async def demonstrate(folder: Path, port: int, *, fresh: bool) -> None:
    """Keep a home running in `folder` until cancelled; raises HomeError when Home Assistant ends by itself.

    `fresh`: with nothing left of earlier runs. `port` + 1 is the recordings' one: the home remembers their address.
    """
    check_port(port)
    check_port(port + 1)
    if fresh:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    _say("Starting Home Assistant.")
    async with Player(port + 1) as player, Home(folder, port=port, password=_password(folder)) as home:
        installation = await Installation.find(home.client) or await Installation.add(home.client)
        if not await installation.microphones():
            await _add_microphone(installation, player)
        await write_dashboard(installation)
        login = f"user: {home.user}, password: {home.password}"
        _say(f"Sound Guard is running on {home.url} ({login}). Press Ctrl-C to stop it.")
        playing = asyncio.create_task(_play_in_a_loop(player))
        try:
            code = await home.ended()
        finally:
            playing.cancel()
        raise HomeError(f"Home Assistant ended by itself (exit code {code}), see {home.log_path}")


async def _add_microphone(installation: Installation, player: Player) -> None:
    """Add this machine's microphone if it has one that can be heard, else the recordings."""
    if await asyncio.to_thread(_has_microphone):
        _say("Listening to this machine's microphone.")
        try:
            await installation.add_microphone("local", "default", silent=False)
            _say(f"To try it, play the recordings in {AUDIO.relative_to(CHECKOUT)} on a loudspeaker.")
            return
        except SetUpError as problem:
            _say(f"It is of no use: {problem}.")
    _say(f"Recordings are played instead of a microphone, with pauses of {PAUSE_S:.0f} s.")
    await installation.add_microphone("stream", player.url, name="Recordings")


async def _play_in_a_loop(player: Player) -> None:
    while True:
        for name in RECORDINGS:
            await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(player.play(AUDIO / name))


def _has_microphone() -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        listing = subprocess.run(
            [sys.executable, "-c", LIST_MICROPHONES], capture_output=True, text=True, timeout=20, check=False
        )
        return bool(listing.stdout.strip())
    return False


def _password(folder: Path) -> str:
    """The user's password, drawn once. A fixed one would let every program here listen to the room."""
    path = folder / "login.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({"password": secrets.token_urlsafe(6)}))
    password: str = json.loads(path.read_text())["password"]
    return password


def _say(what: str) -> None:
    print(what, flush=True)
