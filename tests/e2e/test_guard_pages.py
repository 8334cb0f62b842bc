"""The guard in a browser, with a code: what it refuses, what it tells of breaking glass and of smoke, and the proof."""

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, async_playwright, expect

from live.client import RefusedError
from live.dashboard import URL_PATH, write_dashboard
from live.home import Home, free_port
from live.installation import DOMAIN, Installation
from tests.e2e.recordings import Recording
from tests.e2e.test_pages import DETECTED, FLAGS, PATIENCE_MS, SCREENSHOTS, Person
from tests.virtual_microphone import VirtualMicrophone

CODE = "4711"
WRONG_CODE = "1234"
MICROPHONE, ROOM = "Shelf", "Kitchen"
"""Not the same, so that one sees which of them is named."""

PRE_ROLL_S = 2.0
KEEP_PLAYERS = """
window.players = [];
window.Audio = class extends Audio {
  constructor(...source) { super(...source); window.players.push(this); }
};
"""
"""The player of the Media panel is not part of the page; this leaves it where a test finds it."""


@dataclass(frozen=True)
class Resident:
    """Somebody at home, whose one microphone stands in the kitchen."""

    person: Person
    installation: Installation
    device_id: str
    sound_server: VirtualMicrophone

    @property
    def page(self) -> Page:
        return self.person.page

    @property
    def guard(self) -> Locator:
        """The guard's tile, after `goes_home`."""
        return self.person.tile("Sound Guard")

    async def goes_home(self) -> None:
        """Open the dashboard."""
        await self.person.open(URL_PATH)
        await expect(self.guard).to_be_visible()

    async def opens_options(self, page: str) -> None:
        """Open a page of Sound Guard's options."""
        await self.person.open("config/integrations/integration/sound_guard")
        await self.page.get_by_role("button", name="Configure", exact=True).first.click()
        items = self.page.locator("step-flow-menu ha-list-item")
        await items.filter(has=self.page.get_by_text(page, exact=True)).click()

    async def saves_options(self) -> None:
        """Save the page that is open."""
        await self.person.press("Submit")
        await self.person.press("Finish")

    async def enters(self, code: str) -> None:
        """Press a code's digits on the keypad that is open, and the tick."""
        keypad = self.page.locator("dialog-enter-code")
        for digit in code:
            await keypad.locator("ha-control-button").filter(has_text=digit).click()
        await keypad.locator("ha-control-button.submit").click()

    async def is_told(self, text: str | re.Pattern[str]) -> None:
        """See a message at the edge of the page; it is there a second time for those who listen to the page."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def is_no_longer_told(self, text: str | re.Pattern[str]) -> None:
        """See a message go by itself, so that the next one like it is another one."""
        await expect(self.page.get_by_text(text)).to_have_count(0)

    async def arms(self) -> None:
        """Arm away, which needs no code."""
        await self.person.set_guard("Away")
        await expect(self.guard).to_contain_text("Armed away")

    async def plays(self, recording: Recording) -> None:
        """Play a recording in the kitchen, and see that it raises the alarm."""
        self.sound_server.play(recording.path, background=True)
        await expect(self.guard).to_contain_text("Triggered")

    async def ends_the_alarm(self) -> None:
        """Disarm with the code, and see that the message is gone as well."""
        await self.person.set_guard("Disarm")
        await self.enters(CODE)
        await expect(self.guard).to_contain_text("Disarmed")
        await self.reads_messages("No notifications")

    async def reads_messages(self, *texts: str | re.Pattern[str]) -> None:
        """Open Home Assistant's messages, and see that they say so."""
        await self.page.get_by_text("Notifications", exact=True).first.click()
        messages = self.page.locator("notification-drawer")
        for text in texts:
            await expect(messages.get_by_text(text).first).to_be_visible()


