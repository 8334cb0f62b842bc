"""The second look as a service: it answers other machines until it is asked to stop."""

import asyncio
import contextlib
import ipaddress
import json
import signal
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .access_token import AccessToken
from .limits import Limits
from .verifier import Verifier
from .wire import ModelInfo

if TYPE_CHECKING:
    from .server import VerifierServer

DEFAULT_PORT = 8124


class ServeError(Exception):
    """The second look cannot be offered; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server is reached, and how it is locked."""

    host: str
    port: int
    token_file: Path
    certificate: Path | None = None
    key: Path | None = None
    """None if it is in the certificate's file."""

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, None where there is no certificate.

        Raises:
            ServeError: certificate or key cannot be used.
        """
        if self.certificate is None:
            if self.key is not None:
                raise ServeError("a key alone is of no use; give its certificate, too.")
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # A service cannot be asked for a password: without this, OpenSSL would wait for one on the terminal.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except OSError as error:
            files = self.certificate if self.key is None else f"{self.certificate} with {self.key}"
            raise ServeError(f"{files}: cannot be used for TLS ({error.strerror or error}).") from error
        return context


class Service:
    """Runs a server in the foreground. One JSON object a line on `out` is its log; words for people go to `err`."""

    def __init__(self, door: Door, limits: Limits, out: TextIO, err: TextIO) -> None:
        """Open nothing yet."""
        self._door = door
        self._limits = limits
        self._out = out
        self._err = err

    def run(self, verifier: Verifier, model: ModelInfo) -> None:
        """Answer until SIGTERM or Ctrl-C.

        Raises:
            ServeError: aiohttp is missing, the certificate cannot be used, or the address is taken.
            TokenError: there is no token to be had.
        """
        try:
            from .server import VerifierServer
        except ModuleNotFoundError as error:
            raise ServeError(
                f"{error.name} is missing, which `serve` needs. Install it with: pip install 'sound-guard[serve]'"
            ) from error
        tls = self._door.tls()
        server = VerifierServer(verifier, model, self._token(), self._log, self._limits)
        asyncio.run(self._answer(server, model, tls))

    async def _answer(self, server: "VerifierServer", model: ModelInfo, tls: ssl.SSLContext | None) -> None:
        asked_to_stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
        try:
            port = await server.start(self._door.host, self._door.port, tls)
            host = f"[{self._door.host}]" if ":" in self._door.host else self._door.host
            self._say(f"{model.name} {model.version} looks at http{'s' if tls else ''}://{host}:{port}. Ctrl-C stops.")
            if self._door.is_local:
                self._say("only this machine can reach it; --host 0.0.0.0 lets your network in.")
            elif tls is None:
                self._say("warning: without --certificate, others on your network can read the sound and the token.")
            await asked_to_stop.wait()
        except OSError as error:
            raise ServeError(
                f"cannot listen at {self._door.host}, port {self._door.port} ({error.strerror or error})."
            ) from error
        finally:
            await server.stop()
        self._say("stopped.")

    def _token(self) -> AccessToken:
        path = self._door.token_file
        token, is_new = AccessToken.kept_in(path)
        if is_new and self._err.isatty():
            self._say(f"your token, shown only this once: {token.secret}")
        if is_new:
            self._say(f"a new token is kept in {path}")
        elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            self._say(f"warning: other users of this machine can read the token: chmod 600 {path}")
        return token

    def _log(self, line: Mapping[str, object]) -> None:
        # Should whoever reads the log have gone, the house still needs its answers.
        with contextlib.suppress(OSError):
            print(json.dumps(line), file=self._out, flush=True)

    def _say(self, words: str) -> None:
        print(f"sound-guard: {words}", file=self._err, flush=True)
