"""A house whose parts are real and can be broken, and the ledger of what came of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from homeassistant.core import HomeAssistant

from custom_components.sound_guard import session
from custom_components.sound_guard.src.hearing import source
from custom_components.sound_guard.src.hearing.sources import open_source

from ..integration.conftest import ffmpeg_version, no_thread_stays, our_integration  # noqa: F401  fixtures
from ..virtual_microphone import VirtualMicrophone
from .ear import Ear
from .ledger import Ledger
from .radio import Radio
from .simulation import Day, Simulation
from .trial import Trial

AUDIO = Path(__file__).parents[1] / "audio"
GLASS = AUDIO / "glass_break.wav"
SMOKE = AUDIO / "smoke_alarm_t3.wav"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let script/faults ask for the times that are shipped, and for the table."""
    parser.addoption("--shipped-times", action="store_true", help="wait as long as in a home, which takes minutes")
    parser.addoption("--table", type=Path, metavar="FILE", help="put the table of what was measured into this document")


@dataclass(frozen=True)
class Times:
    """How long a fault lasts."""

    loop_stall_s: float
    """How long the event loop is held up."""

    drops_s: int
    """How long a stream drops every five seconds."""

    away_s: int
    """How long a stream is away."""

    reloads: int
    """How often Sound Guard is reloaded."""


CHAPTERS = ("sound_server", "devices", "ffmpeg", "stream", "clock", "disk", "event_loop", "model", "life")
"""The files of tests, in the order of the table."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the rows of the table come in their order."""
    items.sort(key=lambda item: CHAPTERS.index(item.path.stem.removeprefix("test_")))


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """Return where the tests write down what they have measured."""
    ledger = Ledger()
    yield ledger
    table: Path | None = request.config.getoption("--table")
    if table is not None and not request.session.testsfailed:
        ledger.write(table)


@pytest.fixture(autouse=True)
def times(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Times:
    """Return how long faults last: less long than in a home, unless the times that are shipped are asked for."""
    if request.config.getoption("--shipped-times"):
        return Times(loop_stall_s=10, drops_s=3_600, away_s=86_400, reloads=50)
    monkeypatch.setattr(session, "LONGEST_RETRY_S", 3.0)
    return Times(loop_stall_s=3, drops_s=600, away_s=3_600, reloads=10)


Impatience = Callable[[object, str, float], None]


@pytest.fixture
def soon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Impatience:
    """Return a function that lets a module's number be smaller, unless the times that are shipped are asked for.

    Only where a test has to wait for that: what takes long on a busy machine must not count as broken.
    """

    def soon(module: object, name: str, seconds: float) -> None:
        if not request.config.getoption("--shipped-times"):
            monkeypatch.setattr(module, name, seconds)

    return soon


@pytest.fixture
async def trial(hass: HomeAssistant, times: Times, ledger: Ledger) -> AsyncIterator[Trial]:
    """Return a house to be set up, which hears real sources through the real model."""
    ear = Ear(lambda spec, ffmpeg: open_source(spec, ffmpeg=ffmpeg, stall_s=source.STALL_S))
    trial = Trial(hass, ear, ledger)
    yield trial
    await trial.end()


@pytest.fixture
def sound_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMicrophone]:
    """Return a real sound server with a microphone, of this test alone."""
    # Not tmp_path: the name of a socket must be short.
    with TemporaryDirectory(prefix="mic") as folder, VirtualMicrophone(Path(folder), noise=True) as virtual:
        for name, value in virtual.env.items():
            monkeypatch.setenv(name, value)
        yield virtual


Simulate = Callable[[Day], Simulation]


@pytest.fixture
def simulate(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """Return a function that puts simulated hours in the place of every source."""

    def simulate(day: Day) -> Simulation:
        simulation = Simulation(monkeypatch, day)
        trial.ear.open_real_source = simulation.open_source
        trial.ear.waits = True
        return simulation

    return simulate


def program(path: Path, *lines: str) -> str:
    """Write a shell script to take ffmpeg's place, and return its path."""
    path.write_text("\n".join(("#!/bin/bash", *lines, "")))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def radio(socket_enabled: None) -> Iterator[Radio]:
    """Return a network microphone."""
    with Radio() as radio:
        yield radio
