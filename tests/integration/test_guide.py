"""The guide for homeowners: its examples work, its links lead somewhere, and it leaves nothing out."""

import re
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.recorder import CONFIG_SCHEMA as RECORDER_SCHEMA
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml

from custom_components.sound_guard.condition import CONDITIONS
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.trigger import TRIGGERS

from .conftest import House
from .test_validation import ROOT, TRANSLATIONS

GUIDE = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "guide").glob("*.md"))}
EXAMPLES = [
    pytest.param(example, id=f"{name}-{number}")
    for name, text in GUIDE.items()
    for number, example in enumerate(re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
]
LINKS = [(name, link) for name, text in GUIDE.items() for link in re.findall(r"\]\(([^)]+)\)", text)]

LONGEST_LINE = 140


def anchors(page: Path) -> set[str]:
    """Return what a link can lead to inside a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("example", EXAMPLES)
async def test_home_assistant_accepts_every_example(hass: HomeAssistant, house: House, example: str) -> None:
    config: Any = parse_yaml(example)
    if "triggers" in config:
        assert await async_setup_component(hass, "automation", {"automation": config})
        (automation,) = hass.states.async_entity_ids("automation")
        assert house.state(automation) == "on"
        # Some wait for a time of the day.
        await house.call("turn_off", automation)
    elif "action" in config:
        action: Any = cv.script_action(config)
        domain, name = action["action"].split(".")
        service: Any = hass.services.async_services()[domain][name]
        service.schema({**action.get("data", {}), **action.get("target", {})})
    else:
        assert RECORDER_SCHEMA(config)


@pytest.mark.parametrize(("name", "link"), LINKS)
def test_every_link_leads_somewhere(name: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    page = (ROOT / "docs" / "guide" / (path or name)).resolve()
    assert page.is_relative_to(ROOT)
    assert page.is_file()
    assert not anchor or anchor in anchors(page)


def test_every_trigger_condition_and_action_is_described() -> None:
    described = set(re.findall(rf"`{DOMAIN}\.(\w+)`", GUIDE["automations.md"]))
    assert described == {*TRIGGERS, *CONDITIONS, *TRANSLATIONS["services"]}


def test_every_repair_is_explained() -> None:
    for issue in TRANSLATIONS["issues"].values():
        title = re.sub(r"\{\w+\}", "…", issue["title"])
        assert f'**"{title}".**' in GUIDE["troubleshooting.md"]


def test_every_option_is_explained() -> None:
    text = "\n".join(GUIDE.values())
    labels = {label for page in TRANSLATIONS["options"]["step"].values() for label in page.get("data", {}).values()}
    # The modes of the sounds are a table.
    assert not {label for label in labels if label not in text and not label.endswith("while the guard is")}


def test_lines_are_short_enough_to_be_read() -> None:
    long = [(name, line) for name, text in GUIDE.items() for line in text.splitlines() if len(line) > LONGEST_LINE]
    assert not long
