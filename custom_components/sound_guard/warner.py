"""Tells those who are alerted that not every microphone listens while the guard is armed: they may be far away."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .alert_message import Message
from .const import DOMAIN
from .lookout import Lookout
from .recipient import Recipient
from .stored import async_read
from .texts import text

PATIENCE_S = 60.0
"""What is over within this time is nobody's worry; whoever was not reached is tried again so often."""

TAG = f"{DOMAIN}_not_listening"

SAID: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_warned")
"""What each recipient was told last. It outlives a change of the options, and stored, a restart."""


class Warner:
    """Sends what the lookout warns of. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, targets: Collection[str], lookout: Lookout) -> None:
        """Know whom to tell."""
        self._hass = hass
        self._recipients = {target: Recipient(hass, target) for target in targets}
        self._lookout = lookout
        self._said: dict[str, str] = {}
        self._cancel: CALLBACK_TYPE | None = None
        self._stopped = False

    async def async_load(self) -> None:
        """Remember who was told what."""
        if SAID not in self._hass.data:
            stored = await async_read(_store(self._hass))
            known = stored.items() if isinstance(stored, dict) else ()
            self._hass.data[SAID] = {str(target): str(warning) for target, warning in known}
        self._said = self._hass.data[SAID]

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Follow the lookout from now on; return what ends that."""
        end = self._lookout.subscribe(self._follow)
        self._take_back(self._said.keys() - self._recipients)
        if self._lookout.warning:
            self._follow()

        @callback
        def stop() -> None:
            end()
            self._stopped = True
            self._wait_no_more()

        return stop

    @callback
    def go_on(self) -> None:
        """Take back what is over since a restart; the lookout knows by now whether the guard is armed."""
        if not self._lookout.is_looking:
            self._follow()

    @callback
    def _follow(self) -> None:
        if self._stopped:
            return
        if not self._lookout.warning:
            self._wait_no_more()
            self._take_back(tuple(self._said))
        elif self._cancel is None:
            self._cancel = async_call_later(self._hass, PATIENCE_S, self._async_warn)

    @callback
    def _take_back(self, targets: Collection[str]) -> None:
        for target in targets:
            del self._said[target]
            _clear(self._hass, target)
        if targets:
            self._save()

    @callback
    def _wait_no_more(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    async def _async_warn(self, _: datetime) -> None:
        self._cancel = None
        if not (warning := self._lookout.warning):
            return
        message = _message(text(self._hass, "not_listening"), warning)
        ignorant = [each for each in self._recipients.values() if self._said.get(each.target) != warning]
        told = await asyncio.gather(*(each.async_say(message) for each in ignorant))
        if self._hass.data.get(SAID) is not self._said:
            # Sound Guard was removed meanwhile.
            return
        self._said.update({each.target: warning for each, is_told in zip(ignorant, told, strict=True) if is_told})
        if any(told):
            self._save()
        if not all(told) or self._lookout.warning != warning:
            self._follow()

    @callback
    def _save(self) -> None:
        saving = _store(self._hass).async_save(dict(self._said))
        self._hass.async_create_task(saving, f"{DOMAIN} warnings")


async def async_forget_warnings(hass: HomeAssistant) -> None:
    """Take back what was said: nobody looks after the microphones any more."""
    for target in hass.data.pop(SAID, {}):
        _clear(hass, target)
    await _store(hass).async_remove()


@callback
def _clear(hass: HomeAssistant, target: str) -> None:
    hass.async_create_task(Recipient(hass, target).async_clear(TAG), f"{DOMAIN} warning that is over")


def _message(title: str, warning: str) -> Message:
    urgent = {"ttl": 0, "priority": "high", "importance": "high", "channel": "Sound Guard"}
    push = {"interruption-level": "time-sensitive"}
    return Message(title, warning, None, {"tag": TAG, "group": DOMAIN, **urgent, "push": push})


def _store(hass: HomeAssistant) -> Store[dict[str, str]]:
    return Store(hass, 1, f"{DOMAIN}.warnings", atomic_writes=True)
