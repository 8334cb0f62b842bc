"""The second look of the house: who takes it, how that is doing, and what the owner is told when it cannot be taken.

Without one, the attention model decides alone: a second look never silences the house.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import numpy as np
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import (
    CONF_ANY_CERTIFICATE,
    CONF_LOOK_LIMIT,
    CONF_SECOND_LOOK,
    CONF_SERVER,
    CONF_TOKEN,
    DEFAULT_LOOK_LIMIT_S,
    DOMAIN,
    ISSUE_VERIFIER,
)
from .engine import get_engine
from .health import ATTR_ENTRY
from .remote import RemoteVerifier, Server
from .src.hearing.card import CardError, ModelCard
from .src.hearing.rcrnn_card import RCRNN_CARD, RcrnnCard
from .src.hearing.second_look import Place, SecondLook, Standing
from .src.hearing.source import SAMPLE_RATE_HZ
from .src.hearing.verifier import Failure, Verifier
from .texts import text, with_detail

_LOGGER = logging.getLogger(__name__)

RETRY_S = 30.0
"""A second look that fails is tried again so often, with silence: the next real sound may be months away."""

REHEARSE_S = 600.0
"""One on another machine is tried so often even if all is well, so that its owner knows before it is needed."""

PATIENCE_S = 60.0
"""A failure that lasts this long needs somebody."""

NO_MODEL = "no_model"
"""The reason of a failure to use the model of second looks on this machine."""

SILENCE = np.zeros(SAMPLE_RATE_HZ, np.int16)


class State(StrEnum):
    """Where second looks are taken, or why they are not."""

    LOCAL = "local"
    REMOTE = "remote"
    OFF = "off"
    UNAVAILABLE = "unavailable"


CHOICES = (State.LOCAL, State.REMOTE, State.OFF)
"""What the owner can choose."""


@dataclass(frozen=True, slots=True)
class VerificationConfig:
    """What the owner decided."""

    place: State = State.LOCAL
    limit_s: float = DEFAULT_LOOK_LIMIT_S
    server: Server | None = None
    """The other machine; None unless second looks are taken there."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return the part about the second look of the entry's options."""
        place = State(options.get(CONF_SECOND_LOOK, State.LOCAL))
        server = None
        if place is State.REMOTE:
            url, token = options.get(CONF_SERVER, ""), options.get(CONF_TOKEN, "")
            server = Server(url, token, options.get(CONF_ANY_CERTIFICATE, False))
        return cls(place, options.get(CONF_LOOK_LIMIT, DEFAULT_LOOK_LIMIT_S), server)


