"""A home with everything in it that the end-to-end tests need."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from live.client import Client
from live.home import Home
from live.installation import Installation, Microphone
from live.player import Player
from tests.e2e.recordings import Recording
from tests.virtual_microphone import VirtualMicrophone

OPENED_WITHIN_S = 30.0
HOLD_S = 5
EXIT_DELAY_S = 1


@dataclass(frozen=True)
class House:
    """A home with Sound Guard set up in it, and a microphone of each kind: "PyAudio", "ffmpeg" and "stream"."""

    home: Home
    installation: Installation
    microphones: Mapping[str, Microphone]
    player: Player
    sound_server: VirtualMicrophone

    @property
    def client(self) -> Client:
        return self.home.client

    @property
    def panel(self) -> str:
        return self.installation.panel

    async def listen_with(self, *names: str) -> None:
        """Open these microphones and close the others."""
        for name, microphone in self.microphones.items():
            wanted = "on" if name in names else "off"
            await self.client.call(f"switch.turn_{wanted}", microphone.listening)
            await self.client.until_state(microphone.connectivity, wanted, OPENED_WITHIN_S)

    async def play(self, recording: Recording, microphone: Microphone) -> float:
        """Begin to play where this microphone hears it; when the sound in it begins, in seconds since 1970."""
        if microphone.name == "stream":
            self.player.play(recording.path)
        else:
            self.sound_server.play(recording.path, background=True)
        return time.time() + recording.onset_s
