"""Sound Guard's own actions: analyse a file, report a false alarm, export what was reported."""

import asyncio
import csv
from pathlib import Path
from typing import Any

import numpy as np
import probatio as vol
import pytest
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sound_guard.clip import Verdict
from custom_components.sound_guard.const import DOMAIN
from custom_components.sound_guard.engine import ENGINE, Engine
from custom_components.sound_guard.services import EVENT_VERDICT
from tests.sounds import write_wav

from .clip_house import a_clip, clips, hear, put
from .conftest import KITCHEN, House, microphone, until
from .fakes import LOUDNESS, QUIET

AUDIO = Path(__file__).parents[1] / "audio"


async def act(hass: HomeAssistant, action: str, *, by: Context | None = None, **data: Any) -> dict[str, Any]:
    """Call an action of ours and return its response."""
    response = await hass.services.async_call(DOMAIN, action, data, blocking=True, context=by, return_response=True)
    assert isinstance(response, dict)
    return response


def device_id(house: House, subentry_id: str = KITCHEN) -> str:
    """Return the device of a microphone, or that of the guard."""
    found = dr.async_get(house.hass).async_get_device_by_identifier((DOMAIN, subentry_id), house.entry.entry_id)
    assert found is not None
    return found.id


@pytest.fixture
def media(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a folder that Home Assistant may use."""
    folder = tmp_path / "media"
    folder.mkdir()
    hass.config.allowlist_external_dirs = {str(folder)}
    return folder


def recording(media: Path, name: str = "alarm.wav") -> Path:
    """Return a file of four seconds with half a second of alarm in it, for the scripted listener."""
    values = [QUIET] * 20 + [LOUDNESS["smoke_alarm"]] * 5 + [QUIET] * 15
    return write_wav(media / name, np.repeat(np.array(values, np.int16), 1_600))


class TestAnalyzeFile:
    async def test_a_file_is_listened_to(self, house: House, media: Path) -> None:
        path = recording(media)
        assert await act(house.hass, "analyze_file", path=str(path)) == {
            "file": str(path),
            "seconds": 4.0,
            "runtime": "fake",
            "detections": [
                {"label": "smoke_alarm", "onset_s": 2.0, "offset_s": 2.5, "confidence": 0.9877}
                | {"verified": None, "verifier_confidence": None}
            ],
            "notes": [],
        }
        assert house.state("binary_sensor.kitchen_smoke") == "off"

    async def test_the_sensitivity_can_be_chosen(self, house: House, media: Path) -> None:
        await act(house.hass, "analyze_file", path=str(recording(media)), sensitivity="high")
        assert "high" in house.room.sensitivities

    async def test_a_file_that_is_cut_off_is_heard_as_far_as_it_goes(self, house: House, media: Path) -> None:
        path = recording(media)
        path.write_bytes(path.read_bytes()[:-32_000])
        response = await act(house.hass, "analyze_file", path=str(path))
        assert response["seconds"] == 3.0
        assert "cut off" in response["notes"][0]

    @pytest.mark.parametrize(
        "path", ["/etc/passwd", "alarm.wav", "{media}/../secret.wav", "{media}/link.wav", "{media}/\0"]
    )
    async def test_what_home_assistant_may_not_use_is_refused(self, house: House, media: Path, path: str) -> None:
        (media / "link.wav").symlink_to(recording(media.parent, "secret.wav"))
        with pytest.raises(ServiceValidationError) as refused:
            await act(house.hass, "analyze_file", path=path.format(media=media))
        assert refused.value.translation_key == "path_not_allowed"

    @pytest.mark.parametrize("name", ["missing.wav", "."])
    async def test_what_is_no_file_is_refused(self, house: House, media: Path, name: str) -> None:
        with pytest.raises(ServiceValidationError) as refused:
            await act(house.hass, "analyze_file", path=str(media / name))
        assert refused.value.translation_key == "no_file"

    async def test_what_is_no_sound_is_refused_with_the_reason(self, house: House, media: Path) -> None:
        (media / "empty.wav").touch()
        with pytest.raises(HomeAssistantError) as refused:
            await act(house.hass, "analyze_file", path=str(media / "empty.wav"))
        assert refused.value.translation_key == "file_unreadable"
        assert refused.value.translation_placeholders is not None
        assert "is empty" in refused.value.translation_placeholders["problem"]

    async def test_two_files_are_listened_to_one_after_the_other(self, house: House, media: Path) -> None:
        paths = [str(recording(media, f"{number}.wav")) for number in range(2)]
        responses = await asyncio.gather(*(act(house.hass, "analyze_file", path=path) for path in paths))
        assert [response["file"] for response in responses] == paths

    async def test_the_shipped_model_hears_a_real_recording(
        self, hass: HomeAssistant, house: House, media: Path
    ) -> None:
        path = media / "real.wav"
        path.write_bytes((AUDIO / "smoke_alarm_t3.wav").read_bytes())
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        hass.data[ENGINE] = Engine(open_source=house.room.open_source)
        await house.set_up()
        response = await act(hass, "analyze_file", path=str(path))
        assert {found["label"] for found in response["detections"]} == {"smoke_alarm"}

    async def test_without_an_installation_there_is_nothing_to_listen_with(self, house: House, media: Path) -> None:
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        with pytest.raises(ServiceValidationError) as refused:
            await act(house.hass, "analyze_file", path=str(recording(media)))
        assert refused.value.translation_key == "not_set_up"


class TestReportFalseAlarm:
    async def test_a_clip_is_judged_and_the_verdict_told(self, keeper: House) -> None:
        clip = await hear(keeper, "glass_break")
        told: list[Event] = []

        @callback
        def note(event: Event) -> None:
            told.append(event)

        keeper.hass.bus.async_listen(EVENT_VERDICT, note)
        by = Context(user_id=None)
        response = await act(keeper.hass, "report_false_alarm", by=by, clip=clip.id)
        assert response == {
            "clip": clip.id,
            "sound": "glass_break",
            "microphone": "Kitchen",
            "onset": clip.onset.isoformat(),
            "verdict": "false_alarm",
            "kept": True,
        }
        found = await clips(keeper).async_find(clip.id)
        assert found is not None
        assert found.verdict is Verdict.FALSE_ALARM
        (event,) = told
        assert event.context is by
        assert event.data["clip"] == clip.id
        assert event.data["entity_id"] == "event.kitchen_sound_heard"

    async def test_a_report_can_be_taken_back(self, keeper: House) -> None:
        clip = await hear(keeper, "glass_break")
        await act(keeper.hass, "report_false_alarm", clip=clip.id)
        response = await act(keeper.hass, "report_false_alarm", clip=clip.id, false_alarm=False)
        assert response["verdict"] == "real"
        found = await clips(keeper).async_find(clip.id)
        assert found is not None
        assert found.verdict is Verdict.REAL

    async def test_a_clip_is_picked_in_the_media_panel(self, keeper: House) -> None:
        clip = put(keeper, a_clip())
        picked = {"media_content_id": f"media-source://sound_guard/{KITCHEN}/{clip.id}"}
        assert (await act(keeper.hass, "report_false_alarm", clip=picked))["clip"] == clip.id

    async def test_the_last_detection_of_a_microphone_is_meant(self, keeper: House) -> None:
        await hear(keeper, "glass_break")
        last = await hear(keeper, "smoke_alarm")
        assert (await act(keeper.hass, "report_false_alarm", device_id=device_id(keeper)))["clip"] == last.id
        assert (await act(keeper.hass, "report_false_alarm"))["clip"] == last.id

    async def test_what_is_not_kept_can_be_reported_all_the_same(self, house: House) -> None:
        house.room.play("smoke_alarm")
        await house.until_heard("smoke_alarm")
        await until(lambda: house.entry.runtime_data.witnesses[KITCHEN].last)
        clip = house.attributes("event.kitchen_sound_heard")["clip"]
        ways: tuple[dict[str, Any], ...] = ({}, {"clip": clip}, {"device_id": device_id(house)})
        for which in ways:
            response = await act(house.hass, "report_false_alarm", **which)
            assert (response["clip"], response["kept"]) == (clip, False)

    async def test_a_clip_that_is_not_there_cannot_be_reported(self, house: House) -> None:
        with pytest.raises(ServiceValidationError) as refused:
            await act(house.hass, "report_false_alarm", clip="0" * 32)
        assert refused.value.translation_key == "unknown_clip"

    async def test_before_anything_was_heard_there_is_nothing_to_report(self, house: House) -> None:
        ways: tuple[dict[str, Any], ...] = ({}, {"device_id": device_id(house)})
        for which in ways:
            with pytest.raises(ServiceValidationError) as refused:
                await act(house.hass, "report_false_alarm", **which)
            assert refused.value.translation_key == "nothing_heard"

    async def test_a_microphone_that_has_heard_nothing_is_not_mistaken_for_another(self, keeper: House) -> None:
        await hear(keeper, "smoke_alarm")
        keeper.add(microphone("Hall", "hall_id", source="pulse:usb"))
        await keeper.hass.async_block_till_done()
        with pytest.raises(ServiceValidationError) as refused:
            await act(keeper.hass, "report_false_alarm", device_id=device_id(keeper, "hall_id"))
        assert refused.value.translation_key == "nothing_heard"

    async def test_another_device_is_no_microphone(self, house: House) -> None:
        for other in (device_id(house, house.entry.entry_id), "unknown"):
            with pytest.raises(ServiceValidationError) as refused:
                await act(house.hass, "report_false_alarm", device_id=other)
            assert refused.value.translation_key == "no_microphone"

    @pytest.mark.parametrize("data", [{"clip": "../secret"}, {"clip": "0" * 32, "device_id": "kitchen"}])
    async def test_a_report_that_makes_no_sense_is_refused(self, house: House, data: dict[str, Any]) -> None:
        with pytest.raises(vol.Invalid):
            await act(house.hass, "report_false_alarm", **data)


class TestExportFeedback:
    async def test_the_false_alarms_are_exported_for_training(self, keeper: House, media: Path) -> None:
        false, _ = put(keeper, a_clip(label="glass_break")), put(keeper, a_clip())
        await act(keeper.hass, "report_false_alarm", clip=false.id)
        folder = media / "feedback"
        response = await act(keeper.hass, "export_feedback", folder=str(folder))
        assert response == {"folder": str(folder), "count": 1}
        (row,) = csv.DictReader((folder / "recordings.csv").read_text().splitlines())
        assert (row["class"], row["file"]) == ("negative", f"{false.id}.wav")
        assert (folder / row["file"]).read_bytes().startswith(b"RIFF")

    async def test_by_default_they_go_beside_the_configuration(self, keeper: House) -> None:
        response = await act(keeper.hass, "export_feedback")
        assert response == {"folder": keeper.hass.config.path("sound_guard_feedback"), "count": 0}

    async def test_a_folder_that_home_assistant_may_not_use_is_refused(self, keeper: House, media: Path) -> None:
        with pytest.raises(ServiceValidationError) as refused:
            await act(keeper.hass, "export_feedback", folder=str(media.parent / "elsewhere"))
        assert refused.value.translation_key == "path_not_allowed"

    @pytest.mark.parametrize("where", ["www", "www/false alarms", "media/link"])
    async def test_nothing_is_exported_to_where_everybody_can_listen(
        self, keeper: House, media: Path, tmp_path: Path, where: str
    ) -> None:
        www = tmp_path / "www"
        www.mkdir()
        (media / "link").symlink_to(www)
        keeper.hass.config.allowlist_external_dirs.add(str(www))
        with pytest.raises(ServiceValidationError) as refused:
            await act(keeper.hass, "export_feedback", folder=str(tmp_path / where))
        assert refused.value.translation_key == "folder_public"
        assert list(www.iterdir()) == []

    async def test_only_administrators_may_write_to_the_disk(
        self, keeper: House, hass_read_only_user: MockUser, tmp_path: Path
    ) -> None:
        with pytest.raises(Unauthorized):
            await act(keeper.hass, "export_feedback", by=Context(user_id=hass_read_only_user.id))
        assert not (tmp_path / "sound_guard_feedback").exists()
