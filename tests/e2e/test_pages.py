"""Sound Guard as a person meets it: in a browser, from "Add integration" to a disarmed alarm."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Locator, Page, async_playwright, expect

from live.dashboard import URL_PATH, write_dashboard
from live.home import CHECKOUT, Home, free_port
from live.installation import Installation
from live.player import Player
from tests.e2e.house import EXIT_DELAY_S, HOLD_S
from tests.e2e.recordings import Recording
from tests.virtual_microphone import VirtualMicrophone

SCREENSHOTS = CHECKOUT / "run" / "screenshots"
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
DETECTED = re.compile("detected", re.IGNORECASE)
FLAGS = (
    "--no-sandbox",  # Chromium refuses to start as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Person:
    """Somebody in front of the pages, who takes pictures of them."""

    def __init__(self, page: Page, home: Home, prefix: str = "") -> None:
        """`prefix`: of the names of the pictures."""
        self.page = page
        self.home = home
        self._prefix = prefix and f"{prefix}_"
        self._pictures = 0

    async def look(self, name: str) -> None:
        """Take a picture, once things have stopped moving."""
        await self.page.wait_for_timeout(400)
        self._pictures += 1
        await self.page.screenshot(path=SCREENSHOTS / f"{self._prefix}{self._pictures:02d}_{name}.png")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.home.url}/{path}")

    def tile(self, name: str) -> Locator:
        """The tile with this name on the dashboard."""
        return self.page.locator("hui-tile-card").filter(has=self.page.get_by_text(name, exact=True))

    async def set_guard(self, mode: str) -> None:
        await self.tile("Sound Guard").get_by_label(mode, exact=True).click()

    async def listens(self) -> None:
        """Let Sound Guard listen to the microphone that is chosen, and save it."""
        await self.press("Next")
        await expect(self.page.get_by_text("Listening to")).to_be_visible()
        await self.look("listening")
        await expect(self.page.get_by_text(re.compile("The microphone (works|is very quiet)"))).to_be_visible()
        await self.look("heard")
        await self.press("Submit")

    async def log_in(self) -> None:
        await self.open("")
        await self.page.get_by_label("Username").fill(self.home.user)
        await self.page.get_by_role("textbox", name="Password").fill(self.home.password)
        await self.press("Log in")
        await expect(self.page.get_by_text("Settings", exact=True).first).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def player() -> AsyncIterator[Player]:
    async with Player() as player:
        yield player


@pytest_asyncio.fixture(loop_scope="session")
async def person(tmp_path: Path, virtual_microphone: VirtualMicrophone) -> AsyncIterator[Person]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    home = Home(tmp_path, port=free_port(), environment=virtual_microphone.env)
    async with home, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        yield Person(page, home)
        await browser.close()


async def test_a_person_adds_a_microphone_and_arms_and_disarms_the_guard(
    person: Person,
    virtual_microphone: VirtualMicrophone,
    player: Player,
    smoke_alarm: Recording,
    glass_break: Recording,
) -> None:
    page = person.page
    await person.log_in()

    await person.open("config/integrations/dashboard")
    await person.press("Add integration")
    await page.get_by_placeholder("Search for a brand name").fill("sound guard")
    await person.look("search")
    await page.get_by_text("Sound Guard", exact=True).click()
    await person.look("add")
    await person.press("Submit")

    await person.look("kind")
    await page.get_by_text("On this machine", exact=True).click()
    await expect(page.get_by_role("button", name="Microphone")).to_be_visible()
    await person.look("local")
    await page.get_by_role("button", name="Microphone").click()
    await person.look("list")
    await page.keyboard.press("Escape")
    await person.listens()
    await person.look("added")
    await person.press("Finish")

    installation = await Installation.find(person.home.client)
    assert installation is not None
    await installation.set_options(hold=HOLD_S, exit_delay=EXIT_DELAY_S)
    await write_dashboard(installation)
    # By its address: a click into the sidebar lands on a neighbour if the new entry moves into its place just then.
    await person.open(URL_PATH)
    await expect(person.tile("Smoke")).to_contain_text("Clear")
    await person.look("quiet_house")

    virtual_microphone.play(smoke_alarm.path, background=True)
    await expect(person.tile("Smoke")).to_contain_text(DETECTED)
    await expect(person.tile("Sound Guard")).to_contain_text("Triggered")
    await person.look("smoke_alarm")
    await person.set_guard("Disarm")
    await expect(person.tile("Sound Guard")).to_contain_text("Disarmed")
    await expect(person.tile("Smoke")).to_contain_text("Clear")
    await person.look("disarmed")

    await person.set_guard("Away")
    await expect(person.tile("Sound Guard")).to_contain_text("Armed away")
    await person.look("armed")
    virtual_microphone.play(glass_break.path, background=True)
    await expect(person.tile("Glass break")).to_contain_text(DETECTED)
    await expect(person.tile("Sound Guard")).to_contain_text("Triggered")
    await person.look("breaking_pane")
    await person.set_guard("Disarm")
    await expect(person.tile("Sound Guard")).to_contain_text("Disarmed")
    await expect(person.tile("Glass break")).to_contain_text("Clear")
    await person.look("quiet_again")

    await person.open("config/integrations/integration/sound_guard")
    await person.press("Add microphone")
    await page.get_by_text("A network stream").click()
    await page.locator("ha-selector-text input").fill(player.url)
    await person.look("address")
    await person.listens()
    await person.press("Finish")
    await expect(page.get_by_text("127.0.0.1").first).to_be_visible()
    await person.look("two_microphones")
