"""What a microphone tells: what it hears, and how it is doing."""

from dataclasses import dataclass
from datetime import datetime

from .src.hearing.detection import Phase
from .src.hearing.evidence import Evidence
from .vitals import Vitals

FAULT = "fault"
"""The problem of a microphone whose thread met an error nobody expected."""

STUCK = "stuck"
"""The problem of a microphone whose thread shows no sign of life."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound event as known at this moment, in wall-clock time."""

    label: str
    phase: Phase
    onset: datetime
    duration_s: float
    confidence: float

    event_id: str = ""
    """The same for all news of one sound; its picture and its clip go by it, too."""

    verified: bool | None = None
    """True if a second look has confirmed it, None if there was none."""

    verifier_confidence: float | None = None
    """How sure the second look was, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a microphone is doing."""

    connected: bool = False
    """Whether sound is arriving."""

    problem: str | None = None
    """A Reason, FAULT, STUCK, SILENT or DEAF; None while all is well or nobody wants it to listen."""

    detail: str | None = None
    """What is known of the problem, in English, or the source that is open; never credentials."""

    runtime: str | None = None
    """What runs the model."""

    unsteady: bool = False
    """Whether it has been lost again and again of late."""

    @property
    def hears(self) -> bool:
        """Whether the microphone would hear a sound now: one that is muted is connected and deaf."""
        return self.connected and self.problem is None


type News = Heard | Status | Vitals | Evidence
