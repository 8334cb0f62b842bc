"""The picture of what was heard last."""

from http import HTTPStatus
from io import BytesIO

import pytest
from homeassistant.components.image import async_get_image
from homeassistant.core import Event, EventStateChangedData, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from PIL import Image
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import House, microphone, until
from .fakes import PNG, gone
from .test_real_model import play

IMAGE = "image.kitchen_last_detection"


async def shown(house: House, *, complete: bool = True) -> str:
    """Wait for a picture and return what it shows."""

    def there() -> bool:
        return house.state(IMAGE) != "unknown" and bool(house.room.drawn) and house.room.drawn[-1][0].complete

    await until(there)
    await house.hass.async_block_till_done()
    picture = await async_get_image(house.hass, IMAGE)
    assert picture.content_type == "image/png"
    assert picture.content.startswith(PNG)
    return picture.content.removeprefix(PNG).decode()


async def test_there_is_no_picture_before_anything_was_heard(house: House) -> None:
    assert house.state(IMAGE) == "unknown"
    with pytest.raises(HomeAssistantError):
        await async_get_image(house.hass, IMAGE)


async def test_a_detection_is_drawn_with_its_words(house: House) -> None:
    house.room.play("smoke_alarm")
    assert await shown(house) == "Smoke alarm, Confidence 98 %, complete: True"
    updated = dt_util.parse_datetime(house.state(IMAGE))
    assert updated is not None
    assert abs((dt_util.utcnow() - updated).total_seconds()) < 5
    evidence, caption = house.room.drawn[-1]
    assert caption.time == dt_util.as_local(evidence.onset).strftime("%Y-%m-%d %H:%M:%S")


async def test_the_picture_is_there_at_once_and_again_when_the_sound_has_ended(house: House) -> None:
    seen: list[Event[EventStateChangedData]] = []
    async_track_state_change_event(house.hass, IMAGE, seen.append)
    house.room.play("smoke_alarm", blocks=40)
    await until(lambda: len(seen) == 1)
    assert house.room.blocks, "while it is still heard"
    assert [evidence.complete for evidence, _ in house.room.drawn] == [False]
    await shown(house)
    assert len(seen) == 2
    first, last = (evidence for evidence, _ in house.room.drawn)
    assert first.event_id == last.event_id
    assert last.samples.size > first.samples.size
    assert last.samples.max() == 11_000, "the sound itself"
    assert last.samples[0] == 100, "and the room before it"


async def test_the_owner_gets_the_picture_with_the_entitys_link_only(
    house: House, hass_client_no_auth: ClientSessionGenerator
) -> None:
    house.room.play("glass_break")
    await shown(house)
    client = await hass_client_no_auth()
    link = house.attributes(IMAGE)["entity_picture"]
    assert (await client.get(link)).status == HTTPStatus.OK
    assert (await client.get(link.partition("?")[0])).status == HTTPStatus.FORBIDDEN


async def test_each_microphone_shows_what_it_has_heard_itself(empty_house: House) -> None:
    await empty_house.set_up()
    empty_house.add(microphone("Hall", "hall_id", source="pulse:hall"))
    await empty_house.hass.async_block_till_done()
    await empty_house.hass.services.async_call(
        "switch", "turn_off", {"entity_id": "switch.hall_listening"}, blocking=True
    )
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("glass_break")
    await shown(empty_house)
    assert empty_house.state("image.hall_last_detection") == "unknown"


async def test_the_picture_stays_while_the_microphone_is_gone(house: House) -> None:
    house.room.play("glass_break")
    before = await shown(house)
    house.room.fault = gone()
    await house.until("binary_sensor.kitchen_connectivity", "off")
    assert await shown(house) == before


async def test_a_sound_that_is_cut_off_by_a_fault_is_drawn_as_far_as_it_was_heard(house: House) -> None:
    house.room.play("glass_break", blocks=100)
    await house.until_playing()
    house.room.fault = gone()
    assert await shown(house) == "Breaking glass, Confidence 98 %, complete: True"


async def test_a_real_recording_gives_a_real_picture(empty_house: House) -> None:
    await play(empty_house, "glass_break.wav")
    await until(lambda: empty_house.state(IMAGE) != "unknown", timeout_s=30)
    content = (await async_get_image(empty_house.hass, IMAGE)).content
    with Image.open(BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (1_024, 512))


async def test_without_clips_the_picture_is_gone_after_a_reload(house: House) -> None:
    house.room.play("glass_break")
    await shown(house)
    await house.reload()
    assert house.state(IMAGE) == "unknown"


async def test_a_picture_that_cannot_be_drawn_keeps_nothing_else_from_working(
    hass: HomeAssistant, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.room.draw_fault = ValueError("no paint")
    house.room.play("smoke_alarm")
    await house.until("binary_sensor.kitchen_smoke", "on")
    await house.until_quiet()
    assert "could not be drawn" in caplog.text
    assert house.state(IMAGE) == "unknown"
    house.room.draw_fault = None
    house.room.play("glass_break")
    assert (await shown(house)).startswith("Breaking glass")