async def set_options(resident: Resident) -> None:
    """Fill in what a new owner would: a code, less time to leave, clips."""
    page, person = resident.page, resident.person
    await resident.opens_options("Guard")
    await page.get_by_role("spinbutton", name="Exit delay").fill("1")
    await person.look("times")
    await resident.saves_options()

    await resident.opens_options("Code")
    new_code = page.get_by_role("textbox", name="New code")
    await new_code.fill("secret")
    await person.press("Submit")
    await expect(page.get_by_text("A code has 4 to 12 digits and nothing else.")).to_be_visible()
    await person.look("not_a_code")
    await new_code.fill(CODE)
    await resident.saves_options()

    await resident.opens_options("Clips")
    await page.locator("ha-switch").click()
    await person.look("clips")
    await resident.saves_options()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def resident(
    tmp_path_factory: pytest.TempPathFactory, virtual_microphone: VirtualMicrophone
) -> AsyncIterator[Resident]:
    """A home whose guard was set up through the pages of its options."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    home = Home(tmp_path_factory.mktemp("guarded"), port=free_port(), environment=virtual_microphone.env)
    async with home, async_playwright() as playwright:
        client = home.client
        installation = await Installation.add(client)
        microphone = await installation.add_microphone("local", "pulse:default", name=MICROPHONE)
        devices = await client.command("config/device_registry/list")
        device_id = next(one["id"] for one in devices if [DOMAIN, microphone.subentry_id] in one["identifiers"])
        areas = await client.command("config/area_registry/list")
        area_id = next(area["area_id"] for area in areas if area["name"] == ROOM)
        await client.command("config/device_registry/update", device_id=device_id, area_id=area_id)
        await write_dashboard(installation)

        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        await page.add_init_script(KEEP_PLAYERS)
        person = Person(page, home, prefix="guard")
        await person.log_in()
        resident = Resident(person, installation, device_id, virtual_microphone)
        await set_options(resident)
        yield resident
        await browser.close()


async def test_only_the_right_code_disarms(resident: Resident) -> None:
    await resident.goes_home()
    await resident.arms()
    await resident.person.look("armed")

    await resident.person.set_guard("Disarmed")
    await resident.person.look("keypad")
    await resident.enters(WRONG_CODE)
    await resident.is_told("The code is wrong.")
    await expect(resident.guard).to_contain_text("Armed away")
    await resident.person.look("refused")

    await resident.person.set_guard("Disarmed")
    await resident.enters(CODE)
    await expect(resident.guard).to_contain_text("Disarmed")
    await resident.person.look("disarmed")


async def test_breaking_glass_while_armed_is_told_with_its_proof(resident: Resident, glass_break: Recording) -> None:
    page, person, client = resident.page, resident.person, resident.installation.client
    await resident.goes_home()
    await resident.arms()
    known_changes = len(client.changes)
    await resident.plays(glass_break)
    await expect(person.tile("Glass break")).to_contain_text(DETECTED)
    await person.look("breaking_glass")
    shown = client.states[resident.installation.panel].attributes
    assert (shown["triggered_by"], shown["microphone"], shown["area"]) == ("glass_break", MICROPHONE, ROOM)

    await resident.reads_messages(
        f"Breaking glass: {ROOM}", re.compile(f"heard by the microphone {MICROPHONE} .* The guard was armed away")
    )
    await expect_picture(page.locator("notification-drawer img"))
    await person.look("message")

    def is_complete() -> bool:
        pictures = [one for one in client.changes[known_changes:] if one.entity.startswith("image.")]
        return len(pictures) >= 2  # one when the sound was reported, one when it was over

    await client.until(is_complete, "the picture of the whole sound", PATIENCE_MS / 1000)
    await person.open(f"config/devices/device/{resident.device_id}")
    await page.get_by_text("Last detection", exact=True).first.click()
    await expect_picture(page.locator("ha-more-info-dialog img"))
    await person.look("last_detection")

    await person.open("media-browser/browser")
    for name in ("Sound Guard", MICROPHONE):
        await page.locator("ha-media-player-browse ha-card").filter(has_text=name).click()
    await page.locator("ha-media-player-browse ha-list-item").filter(has_text="Breaking glass").first.click()
    await page.wait_for_function("window.players.at(-1)?.currentTime > 0.5")
    await person.look("clip_plays")
    await page.wait_for_function("window.players.at(-1).ended")
    duration_s, error = await page.evaluate("[window.players.at(-1).duration, window.players.at(-1).error]")
    assert duration_s > PRE_ROLL_S
    assert error is None

    await resident.goes_home()
    await resident.ends_the_alarm()


async def test_smoke_raises_the_alarm_while_disarmed(resident: Resident, smoke_alarm: Recording) -> None:
    await resident.goes_home()
    await expect(resident.guard).to_contain_text("Disarmed")
    await resident.plays(smoke_alarm)
    await expect(resident.person.tile("Smoke")).to_contain_text(DETECTED)
    await resident.person.look("smoke")
    await resident.reads_messages(f"Smoke alarm: {ROOM}", re.compile("The guard was disarmed"))
    await resident.person.look("smoke_message")
    await resident.goes_home()
    await resident.ends_the_alarm()


async def test_after_five_wrong_codes_the_right_one_is_refused_as_well(resident: Resident) -> None:
    await resident.goes_home()
    await resident.arms()
    client, panel = resident.installation.client, resident.installation.panel
    for _ in range(4):
        with pytest.raises(RefusedError, match="The code is wrong"):
            await client.call("alarm_control_panel.alarm_disarm", panel, code=WRONG_CODE)
    await resident.person.set_guard("Disarmed")
    await resident.enters(WRONG_CODE)
    await resident.is_told("Too many wrong codes. Every code is refused for now; try again in 30 s.")
    await resident.is_no_longer_told("Too many wrong codes")

    await resident.person.set_guard("Disarmed")
    await resident.enters(CODE)
    await resident.is_told(re.compile(r"Too many wrong codes\..* try again in \d+ s\."))
    await expect(resident.guard).to_contain_text("Armed away")
    await resident.person.look("locked_out")

    await resident.installation.set_options(new_code=CODE)  # ends the wait, as its page says
    await resident.person.set_guard("Disarmed")
    await resident.enters(CODE)
    await expect(resident.guard).to_contain_text("Disarmed")


async def expect_picture(picture: Locator) -> None:
    """Wait until a picture is shown, and not the sign of a broken one."""
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("picture => picture.naturalWidth") > 0
