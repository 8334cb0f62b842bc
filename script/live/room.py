"""A room for measuring in: a virtual loudspeaker, and microphones that hear it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from .witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.virtual_microphone import VirtualMicrophone


class Room:
    """A loudspeaker, a microphone in front of it, and a second recorder that tells when sound is there."""

    def __init__(self, name: str, sounds: VirtualMicrophone) -> None:
        """Have the sound server make them."""
        self.source = sounds.add(name)
        self._sink = name
        self._environment = os.environ | sounds.env
        self._noise: asyncio.subprocess.Process | None = None
        self.witness = Witness(self.source, self._environment)

    async def __aenter__(self) -> Room:
        """Make the noise that no room is without, and begin to record."""
        noise = "ffmpeg -nostdin -v error -f lavfi -i anoisesrc=amplitude=0.002:sample_rate=48000 -f pulse"
        command = [*noise.split(), "-device", self._sink, "noise"]
        self._noise = await asyncio.create_subprocess_exec(*command, env=self._environment)
        await self.witness.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.witness.stop()
        if self._noise is not None:
            self._noise.terminate()
            await self._noise.wait()

    async def play(self, path: Path) -> None:
        """Play a recording to its end."""
        player = await asyncio.create_subprocess_exec(
            "paplay", f"--device={self._sink}", str(path), env=self._environment
        )
        await player.wait()
