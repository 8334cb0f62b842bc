"""Listening live in a terminal: a level meter, and what is heard."""

import time
from collections.abc import Sequence
from typing import TextIO

from .detection import Detection, Phase
from .features import Block
from .level import SILENCE_DBFS, Level, measure
from .listener import Listener
from .report import plain
from .source import SAMPLE_RATE_HZ, Source

_METER_FLOOR_DBFS = -72.0
_METER_WIDTH = 36
_ERASE = "\r\x1b[K"


class Live:
    """Shows one source. The meter is drawn only on a terminal; what is heard is always printed."""

    def __init__(self, listener: Listener, out: TextIO) -> None:
        """Get ready to show on `out`."""
        self._listener = listener
        self._out = out
        self._meter = out.isatty()
        self._peak_dbfs = SILENCE_DBFS
        self._samples = 0

    def run(self, source: Source, seconds: float | None) -> None:
        """Listen until the source ends, or for the given time.

        Raises:
            SourceError: the source cannot be heard.
        """
        try:
            with source:
                for block in source:
                    self._samples += block.size
                    if self._samples == block.size:
                        self._print(f"Listening to {source.description} ({self._listener.runtime}). Ctrl-C stops.")
                    self._hear(block)
                    if seconds is not None and self._samples >= seconds * SAMPLE_RATE_HZ:
                        break
        finally:
            if self._samples:
                self._tell(self._listener.flush())
                self._print(self._farewell())

    def _hear(self, block: Block) -> None:
        level = measure(block)
        self._peak_dbfs = max(self._peak_dbfs, level.peak_dbfs)
        self._tell(self._listener.feed(block))
        if self._meter:
            self._out.write(_ERASE + draw(level))
            self._out.flush()

    def _tell(self, detections: Sequence[Detection]) -> None:
        now = time.strftime("%H:%M:%S")
        for found in detections:
            if found.phase is Phase.STARTED:
                confirmed = ", confirmed by a second look" if found.verified else ""
                self._print(f"{now}  {plain(found.label)} ({found.confidence:.0%} sure{confirmed})")
            elif found.phase is Phase.ENDED:
                self._print(f"{now}  {plain(found.label)} is over, after {found.duration_s:.1f} s")

    def _farewell(self) -> str:
        heard = f"Listened for {self._samples / SAMPLE_RATE_HZ:.1f} s"
        if self._peak_dbfs <= SILENCE_DBFS:
            return f"{heard}: nothing but digital silence. Is the microphone muted?"
        return f"{heard}; the loudest sample was at {self._peak_dbfs:.0f} dBFS."

    def _print(self, line: str) -> None:
        print(_ERASE + line if self._meter else line, file=self._out, flush=True)


def draw(level: Level) -> str:
    """Return a level as a bar: the average filled, the peak as a mark, the average in dBFS behind it."""
    filled, peak = (_cells(dbfs) for dbfs in (level.rms_dbfs, level.peak_dbfs))
    cells = ["#" if cell < filled else "." for cell in range(_METER_WIDTH)]
    if peak:
        cells[peak - 1] = "|"
    return f"[{''.join(cells)}] {level.rms_dbfs:6.1f} dBFS{'  clipping' if level.peak_dbfs >= 0 else ''}"


def _cells(dbfs: float) -> int:
    share = (dbfs - _METER_FLOOR_DBFS) / -_METER_FLOOR_DBFS
    return round(min(max(share, 0.0), 1.0) * _METER_WIDTH)
