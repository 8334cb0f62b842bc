"""Parts that the tests of the engine share."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.engine.fake_verifier import FakeClock
from tests.engine.suspects import Rig
from tests.stream_server import StreamServer
from tests.virtual_microphone import VirtualMicrophone

# The environment of training, the only one on an older Python, has no PyAudio.
collect_ignore = ["test_portaudio_live.py"] if sys.version_info < (3, 14) else []
if find_spec("aiohttp") is None:
    # The engine's extra `serve` may be missing, as it is for most who use the engine.
    collect_ignore += ["test_load.py", "test_serve.py", "test_server.py", "test_server_abuse.py"]


@pytest.fixture
def microphone(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMicrophone]:
    """A virtual microphone that is this process's default one."""
    # Not tmp_path: the name of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="mic") as folder, VirtualMicrophone(Path(folder)) as virtual:
        for name, value in virtual.env.items():
            monkeypatch.setenv(name, value)
        yield virtual


@pytest.fixture
def no_sound_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No sound server can be reached."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'nothing'}")


@pytest.fixture
def server() -> Iterator[StreamServer]:
    """A web server for streams."""
    with StreamServer() as streams:
        yield streams


@pytest.fixture
def fake_ffmpeg(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes an ffmpeg out of a few lines of shell; it leaves its process id in tmp_path/pid."""

    def make(body: str) -> str:
        script = tmp_path / "fake-ffmpeg"
        script.write_text(f"#!/bin/sh\necho $$ > {tmp_path / 'pid'}\n{body}\n")
        script.chmod(0o755)
        return str(script)

    return make


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Second looks whose threads end with the test."""
    with Rig() as made:
        yield made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock by which second looks are late."""
    fake = FakeClock()
    monkeypatch.setattr("hearing.second_look.monotonic", fake)
    return fake
