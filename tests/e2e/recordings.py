"""What is played to Home Assistant: real recordings where they lie beside the checkout, else the bundled ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from live.home import CHECKOUT
from live.player import SAMPLE_RATE_HZ, read_wav
from tests.sounds import convert

BUNDLED = CHECKOUT / "tests" / "audio"
REAL = CHECKOUT.parent / "shared" / "audio"


@dataclass(frozen=True)
class Recording:
    """A 16 kHz mono WAV with one sound in it."""

    path: Path
    label: str

    @property
    def seconds(self) -> float:
        return len(read_wav(self.path)) / SAMPLE_RATE_HZ

    @property
    def onset_s(self) -> float:
        """Where it first becomes as loud as a twentieth of its peak."""
        loudness = np.abs(read_wav(self.path).astype(np.int32))
        return float(np.argmax(loudness > loudness.max() / 20)) / SAMPLE_RATE_HZ


def recording(label: str, real: str, bundled: str, folder: Path) -> Recording:
    """`real`: below the folder of real recordings, if there is one; then `folder` takes it as a WAV."""
    if not (REAL / real).exists():
        return Recording(BUNDLED / bundled, label)
    return Recording(convert(REAL / real, folder / f"{label}.wav", "-ac", "1", "-ar", str(SAMPLE_RATE_HZ)), label)
