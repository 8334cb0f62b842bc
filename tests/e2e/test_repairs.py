"""Each issue in Home Assistant's repairs, as a person meets it in a browser: it explains, it listens again, it goes."""

import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from live.home import INTEGRATION, Home, free_port
from live.installation import Installation
from tests.e2e.recordings import Recording
from tests.e2e.test_pages import FLAGS, PATIENCE_MS, SCREENSHOTS, Person
from tests.sounds import write_wav
from tests.virtual_microphone import VirtualMicrophone

HURRY: Mapping[str, Mapping[str, float]] = {
    "deafness.py": {"SILENT_AFTER_S": 4.0},
    "vitals.py": {"REPORT_S": 2.0},
    "health.py": {"LOST_AFTER_S": 4.0, "OVERDRIVEN_REPORTS": 2},
    "verification.py": {"RETRY_S": 2.0, "REHEARSE_S": 2.0, "PATIENCE_S": 2.0},
    "walk_test.py": {"DEFAULT_MINUTES": 1},
}
"""What takes minutes in a house takes seconds here: a copy of Sound Guard has these numbers instead."""


@dataclass(frozen=True)
class Patient:
    """A home whose one microphone can be made ill in every way."""

    person: Person
    installation: Installation
    integration: Path
    ffmpeg: Path
    sound_server: VirtualMicrophone

    async def opens(self, title: str) -> None:
        """Wait until an issue is shown in the repairs, and open it."""
        await self.person.open("config/repairs")
        await self.person.page.get_by_text(title).first.click()

    async def reads(self, text: str) -> None:
        """Wait until the page says so, and take a picture of it."""
        await expect(self.person.page.get_by_text(text).first).to_be_visible()
        await self.person.look(re.sub(r"\W+", "_", text.lower()))

    async def is_well(self, title: str) -> None:
        """See the pages to their end, and that the issue is gone."""
        await self.person.press("Done")
        await self.leaves(title)

    async def leaves(self, title: str) -> None:
        """Close the last page, and see that the issue is gone."""
        await self.person.look("repaired")
        await self.person.open("config/repairs")
        await expect(self.person.page.get_by_text("Repairs", exact=True).first).to_be_visible()
        await expect(self.person.page.get_by_text(title)).to_have_count(0)


