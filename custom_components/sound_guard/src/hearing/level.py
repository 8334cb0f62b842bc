"""How loud a block of sound is."""

from dataclasses import dataclass

import numpy as np

from .features import Block

SILENCE_DBFS = -96.0
"""What digital silence is reported as: the smallest step of 16 bits."""


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
    samples = block.astype(np.float32) / 32_768
    return Level(_dbfs(float(np.sqrt(np.mean(samples**2)))), _dbfs(float(np.max(np.abs(samples)))))


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20 * float(np.log10(max(amplitude, 1e-9))))
