"""How loud a block of sound is, whatever constant voltage lies below it: nobody hears that."""

import math
from dataclasses import dataclass

import numpy as np

from .features import Block

SILENCE_DBFS = -96.0
"""What digital silence is reported as: the smallest step of 16 bits."""

DIGITAL_SILENCE_DBFS = -90.0
"""A peak of one step of 16 bits: no microphone is this quiet, so it is muted or unplugged."""


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness relative to digital full scale."""

    rms_dbfs: float
    """Root mean square; a full-scale sine is -3.0."""

    peak_dbfs: float
    """Largest sample of either sign; 0.0 is clipping."""

    @property
    def silent(self) -> bool:
        """Whether it is digital silence: one and the same number all the time, give or take the smallest step."""
        return self.peak_dbfs < DIGITAL_SILENCE_DBFS


def measure(block: Block) -> Level:
    """Return the level of int16 samples; an empty block counts as silence."""
    if not block.size:
        return Level(SILENCE_DBFS, SILENCE_DBFS)
    squares = block.astype(np.float32)
    middle = squares.mean()
    squares -= middle
    np.square(squares, out=squares)
    peak = float(max(block.max() - middle, middle - block.min()))
    return Level(_dbfs(math.sqrt(squares.mean()) / 32_768), _dbfs(peak / 32_768))


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20 * math.log10(max(amplitude, 1e-9)))
