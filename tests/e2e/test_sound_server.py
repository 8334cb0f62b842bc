"""A sound server that dies and comes back while two microphones listen through it."""

import asyncio
import contextlib

from tests.e2e.house import House

GONE_WITHIN_S = 15.0
BACK_WITHIN_S = 30.0
LOGGED_WITHIN_S = 5.0


async def test_a_dead_sound_server_is_shown_and_logged_once_and_so_is_its_return(house: House) -> None:
    client, through_it = house.client, (house.microphones["PyAudio"], house.microphones["ffmpeg"])
    await house.listen_with("PyAudio", "ffmpeg", "stream")
    logged = len(house.home.log())

    await asyncio.to_thread(house.sound_server.kill)
    for one in through_it:
        for entity, state in ((one.connectivity, "off"), *((sound, "unavailable") for sound in one.sounds)):
            await client.until_state(entity, state, GONE_WITHIN_S)
    # It stays down long enough for several attempts, of which the log must say nothing.
    await asyncio.sleep(5)

    await asyncio.to_thread(house.sound_server.start)
    for one in through_it:
        for entity, state in ((one.connectivity, "on"), *((sound, "off") for sound in one.sounds)):
            await client.until_state(entity, state, BACK_WITHIN_S)

    assert client.state(house.microphones["stream"].connectivity) == "on"
    for one in through_it:
        await until_logged(house, logged, one.name, ["WARNING", "INFO"])


async def until_logged(house: House, since: int, name: str, levels: list[str]) -> None:
    """Wait until the log holds exactly these lines on a microphone: it is written a moment after things happen."""
    found: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOGGED_WITHIN_S):
            while len(found) < len(levels):
                await asyncio.sleep(0.1)
                lines = house.home.log()[since:].splitlines()
                found = [line for line in lines if "sound_guard" in line and f"{name}: " in line]
    assert [line.split()[2] for line in found] == levels, found
