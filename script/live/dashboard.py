"""The dashboard of the demonstration: the guard, what each microphone hears, and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .client import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .installation import Installation, Microphone

URL_PATH = "sound-guard"
TITLE = "Sound Guard"


async def write_dashboard(installation: Installation) -> None:
    """Write the dashboard and make it the one that opens first; safe to repeat."""
    client = installation.client
    cards = _config(installation.panel, await installation.microphones())
    try:
        await client.command("lovelace/config/save", url_path=URL_PATH, config=cards)
    except RefusedError:  # there is none yet
        await client.command("lovelace/dashboards/create", url_path=URL_PATH, title=TITLE, icon="mdi:shield-home")
        await client.command("lovelace/config/save", url_path=URL_PATH, config=cards)
    await client.command("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})


def _config(panel: str, microphones: Sequence[Microphone]) -> dict[str, Any]:
    sounds = [entity for one in microphones for entity in one.sounds]
    log = [panel, *sounds, *(one.sound for one in microphones)]
    sections = [
        _section("Guard", "mdi:shield-home", _guard(panel), _history([panel, *sounds])),
        *(_section(one.name, "mdi:microphone", *_microphone(one)) for one in microphones),
        _section("What happened", "mdi:history", _log(log)),
    ]
    return {"views": [{"title": TITLE, "path": "home", "type": "sections", "max_columns": 3, "sections": sections}]}


def _guard(panel: str) -> dict[str, Any]:
    return {
        "type": "tile",
        "entity": panel,
        "state_content": ["state", "triggered_by", "last_changed"],
        "features": [{"type": "alarm-modes", "modes": ["disarmed", "armed_home", "armed_away", "armed_night"]}],
        "grid_options": {"columns": "full"},
    }


def _microphone(microphone: Microphone) -> Iterator[dict[str, Any]]:
    for sound in microphone.sounds:
        yield {"type": "tile", "entity": sound, "name": {"type": "entity"}, "grid_options": {"columns": "full"}}
    others = (microphone.sound, microphone.connectivity, microphone.listening, microphone.sensitivity)
    yield {"type": "entities", "entities": [{"entity": entity, "name": {"type": "entity"}} for entity in others]}


def _history(entities: Sequence[str]) -> dict[str, Any]:
    return {"type": "history-graph", "hours_to_show": 1, "entities": entities}


def _log(entities: Sequence[str]) -> dict[str, Any]:
    return {"type": "logbook", "hours_to_show": 24, "target": {"entity_id": entities}, "grid_options": {"rows": 8}}


def _section(title: str, icon: str, *cards: dict[str, Any]) -> dict[str, Any]:
    return {"type": "grid", "cards": [{"type": "heading", "heading": title, "icon": icon}, *cards]}