class Verification:
    """Owns the one second look that all microphones share, and minds it. Belongs to the event loop."""

    def __init__(self, hass: HomeAssistant, entry_id: str, config: VerificationConfig) -> None:
        """Open nothing yet."""
        self.look: SecondLook | None = None
        """What the listeners ask; None: they decide alone."""
        self.card: RcrnnCard | None = None
        self.failure: Failure | None = None
        """Why no second look can be taken, None while all is well."""
        self._hass = hass
        self._entry_id = entry_id
        self._config = config
        self._verifier: Verifier | None = None
        self._subscribers: list[Callable[[], None]] = []
        self._failing_since: datetime | None = None
        self._cancel_rehearsal: CALLBACK_TYPE | None = None
        self._closed = False

    @property
    def state(self) -> State:
        """Return where second looks are taken now."""
        return self._config.place if self.failure is None else State.UNAVAILABLE

    @property
    def problem(self) -> str | None:
        """Return why no second look can be taken, in the language of the house; None while all is well."""
        if self.failure is None:
            return None
        return with_detail(text(self._hass, f"second_look_{self.failure.reason}"), self.failure.detail)

    @property
    def standing(self) -> Standing | None:
        """Return how the second look has done so far, None if there is none."""
        return self.look.standing if self.look else None

    @callback
    def subscribe(self, subscriber: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the subscriber whenever the state or the problem has changed; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    async def async_open(self, attention: ModelCard) -> None:
        """Get ready to look at what an attention model suspects, and try that once; never fails."""
        if self._config.place is State.OFF:
            return
        try:
            await self._hass.async_add_executor_job(self._open, attention)
        except Exception as error:
            # Whatever it is, the house must be heard without a second look.
            if known := isinstance(error, CardError):
                self.failure = Failure(NO_MODEL, str(error), detail=str(error))
            else:
                self.failure = Failure.unforeseen(f"{type(error).__name__}: {error}")
            _LOGGER.warning("no second look can be taken: %s", self.failure, exc_info=None if known else error)
            self._complain()
            return
        if self._config.place is State.REMOTE:
            self._rehearse(dt_util.utcnow())

    async def async_try(self) -> None:
        """Have silence looked at; the failure tells whether that works."""
        assert self.look is not None
        await self._hass.async_add_executor_job(_try, self.look)
        # It is told as well, but perhaps not yet.
        self._take(self.look.standing)

    async def async_close(self) -> None:
        """Take no more second looks, and end their thread. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._stop_rehearsing()
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE_VERIFIER)
        if isinstance(self._verifier, RemoteVerifier):
            self._verifier.close()
        if self.look is not None and not await self._hass.async_add_executor_job(self.look.close):
            _LOGGER.error("the thread of the second look did not end and was left behind")

    def _open(self, attention: ModelCard) -> None:
        """Load the model, or be ready to ask another machine. Blocks."""
        engine = get_engine(self._hass)
        card = engine.load_verifier_card(RCRNN_CARD)
        if card.attention_sha256 != attention.sha256:
            raise CardError(f"{card.path}: was made for another model than {attention.path.name}")
        config = self._config
        if config.server is not None:
            self._verifier = RemoteVerifier(self._hass, config.server, card, config.limit_s)
        else:
            self._verifier = engine.open_verifier(card)
            # Whether the model works shows here, where there is time for it; nobody else uses it yet.
            self._verifier.verify(SILENCE)
        place: Place = "local" if config.server is None else "remote"
        self.card = card
        self.look = SecondLook(card, self._verifier, place=place, limit_s=config.limit_s, told=self._tell)

    def _tell(self, standing: Standing) -> None:
        """Bring a standing from another thread to the event loop."""
        self._hass.loop.call_soon_threadsafe(self._take, standing)

    @callback
    def _take(self, standing: Standing) -> None:
        """Follow a second look that begins to fail, fails in another way, or works again."""
        if self._closed:
            return
        self.failure = standing.failure
        if self.failure is None:
            self._failing_since = None
            ir.async_delete_issue(self._hass, DOMAIN, ISSUE_VERIFIER)
        elif self._failing_since is None:
            self._failing_since = dt_util.utcnow()
        elif ir.async_get(self._hass).async_get_issue(DOMAIN, ISSUE_VERIFIER):
            # It fails in another way now.
            self._complain()
        self._plan_rehearsal()
        for subscriber in tuple(self._subscribers):
            subscriber()

    @callback
    def _rehearse(self, now: datetime) -> None:
        """Have silence looked at: whether that works shows in the standing."""
        assert self.look is not None
        since = self._failing_since
        if since is not None and now - since >= timedelta(seconds=PATIENCE_S):
            self._complain()
        self._hass.async_add_executor_job(_try, self.look)
        self._plan_rehearsal()

    @callback
    def _plan_rehearsal(self) -> None:
        self._stop_rehearsing()
        if self.failure is not None:
            self._cancel_rehearsal = async_call_later(self._hass, RETRY_S, self._rehearse)
        elif self._config.place is State.REMOTE:
            self._cancel_rehearsal = async_call_later(self._hass, REHEARSE_S, self._rehearse)

    @callback
    def _stop_rehearsing(self) -> None:
        if self._cancel_rehearsal is not None:
            self._cancel_rehearsal()
            self._cancel_rehearsal = None

    @callback
    def _complain(self) -> None:
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            ISSUE_VERIFIER,
            data={ATTR_ENTRY: self._entry_id},
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=ISSUE_VERIFIER,
            translation_placeholders={"problem": self.problem or "–"},
        )


def _try(look: SecondLook) -> None:
    """Have silence looked at, and wait for that. Blocks, at most for the limit."""
    look.status(look.submit(SILENCE), wait=True)
