"""One real Home Assistant for all tests that need no other, with the three kinds of microphones, all virtual."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from live.home import CHECKOUT, Home, free_port
from live.installation import Installation
from live.player import Player
from tests.e2e.house import EXIT_DELAY_S, HOLD_S, House
from tests.e2e.recordings import Recording, recording
from tests.virtual_microphone import VirtualMicrophone

STRICT = (str(Path(__file__).with_name("strict_home_assistant.py")), "--debug")
LOG = CHECKOUT / "run" / "e2e.log"
"""Home Assistant's log of the last run, for whoever wonders about a failure."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # One event loop for all tests: it is the one that holds the connection to Home Assistant.
    for item in items:
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def self_test() -> Iterator[subprocess.Popen[str]]:
    """`script/run --selftest`, begun."""
    command = [str(CHECKOUT / "script" / "run"), "--selftest"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


@pytest.fixture(scope="session")
def smoke_alarm(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    real = "smoke_alarm/Youngwer-TML_HomeDeviceDetector__2_34.flac"
    return recording("smoke_alarm", real, "smoke_alarm_t3.wav", tmp_path_factory.mktemp("audio"))


@pytest.fixture(scope="session")
def glass_break(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    real = "glass_break/Fris0uman-CDDA-Soundpacks__smash_success_glass.flac"
    return recording("glass_break", real, "glass_break.wav", tmp_path_factory.mktemp("audio"))


@pytest.fixture(scope="session")
def virtual_microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMicrophone]:
    with VirtualMicrophone(tmp_path_factory.mktemp("pulse"), noise=True) as microphone:
        yield microphone


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, virtual_microphone: VirtualMicrophone
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("home")
    home = Home(folder, port=free_port(), environment=virtual_microphone.env, program=STRICT)
    try:
        async with Player() as player, home:
            installation = await Installation.add(home.client)
            await installation.set_options(hold=HOLD_S, exit_delay=EXIT_DELAY_S)
            microphones = await asyncio.gather(
                installation.add_microphone("local", "pyaudio:default", name="PyAudio"),
                installation.add_microphone("local", "pulse:default", name="ffmpeg"),
                installation.add_microphone("stream", player.url, name="stream"),
            )
            if any("self_test" in getattr(item, "fixturenames", ()) for item in request.session.items):
                # It takes most of a minute and does little but wait, so it runs beside the other tests.
                request.getfixturevalue("self_test")
            yield House(home, installation, {one.name: one for one in microphones}, player, virtual_microphone)
    finally:
        LOG.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # Home Assistant did not get as far as that
            shutil.copyfile(home.log_path, LOG)
