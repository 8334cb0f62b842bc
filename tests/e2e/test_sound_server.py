"""A sound server that dies and comes back while two microphones listen through it."""

import asyncio

from tests.e2e.house import House

GONE_WITHIN_S = 15.0
BACK_WITHIN_S = 30.0


async def test_a_dead_sound_server_is_shown_and_logged_once_and_so_is_its_return(house: House) -> None:
    client, through_it = house.client, (house.microphones["PyAudio"], house.microphones["ffmpeg"])
    await house.listen_with("PyAudio", "ffmpeg", "stream")
    logged = len(house.home.log())

    await asyncio.to_thread(house.sound_server.kill)
    for one in through_it:
        await client.until_state(one.connectivity, "off", GONE_WITHIN_S)
        assert {client.state(sound) for sound in one.sounds} == {"unavailable"}
    # It stays down long enough for several attempts, of which the log must say nothing.
    await asyncio.sleep(5)

    await asyncio.to_thread(house.sound_server.start)
    for one in through_it:
        await client.until_state(one.connectivity, "on", BACK_WITHIN_S)
        assert {client.state(sound) for sound in one.sounds} == {"off"}

    assert client.state(house.microphones["stream"].connectivity) == "on"
    lines = [line for line in house.home.log()[logged:].splitlines() if "sound_guard" in line]
    for one in through_it:
        assert [line.split()[2] for line in lines if f"{one.name}: " in line] == ["WARNING", "INFO"]
