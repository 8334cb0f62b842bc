"""How loud a block of sound is."""

import math
from dataclasses import dataclass

import numpy as np

from .features import Block

SILENCE_DBFS = -96.0
"""What digital silence is reported as: the smallest step of 16 bits."""

DIGITAL_SILENCE_DBFS = -90.0
"""A peak below one step of 16 bits: no microphone is this quiet, so it is muted or unplugged."""


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness relative to digital full scale."""

    rms_dbfs: float
    """Root mean square; a full-scale sine is -3.0."""

    peak_dbfs: float
    """Largest sample; 0.0 is clipping."""


def measure(block: Block) -> Level:
    """Return the level of int16 samples; an empty block counts as silence."""
    if not block.size:
        return Level(SILENCE_DBFS, SILENCE_DBFS)
    squares = block.astype(np.float32)
    np.square(squares, out=squares)
    # The largest sample of either sign; in int16 itself -32768 has no positive counterpart.
    peak = max(int(block.max()), -int(block.min()))
    return Level(_dbfs(math.sqrt(squares.mean()) / 32_768), _dbfs(peak / 32_768))


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20 * math.log10(max(amplitude, 1e-9)))
