"""A second look for other machines: takes clips over HTTP and answers what is in them. Only this file needs aiohttp."""

import asyncio
import math
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from .access_token import AccessToken
from .features import Block
from .limits import Limits, RateLimit
from .request_record import RequestRecord
from .verifier import Region, Verifier
from .wire import (
    CLIP_TYPE,
    HEALTH_PATH,
    MODEL_PATH,
    MOST_CLIP_BYTES,
    VERIFY_PATH,
    Answer,
    ClipError,
    ModelInfo,
    Refusal,
    decode_clip,
)

_METHODS = {VERIFY_PATH: "POST", MODEL_PATH: "GET", HEALTH_PATH: "GET"}

_HEALTHY = b'{"status": "ok"}'


class VerifierServer:
    """Lets other machines use a verifier. Belongs to one event loop; the verifier runs in one thread beside it."""

    def __init__(
        self,
        verifier: Verifier,
        model: ModelInfo,
        token: AccessToken,
        log: Callable[[Mapping[str, object]], None],
        limits: Limits,
    ) -> None:
        """Get ready; `log` is called once for every request and must not fail."""
        self._verifier = verifier
        self._model = model
        self._token = token
        self._log = log
        self._limits = limits
        self._rate = RateLimit(limits.rate_per_s, limits.at_once)
        self._in_flight = 0
        self._worker = ThreadPoolExecutor(1, "second-look")
        self._http: web.Server | None = None
        self._listening: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to answer. Return the port: a free one if 0 was asked for.

        Raises:
            OSError: it cannot listen there.
        """
        loop = asyncio.get_running_loop()
        # A client that no longer waits needs no look.
        http = web.Server(self._handle, handler_cancellation=True)
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,  # a small body must not become a large one
            "keepalive_timeout": self._limits.idle_s,
            "lingering_time": self._limits.linger_s,
        }
        self._listening = await loop.create_server(
            lambda: _Connection(self._refuse_garbage, http, loop=loop, **options),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=self._limits.body_s if tls else None,
            ssl_shutdown_timeout=self._limits.linger_s if tls else None,
        )
        self._http = http
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more requests, answer those under way, and close."""
        if self._listening is not None and self._http is not None:
            self._listening.close()
            self._http.pre_shutdown()
            await self._http.shutdown(self._limits.stop_s)
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request, whatever it is, and tell the log."""
        started_s = time.monotonic()
        record = RequestRecord(request.remote, request.path if request.path in _METHODS else None)
        try:
            response = await self._respond(request, record)
            record.status = response.status
            return response
        finally:
            self._log(record.to_dict(1000 * (time.monotonic() - started_s)))

    async def _respond(self, request: web.BaseRequest, record: RequestRecord) -> web.Response:
        try:
            return _response(200, await self._answer(request, record))
        except _RefusedError as refused:
            record.error = refused.code
            return refused.response()
        except Exception as error:  # noqa: BLE001  the client gets an answer and no trace; the owner finds it in the log
            record.error, record.failure = "failed", f"{type(error).__name__}: {error}"
            return _RefusedError(500, "failed", "The look failed; the server's log says why.").response()

    async def _answer(self, request: web.BaseRequest, record: RequestRecord) -> bytes:
        """Return the body of the answer."""
        if wait_s := self._rate.wait_s(request.remote or "", time.monotonic()):
            raise _RefusedError(429, "too_often", "Too many requests.", {"Retry-After": str(math.ceil(wait_s))})
        method = _METHODS.get(request.path)
        if method is None:
            raise _RefusedError(404, "not_found", "There is nothing here.")
        if request.method != method:
            raise _RefusedError(405, "wrong_method", f"Use {method}.", {"Allow": method})
        if request.path == HEALTH_PATH:
            return _HEALTHY
        if not self._token.opens(request.headers.get("Authorization")):
            raise _RefusedError(401, "unauthorized", "The right token is needed.", {"WWW-Authenticate": "Bearer"})
        if request.path == MODEL_PATH:
            return self._model.to_json()
        record.sent_bytes = _clip_bytes(request)
        if self._in_flight >= self._limits.in_flight:
            raise _busy()
        self._in_flight += 1
        try:
            record.regions = await self._look(await self._receive(request))
        finally:
            self._in_flight -= 1
        return Answer(self._model, record.regions).to_json()

    async def _receive(self, request: web.BaseRequest) -> Block:
        """Return the clip in the body of a request."""
        try:
            async with asyncio.timeout(self._limits.body_s):
                return decode_clip(await request.content.read())
        except TimeoutError:
            raise _RefusedError(408, "too_slow", "The sound took too long to arrive.") from None
        except ClipError as error:
            raise _RefusedError(413 if error.code == "too_long" else 422, error.code, str(error)) from None

    async def _look(self, samples: Block) -> tuple[Region, ...]:
        """Return what is in a clip, after those that came before."""
        look = asyncio.get_running_loop().run_in_executor(self._worker, self._verifier.verify, samples)
        try:
            async with asyncio.timeout(self._limits.look_s):
                return await look
        except TimeoutError:
            raise _busy() from None

    def _refuse_garbage(self, address: str | None) -> web.Response:
        """Answer what is no HTTP, without looking at it any closer: it may be anything, a token among it."""
        self._log(RequestRecord(address, None, status=400, error="not_http").to_dict(0))
        return _RefusedError(400, "not_http", "This is no valid HTTP request.").response()


class _RefusedError(Exception):
    """A request gets no answer but this."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self._status = status
        self._headers = headers or {}

    def response(self) -> web.Response:
        """Return what is sent."""
        return _response(self._status, Refusal(self.code, str(self)).to_json(), self._headers)


class _Connection(web.RequestHandler):
    """A client's connection; what is no HTTP is refused in the same form as all else."""

    def __init__(self, refuse: Callable[[str | None], web.Response], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refuse = refuse

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Refuse, and close the connection. aiohttp's own answer would repeat what was sent, in its log, too."""
        response = self._refuse(request.remote)
        response.force_close()
        return response


def _clip_bytes(request: web.BaseRequest) -> int:
    """Return the length of a body that claims to be a clip, before any of it is read."""
    if request.content_type != CLIP_TYPE or request.headers.get("Content-Encoding", "identity") != "identity":
        raise _RefusedError(415, "wrong_type", f"The body must be {CLIP_TYPE}, and not compressed.")
    if request.content_length is None:
        raise _RefusedError(411, "no_length", "The length of the body must be given.")
    if request.content_length > MOST_CLIP_BYTES:
        raise _RefusedError(413, "too_long", f"The body must not exceed {MOST_CLIP_BYTES} bytes.")
    return request.content_length


def _busy() -> _RefusedError:
    return _RefusedError(503, "busy", "Too many sounds are waiting.", {"Retry-After": "1"})


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    # Which versions answer is nobody's business.
    return web.Response(
        status=status, body=body, content_type="application/json", headers={"Server": "sound-guard", **(headers or {})}
    )
