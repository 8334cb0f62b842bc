"""Incidents as plain values, so that those nobody has cared about outlive a restart.

An alarm may well go on while the power fails and comes back. What no microphone hears any more is told of all the same.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import probatio as vol
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .clip import Clip
from .clip_actions import clip_id
from .const import DOMAIN
from .incident import FORGOTTEN_AFTER, Incident, Witnessed
from .moment import read_moment
from .src.hearing.guard import TRIGGERS, Mode


def incident_store(hass: HomeAssistant) -> Store[list[dict[str, Any]]]:
    """Return where the incidents are stored."""
    return Store(hass, 1, f"{DOMAIN}.alerts", atomic_writes=True)


def open_incidents(incidents: Iterable[Incident]) -> list[dict[str, Any]]:
    """Return the incidents that nobody has cared about, as plain values."""
    return [incident_as_dict(each) for each in incidents if not each.acknowledged]


def recent_incidents(stored: object, now: datetime) -> dict[str, Incident]:
    """Return the incidents that were stored, by id, without what is too old or makes no sense."""
    found = [incident_from_dict(each) for each in stored] if isinstance(stored, list) else []
    return {each.id: each for each in found if each is not None and now - each.began <= FORGOTTEN_AFTER}


def incident_as_dict(incident: Incident) -> dict[str, Any]:
    """Return an incident as plain values."""
    latest = {each.sound.id: each.sound for each in incident.witnessed.values()}
    return {
        "id": incident.id,
        "label": incident.label,
        "began": incident.began.isoformat(),
        "mode": incident.mode,
        "owed": sorted(incident.owed),
        "pursued": incident.pursued,
        "sounds": [sound.as_dict() for sound in (incident.sounds | latest).values()],
        "witnessed": [
            {
                "sound": each.sound.id,
                "last_heard": each.last_heard.isoformat(),
                "verified": each.verified,
                "over_room_db": each.over_room_db,
                "has_picture": each.has_picture,
                "has_clip": each.has_clip,
            }
            for each in incident.witnessed.values()
        ],
    }


def incident_from_dict(stored: object) -> Incident | None:
    """Return the incident that was stored, None when it makes no sense."""
    try:
        return _incident(stored) if isinstance(stored, Mapping) else None
    except (ArithmeticError, KeyError, TypeError, ValueError, vol.Invalid):
        return None


def _incident(stored: Mapping[str, Any]) -> Incident | None:
    sounds = {clip_id(sound.id): sound for sound in map(Clip.from_dict, stored["sounds"])}
    witnessed = [_witnessed(each, sounds) for each in stored["witnessed"]]
    if not witnessed or stored["label"] not in TRIGGERS:
        return None
    return Incident(
        id=clip_id(stored["id"]),
        label=stored["label"],
        began=read_moment(stored["began"]),
        mode=Mode(stored["mode"]),
        witnessed={each.sound.microphone_id: each for each in witnessed},
        sounds=sounds,
        owed=set(map(str, stored["owed"])),
        pursued=bool(stored["pursued"]),
    )


def _witnessed(stored: Mapping[str, Any], sounds: Mapping[str, Clip]) -> Witnessed:
    over_room_db = float(stored["over_room_db"])
    if not isfinite(over_room_db):
        raise ValueError(f"no loudness: {over_room_db}")
    has_clip = bool(stored["has_clip"])
    return Witnessed(
        sound=sounds[stored["sound"]],
        last_heard=read_moment(stored["last_heard"]),
        verified=bool(stored["verified"]),
        over_room_db=over_room_db,
        # A picture that was not kept is gone.
        has_picture=has_clip and bool(stored["has_picture"]),
        has_clip=has_clip,
    )
