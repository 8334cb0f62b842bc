"""The options: a menu, and pages of which each saves its own part."""

import json
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData

from custom_components.sound_guard.code import hash_code, matches
from custom_components.sound_guard.options_flow import PAGES

from .conftest import House

PANEL = "alarm_control_panel.sound_guard"
TRANSLATIONS = Path(__file__).parents[2] / "custom_components" / "sound_guard" / "translations" / "en.json"
TEXTS = json.loads(TRANSLATIONS.read_text(encoding="utf-8"))["options"]
ARMED = ["armed_away", "armed_home", "armed_night"]

# What a page shows differs from page to page.
type Result = Any


async def turn_to(house: House, page: str) -> Result:
    """Open a page of the options."""
    options = house.hass.config_entries.options
    menu = await options.async_init(house.entry.entry_id)
    assert (menu["type"], menu["step_id"], menu["menu_options"]) == (FlowResultType.MENU, "init", list(PAGES))
    return await options.async_configure(menu["flow_id"], {"next_step_id": page})


async def fill_in(house: House, page: str, **filled_in: Any) -> Result:
    """Open a page, fill it in, and wait until it is in force."""
    form = await turn_to(house, page)
    result = await house.hass.config_entries.options.async_configure(form["flow_id"], filled_in)
    await house.hass.async_block_till_done()
    return result


def shown(form: Result) -> dict[str, Any]:
    """Return what stands in the fields of a page."""
    return {str(field): (field.description or {}).get("suggested_value") for field in form["data_schema"].schema}


def test_the_menu_and_every_page_are_translated_and_no_other() -> None:
    assert TEXTS["step"].keys() == {"init", *PAGES, "second_look_server"}
    menu = TEXTS["step"]["init"]
    assert menu["menu_options"].keys() == menu["menu_option_descriptions"].keys() == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
async def test_every_field_of_a_page_is_translated_and_no_other(house: House, page: str) -> None:
    fields = set(shown(await turn_to(house, page)))
    if page == "code":
        fields |= {"remove_code"}
    assert TEXTS["step"][page]["data"].keys() == TEXTS["step"][page]["data_description"].keys() == fields


async def test_each_page_keeps_what_the_others_have_saved(house: House) -> None:
    times = {"exit_delay": 0, "entry_delay": 20, "trigger_time": 180}
    sounds = {"glass_break": ARMED, "smoke_alarm": ["disarmed", *ARMED], "co_alarm": []}
    await fill_in(house, "guard", **times)
    await fill_in(house, "sounds", **sounds, hold=30)
    done = await fill_in(house, "code", new_code="0042", code_to_arm=True)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    hashed = house.entry.options["code_hash"]
    assert dict(house.entry.options) == times | {
        "triggers": sounds,
        "hold": 30,
        "code_hash": hashed,
        "code_to_arm": True,
    }
    assert shown(await turn_to(house, "guard")) == times
    assert shown(await turn_to(house, "sounds")) == sounds | {"hold": 30}
    assert shown(await turn_to(house, "code")) == {"new_code": None, "remove_code": None, "code_to_arm": True}


async def test_the_times_are_in_force_without_a_restart(house: House) -> None:
    await fill_in(house, "guard", exit_delay=0, entry_delay=20, trigger_time=0)
    await house.until("binary_sensor.kitchen_connectivity", "on")
    await house.call("alarm_arm_night", PANEL)
    assert house.state(PANEL) == "armed_night"
    house.room.play("glass_break")
    await house.until(PANEL, "pending")


async def test_the_sounds_raise_the_alarm_when_the_owner_wants_it(house: House) -> None:
    await fill_in(house, "sounds", glass_break=["disarmed"], smoke_alarm=[], co_alarm=ARMED, hold=60)
    await house.until("binary_sensor.kitchen_connectivity", "on")
    for sensor, label in (("smoke", "smoke_alarm"), ("carbon_monoxide", "co_alarm")):
        house.room.play(label)
        await house.until(f"binary_sensor.kitchen_{sensor}", "on")
        await house.until_quiet()
    assert house.state(PANEL) == "disarmed"
    house.room.play("glass_break")
    await house.until(PANEL, "triggered")


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("guard", {"exit_delay": -1, "entry_delay": 0, "trigger_time": 0}),
        ("guard", {"exit_delay": 0, "entry_delay": 10_000, "trigger_time": 0}),
        ("sounds", {"glass_break": ["sometimes"], "smoke_alarm": [], "co_alarm": [], "hold": 60}),
        ("sounds", {"glass_break": [], "smoke_alarm": [], "co_alarm": [], "hold": 0}),
    ],
)
async def test_what_makes_no_sense_is_refused(house: House, page: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        await fill_in(house, page, **wrong)
    assert not house.entry.options


async def test_a_code_is_stored_hashed_and_never_shown(hass: HomeAssistant, house: House) -> None:
    await fill_in(house, "code", new_code="0042", code_to_arm=False)
    assert matches("0042", house.entry.options["code_hash"])
    assert "0042" not in house.entry.options.values()
    assert house.attributes(PANEL)["code_format"] == "number"
    form = await turn_to(house, "code")
    assert "0042" not in str(form)
    assert house.entry.options["code_hash"] not in str(form)


@pytest.mark.parametrize("code", ["12a4", "٣٤٣٤", "12 34", "123"])
async def test_anything_but_four_digits_or_more_is_no_code(house: House, code: str) -> None:
    form = await fill_in(house, "code", new_code=code, code_to_arm=True)
    assert form["errors"] == {"new_code": "not_a_code"}
    assert form["errors"]["new_code"] in TEXTS["error"]
    assert shown(form) == {"new_code": None, "code_to_arm": True}
    assert not house.entry.options
    await house.hass.config_entries.options.async_configure(form["flow_id"], {"new_code": "", "code_to_arm": False})
    await house.hass.async_block_till_done()
    assert house.entry.options == {"code_to_arm": False}


async def test_a_new_code_is_not_thrown_away_because_the_old_one_is_to_be_removed(empty_house: House) -> None:
    before = {"code_hash": hash_code("1234")}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=before)
    await empty_house.set_up()
    form = await fill_in(empty_house, "code", new_code="5678", remove_code=True, code_to_arm=False)
    assert form["errors"] == {"remove_code": "new_or_none"}
    assert form["errors"]["remove_code"] in TEXTS["error"]
    assert empty_house.entry.options == before


async def test_the_code_can_be_kept_changed_and_removed(empty_house: House) -> None:
    old = hash_code("1234")
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options={"code_hash": old})
    await empty_house.set_up()
    await fill_in(empty_house, "code", remove_code=False, code_to_arm=True)
    assert empty_house.entry.options == {"code_hash": old, "code_to_arm": True}
    await fill_in(empty_house, "code", new_code="5678", remove_code=False, code_to_arm=True)
    assert matches("5678", empty_house.entry.options["code_hash"])
    await fill_in(empty_house, "code", remove_code=True, code_to_arm=False)
    assert empty_house.entry.options == {"code_to_arm": False}
    assert empty_house.attributes(PANEL)["code_format"] is None
