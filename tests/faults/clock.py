"""The clock on the wall, which others set: Home Assistant shows it and the guard's history is written by it."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from homeassistant.helpers import event
from homeassistant.util import dt as dt_util


class WallClock:
    """Can be set at any time. What the machine counts seconds by goes on, as in a real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the clock's place."""
        self._ahead_s = 0.0
        self._real = time.time
        monkeypatch.setattr(time, "time", self.timestamp)
        monkeypatch.setattr(event, "time_tracker_timestamp", self.timestamp)
        monkeypatch.setattr(event, "time_tracker_utcnow", self.now)
        monkeypatch.setattr(dt_util, "utcnow", self.now)

    def timestamp(self) -> float:
        """Return the seconds since 1970."""
        return self._real() + self._ahead_s

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def step(self, ahead: timedelta) -> None:
        """Set the clock ahead, or back."""
        self._ahead_s += ahead.total_seconds()

    def set(self, moment: datetime) -> None:
        """Set the clock."""
        self.step(moment - self.now())
