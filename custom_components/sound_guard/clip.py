"""One clip: what is known of a detection, beside its sound and its picture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from homeassistant.util import dt as dt_util

from .moment import read_moment
from .src.hearing.evidence import Evidence


class Verdict(StrEnum):
    """What the owner says about a detection."""

    FALSE_ALARM = "false_alarm"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Clip:
    """What was heard, where and when."""

    id: str
    """32 hexadecimal digits that cannot be guessed; the id of the event as well."""

    label: str
    microphone: str
    """The microphone's name, as it was then."""

    microphone_id: str
    onset: datetime
    duration_s: float
    confidence: float

    updated: datetime
    """When sound was last added."""

    verdict: Verdict | None = None
    """None as long as the owner has not said anything."""

    @classmethod
    def of(cls, evidence: Evidence, microphone_id: str, microphone: str) -> Self:
        """Return the clip of what a microphone has just heard."""
        return cls(
            id=evidence.event_id,
            label=evidence.label,
            microphone=microphone,
            microphone_id=microphone_id,
            onset=evidence.onset,
            duration_s=round(evidence.offset_s - evidence.onset_s, 2),
            confidence=round(evidence.confidence, 4),
            updated=dt_util.utcnow(),
        )

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the clip that was stored.

        Raises:
            KeyError, TypeError, ValueError: it makes no sense.
        """
        if not isinstance(stored, Mapping):
            raise TypeError(f"no clip: {stored!r}")
        verdict = stored.get("verdict")
        clip = cls(
            id=str(stored["id"]),
            label=str(stored["label"]),
            microphone=str(stored["microphone"]),
            microphone_id=str(stored["microphone_id"]),
            onset=read_moment(stored["onset"]),
            duration_s=float(stored["duration_s"]),
            confidence=float(stored["confidence"]),
            updated=read_moment(stored["updated"]),
            verdict=Verdict(verdict) if verdict is not None else None,
        )
        # Written so that NaN, which JSON lets through, is refused, too.
        if not (0 <= clip.confidence <= 1 and 0 <= clip.duration_s < float("inf")):
            raise ValueError(f"a number is out of range: {clip}")
        return clip

    def as_dict(self) -> dict[str, Any]:
        """Return the clip as plain values, to be stored."""
        return asdict(self) | {"onset": self.onset.isoformat(), "updated": self.updated.isoformat()}

    @property
    def percent(self) -> int:
        """The confidence in whole percent; only certainty is 100."""
        return int(100 * self.confidence)
