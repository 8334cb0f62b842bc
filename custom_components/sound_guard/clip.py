"""One clip: what is known of a detection, beside its sound and its picture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from homeassistant.util import dt as dt_util

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
        verdict = stored.get("verdict")
        return cls(
            id=str(stored["id"]),
            label=str(stored["label"]),
            microphone=str(stored["microphone"]),
            microphone_id=str(stored["microphone_id"]),
            onset=_moment(stored["onset"]),
            duration_s=float(stored["duration_s"]),
            confidence=float(stored["confidence"]),
            updated=_moment(stored["updated"]),
            verdict=Verdict(verdict) if verdict is not None else None,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the clip as plain values, to be stored."""
        return asdict(self) | {"onset": self.onset.isoformat(), "updated": self.updated.isoformat()}

    @property
    def percent(self) -> int:
        """The confidence in whole percent; only certainty is 100."""
        return int(100 * self.confidence)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
