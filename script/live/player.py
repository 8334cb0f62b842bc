"""A microphone made of recordings: a stream on the loopback address that is nearly silent until something is played."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import wave
from typing import TYPE_CHECKING, Self

import numpy as np
from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
BLOCK_SAMPLES = 1_600
BLOCK_S = BLOCK_SAMPLES / SAMPLE_RATE_HZ
NOISE_DBFS = -54.0
ENDLESS_BYTES = 0xFFFF_FFFF
"""What a header says of a length that nobody knows."""


class Player:
    """Serves an endless recording at `url` in real time; all who listen hear the same. An async context manager."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0: any free one."""
        self._port = port
        self._started_s = time.monotonic()
        self._playing: list[tuple[int, NDArray[np.int16]]] = []
        self._noise = np.random.default_rng(0).normal(0, 32_768 * 10 ** (NOISE_DBFS / 20), 10 * SAMPLE_RATE_HZ)
        self._runner: web.AppRunner
        self.url = ""

    async def __aenter__(self) -> Self:
        """Start serving; raises OSError when the port is taken."""
        pages = web.Application()
        pages.router.add_get("/microphone.au", self._serve)
        # Who still listens when we stop is cut off, not waited for.
        self._runner = web.AppRunner(pages, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/microphone.au"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    def play(self, path: Path) -> float:
        """Play the WAV at `path` (16 kHz, mono, 16 bits) from now on, over what plays; its length in seconds."""
        samples = read_wav(path)
        now = self._now_block()
        # The block that is being sent now is too late.
        self._playing = [(at, sound) for at, sound in self._playing if at + len(sound) > now * BLOCK_SAMPLES]
        self._playing.append(((now + 1) * BLOCK_SAMPLES, samples))
        return len(samples) / SAMPLE_RATE_HZ

    def _now_block(self) -> int:
        return int((time.monotonic() - self._started_s) / BLOCK_S)

    def _block(self, number: int) -> NDArray[np.int16]:
        """The sound of one block: int16 (1600,)."""
        start = number * BLOCK_SAMPLES
        sound = np.take(self._noise, np.arange(start, start + BLOCK_SAMPLES), mode="wrap")
        for at, samples in self._playing:
            first, last = max(start, at), min(start + BLOCK_SAMPLES, at + len(samples))
            if first < last:
                sound[first - start : last - start] += samples[first - at : last - at]
        return np.clip(np.rint(sound), -32_768, 32_767).astype(">i2")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/basic"})
        await response.prepare(request)
        await response.write(_endless_header())
        number = self._now_block()
        with contextlib.suppress(ConnectionError):  # the listener has gone, which is the only end there is
            while True:
                await response.write(self._block(number).tobytes())
                number += 1
                await asyncio.sleep(self._started_s + number * BLOCK_S - time.monotonic())
        return response


def read_wav(path: Path) -> NDArray[np.int16]:
    """The samples of a 16 kHz mono 16-bit WAV; raises ValueError when it is something else."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE_HZ, 1, 2):
            raise ValueError(f"{path} is not 16 kHz mono 16-bit sound")
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def _endless_header() -> bytes:
    """Sun's AU format, 16-bit: ffmpeg knows it by its header, while a WAV makes it wait for five seconds of sound."""
    return struct.pack(">4s5I", b".snd", 24, ENDLESS_BYTES, 3, SAMPLE_RATE_HZ, 1)
