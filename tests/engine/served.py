"""A server of second looks on loopback, with a made-up verifier, and ways to talk to it."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from hearing.access_token import AccessToken
from hearing.features import Block
from hearing.limits import Limits
from hearing.server import VerifierServer
from hearing.verifier import Region
from hearing.wire import VERIFY_PATH, ModelInfo, encode_clip

TOKEN = "a-token-nobody-can-guess"
MODEL = ModelInfo("made-up", "1.2.3", "ab" * 32)
REGIONS = (Region("smoke_alarm", 0.25, 0.75, 0.9), Region("co_alarm", 0.5, 1.0, 0.1))
CLIP = encode_clip(np.arange(16_000, dtype=np.int16))
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "audio/wav"}


@dataclass
class MadeUpVerifier:
    """Finds the same in every clip, after a while, or fails."""

    look_s: float = 0.0
    failure: Exception | None = None
    clips: list[Block] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    may_look: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_look.set()

    def verify(self, samples: Block) -> tuple[Region, ...]:
        self.may_look.wait(10)
        self.clips.append(samples)
        self.threads.add(threading.get_ident())
        time.sleep(self.look_s)
        if self.failure is not None:
            raise self.failure
        return REGIONS


@dataclass
class Reply:
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """Decoded from JSON."""

    @property
    def error(self) -> str:
        """The short code of a refusal, which has a sentence beside it and nothing else."""
        assert set(self.body) == {"error", "message"}
        assert self.body["message"].endswith(".")
        assert "Traceback" not in self.body["message"]
        return str(self.body["error"])


@dataclass
class Served:
    """A running server."""

    port: int
    verifier: MadeUpVerifier
    server: VerifierServer
    log: list[Mapping[str, Any]]
    session: aiohttp.ClientSession

    async def ask(
        self,
        body: bytes | AsyncIterator[bytes] | None = CLIP,
        *,
        method: str = "POST",
        path: str = VERIFY_PATH,
        headers: Mapping[str, str] = HEADERS,
    ) -> Reply:
        """Ask as a well-behaved client."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, data=body, headers=headers) as response:
            return Reply(response.status, response.headers, json.loads(await response.read()))

    async def send(self, *parts: bytes, pause_s: float = 0.0) -> bytes:
        """Send bytes as they are, in parts, and return all that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = asyncio.create_task(_all_of(reader))
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)
        try:
            return await answer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            received += part
    return received


@contextlib.asynccontextmanager
async def serve(verifier: MadeUpVerifier | None = None, **limits: Any) -> AsyncIterator[Served]:
    """Run a server that nobody limits in how often they ask, unless said otherwise."""
    verifier = verifier or MadeUpVerifier()
    log: list[Mapping[str, Any]] = []
    asked = {"rate_per_s": 1e6, "at_once": 1e6, "linger_s": 0.2, "stop_s": 0.5} | limits
    server = VerifierServer(verifier, MODEL, AccessToken(TOKEN), log.append, Limits(**asked))
    try:
        port = await server.start("127.0.0.1", 0)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
            yield Served(port, verifier, server, log, session)
    finally:
        verifier.may_look.set()
        await server.stop()


def request(
    body: bytes = CLIP, *, length: int | None = None, token: str = TOKEN, extra: str = "", path: str = VERIFY_PATH
) -> bytes:
    """Return a request as it goes over the network, with the connection closed after the answer."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: audio/wav\r\nContent-Length: {len(body) if length is None else length}\r\n{extra}\r\n"
    )
    return head.encode("latin-1") + body
