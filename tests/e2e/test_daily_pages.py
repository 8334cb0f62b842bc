"""Daily life with Sound Guard in a browser: the pages a new user has, a walk test, and a false alarm."""

import asyncio
import csv
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, ViewportSize, async_playwright, expect

from live.home import CHECKOUT, Home, free_port
from live.installation import Installation, Microphone
from live.player import SAMPLE_RATE_HZ, read_wav
from tests.e2e.house import HOLD_S
from tests.e2e.recordings import Recording
from tests.e2e.test_pages import DETECTED, FLAGS, PATIENCE_MS, SCREENSHOTS, Person
from tests.e2e.test_repairs import copy_in_a_hurry
from tests.virtual_microphone import VirtualMicrophone

HURRY = {"walk_test.py": {"DEFAULT_MINUTES": 0.4}}
"""Long enough for the recording of an alarm, and no longer."""

REPORT = re.compile(r"The smoke alarm was heard: \d+ dB over the room, \d+ % sure, \d+ s after the start\.")
AUTOMATION = "automation.smoke_in_the_kitchen"
PHONE: ViewportSize = {"width": 390, "height": 844}


TRAINING = CHECKOUT / "training" / ".venv" / "bin" / "python"
READ_FOR_TRAINING = """
import sys
from pathlib import Path

from training.manifest import file_fault
from training.recordings import Library

folder = Path(sys.argv[1])
for each in Library.load(None, 0, (0.0, 0.0)).joined(folder).recordings:
    print(each.kind, each.subtype, each.split, file_fault(folder, each.file, each.spans_s))
"""
"""Says what training makes of a folder, file by file: kind, subtype, split, and what is wrong with it."""


async def read_for_training(folder: Path) -> str:
    """Return what training says of a folder that Home Assistant has exported."""
    command = (TRAINING, "-c", READ_FOR_TRAINING, folder)
    process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    return told.decode().strip()


@dataclass(frozen=True)
class Day:
    """A home as a new user has it: one microphone, clips kept, nothing arranged."""

    person: Person
    installation: Installation
    microphone: Microphone
    microphone_id: str
    """Of the device, as is the guard's."""

    guard_id: str
    sound_server: VirtualMicrophone

    @property
    def page(self) -> Page:
        return self.person.page

    async def open_microphone(self) -> None:
        """Open the page of the microphone's device."""
        await self.person.open(f"config/devices/device/{self.microphone_id}")
        await expect(self.page.get_by_role("heading", name="Device info")).to_be_visible()

    @property
    def walk_test(self) -> Locator:
        """The row of the microphone's page that says what the test is doing."""
        row = self.page.locator("hui-sensor-entity-row")
        return row.filter(has=self.page.get_by_text("Walk test", exact=True))


@pytest.fixture(scope="module")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMicrophone]:
    with VirtualMicrophone(tmp_path_factory.mktemp("pulse"), noise=True) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory, sound_server: VirtualMicrophone) -> AsyncIterator[Day]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("day")
    integration = copy_in_a_hurry(folder, HURRY)
    home = Home(folder / "home", port=free_port(), integration=integration, environment=sound_server.env)
    async with home, async_playwright() as playwright:
        installation = await Installation.add(home.client)
        await installation.set_options(keep_clips=True, hold=HOLD_S)
        microphone = await installation.add_microphone("local", "pulse:default", name="Kitchen")
        registry = await home.client.command("config/device_registry/list")
        devices = {one: device["id"] for device in registry for domain, one in device["identifiers"]}
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        person = Person(page, home, prefix="daily")
        await person.log_in()
        ids = devices[microphone.subentry_id], devices[installation.entry_id]
        yield Day(person, installation, microphone, *ids, sound_server)
        await browser.close()


async def test_home_assistants_own_pages_show_everything(day: Day) -> None:
    person, page = day.person, day.page
    await person.open("security")
    for name, state in (
        ("Sound Guard", "Disarmed"),
        ("Kitchen Glass break", "Clear"),
        ("Kitchen Smoke", "Clear"),
        ("Kitchen Carbon monoxide", "Clear"),
    ):
        await expect(person.tile(name)).to_contain_text(state)
    await person.look("security")

    await day.open_microphone()
    for name in ("Glass break", "Smoke", "Carbon monoxide", "Last detection", "Sensitivity", "Listening"):
        await expect(page.get_by_text(name, exact=True).first).to_be_visible()
    await expect(page.get_by_text("Connected", exact=True).first).to_be_visible()
    await person.look("microphone")

    await person.open(f"config/devices/device/{day.guard_id}")
    await expect(page.get_by_text("Delete all clips", exact=True).first).to_be_visible()
    await expect(page.get_by_text("Disarmed", exact=True).first).to_be_visible()
    await person.look("guard")


