"""What the integration has stored itself, and reads again: a file may have been edited, or damaged with the disk."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads

from custom_components.sound_guard.clips import clip_store
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.guard import HouseGuard, guard_config
from custom_components.sound_guard.guard_record import guard_from_dict, guard_from_state
from custom_components.sound_guard.incident_record import open_incidents, recent_incidents
from custom_components.sound_guard.keypad import Keypad
from custom_components.sound_guard.walk_test_record import WalkTestRecord

from .damage import damaged_json, damaged_value
from .home import home
from .target import Target

CLIP = "0123456789abcdef" * 2
KITCHEN = "01JKITCHEN"
MOMENT = "2026-11-22T16:51:45.123456+00:00"
CHEAP_HASH = "scrypt$2$8$1$" + "00" * 16 + "$" + "11" * 64
"""A hash of a code that is quick to check: no code has it."""

GUARD = {
    "mode": "armed_away",
    "state": "triggered",
    "since": MOMENT,
    "changed_by": None,
    "cause": {
        "label": "glass_break",
        "microphone": "Kitchen",
        "confidence": 0.97,
        "onset": MOMENT,
        "area_id": "kitchen",
        "area": None,
    },
}
PAGE = {
    "id": CLIP,
    "label": "glass_break",
    "microphone": "Kitchen",
    "microphone_id": KITCHEN,
    "onset": MOMENT,
    "duration_s": 2.5,
    "confidence": 0.97,
    "updated": MOMENT,
    "verdict": "false_alarm",
}


def stored_value(draw: Random, samples: Sequence[Any]) -> Any:
    """Return a damaged value as it comes back from one of Home Assistant's files."""
    while True:
        with suppress(TypeError, ValueError):
            return json_loads(json_bytes(damaged_value(draw, samples)))


def guard_record() -> Target:
    """The guard as it was before a restart, in Home Assistant's file of states."""
    house = home()

    async def restore(stored: Any) -> None:
        if isinstance(stored, dict):
            restored = guard_from_dict(stored)
        else:
            restored = guard_from_state(str(stored), dt_util.utcnow())
        guard = HouseGuard(house.hass, guard_config({"entry_delay": 30, "trigger_time": 60}))
        if restored is not None:
            guard.restore(restored)
        guard.stop()

    samples: list[Any] = [GUARD, GUARD, {**GUARD, "state": "pending"}, {**GUARD, "state": "disarmed"}, "triggered"]
    return Target("guard-record", lambda draw: stored_value(draw, samples), lambda stored: house.run(restore(stored)))


def keypad_record() -> Target:
    """The count of wrong codes, in a file of ours."""
    house = home()
    sample = {"salt": CHEAP_HASH.rpartition("$")[0], "wrong": 7, "locked_since": MOMENT}

    async def load(stored: Any) -> None:
        house.storage[f"{DOMAIN}.keypad"] = {"version": 1, "data": stored}
        keypad = Keypad(house.hass, CHEAP_HASH)
        await keypad.async_load()
        await keypad.async_check("1234")

    return Target(
        "keypad-record",
        lambda draw: stored_value(draw, [sample]),
        lambda stored: house.run(load(stored)),
        (HomeAssistantError,),
    )


def walk_test_record() -> Target:
    """The times of walk tests, in a file of ours."""
    house = home()

    async def load(stored: Any) -> None:
        house.storage[f"{DOMAIN}.walk_tests"] = {"version": 1, "data": stored}
        record = WalkTestRecord(house.hass)
        await record.async_load([KITCHEN])
        if (last := record.last(KITCHEN)) is not None:
            assert last < dt_util.utcnow() or last > dt_util.utcnow(), "cannot be compared"
            dt_util.as_local(last).strftime("%Y-%m-%d")

    samples = [{KITCHEN: MOMENT, "another": MOMENT}]
    return Target("walk-test-record", lambda draw: stored_value(draw, samples), lambda stored: house.run(load(stored)))


def incident_record() -> Target:
    """The alerts that nobody has cared about, in a file of ours."""
    seen = {"sound": CLIP, "last_heard": MOMENT, "verified": True, "over_room_db": 12.5}
    sample = {
        "id": CLIP,
        "label": "glass_break",
        "began": MOMENT,
        "mode": "armed_away",
        "owed": ["notify.family"],
        "sounds": [PAGE],
        "witnessed": [{**seen, "has_picture": True, "has_clip": False}],
    }

    def feed(stored: Any) -> None:
        found = recent_incidents(stored, dt_util.parse_datetime(MOMENT, raise_on_error=True))
        for incident in found.values():
            assert incident.loudest in incident.witnessed.values(), "names what nobody has heard"
        open_incidents(found.values())

    return Target("incident-record", lambda draw: stored_value(draw, [[sample]]), feed)


def clip_page() -> Target:
    """The page beside a clip, in a folder of ours."""
    store = clip_store(home().hass)
    page = store.folder / f"{CLIP}.json"

    def feed(text: bytes) -> None:
        page.write_bytes(text)
        for clip in store.clips():
            assert 0 <= clip.percent <= 100, "is surer than sure"
            dt_util.as_local(clip.onset).strftime("%Y-%m-%d %H:%M")
        store.trim(dt_util.utcnow(), 10_000, 10)

    return Target("clip-page", lambda draw: damaged_json(draw, [PAGE]), feed)


RECORDS: dict[str, Callable[[], Target]] = {
    "guard-record": guard_record,
    "keypad-record": keypad_record,
    "walk-test-record": walk_test_record,
    "incident-record": incident_record,
    "clip-page": clip_page,
}
