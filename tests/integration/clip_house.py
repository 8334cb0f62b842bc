"""A house that keeps clips, in a folder of the test's own."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from homeassistant.util import dt as dt_util

from custom_components.sound_guard.clip import Clip
from custom_components.sound_guard.clip_store import ClipStore
from custom_components.sound_guard.clips import FOLDER, Clips

from .conftest import KITCHEN, House, until
from .fakes import PNG


def folder(house: House) -> Path:
    """Return where the clips are."""
    return Path(house.hass.config.config_dir) / FOLDER


def clips(house: House) -> Clips:
    """Return the clips of the house."""
    kept: Clips = house.entry.runtime_data.clips
    return kept


def pages(house: House) -> list[dict[str, Any]]:
    """Return what lies in the folder, as the pages say."""
    return [json.loads(path.read_text()) for path in sorted(folder(house).glob("*.json"))]


def a_clip(days_ago: float = 0, *, microphone: str = "Kitchen", label: str = "smoke_alarm", **more: Any) -> Clip:
    """Return a clip, by default of just now."""
    onset: datetime = dt_util.utcnow() - timedelta(days=days_ago)
    about: dict[str, Any] = {
        "id": uuid4().hex,
        "microphone_id": KITCHEN,
        "duration_s": 3.0,
        "confidence": 0.977,
        "updated": onset,
    }
    return Clip(**about | more, label=label, microphone=microphone, onset=onset)


def put(house: House, clip: Clip, seconds: float = 1.0) -> Clip:
    """Put a clip into the folder, without anybody having heard it."""
    ClipStore(folder(house)).add(clip, np.full(round(16_000 * seconds), 500, np.int16), PNG)
    return clip


async def hear(house: House, label: str, blocks: int = 3) -> Clip:
    """Play a sound and return its clip, when all of it has been kept."""
    known = {clip.id for clip in await clips(house).async_list()}
    house.room.drawn.clear()
    house.room.play(label, blocks)

    def complete() -> bool:
        return bool(house.room.drawn) and house.room.drawn[-1][0].complete

    await until(complete)
    await house.hass.async_block_till_done()
    (clip,) = [clip for clip in await clips(house).async_list() if clip.id not in known]
    return clip
