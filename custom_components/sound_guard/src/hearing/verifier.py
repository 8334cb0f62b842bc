"""Whoever takes a second look at a sound: what it is given, and what it answers."""

from dataclasses import dataclass
from typing import Protocol, Self

from .features import Block

FAULT = "fault"
"""The reason of a failure that nobody has foreseen."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a second look could not be taken. Holds no credentials."""

    reason: str
    """A word that a translation goes by."""

    message: str
    """The same as a sentence in English, for a log."""

    detail: str | None = None
    """What the word leaves open, for whoever helps the owner."""

    def __str__(self) -> str:
        return self.message

    @classmethod
    def unforeseen(cls, message: str) -> Self:
        """Return a failure of which nothing but the message is known."""
        return cls(FAULT, message, detail=message)


class VerifierError(Exception):
    """No second look could be taken; the message says why, in English, without credentials."""

    @property
    def failure(self) -> Failure:
        """The same for whoever is told."""
        return Failure.unforeseen(str(self))


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
