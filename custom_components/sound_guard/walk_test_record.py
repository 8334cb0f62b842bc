"""When each microphone was tested last, kept over restarts whatever becomes of the entities that show it."""

import logging
from collections.abc import Container
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .moment import read_moment
from .stored import async_read
from .walk_test import WalkTest

_LOGGER = logging.getLogger(__name__)


class WalkTestRecord:
    """Holds the time of every microphone's last successful walk test. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start empty."""
        self._hass = hass
        self._store = record_store(hass)
        self._times: dict[str, datetime] = {}

    async def async_load(self, keep: Container[str]) -> None:
        """Remember the tests of the microphones with these ids; the others are gone."""
        stored = await async_read(self._store)
        for microphone_id, time in (stored if isinstance(stored, dict) else {}).items():
            try:
                moment = read_moment(time)
            except ValueError:
                _LOGGER.warning("The time of a walk test cannot be read: %s", time)
                continue
            if microphone_id in keep:
                self._times[microphone_id] = moment

    def last(self, microphone_id: str) -> datetime | None:
        """Return when a microphone was tested last, None if never."""
        return self._times.get(microphone_id)

    @callback
    def follow(self, microphone_id: str, test: WalkTest) -> CALLBACK_TYPE:
        """Write down every success of a microphone's test; return what ends that."""

        @callback
        def write() -> None:
            if test.last_success is None or test.last_success == self._times.get(microphone_id):
                return
            self._times[microphone_id] = test.last_success
            # At once: who tests an alarm may pull a plug next.
            stored = {each: time.isoformat() for each, time in self._times.items()}
            self._hass.async_create_task(self._store.async_save(stored), f"{DOMAIN} walk test")

        return test.subscribe(write)


def record_store(hass: HomeAssistant) -> Store[dict[str, str]]:
    """Return where the times are stored."""
    return Store(hass, 1, f"{DOMAIN}.walk_tests", atomic_writes=True)
