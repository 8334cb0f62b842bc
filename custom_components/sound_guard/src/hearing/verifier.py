"""Whoever takes a second look at a sound: what it is given, and what it answers."""

from dataclasses import dataclass
from typing import Protocol

from .features import Block


class VerifierError(Exception):
    """No second look could be taken; the message says why, in words for the owner, without credentials."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a clip in which a sound was recognised. Times count from the clip's first sample."""

    label: str
    onset_s: float
    offset_s: float
    confidence: float
    """Probability of the sound there, 0 to 1."""


class Verifier(Protocol):
    """Takes second looks, one at a time. Belongs to one thread."""

    def verify(self, samples: Block) -> tuple[Region, ...]:
        """Return what is in a clip of 16 kHz mono int16 sound, best first. Blocks while it looks.

        Raises:
            VerifierError: no look could be taken.
        """
        ...
