"""The way of an alert to everybody whom the owner wants to be told: whoever is not reached is tried again."""

import asyncio
from collections.abc import Callable, Iterable

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .alert_message import Message, Occasion, tag
from .incident import FORGOTTEN_AFTER, Incident
from .recipient import Recipient

RETRY_S = (5.0, 15.0, 30.0, *60 * (60.0,), *138 * (600.0,))
"""Waits between one try and the next: short ones, then every minute for an hour, then every ten minutes for a day."""


class Delivery:
    """Tells everybody, each in their own time. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, targets: Iterable[str], arrived: Callable[[], None]) -> None:
        """Know whom to tell; `arrived` is called whenever somebody knows of another incident."""
        self._hass = hass
        self._recipients = [Recipient(hass, target, arrived) for target in targets]
        self._insisting: dict[str, list[asyncio.Task[None]]] = {}
        """By incident."""

    @callback
    def tell(self, incident: Incident, occasion: Occasion, compose: Callable[[Occasion], Message]) -> None:
        """Tell everybody: what is said is what is known when their turn comes."""
        for recipient in self._recipients:
            self._hass.async_create_task(recipient.async_tell(incident, occasion, compose), "sound_guard alerts")

    @callback
    def insist(self, incident: Incident, compose: Callable[[Occasion], Message]) -> None:
        """Try again and again to reach those who do not know of the incident yet."""
        self._insisting[incident.id] = [
            self._hass.async_create_background_task(
                self._async_insist(recipient, incident, compose), "sound_guard alerts that did not arrive"
            )
            for recipient in self._recipients
            if recipient.target in incident.owed
        ]

    async def _async_insist(
        self, recipient: Recipient, incident: Incident, compose: Callable[[Occasion], Message]
    ) -> None:
        for wait_s in RETRY_S:
            await asyncio.sleep(wait_s)
            if recipient.target not in incident.owed or dt_util.utcnow() - incident.began > FORGOTTEN_AFTER:
                return
            telling = recipient.async_tell(incident, Occasion.NEW, compose)
            # A change of the options ends the trying, and not a message that is on its way.
            await asyncio.shield(self._hass.async_create_task(telling, "sound_guard alerts"))

    @callback
    def desist(self, incident_id: str) -> None:
        """Do not try any more."""
        for task in self._insisting.pop(incident_id, ()):
            task.cancel()

    @callback
    def take_back(self, incident: Incident) -> None:
        """Take what was said back, where that is possible."""
        for recipient in self._recipients:
            self._hass.async_create_task(recipient.async_clear(tag(incident)), "sound_guard all clear")

    @callback
    def stop(self) -> None:
        """Do not try anything any more."""
        for incident_id in tuple(self._insisting):
            self.desist(incident_id)
