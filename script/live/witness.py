"""A second recorder beside Home Assistant's, which tells when a sound was at a microphone."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .player import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

READ_BYTES = 640
"""20 ms of sound."""

KEPT_S = 60.0


@dataclass(frozen=True)
class _Piece:
    """Sound that arrived together."""

    arrived_s: float
    """Seconds since 1970."""

    end: int
    """Samples of the stream up to its end."""

    samples: NDArray[np.int16]


class Witness:
    """Records a source of the sound server with as little delay as it can. Belongs to one event loop."""

    def __init__(self, source: str, environment: Mapping[str, str]) -> None:
        """Get ready; `environment` leads to the sound server."""
        options = f"--raw --format=s16le --rate={SAMPLE_RATE_HZ} --channels=1 --latency-msec=20"
        self._command = ["parec", *options.split(), f"--device={source}"]
        self._environment = environment
        self._pieces: deque[_Piece] = deque(maxlen=round(KEPT_S * SAMPLE_RATE_HZ * 2 / READ_BYTES))
        self._recorder: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to record."""
        self._recorder = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Stop recording."""
        if self._recorder is not None and self._reader is not None:
            self._recorder.terminate()
            await self._recorder.wait()
            await self._reader

    def note(self, arrived_s: float, samples: NDArray[np.int16]) -> None:
        """Take the next sound of the stream, which arrived at that time (seconds since 1970)."""
        end = samples.size + (self._pieces[-1].end if self._pieces else 0)
        self._pieces.append(_Piece(arrived_s, end, samples))

    def first_above(self, loudness: int, since_s: float) -> float | None:
        """Return when the first sample louder than `loudness` was there, seconds since 1970; None if there was none."""
        if not self._pieces:
            return None
        # What arrived with the least delay tells when the stream began.
        began_s = min(piece.arrived_s - piece.end / SAMPLE_RATE_HZ for piece in self._pieces)
        for piece in self._pieces:
            loud = np.flatnonzero(np.abs(piece.samples.astype(np.int32)) > loudness)
            if piece.arrived_s >= since_s and loud.size:
                return began_s + (piece.end - piece.samples.size + int(loud[0])) / SAMPLE_RATE_HZ
        return None

    async def _read(self) -> None:
        assert self._recorder is not None
        assert self._recorder.stdout is not None
        try:
            while True:
                content = await self._recorder.stdout.readexactly(READ_BYTES)
                # By the clock that Home Assistant's changes are written down with.
                self.note(time.time(), np.frombuffer(content, "<i2"))
        except asyncio.IncompleteReadError:
            return
