"""Files of ours that were edited, or damaged with the disk: the house is listened to all the same."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import probatio as vol
import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import State
from homeassistant.util import dt as dt_util
from hypothesis import given, settings, strategies as st
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

from custom_components.sound_guard.clip import Clip
from custom_components.sound_guard.clip_actions import clip_id
from custom_components.sound_guard.code import hash_code
from custom_components.sound_guard.guard_record import guard_as_dict, guard_from_dict
from custom_components.sound_guard.incident_record import open_incidents, recent_incidents
from custom_components.sound_guard.keypad import Keypad
from custom_components.sound_guard.moment import read_moment
from custom_components.sound_guard.src.hearing.guard import Cause, Guard, Mode, State as GuardState

from .conftest import KITCHEN, House

# The same examples every time: what is looked for by chance, script/fuzz looks for.
settings.register_profile("suite", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("suite")

# Home Assistant freezes the garbage collector, and Hypothesis then believes that nobody holds its own random numbers.
pytestmark = pytest.mark.filterwarnings("ignore:It looks like `register_random` was passed an object")

PANEL = "alarm_control_panel.sound_guard"
MOMENT = "2026-11-22T16:51:45+00:00"
CLIP = {
    "id": "a" * 32,
    "label": "glass_break",
    "microphone": "Kitchen",
    "microphone_id": KITCHEN,
    "onset": MOMENT,
    "duration_s": 2.5,
    "confidence": 0.97,
    "updated": MOMENT,
    "verdict": None,
}
GUARD = guard_as_dict(
    Guard(
        read_moment(MOMENT),
        Mode.ARMED_AWAY,
        GuardState.TRIGGERED,
        Cause("glass_break", "Kitchen", 0.97, read_moment(MOMENT)),
    )
)

INCIDENT = {
    "id": "a" * 32,
    "label": "glass_break",
    "began": MOMENT,
    "mode": "armed_away",
    "owed": ["notify.family"],
    "sounds": [CLIP],
    "witnessed": [
        {
            "sound": "a" * 32,
            "last_heard": MOMENT,
            "verified": True,
            "over_room_db": 12.5,
            "has_picture": True,
            "has_clip": True,
        }
    ],
}

WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORD | st.datetimes().map(str) | st.just(MOMENT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=8,
)


def variations(good: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return what is nearly right: one value replaced, or one left out; now and then anything at all."""
    replaced = st.builds(lambda key, value: {**good, key: value}, st.sampled_from(sorted(good)), JSON)
    shorter = st.sampled_from(sorted(good)).map(lambda gone: {key: good[key] for key in good if key != gone})
    return replaced | shorter | JSON


@given(JSON)
def test_a_moment_can_be_calculated_with_or_is_none(stored: Any) -> None:
    try:
        moment = read_moment(stored)
    except ValueError:
        return
    assert dt_util.as_local(moment) + timedelta(days=366) > moment


@given(variations(GUARD))
def test_any_record_of_the_guard_is_one_or_none(stored: Any) -> None:
    guard = guard_from_dict(stored)
    if guard is not None and guard.cause is not None:
        assert 0 <= guard.cause.confidence <= 1
        assert guard.cause.is_life_safety in (True, False)


@given(variations(CLIP))
def test_any_page_of_a_clip_is_one_or_makes_no_sense(stored: Any) -> None:
    try:
        clip = Clip.from_dict(stored)
    except (KeyError, TypeError, ValueError):
        return
    assert 0 <= clip.percent <= 100


@given(st.lists(variations(INCIDENT), max_size=3) | JSON)
def test_any_record_of_alerts_is_one_or_is_left_out(stored: Any) -> None:
    now = read_moment(MOMENT)
    found = recent_incidents(stored, now)
    for incident in found.values():
        assert incident.loudest in incident.witnessed.values()
        assert clip_id(incident.id) == incident.id
    assert recent_incidents(open_incidents(found.values()), now).keys() == found.keys()


@given(JSON | st.fixed_dictionaries({"media_content_id": JSON}) | st.from_regex("(media-source://)?[0-9a-f/.]*"))
def test_whatever_names_a_clip_is_32_digits_or_is_refused(named: Any) -> None:
    try:
        name = clip_id(named)
    except vol.Invalid:
        return
    assert re.fullmatch("[0-9a-f]{32}", name)


@pytest.mark.parametrize(
    "data",
    [
        [],
        "x",
        7,
        {KITCHEN: 5, "salt": 5},
        {KITCHEN: "2026-01-01T00:00:00", "salt": None},
        {KITCHEN: "9999-12-31T23:59:59+00:00", "wrong": []},
        {KITCHEN: "0001-01-01T00:00:00+14:00"},
    ],
)
async def test_the_house_is_listened_to_whatever_is_in_its_files(
    empty_house: House, hass_storage: dict[str, Any], data: Any
) -> None:
    for key in ("alerts", "keypad", "walk_tests"):
        name = f"sound_guard.{key}"
        hass_storage[name] = {"version": 1, "minor_version": 1, "key": name, "data": data}
    options = {"walk_test_reminder": "6", "code_hash": hash_code("1234")}
    empty_house.hass.config_entries.async_update_entry(empty_house.entry, options=options)
    await empty_house.set_up()
    assert empty_house.entry_state() is ConfigEntryState.LOADED
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")


async def test_the_house_is_listened_to_although_its_files_cannot_be_read(
    empty_house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("keypad", "walk_tests"):
        # What a later version has left behind.
        hass_storage[f"sound_guard.{key}"] = {"version": 99, "minor_version": 1, "key": key, "data": {}}
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    assert caplog.text.count("what it holds begins anew") == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda record, salt: record | {"wrong": "7"},
        lambda record, salt: record | {"wrong": -1},
        lambda record, salt: record | {"wrong": float("inf")},
        lambda record, salt: record | {"locked_since": "2026-01-01T00:00:00"},
        lambda record, salt: record | {"locked_since": 0},
        lambda record, salt: {"salt": salt},
    ],
)
async def test_a_count_of_wrong_codes_that_makes_no_sense_begins_anew(
    empty_house: House,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    change: Callable[[dict[str, Any], str], dict[str, Any]],
) -> None:
    hashed = hash_code("1234")
    salt = hashed.rpartition("$")[0]
    record = {"salt": salt, "wrong": 20, "locked_since": dt_util.utcnow().isoformat()}
    stored = {"version": 1, "minor_version": 1, "key": "sound_guard.keypad", "data": change(record, salt)}
    hass_storage["sound_guard.keypad"] = stored
    keypad = Keypad(empty_house.hass, hashed)
    await keypad.async_load()
    await keypad.async_check("1234")
    assert "cannot be read; it begins anew" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"cause": {"label": [], "microphone": {}, "confidence": "x", "onset": 5}},
        {"cause": "glass_break"},
        {"changed_by": {"a": 1}},
        {"since": "9999-12-31T23:59:59.999999+00:00"},
        {"since": None},
        {"mode": "asleep"},
    ],
)
async def test_an_alarm_goes_on_whatever_was_kept_of_it(empty_house: House, change: dict[str, Any]) -> None:
    mock_restore_cache_with_extra_data(empty_house.hass, [(State(PANEL, "triggered"), {**GUARD, **change})])
    await empty_house.set_up()
    assert empty_house.state(PANEL) == "triggered"
    assert empty_house.attributes(PANEL).get("changed_by") is None
