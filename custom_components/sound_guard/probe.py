"""A short listen before a microphone is saved: what it hears, or why it hears nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant

from .address import address_id, async_resolve
from .engine import get_engine
from .runtime import Runtime
from .src.hearing.level import Level, measure
from .src.hearing.source import SAMPLE_RATE_HZ, Reason, Source, SourceError

LISTEN_S = 4.0
LIMIT_S = 20.0
"""A source that has not delivered LISTEN_S of sound by then is refused."""


async def async_probe(hass: HomeAssistant, entry: ConfigEntry[Runtime], data: Mapping[str, Any]) -> Level:
    """Return how loud a source is.

    Raises:
        SourceError: it cannot be heard.
    """
    if (level := _own_level(entry, data)) is not None:
        return level
    spec = await async_resolve(hass, data)
    ffmpeg = get_ffmpeg_manager(hass).binary
    source = await hass.async_add_executor_job(lambda: get_engine(hass).open_source(spec, ffmpeg=ffmpeg))
    try:
        async with asyncio.timeout(LIMIT_S):
            return await hass.async_add_executor_job(_listen, source)
    except TimeoutError as error:
        raise SourceError(Reason.STALLED, f"{source.description} is too slow") from error
    finally:
        # Also when the owner has closed the page: the executor must not go on listening.
        await asyncio.shield(hass.async_add_executor_job(source.close))


def _own_level(entry: ConfigEntry[Runtime], data: Mapping[str, Any]) -> Level | None:
    """Return what a microphone of ours hears on this source now; a sound card may not open twice, so ask it instead."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    for microphone in entry.runtime_data.microphones.values():
        if microphone.address == address_id(data) and microphone.level is not None:
            return microphone.level
    return None


def _listen(source: Source) -> Level:
    """Return the level of LISTEN_S of sound, or of as much as there is. Blocks; ended by source.close()."""
    blocks = []
    missing = int(LISTEN_S * SAMPLE_RATE_HZ)
    with source:
        for block in source:
            blocks.append(block)
            missing -= block.size
            if missing <= 0:
                break
    if not blocks:
        raise SourceError(Reason.LOST, f"{source.description} ended before anything was heard")
    return measure(np.concatenate(blocks))
