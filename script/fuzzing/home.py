"""A Home Assistant with Sound Guard in it, of its own and without microphones, for input to be fed to."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from homeassistant import loader
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant, mock_storage

from custom_components.sound_guard.clips import FOLDER
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.src.hearing.card import CardError
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.source import BLOCK_SAMPLES, Backlog
from custom_components.sound_guard.src.hearing.sources import open_source

from .workplace import workplace


class Hum:
    """A source that delivers a few seconds of hum at once. What it is called is checked by the real engine."""

    backlog = Backlog()

    def __init__(self, spec: str, *, ffmpeg: str) -> None:
        self.description = open_source(spec, ffmpeg=ffmpeg).description

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def __iter__(self) -> Iterator[Block]:
        return iter([np.full(BLOCK_SAMPLES, 900, np.int16)] * 50)

    def close(self) -> None:
        """Do nothing."""


def _no_card(path: Path) -> RcrnnCard:
    """Keep LiteRT out of this process, most of whose memory would be its."""
    raise CardError(f"{path}: is left out")


class _Errors(logging.Handler):
    """Remembers what was logged as an error: Home Assistant catches what goes wrong in its callbacks."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.first is None:
            self.first = self.format(record).replace("\n", " | ")[-400:]


@dataclass
class Home:
    """A Home Assistant with Sound Guard set up in it, without microphones."""

    hass: HomeAssistant
    entry: MockConfigEntry
    idle: MockConfigEntry
    """Another entry, which is not set up, so that new options change nothing else."""
    storage: dict[str, Any]
    loop: asyncio.AbstractEventLoop
    stack: AsyncExitStack
    """Holds all of it open."""

    errors: _Errors = field(default_factory=_Errors)

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work on the event loop, and all that follows from it.

        Raises:
            AssertionError: something was logged as an error.
        """
        self.errors.first = None
        try:
            return self.loop.run_until_complete(self._settled(work))
        finally:
            assert self.errors.first is None, f"logs: {self.errors.first}"

    async def _settled[T](self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        finally:
            await self.hass.async_block_till_done()


@cache
def home() -> Home:
    """Set it up; it stays until the process ends."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    made = loop.run_until_complete(_async_home(loop))
    logging.getLogger().addHandler(made.errors)
    logging.getLogger().setLevel(logging.ERROR)
    return made


async def _async_home(loop: asyncio.AbstractEventLoop) -> Home:
    stack = AsyncExitStack()
    storage = stack.enter_context(mock_storage())
    folder = workplace()
    (folder / FOLDER).mkdir()
    hass = await stack.enter_async_context(async_test_home_assistant(config_dir=str(folder)))
    hass.config.allowlist_external_dirs = {str(folder)}
    # The folder of this repository is on the path, and is found there.
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    hass.data[ENGINE] = Engine(open_source=Hum, list_devices=lambda _: [], load_verifier_card=_no_card)
    entry = MockConfigEntry(domain=DOMAIN, title="Sound Guard")
    idle = MockConfigEntry(domain=DOMAIN, title="Idle")
    for each in (entry, idle):
        each.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return Home(hass, entry, idle, storage, loop, stack)
