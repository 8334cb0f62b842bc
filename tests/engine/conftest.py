"""Parts that the tests of the engine share."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stream_server import StreamServer
from tests.virtual_microphone import VirtualMicrophone

# The environment of training, the only one on an older Python, has no PyAudio.
collect_ignore = ["test_portaudio_live.py"] if sys.version_info < (3, 14) else []


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
