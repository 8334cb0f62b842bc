"""What was heard: the one value that leaves the engine."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where in its life an event is: every event starts once, may continue, and ends once."""

    STARTED = "started"
    CONTINUED = "continued"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Detection:
    """One sound event as known at this moment. Times count from the first sample of the stream."""

    label: str
    """One of the model card's labels, for instance "smoke_alarm"."""

    phase: Phase
    """STARTED the first time the event is reported, ENDED the last time."""

    onset_s: float
    """Seconds into the stream at which the event begins."""

    offset_s: float
    """Seconds into the stream at which the event ends, as far as it has been heard."""

    confidence: float
    """Highest clip probability so far, 0 to 1."""

    verified: bool | None = None
    """True if a verifier recognises it, too; False if it hardly does, and the attention model is sure enough for both;
    None if none was asked, or none answered in time."""

    verifier_confidence: float | None = None
    """The verifier's confidence, 0 to 1, where it has answered; 0 if it has found nothing."""

    @property
    def duration_s(self) -> float:
        """Seconds from onset to offset."""
        return self.offset_s - self.onset_s
