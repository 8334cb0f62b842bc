"""Sound Guard as it is set up in a running Home Assistant: through the same flows as its pages use."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from .client import NotSeenError, RefusedError, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .client import Client

DOMAIN = "sound_guard"
FLOWS = "config/config_entries"
SETTLE_TIMEOUT_S = 30.0
UNKNOWN = State("unknown", {})

ENTITY_KEYS = ("glass_break", "smoke", "carbon_monoxide", "connectivity", "sound", "sensitivity", "listening")


class SetUpError(Exception):
    """Sound Guard could not be set up; the message is the reason that Home Assistant shows."""


@dataclass(frozen=True)
class Microphone:
    """The entity ids of one microphone."""

    name: str
    subentry_id: str
    glass_break: str
    smoke: str
    carbon_monoxide: str
    connectivity: str
    sound: str
    sensitivity: str
    listening: str

    @property
    def entities(self) -> tuple[str, ...]:
        """All of its entity ids."""
        return tuple(getattr(self, key) for key in ENTITY_KEYS)

    @property
    def sounds(self) -> tuple[str, str, str]:
        """Those of them that say what is heard now."""
        return self.glass_break, self.smoke, self.carbon_monoxide


class Installation:
    """The one config entry of Sound Guard."""

    def __init__(self, client: Client, entry_id: str, panel: str = "") -> None:
        """Use `add` or `find`."""
        self.client = client
        self.entry_id = entry_id
        self.panel = panel
        """Entity id of the guard."""

    @classmethod
    async def add(cls, client: Client) -> Self:
        """Add Sound Guard; raises SetUpError."""
        form = await client.post(f"{FLOWS}/flow", {"handler": DOMAIN})
        made = await client.post(f"{FLOWS}/flow/{form['flow_id']}", {})
        # The pages go straight on to the first microphone; we add ours when we want it.
        _, following = made["next_flow"]
        await client.delete(f"{FLOWS}/subentries/flow/{following}")
        return await cls._ready(client, made["result"]["entry_id"])

    @classmethod
    async def find(cls, client: Client) -> Self | None:
        """The Sound Guard that is set up already, None when there is none; raises SetUpError."""
        entries = await client.get(f"{FLOWS}/entry?domain={DOMAIN}")
        return await cls._ready(client, entries[0]["entry_id"]) if entries else None

    @classmethod
    async def _ready(cls, client: Client, entry_id: str) -> Self:
        installation = cls(client, entry_id)
        installation.panel = (await installation._entities(None, "guard"))["guard"]
        return installation

    async def set_options(self, **options: Any) -> None:
        """Change the options that are named, and wait until they hold; raises RefusedError, NotSeenError.

        They must not be as they are already: then Sound Guard does not begin anew, which is what is waited for.
        """
        flows = f"{FLOWS}/options/flow"
        menu = await self.client.post(flows, {"handler": self.entry_id})
        await self.client.delete(f"{flows}/{menu['flow_id']}")
        for page in menu["menu_options"]:
            # Saving a page ends the flow, so each page has one of its own.
            path = f"{flows}/{(await self.client.post(flows, {'handler': self.entry_id}))['flow_id']}"
            form = await self.client.post(path, {"next_step_id": page})
            if any(field["name"] in options for field in form["data_schema"]):
                await self._save(path, form, options)
            else:
                await self.client.delete(path)
        if options:
            raise RefusedError(f"no page has the options {', '.join(options)}")

    async def _save(self, path: str, form: dict[str, Any], options: dict[str, Any]) -> None:
        """Save a page of the options with those that it shows, and the pages after it; wait until they hold."""
        known_changes = len(self.client.changes)
        while form["type"] == "form" and not form["errors"]:
            shown = {field["name"]: _value(field) for field in form["data_schema"]}
            shown |= {name: options.pop(name) for name in shown if name in options}
            form = await self.client.post(path, {name: value for name, value in shown.items() if value is not None})
        if form["type"] != "create_entry":
            raise RefusedError(f"options refused: {form.get('errors')}")

        def has_begun_anew() -> bool:
            news = self.client.changes[known_changes:]
            return any(one.entity == self.panel and one.before == "unavailable" for one in news)

        await self.client.until(has_begun_anew, "Sound Guard to begin anew", SETTLE_TIMEOUT_S)
        for microphone in await self.microphones():
            if self.client.state(microphone.listening) == "on":
                await self.client.until_state(microphone.connectivity, "on", SETTLE_TIMEOUT_S)

    async def add_microphone(self, kind: str, source: str, *, name: str = "", silent: bool = True) -> Microphone:
        """Add a microphone of `kind` "local" or "stream", wait until it hears; raises SetUpError, NotSeenError.

        `name`: instead of the one that Sound Guard gives it. `silent`: it may deliver complete silence.
        """
        flow = await self.client.post(f"{FLOWS}/subentries/flow", {"handler": [self.entry_id, "microphone"]})
        path = f"{FLOWS}/subentries/flow/{flow['flow_id']}"
        await self.client.post(path, {"next_step_id": kind})
        step = await self.client.post(path, {"source": source})
        while step["type"] == "progress":
            await asyncio.sleep(0.2)
            step = await self.client.get(path)
        if step["type"] == "form" and not step["errors"]:
            step = await self.client.post(path, {})
        elif step["type"] == "menu" and silent:
            step = await self.client.post(path, {"next_step_id": "save"})
        if step["type"] != "create_entry":
            reason = (step.get("errors") or {}).get("base") or step.get("reason") or step["step_id"]
            raise SetUpError(f"{source} cannot be heard ({reason})")
        added = next(one for one in await self._subentries() if one["unique_id"] == step["unique_id"])
        if name:
            added = added | {"title": name}
            await self.client.command(
                "config_entries/subentries/update",
                entry_id=self.entry_id,
                subentry_id=added["subentry_id"],
                title=name,
            )
        microphone = await self._microphone(added)

        def is_heard() -> bool:
            # A new name makes Sound Guard begin anew: what it says before that does not count.
            shown = self.client.states.get(microphone.connectivity, UNKNOWN)
            return shown.value == "on" and shown.attributes["friendly_name"].startswith(microphone.name)

        await self.client.until(is_heard, f"{microphone.connectivity} to be on", SETTLE_TIMEOUT_S)
        return microphone

    async def microphones(self) -> list[Microphone]:
        """Every microphone there is; raises SetUpError."""
        return [await self._microphone(subentry) for subentry in await self._subentries()]

    async def _subentries(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = await self.client.command(
            "config_entries/subentries/list", entry_id=self.entry_id
        )
        return found

    async def _microphone(self, subentry: Mapping[str, str]) -> Microphone:
        entities = await self._entities(subentry["subentry_id"], *ENTITY_KEYS)
        return Microphone(subentry["title"], subentry["subentry_id"], **entities)

    async def _entities(self, subentry_id: str | None, *keys: str) -> dict[str, str]:
        """Entity ids by key, as soon as Home Assistant has all of them."""
        unique_ids = {key: f"{subentry_id or self.entry_id}_{key}" for key in keys}
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline_s:
            registry = await self.client.command("config/entity_registry/list")
            ours = {found["unique_id"]: found["entity_id"] for found in registry if found["platform"] == DOMAIN}
            if all(ours.get(unique_id) in self.client.states for unique_id in unique_ids.values()):
                return {key: ours[unique_id] for key, unique_id in unique_ids.items()}
            await self._check()
            await asyncio.sleep(0.2)
        raise NotSeenError(f"entities {', '.join(unique_ids.values())}: not within {SETTLE_TIMEOUT_S:.0f} s")

    async def _check(self) -> None:
        """Raise SetUpError when Home Assistant says that Sound Guard does not work."""
        for entry in await self.client.get(f"{FLOWS}/entry?domain={DOMAIN}"):
            if entry["state"] in ("setup_error", "migration_error", "failed_unload"):
                raise SetUpError(entry["reason"] or entry["state"])


def _value(field: Mapping[str, Any]) -> Any:
    """What a form field shows: its suggestion, else its default, else None."""
    suggested = (field.get("description") or {}).get("suggested_value")
    return field.get("default") if suggested is None else suggested
