"""What a walk test has heard: how loud over the room, how sure, and the sentence that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.json import JsonValueType

from .texts import text

ECHO = timedelta(seconds=2)
"""The levels of a sound are known a little later than the sound itself."""

FAINT_DB = 10.0
"""A sound that is less than this over the room may be missed when it is noisy there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sound that a walk test has heard."""

    label: str
    onset: datetime
    offset: datetime
    """As far as it has been heard."""

    confidence: float
    """How sure the model was, 0 to 1."""

    after_s: float
    """Seconds between the start of the test and the onset."""

    over_room_db: float | None = None
    """How much louder than the room it was; None while that is not known."""

    @property
    def percent(self) -> int:
        """Return how sure it was, rounded down: 100 would be a promise."""
        return int(100 * self.confidence)

    def as_dict(self) -> dict[str, JsonValueType]:
        """Return what there is to show, in rounded numbers."""
        return {
            "sound": self.label,
            "over_room_db": None if self.over_room_db is None else round(self.over_room_db),
            "sure_percent": self.percent,
            "heard_at": self.onset.isoformat(timespec="seconds"),
            "after_s": round(self.after_s, 1),
        }


def over_room_db(levels: Sequence[tuple[datetime, float]], onset: datetime, offset: datetime) -> float | None:
    """Return how much louder than the room before it a sound was; None as long as either is unknown.

    The levels are in dBFS, each with the time when its second was over.
    """
    room = [dbfs for time, dbfs in levels if time <= onset]
    sound = [dbfs for time, dbfs in levels if onset < time <= offset + ECHO]
    return max(0.0, max(sound) - median(room)) if room and sound else None


@callback
def sentence(hass: HomeAssistant, finding: Finding) -> str:
    """Return a finding in words."""
    over_db = finding.over_room_db
    told = text(
        hass,
        f"walk_test_{finding.label}",
        loudness="–" if over_db is None else f"{over_db:.0f}",
        percent=str(finding.percent),
        seconds=f"{finding.after_s:.0f}",
    )
    faint = over_db is not None and over_db < FAINT_DB
    return f"{told} {text(hass, 'walk_test_faint')}" if faint else told


def in_words(duration: timedelta) -> str:
    """Return a time as people say it, in units that are the same in every language."""
    seconds = duration.total_seconds()
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
