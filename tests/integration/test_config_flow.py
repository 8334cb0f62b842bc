"""The pages: adding the installation, and adding and changing microphones."""

import asyncio
import logging
from typing import Any, cast
from unittest.mock import patch

import pytest
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigSubentry, SubentryFlowContext
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError

from custom_components.sound_guard import probe
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import ENGINE
from custom_components.sound_guard.src.hearing.devices import Device
from custom_components.sound_guard.src.hearing.source import Reason, SourceError

from .conftest import KITCHEN, House, until
from .fakes import Room, gone

pytestmark = pytest.mark.usefixtures("quick_probe")

# What a page shows differs from page to page.
type Result = Any


@pytest.fixture
def quick_probe() -> Any:
    """Listen for half a second only; the room plays twenty times as fast."""
    with patch.object(probe, "LISTEN_S", 0.5):
        yield


async def add(hass: HomeAssistant) -> Result:
    """Add the installation through its page."""
    shown = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "user")
    added: Result = await hass.config_entries.flow.async_configure(shown["flow_id"], {})
    await hass.async_block_till_done()
    return added


class Pages:
    """A person who clicks through the pages of a microphone."""

    def __init__(self, house: House) -> None:
        """Stand before the house."""
        self.house = house
        self._subentries = house.hass.config_entries.subentries
        self.result: Result = {}

    async def begin(self, kind: str, source: str = SOURCE_USER) -> Result:
        """Open the first page and choose a kind of microphone."""
        context = SubentryFlowContext(source=source)
        if source == SOURCE_RECONFIGURE:
            context["subentry_id"] = KITCHEN
        handler = (self.house.entry.entry_id, "microphone")
        menu = await self._subentries.async_init(handler, context=context)
        assert (menu["type"], menu["menu_options"]) == (FlowResultType.MENU, ["local", "stream", "camera"])
        return await self.go(menu, next_step_id=kind)

    async def go(self, page: Result, **filled_in: str) -> Result:
        """Fill a page in, and wait through the listening."""
        result = await self._subentries.async_configure(page["flow_id"], filled_in)
        if result["type"] is FlowResultType.SHOW_PROGRESS:
            assert result["progress_action"] == "listen"
            flow_id = result["flow_id"]
            async with asyncio.timeout(5):
                while result["type"] is FlowResultType.SHOW_PROGRESS:
                    await asyncio.sleep(0.01)
                    result = await self._subentries.async_configure(flow_id)
        await self.house.hass.async_block_till_done()
        self.result = result
        return result

    def added(self) -> ConfigSubentry:
        """Return the microphone that was added last."""
        *_, added = self.house.entry.subentries.values()
        return cast(ConfigSubentry, added)


@pytest.fixture
def pages(empty_house: House) -> Pages:
    """Return a person before the pages of a house that is not set up."""
    return Pages(empty_house)


@pytest.fixture
def open_pages(house: House) -> Pages:
    """Return a person before the pages of a house whose kitchen is being listened to."""
    return Pages(house)


def suggested(result: Result, field: str) -> Any:
    """Return what a form suggests for a field."""
    (key,) = [key for key in result["data_schema"].schema if key == field]
    return (key.description or {}).get("suggested_value")


async def test_adding_the_installation_leads_on_to_its_first_microphone(hass: HomeAssistant, room: Room) -> None:
    added = await add(hass)
    assert (added["type"], added["title"], added["data"]) == (FlowResultType.CREATE_ENTRY, "Sound Guard", {})
    kind, flow_id = added["next_flow"]
    assert kind == "config_subentries_flow"
    assert hass.config_entries.subentries.async_get(flow_id)["step_id"] == "user"
    assert hass.states.get("alarm_control_panel.sound_guard") is not None
    await hass.config_entries.async_remove(added["result"].entry_id)


async def test_it_cannot_be_added_twice(hass: HomeAssistant, empty_house: House) -> None:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "single_instance_allowed")


async def test_a_local_microphone_is_chosen_from_a_list_that_begins_with_the_default(pages: Pages) -> None:
    form = await pages.begin("local")
    options = form["data_schema"].schema["source"].config["options"]
    assert options == ["Default microphone", "USB microphone"]
    assert suggested(form, "source") == "Default microphone"


async def test_two_microphones_of_one_name_can_be_told_apart(pages: Pages) -> None:
    pages.house.room.devices = [Device("pulse:usb", "USB microphone"), Device("pulse:usb.2", "USB microphone")]
    form = await pages.begin("local")
    assert form["data_schema"].schema["source"].config["options"] == ["USB microphone", "USB microphone (pulse:usb.2)"]
    await pages.go(await pages.go(form, source="USB microphone (pulse:usb.2)"))
    assert dict(pages.added().data) == {"source": "pulse:usb.2"}


