"""Where a code is entered: the right one is let in, and after several wrong ones nobody is, for longer each time."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from time import monotonic
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .code import matches
from .const import DOMAIN
from .moment import read_moment
from .stored import async_read

_LOGGER = logging.getLogger(__name__)

FREE_TRIES = 5
"""So many wrong codes lock the keypad for the first time; from then on, every further one does."""

FIRST_LOCK_S = 30
LONGEST_LOCK_S = 3_600


@dataclass(frozen=True, slots=True)
class Tries:
    """The wrong codes since the last right one."""

    wrong: int = 0
    locked_since: datetime | None = None
    """When the last lock-out began; None if there was none."""

    def left_s(self, now: datetime) -> float:
        """Return for how many more seconds the keypad is locked, by the clock on the wall; 0 if it is not."""
        if self.locked_since is None:
            return 0.0
        # It may have been set back meanwhile: the lock-out begins anew then, and lasts no longer than it was meant to.
        gone_s = max(0.0, (now - self.locked_since).total_seconds())
        return max(0.0, self.lock_s - gone_s)

    @property
    def lock_s(self) -> float:
        """Return how many seconds the last lock-out lasts in all."""
        doublings = min(self.wrong - FREE_TRIES, 10)
        return min(FIRST_LOCK_S * 2.0**doublings, LONGEST_LOCK_S)

    def another(self, now: datetime) -> "Tries":
        """Return the tries after one more wrong code."""
        wrong = self.wrong + 1
        return Tries(wrong, now if wrong >= FREE_TRIES else None)


class Keypad:
    """Checks codes, one at a time, and remembers the wrong ones over a restart. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, hashed_code: str | None) -> None:
        """Guard a code; None: there is none, and all may enter."""
        self.has_code = hashed_code is not None
        self._hass = hass
        self._hashed_code = hashed_code or ""
        self._tries = Tries()
        self._locked_until_s = 0.0
        """On a clock that nobody can set. The one on the wall counts only after a restart."""
        self._store = keypad_store(hass)
        self._checking = asyncio.Lock()

    async def async_load(self) -> None:
        """Remember the wrong codes from before a restart, unless the code is another one now."""
        if (stored := await async_read(self._store)) is None:
            return
        try:
            if stored["salt"] == self._salt:
                self._take(_tries(stored))
        except (KeyError, TypeError, ValueError):
            _LOGGER.warning("The count of wrong codes cannot be read; it begins anew")

    async def async_check(self, code: str | None) -> None:
        """Let the right code pass.

        Raises:
            ServiceValidationError: it is missing, or wrong, or too many were wrong; says which, and for how long.
        """
        if not self.has_code:
            return
        if not code:
            # No guess, so it does not count: a forgetful automation must not lock the owner out.
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="code_needed")
        # One after the other: otherwise many guesses at once would all come before the first is counted.
        async with self._checking:
            self._refuse_while_locked()
            if await self._hass.async_add_executor_job(matches, code, self._hashed_code):
                await self._remember(Tries())
                return
            await self._remember(self._tries.another(dt_util.utcnow()))
            if self._tries.locked_since is not None:
                lock_s = self._tries.lock_s
                _LOGGER.warning("%d wrong codes; every code is refused for %d s", self._tries.wrong, lock_s)
            self._refuse_while_locked()
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="wrong_code")

    def _refuse_while_locked(self) -> None:
        if (left_s := self._locked_until_s - monotonic()) > 0:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="locked_out",
                translation_placeholders={"wait": _in_words(left_s)},
            )

    async def _remember(self, tries: Tries) -> None:
        if tries == self._tries:
            return
        self._take(tries)
        # Before anybody learns whether the code was right.
        await self._store.async_save(
            {
                "salt": self._salt,
                "wrong": tries.wrong,
                "locked_since": tries.locked_since.isoformat() if tries.locked_since else None,
            }
        )

    def _take(self, tries: Tries) -> None:
        self._tries = tries
        self._locked_until_s = monotonic() + tries.left_s(dt_util.utcnow())

    @property
    def _salt(self) -> str:
        """Tells one code from another, and nothing else about it."""
        return self._hashed_code.rpartition("$")[0]


def _tries(stored: Mapping[str, Any]) -> Tries:
    """Return the tries that were stored; raises KeyError, TypeError, ValueError."""
    wrong, locked_since = stored["wrong"], stored["locked_since"]
    if type(wrong) is not int or wrong < 0:
        raise ValueError(f"no count: {wrong!r}")
    return Tries(wrong, read_moment(locked_since) if locked_since is not None else None)


def _in_words(seconds: float) -> str:
    """Return a time as people say it, in units that are the same in every language."""
    return f"{ceil(seconds)} s" if seconds <= 90 else f"{ceil(seconds / 60)} min"


def keypad_store(hass: HomeAssistant) -> Store[dict[str, Any]]:
    """Return where the wrong codes are counted."""
    # Pulling the plug must not give another try: what is written is on the disk.
    return Store(hass, 1, f"{DOMAIN}.keypad", atomic_writes=True)
