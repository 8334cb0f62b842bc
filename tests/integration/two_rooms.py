"""A house with two rooms, in each of which something else can be heard."""

from dataclasses import replace

from custom_components.sound_guard.engine import ENGINE
from custom_components.sound_guard.microphone import Microphone

from .conftest import House, microphone
from .fakes import FakeSource, Room

HALL = "hall_id"


async def add_hall(house: House) -> Room:
    """Add a hall with a microphone of its own, and return what there is to hear in it."""
    hall = Room()
    rooms = {"default": house.room, "pulse:hall": hall}

    def open_source(spec: str, *, ffmpeg: str) -> FakeSource:
        return rooms[spec].open_source(spec, ffmpeg=ffmpeg)

    house.hass.data[ENGINE] = replace(house.hass.data[ENGINE], open_source=open_source)
    house.add(microphone("Hall", HALL, source="pulse:hall"))
    await house.hass.async_block_till_done()
    for room in ("kitchen", "hall"):
        await house.until(f"binary_sensor.{room}_connectivity", "on")
    return hall


def hall_microphone(house: House) -> Microphone:
    """Return the hall's microphone."""
    hall: Microphone = house.entry.runtime_data.microphones[HALL]
    return hall