async def test_the_default_microphone_is_named_in_the_language_of_the_house(open_pages: Pages) -> None:
    await open_pages.house.speak("de")
    form = await open_pages.begin("local")
    options = form["data_schema"].schema["source"].config["options"]
    assert options == ["Standardmikrofon", "USB microphone"]
    form = await open_pages.begin("local", SOURCE_RECONFIGURE)
    heard = await open_pages.go(form, source="pulse:usb")
    await open_pages.go(heard)
    form = await open_pages.begin("local", SOURCE_RECONFIGURE)
    heard = await open_pages.go(form, source="default")
    assert heard["description_placeholders"]["microphone"] == "Standardmikrofon"
    await open_pages.go(heard)
    assert open_pages.added().title == "Standardmikrofon"


async def test_a_microphone_is_heard_before_it_is_saved_and_works_without_a_restart(open_pages: Pages) -> None:
    form = await open_pages.begin("local")
    heard = await open_pages.go(form, source="USB microphone")
    assert (heard["type"], heard["step_id"]) == (FlowResultType.FORM, "heard")
    assert heard["description_placeholders"] == {"microphone": "USB microphone", "level": "-50", "peak": "-50"}
    saved = await open_pages.go(heard)
    assert (saved["type"], saved["title"]) == (FlowResultType.CREATE_ENTRY, "USB microphone")
    assert dict(open_pages.added().data) == {"source": "pulse:usb"}
    assert open_pages.added().unique_id == "pulse:usb"
    await open_pages.house.until("binary_sensor.usb_microphone_connectivity", "on")
    await open_pages.house.until("binary_sensor.kitchen_connectivity", "on")


async def test_a_microphone_that_is_not_in_the_list_can_be_named(pages: Pages) -> None:
    heard = await pages.go(await pages.begin("local"), source=" alsa:plughw:1,0 ")
    await pages.go(heard)
    assert (pages.added().title, dict(pages.added().data)) == ("plughw:1,0", {"source": "alsa:plughw:1,0"})


async def test_a_stream_is_added_by_its_address_and_named_after_its_machine(pages: Pages) -> None:
    form = await pages.begin("stream")
    assert form["description_placeholders"]["example"].startswith("rtsp://")
    await pages.go(await pages.go(form, source="rtsp://me:secret@Porch.local/audio?channel=1"))
    assert pages.added().title == "porch.local"
    assert dict(pages.added().data) == {"source": "rtsp://me:secret@Porch.local/audio?channel=1"}
    assert pages.added().unique_id == "rtsp://porch.local/audio?channel=1"


async def test_a_camera_is_added_by_its_entity(hass: HomeAssistant, pages: Pages) -> None:
    hass.config.components.add("camera")
    hass.states.async_set("camera.door", "idle", {"friendly_name": "Front door"})
    with patch("homeassistant.components.camera.async_get_stream_source", return_value="rtsp://door/1"):
        heard = await pages.go(await pages.begin("camera"), camera="camera.door")
    await pages.go(heard)
    assert pages.house.room.opened == ["rtsp://door/1"]
    assert (pages.added().title, dict(pages.added().data)) == ("Front door", {"camera": "camera.door"})


@pytest.mark.parametrize("answer", [{"return_value": None}, {"side_effect": HomeAssistantError("Camera is off")}])
async def test_a_camera_without_a_stream_is_explained(
    hass: HomeAssistant, pages: Pages, answer: dict[str, Any]
) -> None:
    hass.config.components.add("camera")
    with patch("homeassistant.components.camera.async_get_stream_source", **answer):
        form = await pages.go(await pages.begin("camera"), camera="camera.door")
    assert (form["step_id"], form["errors"]) == ("camera", {"base": "no_stream"})
    assert suggested(form, "camera") == "camera.door"


async def test_a_camera_of_a_house_without_cameras_is_explained(pages: Pages) -> None:
    form = await pages.go(await pages.begin("camera"), camera="camera.door")
    assert form["errors"] == {"base": "no_stream"}


@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_why_nothing_comes_leads_back_to_the_form_and_on_from_there(
    pages: Pages, reason: Reason
) -> None:
    pages.house.room.fault = SourceError(reason, "it is broken")
    form = await pages.go(await pages.begin("local"), source="pulse:usb")
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "local", {"base": reason.value})
    assert suggested(form, "source") == "USB microphone"
    again = await pages.house.hass.config_entries.subentries.async_configure(form["flow_id"])
    assert again["errors"] == form["errors"], "the page may be fetched twice"
    pages.house.room.fault = None
    heard = await pages.go(form, source="pulse:usb")
    assert heard["step_id"] == "heard"


