"""One real Home Assistant, with Sound Guard installed, as a child process that serves the loopback address only."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECKOUT = Path(__file__).parents[2]
INTEGRATION = CHECKOUT / "custom_components" / "sound_guard"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1

# No discovery and no cloud: nothing here looks at the network around the machine.
CONFIGURATION = """\
homeassistant:
  name: Home
  time_zone: {time_zone}
  unit_system: metric
  country: US
  language: en
automation: !include automations.yaml
frontend:
config:
history:
logbook:
media_source:
logger:
  default: warning
  logs:
    custom_components.sound_guard: info
"""
# Home Assistant 2026.11 keeps the web server's settings here; in YAML they hide the pages behind a dialogue.
HTTP_SETTINGS = {
    "server_host": ["127.0.0.1"],
    "cors_allowed_origins": [],
    "login_attempts_threshold": -1,
    "ip_ban_enabled": False,
    "ssl_profile": "intermediate_v6",
    "use_x_frame_options": True,
    "created_at": "2026-01-01T00:00:00+00:00",
    "error": None,
    "error_message": None,
}
ONBOARDED = {"done": ["core_config", "analytics", "integration"]}


class HomeError(Exception):
    """Home Assistant could not be started; the message says why."""


class Home:
    """Home Assistant in `folder`, which is made ready when it is new. An async context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        user: str = "demo",
        password: str | None = None,
        integration: Path = INTEGRATION,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "homeassistant"),
    ) -> None:
        """`password`: drawn when not given; `program`: what Python runs; `environment`: on top of ours."""
        self.folder = folder.resolve()
        self.port = port
        self.user = user
        self.password = password or secrets.token_urlsafe(6)
        self.url = f"http://127.0.0.1:{port}"
        self.log_path = self.folder / "home-assistant.log"
        self._console_path = self.folder / "console.log"
        self._integration = integration
        self._environment = {**os.environ, **(environment or {})}
        # Without byte code every start compiles Home Assistant again: 6 to 15 s. Our own modules are not its business.
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
            self._environment.pop(name, None)
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.client: Client

    async def __aenter__(self) -> Self:
        """Start it, log in, and return when it is fully up; raises HomeError."""
        create = self._prepare()
        self._process = self._spawn()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._answering()
                self.client = await Client.log_in(self.url, self.user, self.password, create=create)
                while (await self.client.get("config"))["state"] != "RUNNING":
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            await self.__aexit__()
            raise HomeError(f"Home Assistant was not up within {START_TIMEOUT_S:.0f} s") from error
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it and everything that it started."""
        if hasattr(self, "client"):
            await self.client.close()
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):  # nothing left of its session: as it should be
            os.killpg(process.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """End it as a power cut would: nothing that it has not written yet is ever written."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def ended(self) -> int:
        """Wait until Home Assistant ends by itself; its exit code."""
        while (code := self._exit_code()) is None:
            await asyncio.sleep(0.5)
        return code

    def log(self) -> str:
        """Everything that Home Assistant has logged in this run so far."""
        return self.log_path.read_text(errors="replace")

    def _prepare(self) -> bool:
        """Write the settings that a first start needs, in a folder that has none; whether the user is still unknown."""
        storage = self.folder / ".storage"
        components = self.folder / "custom_components"
        storage.mkdir(parents=True, exist_ok=True)
        components.mkdir(exist_ok=True)
        link = components / "sound_guard"
        link.unlink(missing_ok=True)
        link.symlink_to(self._integration.resolve())
        http = {"stable": HTTP_SETTINGS | {"server_port": self.port}, "pending": None, "yaml_migration_done": True}
        _store(storage / "http", 3, 1, http)
        onboarding = storage / "onboarding"
        if not onboarding.exists():
            _store(onboarding, 4, 1, ONBOARDED)
            (self.folder / "configuration.yaml").write_text(CONFIGURATION.format(time_zone=_time_zone()))
            (self.folder / "automations.yaml").write_text("[]\n")
        return "user" not in json.loads(onboarding.read_text())["data"]["done"]

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Its own session, so that Ctrl-C in our terminal reaches us alone and we stop it in order."""
        check_port(self.port)
        # Sound libraries write here, past Home Assistant's log.
        with self._console_path.open("wb") as console:
            return subprocess.Popen(
                [sys.executable, *self._program, "--config", str(self.folder), "--skip-pip", "--log-no-color"],
                # Not ours: Python would find the checkout's `custom_components` here, and not the one in the folder.
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into a library that is loaded already
            )

    async def _answering(self) -> None:
        """Wait for its web server."""
        while (code := self._exit_code()) is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.1)
        last = self._console_path.read_text(errors="replace").strip().rpartition("\n")[-1]
        raise HomeError(f"Home Assistant ended while it started (exit code {code}): {last}")

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process else 0


def _end_with_parent() -> None:
    """Make Linux end this process when its parent is killed: it must not go on listening with nobody in charge."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def check_port(port: int) -> None:
    """Raise HomeError if another program uses this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise HomeError(f"port {port} is in use by another program; choose another one with --port") from error


def free_port() -> int:
    """A loopback port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _store(path: Path, version: int, minor_version: int, data: Mapping[str, object]) -> None:
    content = {"version": version, "minor_version": minor_version, "key": path.name, "data": data}
    path.write_text(json.dumps(content))


def _time_zone() -> str:
    """This machine's time zone, so that the pages show its time."""
    _, _, name = os.path.realpath("/etc/localtime").partition("zoneinfo/")
    return name or time.tzname[0] or "UTC"
