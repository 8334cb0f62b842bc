"""The second look on another machine of the owner's: asks `sound-guard serve` there. Nothing else ever sends sound."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientResponse,
    ClientTimeout,
    InvalidURL,
    hdrs,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .src.hearing.features import Block
from .src.hearing.rcrnn_card import RcrnnCard
from .src.hearing.verifier import Failure, Region, VerifierError
from .src.hearing.wire import (
    CLIP_TYPE,
    MODEL_PATH,
    MOST_ANSWER_BYTES,
    VERIFY_PATH,
    Answer,
    ModelInfo,
    Refusal,
    encode_clip,
)

ASK_S = 10.0
"""How long a server may take to say which model it has, while the owner waits for that."""

MARGIN_S = 0.2
"""A request ends so much before the second look's own limit: its reason is better than none."""

OK, UNAUTHORIZED, TOO_MANY, UNAVAILABLE = 200, 401, 429, 503


class Trouble(StrEnum):
    """Why another machine took no second look; the value is a translation key of the options and of what is told."""

    UNREACHABLE = "unreachable"
    SLOW = "slow"
    CERTIFICATE = "certificate"
    WRONG_TOKEN = "wrong_token"  # noqa: S105  a name, no token
    BUSY = "busy"
    REFUSED = "refused"
    NOT_A_SERVER = "not_a_server"
    OTHER_MODEL = "other_model"


SENTENCES: Mapping[Trouble, str] = {
    Trouble.UNREACHABLE: "the other machine cannot be reached",
    Trouble.SLOW: "the other machine did not answer in time",
    Trouble.CERTIFICATE: "the certificate of the other machine is not trusted",
    Trouble.WRONG_TOKEN: "the other machine does not accept the token",
    Trouble.BUSY: "the other machine has too much to do",
    Trouble.REFUSED: "the other machine refused the sound",
    Trouble.NOT_A_SERVER: "what answers at this address is no second look of Sound Guard",
    Trouble.OTHER_MODEL: "the other machine runs another version of the model",
}


class RemoteError(VerifierError):
    """Another machine took no second look; the message never holds the token."""

    def __init__(self, trouble: Trouble, detail: str | None = None) -> None:
        """Say what is wrong, and what was told about it."""
        super().__init__(f"{SENTENCES[trouble]} ({detail})" if detail else SENTENCES[trouble])
        self.trouble = trouble
        self._detail = detail

    @property
    def failure(self) -> Failure:
        """The same for whoever is told."""
        return Failure(self.trouble, str(self), self._detail)


@dataclass(frozen=True, slots=True)
class Server:
    """Where another machine is reached, and what it wants to see."""

    url: str
    token: str = field(repr=False)
    any_certificate: bool = False
    """Whether its certificate is not looked at."""


class RemoteVerifier:
    """A verifier on another machine. Used by the thread of a second look; its requests run on the event loop."""

    def __init__(self, hass: HomeAssistant, server: Server, card: RcrnnCard, limit_s: float) -> None:
        """Ask nothing yet."""
        self._hass = hass
        self._server = server
        self._sha256 = card.sha256
        self._limit_s = limit_s
        self._asking: Future[bytes] | None = None
        self._closed = False

    def verify(self, samples: Block) -> tuple[Region, ...]:
        """Return what the other machine finds in a clip.

        Raises:
            RemoteError: it does not answer in time, not as it should, or with another model.
        """
        clip = encode_clip(samples)
        request = _async_ask(self._hass, self._server, self._limit_s - MARGIN_S, clip)
        self._asking = asking = asyncio.run_coroutine_threadsafe(request, self._hass.loop)
        if self._closed:
            asking.cancel()
        try:
            body = asking.result(self._limit_s)
        except (TimeoutError, CancelledError) as error:
            # The loop itself has no time, or is about to end.
            asking.cancel()
            raise RemoteError(Trouble.SLOW) from error
        answer = _read(Answer, body)
        check_model(answer.model, self._sha256)
        return answer.regions

    def close(self) -> None:
        """Ask no more, and wait for no answer. From any thread."""
        self._closed = True
        if (asking := self._asking) is not None:
            asking.cancel()


async def async_fetch_model(hass: HomeAssistant, server: Server) -> ModelInfo:
    """Return which model a server looks with; no sound is sent.

    Raises:
        RemoteError: it cannot be asked.
    """
    return _read(ModelInfo, await _async_ask(hass, server, ASK_S))


def check_model(model: ModelInfo, sha256: str) -> None:
    """Refuse answers of any other model: the thresholds were chosen for this one.

    Raises:
        RemoteError: it is another one.
    """
    if model.sha256 != sha256:
        raise RemoteError(Trouble.OTHER_MODEL, model.version)


async def _async_ask(hass: HomeAssistant, server: Server, timeout_s: float, clip: bytes | None = None) -> bytes:
    """Return the body of a server's answer: about a clip, or else about its model.

    A redirect is not followed: the sound is for this server alone.

    Raises:
        RemoteError: there is no answer, or a refusal.
    """
    session = async_get_clientsession(hass, verify_ssl=not server.any_certificate)
    headers = {hdrs.AUTHORIZATION: f"Bearer {server.token}", hdrs.ACCEPT_ENCODING: "identity"}
    method, path = hdrs.METH_GET, MODEL_PATH
    if clip is not None:
        method, path = hdrs.METH_POST, VERIFY_PATH
        headers[hdrs.CONTENT_TYPE] = CLIP_TYPE
    try:
        async with session.request(
            method,
            server.url.rstrip("/") + path,
            headers=headers,
            data=clip,
            timeout=ClientTimeout(total=timeout_s),
            allow_redirects=False,
            # A small compressed answer must not become a large one.
            auto_decompress=False,
        ) as response:
            body = await _async_body(response)
            status = response.status
    except TimeoutError as error:
        raise RemoteError(Trouble.SLOW) from error
    except ClientConnectorCertificateError as error:
        raise RemoteError(Trouble.CERTIFICATE, getattr(error.certificate_error, "verify_message", None)) from error
    except InvalidURL as error:
        raise RemoteError(Trouble.UNREACHABLE, "no such address") from error
    except (ClientError, OSError) as error:
        raise RemoteError(Trouble.UNREACHABLE, getattr(error, "strerror", None)) from error
    if status == OK:
        return body
    refusal = _read(Refusal, body)
    troubles = {UNAUTHORIZED: Trouble.WRONG_TOKEN, TOO_MANY: Trouble.BUSY, UNAVAILABLE: Trouble.BUSY}
    if trouble := troubles.get(status):
        raise RemoteError(trouble)
    raise RemoteError(Trouble.REFUSED, refusal.message.rstrip("."))


async def _async_body(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MOST_ANSWER_BYTES:
            raise RemoteError(Trouble.NOT_A_SERVER)
    return bytes(body)


def _read[Read: (Answer, ModelInfo, Refusal)](kind: type[Read], body: bytes) -> Read:
    """Return what a body says; one that says nothing came from something else than our server."""
    try:
        return kind.from_json(body)
    except VerifierError as error:
        raise RemoteError(Trouble.NOT_A_SERVER) from error