async def test_an_error_nobody_expected_is_explained_and_logged(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    pages.house.room.fault = ZeroDivisionError("a bug")
    form = await pages.go(await pages.begin("stream"), source="rtsp://porch/audio")
    assert (form["step_id"], form["errors"]) == ("stream", {"base": "unknown"})
    assert suggested(form, "source") == "rtsp://porch/audio"
    assert "a bug" in caplog.text


async def test_a_source_that_ends_before_anything_was_heard_is_explained(pages: Pages) -> None:
    pages.house.room.ends = True
    form = await pages.go(await pages.begin("local"), source="pulse:usb")
    assert form["errors"] == {"base": "lost"}


async def test_a_source_that_delivers_nothing_is_given_up_and_closed(pages: Pages) -> None:
    pages.house.room.stuck.set()
    with patch.object(probe, "LIMIT_S", 0.1):
        form = await pages.go(await pages.begin("local"), source="pulse:usb")
    assert form["errors"] == {"base": "stalled"}
    await until(lambda: pages.house.room.open_now == 0)


async def test_closing_the_page_while_it_listens_closes_the_source(pages: Pages) -> None:
    pages.house.room.stuck.set()
    subentries = pages.house.hass.config_entries.subentries
    form = await pages.begin("local")
    listening = await subentries.async_configure(form["flow_id"], {"source": "pulse:usb"})
    assert listening["type"] is FlowResultType.SHOW_PROGRESS
    await until(lambda: pages.house.room.open_now == 1)
    subentries.async_abort(form["flow_id"])
    await until(lambda: pages.house.room.open_now == 0)


@pytest.mark.parametrize("address", ["default", "porch/audio", "file.wav"])
async def test_what_is_no_address_is_refused_without_being_opened(pages: Pages, address: str) -> None:
    form = await pages.go(await pages.begin("stream"), source=address)
    assert (form["step_id"], form["errors"]) == ("stream", {"base": "bad_source"})
    assert pages.house.room.opened == []


@pytest.mark.parametrize("source", ["rtsp://me:hunter2@[porch/audio", "rtsp://me:hunter2@/audio", "rtsp://[me]@/audio"])
async def test_an_address_that_cannot_be_taken_apart_is_left_to_the_engine_to_refuse(
    pages: Pages, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.sound_guard")
    pages.house.room.fault = SourceError(Reason.BAD_SOURCE, "malformed")
    form = await pages.go(await pages.begin("stream"), source=source)
    assert form["errors"] == {"base": "bad_source"}
    assert "malformed" in caplog.text
    assert "hunter2" not in caplog.text


async def test_an_address_among_the_microphones_of_the_machine_is_a_stream_and_gives_no_password_away(
    open_pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.sound_guard")
    await open_pages.go(await open_pages.go(await open_pages.begin("local"), source="rtsp://me:hunter2@porch/audio"))
    assert open_pages.added().title == "porch"
    await open_pages.house.until("binary_sensor.porch_connectivity", "on")
    told = f"{open_pages.house.hass.states.async_all()} {caplog.text}"
    assert "hunter2" not in told


async def test_a_muted_microphone_is_pointed_out_and_can_be_saved_anyway(pages: Pages) -> None:
    pages.house.room.hum = 0
    warning = await pages.go(await pages.begin("local"), source="pulse:usb")
    assert (warning["type"], warning["step_id"]) == (FlowResultType.MENU, "silence")
    assert warning["menu_options"] == ["save", "local"]
    saved = await pages.go(warning, next_step_id="save")
    assert saved["type"] is FlowResultType.CREATE_ENTRY


async def test_a_muted_microphone_can_be_chosen_again(pages: Pages) -> None:
    pages.house.room.hum = 0
    warning = await pages.go(await pages.begin("local"), source="pulse:usb")
    form = await pages.go(warning, next_step_id="local")
    assert (form["step_id"], form["errors"]) == ("local", None)
    pages.house.room.hum = 100
    assert (await pages.go(form, source="pulse:usb"))["step_id"] == "heard"


async def test_a_very_quiet_microphone_is_pointed_out(pages: Pages) -> None:
    pages.house.room.hum = 5
    page = await pages.go(await pages.begin("local"), source="pulse:usb")
    assert (page["type"], page["step_id"]) == (FlowResultType.FORM, "quiet")
    assert (await pages.go(page))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("pulse:usb", "pulse:usb"),
        ("rtsp://porch/audio", "RTSP://Porch/audio"),
        ("rtsp://porch/audio", "rtsp://me:secret@porch/audio#now"),
    ],
)
async def test_the_same_source_cannot_be_added_twice(pages: Pages, first: str, again: str) -> None:
    kind = "stream" if "//" in first else "local"
    await pages.go(await pages.go(await pages.begin(kind), source=first))
    refused = await pages.go(await pages.begin(kind), source=again)
    assert (refused["type"], refused["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_two_channels_of_one_machine_are_two_microphones(pages: Pages) -> None:
    for channel in (1, 2):
        await pages.go(await pages.go(await pages.begin("stream"), source=f"rtsp://porch/audio?channel={channel}"))
    assert len(pages.house.entry.subentries) == 3


async def test_a_microphone_can_be_moved_to_another_source_and_keeps_its_entities(open_pages: Pages) -> None:
    heard = await open_pages.go(await open_pages.begin("local", SOURCE_RECONFIGURE), source="pulse:usb")
    done = await open_pages.go(heard)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    kitchen = open_pages.house.entry.subentries[KITCHEN]
    assert (dict(kitchen.data), kitchen.unique_id, kitchen.title) == (
        {"source": "pulse:usb"},
        "pulse:usb",
        "USB microphone",
    )
    await open_pages.house.until("binary_sensor.kitchen_connectivity", "on")
    assert open_pages.house.room.opened[-1] == "pulse:usb"


async def test_changing_shows_what_was_chosen_before(hass: HomeAssistant, pages: Pages) -> None:
    assert suggested(await pages.begin("local", SOURCE_RECONFIGURE), "source") == "Default microphone"
    assert suggested(await pages.begin("stream", SOURCE_RECONFIGURE), "source") is None
    kitchen = pages.house.entry.subentries[KITCHEN]
    hass.config_entries.async_update_subentry(pages.house.entry, kitchen, data={"source": "rtsp://porch/audio"})
    assert suggested(await pages.begin("stream", SOURCE_RECONFIGURE), "source") == "rtsp://porch/audio"
    assert suggested(await pages.begin("local", SOURCE_RECONFIGURE), "source") == "Default microphone"


PRIVATE = "rtsp://me:hunter2@porch/audio"


@pytest.fixture
async def private_pages(open_pages: Pages) -> Pages:
    """Return a person before the pages of a microphone whose address holds a password."""
    house = open_pages.house
    kitchen = house.entry.subentries[KITCHEN]
    house.hass.config_entries.async_update_subentry(house.entry, kitchen, data={"source": PRIVATE})
    await house.hass.async_block_till_done()
    return open_pages


async def test_changing_does_not_show_a_password_and_keeps_it_if_nothing_is_changed(private_pages: Pages) -> None:
    form = await private_pages.begin("stream", SOURCE_RECONFIGURE)
    assert suggested(form, "source") == "rtsp://***@porch/…"
    await private_pages.go(await private_pages.go(form, source="rtsp://***@porch/…"))
    assert private_pages.house.entry.subentries[KITCHEN].data["source"] == PRIVATE


@pytest.mark.parametrize("source", ["rtsp://***@porch/other", "rtsp://elsewhere/…"])
async def test_an_address_that_is_changed_must_be_typed_as_a_whole(private_pages: Pages, source: str) -> None:
    opened = len(private_pages.house.room.opened)
    form = await private_pages.go(await private_pages.begin("stream", SOURCE_RECONFIGURE), source=source)
    assert (form["step_id"], form["errors"]) == ("stream", {"base": "hidden_address"})
    assert len(private_pages.house.room.opened) == opened
    heard = await private_pages.go(form, source="rtsp://me:hunter3@porch/other")
    await private_pages.go(heard)
    assert private_pages.house.entry.subentries[KITCHEN].data["source"] == "rtsp://me:hunter3@porch/other"


async def test_changing_nothing_keeps_the_name_and_does_not_disturb_the_microphone(open_pages: Pages) -> None:
    await until(lambda: open_pages.house.microphone.level)
    heard = await open_pages.go(await open_pages.begin("local", SOURCE_RECONFIGURE), source="default")
    assert heard["description_placeholders"]["level"] == "-50"
    await open_pages.go(heard)
    assert open_pages.house.entry.subentries[KITCHEN].title == "Kitchen"
    assert open_pages.house.room.opened == ["default"]


async def test_a_microphone_of_ours_that_fails_is_opened_to_find_out_why(open_pages: Pages) -> None:
    open_pages.house.room.fault = gone()
    await open_pages.house.until("binary_sensor.kitchen_connectivity", "off")
    form = await open_pages.go(await open_pages.begin("local", SOURCE_RECONFIGURE), source="default")
    assert form["errors"] == {"base": "no_server"}


async def test_a_microphone_cannot_be_moved_to_the_source_of_another(pages: Pages) -> None:
    await pages.go(await pages.go(await pages.begin("local"), source="pulse:usb"))
    refused = await pages.go(await pages.begin("local", SOURCE_RECONFIGURE), source="pulse:usb")
    assert refused["reason"] == "already_configured"


async def test_the_page_asks_the_real_engine_unless_a_test_says_otherwise(
    hass: HomeAssistant, empty_house: House, socket_enabled: None
) -> None:
    del hass.data[ENGINE]
    form = await Pages(empty_house).go(await Pages(empty_house).begin("stream"), source="gopher://porch/audio")
    assert form["errors"] == {"base": "bad_source"}