@contextmanager
def other_machine(port: int, token_file: Path) -> Iterator[None]:
    """Run `sound-guard serve` until it is killed; it is ready when this begins."""
    command = [str(Path(sys.executable).with_name("sound-guard")), "serve", "--port", str(port)]
    command += ["--token-file", str(token_file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        while f":{port}" not in (line := process.stderr.readline()):
            assert line, "the server has ended"
        yield
        process.kill()


def copy_in_a_hurry(folder: Path, hurry: Mapping[str, Mapping[str, float]] = HURRY) -> Path:
    """Return a copy of Sound Guard that waits less; `hurry`: by file, the new values of its constants."""
    copy = folder / "sound_guard"
    shutil.copytree(INTEGRATION, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, numbers in hurry.items():
        code = (copy / name).read_text()
        for constant, value in numbers.items():
            code, found = re.subn(rf"^{constant} = .*$", f"{constant} = {value}", code, flags=re.MULTILINE)
            assert found == 1, f"{name} has no {constant}"
        (copy / name).write_text(code)
    return copy


@pytest.fixture(scope="module")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMicrophone]:
    with VirtualMicrophone(tmp_path_factory.mktemp("pulse"), noise=True) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory, sound_server: VirtualMicrophone) -> AsyncIterator[Patient]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("patient")
    integration = copy_in_a_hurry(folder)
    programs = folder / "programs"
    programs.mkdir()
    ffmpeg = programs / "ffmpeg"
    ffmpeg.symlink_to(shutil.which("ffmpeg") or "")
    environment = sound_server.env | {"PATH": str(programs)}
    home = Home(folder / "home", port=free_port(), integration=integration, environment=environment)
    async with home, async_playwright() as playwright:
        installation = await Installation.add(home.client)
        await installation.add_microphone("local", "pulse:default", name="Kitchen")
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        person = Person(page, home, prefix="repairs")
        await person.log_in()
        yield Patient(person, installation, integration, ffmpeg, sound_server)
        await browser.close()


async def test_a_muted_microphone(patient: Patient) -> None:
    title = "Kitchen hears nothing but silence"
    patient.sound_server.mute(True)
    await patient.opens(title)
    await patient.reads("has delivered complete silence for a minute")
    await patient.person.press("Listen again")
    await patient.reads("Still complete silence")
    patient.sound_server.mute(False)
    await patient.person.press("Listen again")
    await patient.reads("Sound arrives again")
    await patient.is_well(title)


async def test_an_overdriven_microphone(patient: Patient, tmp_path: Path) -> None:
    title = "Kitchen is overdriven"
    loud = np.tile(np.repeat(np.array([32_767, -32_768], np.int16), 40), 12_000)
    patient.sound_server.play(write_wav(tmp_path / "loud.wav", loud), background=True)
    await patient.opens(title)
    await patient.reads("its peaks are cut off")
    await patient.person.press("Listen again")
    await patient.reads("Still too loud")
    patient.sound_server.stop()
    patient.sound_server.start()
    await patient.person.press("Listen again")
    await patient.reads("The sound is clean")
    await patient.is_well(title)


async def test_a_microphone_that_is_lost(patient: Patient) -> None:
    title = "Kitchen has been out of reach for a long time"
    patient.sound_server.kill()
    await patient.opens(title)
    await patient.reads("For ten minutes or longer")
    await patient.person.press("Try again")
    await patient.reads("Still out of reach")
    patient.sound_server.start()
    await patient.person.press("Try again")
    await patient.reads("Sound arrives again")
    await patient.is_well(title)


async def test_ffmpeg_is_missing(patient: Patient) -> None:
    title = "Kitchen cannot be heard without ffmpeg"
    (microphone,) = await patient.installation.microphones()
    client = patient.installation.client
    program = patient.ffmpeg.readlink()
    patient.ffmpeg.unlink()
    for wish in ("off", "on"):
        await client.call(f"switch.turn_{wish}", microphone.listening)
    await patient.opens(title)
    await patient.reads("bring the program ffmpeg along")
    await patient.person.press("Try again")
    await patient.reads("Still not to be heard")
    patient.ffmpeg.symlink_to(program)
    await patient.person.press("Try again")
    await patient.reads("Sound arrives")
    await patient.is_well(title)


async def test_another_machine_that_is_gone(patient: Patient, tmp_path: Path) -> None:
    title = "No second look can be taken"
    port, token_file = free_port(), tmp_path / "token"
    with other_machine(port, token_file):
        server = {"second_look_server": f"http://127.0.0.1:{port}", "second_look_token": token_file.read_text().strip()}
        await patient.installation.set_options(second_look="remote", **server)
    await patient.opens(title)
    await patient.reads("The other machine cannot be reached")
    await patient.person.press("Try again")
    await patient.reads("A second look still cannot be taken")
    with other_machine(port, token_file):
        await patient.person.press("Try again")
        await patient.leaves(title)
        await patient.installation.set_options(second_look="local")


async def test_a_microphone_that_should_be_tested(patient: Patient, smoke_alarm: Recording) -> None:
    title = "Kitchen should be tested"
    await patient.installation.set_options(walk_test_reminder="12")
    await patient.opens(title)
    await patient.reads("Does the microphone Kitchen still hear your alarms?")
    await patient.person.press("Start the test")
    await patient.reads("Press the alarm's test button now")
    patient.sound_server.play(smoke_alarm.path, background=True)
    await patient.reads("The smoke alarm was heard")
    await patient.is_well(title)


async def test_a_damaged_model(patient: Patient) -> None:
    title = "Sound Guard hears nothing: its model is damaged"
    model = patient.integration / "models" / "attention.tflite"
    content = model.read_bytes()
    model.write_bytes(content[:-1000])
    client = patient.installation.client
    await client.post(f"config/config_entries/entry/{patient.installation.entry_id}/reload", {})
    await patient.opens(title)
    await patient.reads("Until then no sound is detected")
    await patient.person.press("Try again")
    await patient.reads("The model still cannot be used.")
    model.write_bytes(content)
    await patient.person.press("Try again")
    await patient.leaves(title)
    (microphone,) = await patient.installation.microphones()
    await client.until_state(microphone.connectivity, "on", 30)
