"""Another machine of the owner's, on loopback: with our own server on it, or with something else."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.remote import Trouble
from custom_components.sound_guard.src.hearing.access_token import AccessToken
from custom_components.sound_guard.src.hearing.limits import Limits
from custom_components.sound_guard.src.hearing.server import VerifierServer
from custom_components.sound_guard.src.hearing.verifier import Region
from custom_components.sound_guard.src.hearing.wire import Answer, ModelInfo, Refusal

from .fakes import VERIFIER_CARD, FakeVerifier

TOKEN = "a-token-nobody-can-guess"
MODEL = ModelInfo(VERIFIER_CARD.name, VERIFIER_CARD.version, VERIFIER_CARD.sha256)

OTHER = ModelInfo("rcrnn", "9.9.9", "f" * 64)
BEEP = Region("smoke_alarm", 0.25, 0.75, 0.9)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def our_server(
    verifier: FakeVerifier, model: ModelInfo = MODEL, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Run `sound-guard serve` in this process and yield its address."""
    if tls:
        # A loop that is being debugged complains of clients that do not like the certificate.
        asyncio.get_running_loop().set_debug(False)
    server = VerifierServer(verifier, model, AccessToken(TOKEN), lambda _: None, Limits(stop_s=0.2))
    port = await server.start("127.0.0.1", 0, tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        await server.stop()


@dataclass
class Stranger:
    """A server that does whatever a test wants."""

    handle: Handler | None = None
    """Answers; None answers as ours does, and finds nothing."""

    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""

    url: str = ""
    _server: TestServer | None = None
    _port: int | None = None

    async def start(self) -> None:
        """Begin to answer, at a free port or at the one it had before."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(app, host="127.0.0.1", port=self._port)
        await self._server.start_server(shutdown_timeout=0.1)
        self._port = self._server.port
        self.url = f"http://127.0.0.1:{self._port}"

    async def die(self) -> None:
        """Break every connection off and answer no more."""
        assert self._server is not None
        await self._server.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.handle is not None:
            return await self.handle(request)
        return web.Response(body=b'{"regions": [], ' + MODEL.to_json()[1:], content_type="application/json")


def self_made_certificate(folder: Path) -> ssl.SSLContext:
    """Return a TLS context whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a machine of mine")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt_util.utcnow() - timedelta(days=1))
        .not_valid_after(dt_util.utcnow() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "machine.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


@pytest.fixture(autouse=True)
def may_connect(socket_enabled: None) -> None:
    """Allow connections, which Home Assistant's tests forbid."""


@pytest.fixture
async def machine() -> AsyncIterator[str]:
    """Return the address of another machine with our own server, which finds a beep in every clip."""
    async with our_server(FakeVerifier(BEEP)) as url:
        yield url


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    """Return another machine that does what a test wants."""
    stranger = Stranger()
    await stranger.start()
    yield stranger
    await stranger.die()


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Handler:
    """Return what answers every request in the same way."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=body, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return handle


async def never(_: web.Request) -> web.StreamResponse:
    """Answer nobody."""
    await asyncio.sleep(60)
    raise AssertionError


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Break the connection off."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def closed_port() -> str:
    """Return an address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


EMPTY = Answer(MODEL, ()).to_json()
STRANGE: list[tuple[Handler, Trouble]] = [
    (answer(b"<html>A printer</html>", 404), Trouble.NOT_A_SERVER),
    (answer(b"<html>A printer</html>"), Trouble.NOT_A_SERVER),
    (answer(b"", 302, Location="http://127.0.0.1:9/v1/model"), Trouble.NOT_A_SERVER),
    (answer(b" " * 100_000), Trouble.NOT_A_SERVER),
    (answer(gzip.compress(EMPTY), 200, Content_Encoding="gzip"), Trouble.NOT_A_SERVER),
    (answer(b'{"regions": 3, "model": {}}'), Trouble.NOT_A_SERVER),
    (answer(b"[" * 50_000), Trouble.NOT_A_SERVER),
    (answer(Answer(OTHER, ()).to_json()), Trouble.OTHER_MODEL),
    (answer(Refusal("unauthorized", "The right token is needed.").to_json(), 401), Trouble.WRONG_TOKEN),
    (answer(Refusal("too_often", "Too many requests.").to_json(), 429), Trouble.BUSY),
    (answer(Refusal("busy", "Too many sounds are waiting.").to_json(), 503), Trouble.BUSY),
    (answer(Refusal("failed", "The look failed.").to_json(), 500), Trouble.REFUSED),
    (hang_up, Trouble.UNREACHABLE),
    (never, Trouble.SLOW),
]
IDS = "404 page redirect long gzip types deep other-model token often busy failed hangs-up never".split()