async def test_a_walk_test_says_what_it_hears_and_nothing_alerts(day: Day, smoke_alarm: Recording) -> None:
    person, page = day.person, day.page
    client = day.installation.client
    known_changes = len(client.changes)
    await day.open_microphone()
    await person.press("Press")
    await expect(day.walk_test).to_contain_text("Waiting for a sound")
    await person.look("walk_test_waits")

    day.sound_server.play(smoke_alarm.path, background=True)
    await expect(day.walk_test).to_contain_text("Heard")
    await page.get_by_role("button", name="Notifications").click()
    await expect(page.get_by_text("Walk test of Kitchen")).to_be_visible()
    await expect(page.get_by_text(REPORT)).to_be_visible()
    await person.look("walk_test_heard")
    await expect(day.walk_test).to_contain_text("Off")
    await expect(page.get_by_text(REPORT)).to_be_visible()
    await person.look("walk_test_ended")
    await person.press("Dismiss")

    silent = {day.microphone.smoke, day.installation.panel, day.microphone.sound}
    assert not [change for change in client.changes[known_changes:] if change.entity in silent]


async def test_an_automation_of_our_own_trigger_and_condition_runs(day: Day, smoke_alarm: Recording) -> None:
    client, microphone = day.installation.client, {"device_id": day.microphone_id}
    automation = {
        "alias": "Smoke in the kitchen",
        "triggers": [{"trigger": "sound_guard.smoke_alarm_detected", "target": microphone}],
        "conditions": [
            {
                "condition": "sound_guard.sound_heard_recently",
                "target": microphone,
                "options": {"sound": "smoke_alarm"},
            },
            {
                "condition": "not",
                "conditions": [{"condition": "sound_guard.is_microphone_offline", "target": microphone}],
            },
        ],
        "actions": [{"action": "automation.turn_off", "target": {"entity_id": AUTOMATION}}],
    }
    await client.post("config/automation/config/1", automation)
    await client.until_state(AUTOMATION, "on", PATIENCE_MS / 1000)
    day.sound_server.play(smoke_alarm.path, background=True)
    await client.until_state(AUTOMATION, "off", PATIENCE_MS / 1000)
    await day.person.open("config/automation/edit/1")
    await expect(day.page.get_by_text("Smoke alarm detected").first).to_be_visible()
    await day.person.look("automation")
    await client.until_state(day.microphone.smoke, "off", PATIENCE_MS / 1000)
    await client.call("alarm_control_panel.alarm_disarm", day.installation.panel)


async def test_a_false_alarm_is_reported_and_exported(day: Day, smoke_alarm: Recording) -> None:
    person, page = day.person, day.page
    await person.open("security")
    day.sound_server.play(smoke_alarm.path, background=True)
    await expect(person.tile("Kitchen Smoke")).to_contain_text(DETECTED)
    await expect(person.tile("Sound Guard")).to_contain_text("Triggered")
    await person.look("security_alarm")
    await expect(person.tile("Kitchen Smoke")).to_contain_text("Clear")
    await day.installation.client.call("alarm_control_panel.alarm_disarm", day.installation.panel)

    await person.open("config/tools/action?service=sound_guard.report_false_alarm")
    await expect(page.get_by_text("Notes that a detection was a false alarm")).to_be_visible()
    await person.press("Perform action")
    await expect(page.get_by_text("verdict: false_alarm")).to_be_visible()
    await expect(page.get_by_text("kept: true")).to_be_visible()
    await person.look("false_alarm_reported")
    await day.open_microphone()
    await expect(page.get_by_text("reported as a false alarm").first).to_be_visible()
    await person.look("false_alarm_in_the_activity")

    await person.open("config/tools/action?service=sound_guard.export_feedback")
    await expect(page.get_by_text("Copies the clips that were reported")).to_be_visible()
    await person.press("Perform action")
    await expect(page.get_by_text("count: 1")).to_be_visible()
    await person.look("false_alarm_exported")
    folder = person.home.folder / "sound_guard_feedback"
    with (folder / "recordings.csv").open(encoding="utf-8", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row["class"] == "negative"
    assert len(read_wav(folder / row["file"])) > SAMPLE_RATE_HZ
    assert await read_for_training(folder) == "negative reported_false_alarm train None"


async def test_the_pages_fit_a_phone(day: Day) -> None:
    person, page = day.person, day.page
    await page.set_viewport_size(PHONE)
    await person.open("security")
    for name in ("Sound Guard", "Kitchen Glass break", "Kitchen Smoke", "Kitchen Carbon monoxide"):
        await expect(person.tile(name)).to_be_in_viewport(ratio=1)
    await person.look("phone_security")

    await day.open_microphone()
    await expect(page.get_by_role("button", name="Press")).to_be_in_viewport(ratio=1)
    await expect(day.walk_test).to_be_in_viewport(ratio=1)
    await person.look("phone_microphone")

    await person.open("config/integrations/integration/sound_guard")
    await person.press("Configure")
    for text in ("Who is told of which sound, and when", "Whether you are reminded to test your microphones"):
        await expect(page.get_by_text(text)).to_be_in_viewport(ratio=1)
    await person.look("phone_options")
    await page.get_by_text("Sounds", exact=True).click()
    await expect(page.get_by_text("All sounds are heard and shown at all times")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_role("button", name="Submit")).to_be_in_viewport(ratio=1)
    await person.look("phone_options_sounds")
