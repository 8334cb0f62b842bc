"""Tells those who are alerted that not every microphone listens while the guard is armed: they may be far away."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .alert_message import Message
from .const import DOMAIN
from .lookout import Lookout
from .recipient import Recipient
from .texts import text

PATIENCE_S = 60.0
"""What is over within this time is nobody's worry; whoever was not reached is tried again so often."""

TAG = f"{DOMAIN}_not_listening"

SAID: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_warned")
"""What each recipient was told last. It outlives a change of the options, which sets everything up anew."""


class Warner:
    """Sends what the lookout warns of. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, targets: Iterable[str], lookout: Lookout) -> None:
        """Know whom to tell."""
        self._hass = hass
        self._recipients = [Recipient(hass, target) for target in targets]
        self._lookout = lookout
        self._said = hass.data.setdefault(SAID, {})
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Follow the lookout; return what ends that."""
        end = self._lookout.subscribe(self._follow)
        self._follow()

        @callback
        def stop() -> None:
            end()
            self._wait_no_more()

        return stop

    @callback
    def _follow(self) -> None:
        if not self._lookout.warning:
            self._wait_no_more()
            for recipient in self._recipients:
                if self._said.pop(recipient.target, None):
                    self._hass.async_create_task(recipient.async_clear(TAG), f"{DOMAIN} warning that is over")
        elif self._cancel is None:
            self._cancel = async_call_later(self._hass, PATIENCE_S, self._async_warn)

    @callback
    def _wait_no_more(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    async def _async_warn(self, _: datetime) -> None:
        self._cancel = None
        warning = self._lookout.warning
        ignorant = [each for each in self._recipients if self._said.get(each.target) != warning]
        message = _message(text(self._hass, "not_listening"), warning)
        told = await asyncio.gather(*(each.async_say(message) for each in ignorant))
        self._said.update({each.target: warning for each, is_told in zip(ignorant, told, strict=True) if is_told})
        if not all(told) or self._lookout.warning != warning:
            self._follow()


def _message(title: str, warning: str) -> Message:
    urgent = {"ttl": 0, "priority": "high", "importance": "high", "channel": "Sound Guard"}
    push = {"interruption-level": "time-sensitive"}
    return Message(title, warning, None, {"tag": TAG, "group": DOMAIN, **urgent, "push": push})
