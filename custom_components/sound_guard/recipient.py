"""One of those whom the owner wants to be told: a notify entity, or a phone with Home Assistant's app."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util.hass_dict import HassKey

from .alert_message import Message, Occasion
from .const import DOMAIN
from .incident import Incident

_LOGGER = logging.getLogger(__name__)

APP = "mobile_app"
"""Names the integration of the app, and begins the names of its actions."""

IN_TURN: HassKey[dict[str, asyncio.Lock]] = HassKey(f"{DOMAIN}_in_turn")
"""By recipient: a message that is on its way when the options are changed has its turn before those that follow."""

PATIENCE_S = 30.0
"""A message that cannot be delivered for so long has failed."""


def is_app(target: str) -> bool:
    """Return whether a target is a phone with the app, which can show a picture and buttons."""
    return target.startswith(f"{Platform.NOTIFY}.{APP}_")


@callback
def is_reachable(hass: HomeAssistant, target: str) -> bool:
    """Return whether Home Assistant knows a target now and, as far as it can tell, reaches it."""
    if is_app(target):
        return hass.services.has_service(*target.split(".", 1))
    state = hass.states.get(target)
    return state is not None and state.state != STATE_UNAVAILABLE


@callback
def known_targets(hass: HomeAssistant) -> dict[str, str]:
    """Return whom Home Assistant can notify, and what to call them: phones by their action, others by their entity.

    The app's own notify entities are left out: they can show neither pictures nor buttons.
    """
    registry = er.async_get(hass)
    actions = (f"{Platform.NOTIFY}.{name}" for name in hass.services.async_services_for_domain(Platform.NOTIFY))
    phones = {
        name: name.removeprefix(f"{Platform.NOTIFY}.{APP}_").replace("_", " ") for name in filter(is_app, actions)
    }
    return phones | {
        state.entity_id: state.name
        for state in hass.states.async_all(Platform.NOTIFY)
        if (entity := registry.async_get(state.entity_id)) is None or entity.platform != APP
    }


class Recipient:
    """Tells one recipient, one message after the other. Whatever goes wrong is logged once and stays here."""

    def __init__(self, hass: HomeAssistant, target: str, arrived: Callable[[], None] = lambda: None) -> None:
        """Tell a notify entity, or a phone by its action; `arrived` is called when it knows of another incident."""
        self.target = target
        self._arrived = arrived
        self._hass = hass
        self._in_turn = hass.data.setdefault(IN_TURN, {}).setdefault(target, asyncio.Lock())
        self._waiting: set[tuple[str, Occasion]] = set()
        """Which incidents wait for their turn, and why they are to be told."""
        self._failing = False
        """Whether the log says that messages do not arrive."""

    async def async_tell(self, incident: Incident, occasion: Occasion, compose: Callable[[Occasion], Message]) -> None:
        """Send what there is to say when it is this message's turn, if it is still wanted then."""
        reason = incident.id, occasion
        is_on_its_way = occasion is Occasion.MORE and self.target in incident.owed and self._in_turn.locked()
        if reason in self._waiting or is_on_its_way:
            # What waits is put into words in its turn, and then says this, too; what fails is tried again in any case.
            return
        self._waiting.add(reason)
        async with self._in_turn:
            self._waiting.discard(reason)
            if (fitting := self._fitting(incident, occasion)) is not None:
                message = compose(fitting)
                sent = await self._async_send(message.title, message.text, message.data)
                if sent and self.target in incident.owed:
                    incident.owed.remove(self.target)
                    self._arrived()

    async def async_say(self, message: Message) -> bool:
        """Send what is about no incident; return whether it was taken."""
        async with self._in_turn:
            return await self._async_send(message.title, message.text, message.data)

    def _fitting(self, incident: Incident, occasion: Occasion) -> Occasion | None:
        """Return on what occasion to speak, None if there is none."""
        if incident.acknowledged:
            return None
        if self.target in incident.owed:
            # Whoever knows nothing yet is not told more, but told, with noise.
            return Occasion.AGAIN if occasion is Occasion.AGAIN else Occasion.NEW
        if occasion is Occasion.MORE:
            # Elsewhere a message cannot be replaced: it would arrive a second time.
            return occasion if is_app(self.target) else None
        return occasion if occasion is Occasion.AGAIN else None

    async def async_clear(self, tag: str) -> None:
        """Take a message back, where that is possible."""
        if is_app(self.target):
            async with self._in_turn:
                await self._async_send(None, "clear_notification", {"tag": tag})

    async def _async_send(self, title: str | None, text: str, data: dict[str, Any]) -> bool:
        """Return whether it was taken."""
        said: dict[str, Any] = {"message": text} | ({"title": title} if title else {})
        if is_app(self.target):
            action, said = self.target.partition(".")[2], said | {"data": data}
        else:
            action, said = "send_message", said | {ATTR_ENTITY_ID: self.target}
        try:
            if not is_reachable(self._hass, self.target):
                # Of an entity that is not there or unavailable, the action would say that all went well.
                raise HomeAssistantError("it is not there, or unavailable")
            async with asyncio.timeout(PATIENCE_S):
                await self._hass.services.async_call(Platform.NOTIFY, action, said, blocking=True)
        except Exception as error:  # noqa: BLE001  anybody's code may run there, and the others must be told
            if not self._failing:
                self._failing = True
                _LOGGER.warning("%s cannot be told: %s", self.target, str(error) or type(error).__name__)
        else:
            if self._failing:
                self._failing = False
                _LOGGER.info("%s can be told again", self.target)
            return True
        return False
