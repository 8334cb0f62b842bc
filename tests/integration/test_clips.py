"""Clips: off unless asked for, kept for as long and as many as set, and really gone when they are deleted."""

import asyncio
import json
import logging
import os
import threading
import time
import wave
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.image import async_get_image
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.sound_guard.clip import Verdict
from custom_components.sound_guard.clip_store import ClipStore
from custom_components.sound_guard.const import DOMAIN, ISSUE_CLIPS

from .clip_house import a_clip, clips, folder, hear, pages, put
from .conftest import KITCHEN, House, microphone, until
from .fakes import PNG


def names(house: House) -> list[str]:
    """Return the names of the files in the folder."""
    return sorted(path.name for path in folder(house).iterdir())


async def later(house: House, freezer: FrozenDateTimeFactory, wait: timedelta) -> None:
    """Let time pass."""
    freezer.tick(wait)
    async_fire_time_changed(house.hass)
    await house.hass.async_block_till_done(wait_background_tasks=True)


async def test_unless_asked_for_nothing_is_written_anywhere(empty_house: House, tmp_path: Path) -> None:
    empty_house.hass.config.config_dir = str(tmp_path)
    await empty_house.set_up()
    await empty_house.until("binary_sensor.kitchen_connectivity", "on")
    empty_house.room.play("smoke_alarm")
    await until(lambda: bool(empty_house.room.drawn) and empty_house.room.drawn[-1][0].complete)
    await empty_house.hass.async_block_till_done()
    assert empty_house.state("image.kitchen_last_detection") != "unknown"
    assert next(os.walk(tmp_path))[1:] == ([], [])


async def test_a_clip_is_the_sound_the_picture_and_a_page(keeper: House) -> None:
    clip = await hear(keeper, "smoke_alarm", blocks=20)
    assert names(keeper) == [f"{clip.id}.json", f"{clip.id}.png", f"{clip.id}.wav"]
    with wave.open(str(folder(keeper) / f"{clip.id}.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert samples.max() == 11_000, "the sound"
    assert (samples == 100).any(), "and the room before it"
    (page,) = pages(keeper)
    assert page["label"] == "smoke_alarm"
    assert (page["microphone"], page["microphone_id"]) == ("Kitchen", KITCHEN)
    assert page["duration_s"] == pytest.approx(2.0, abs=0.2)
    assert page["confidence"] == 0.9877
    assert page["verdict"] is None
    assert abs(dt_util.utcnow() - clip.onset) < timedelta(seconds=10)
    assert (folder(keeper) / f"{clip.id}.png").read_bytes().endswith(b"complete: True")


async def test_only_home_assistant_may_read_clips(keeper: House) -> None:
    await hear(keeper, "smoke_alarm")
    assert folder(keeper).stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder(keeper).iterdir())


async def test_a_clip_is_there_while_the_sound_is_still_heard(keeper: House) -> None:
    keeper.room.play("smoke_alarm", blocks=60)
    await until(lambda: folder(keeper).exists() and bool(pages(keeper)))
    assert keeper.room.blocks
    first = pages(keeper)[0]
    await until(lambda: pages(keeper)[0]["updated"] != first["updated"])
    (last,) = pages(keeper)
    assert last["id"] == first["id"]
    assert last["duration_s"] > first["duration_s"]


async def test_the_news_of_a_sound_name_its_clip(keeper: House) -> None:
    ids: set[str] = set()
    keeper.microphone.subscribe(lambda news: ids.add(getattr(news, "event_id", "")))
    clip = await hear(keeper, "glass_break")
    assert ids - {""} == {clip.id}


async def test_the_newest_clip_comes_first(keeper: House) -> None:
    older, newer = put(keeper, a_clip(2)), put(keeper, a_clip(1))
    assert [clip.id for clip in await clips(keeper).async_list()] == [newer.id, older.id]


async def test_the_last_picture_is_back_after_a_restart_at_its_old_time(keeper: House) -> None:
    await hear(keeper, "smoke_alarm")
    await hear(keeper, "glass_break")
    before = keeper.state("image.kitchen_last_detection")
    await keeper.reload()
    assert keeper.state("image.kitchen_last_detection") == before
    assert (await async_get_image(keeper.hass, "image.kitchen_last_detection")).content.startswith(PNG + b"Breaking")


async def test_a_clip_whose_picture_is_missing_is_still_a_clip(keeper: House) -> None:
    clip = await hear(keeper, "smoke_alarm")
    (folder(keeper) / f"{clip.id}.png").unlink()
    await keeper.reload()
    assert keeper.state("image.kitchen_last_detection") == "unknown"
    assert await clips(keeper).async_find(clip.id) == clip


async def test_what_was_heard_since_is_not_replaced_by_what_was_kept_before(keeper: House) -> None:
    await hear(keeper, "smoke_alarm")
    shown = keeper.state("image.kitchen_last_detection")
    keeper.entry.runtime_data.witnesses[KITCHEN].restore(a_clip(1), PNG)
    assert keeper.state("image.kitchen_last_detection") == shown


@pytest.mark.parametrize("keep", [True, False])
async def test_clips_that_cannot_be_read_are_told_of_and_the_house_is_listened_to(keeper: House, keep: bool) -> None:
    folder(keeper).write_text("a file where the folder should be")
    keeper.hass.config_entries.async_update_entry(keeper.entry, options={"keep_clips": keep})
    await keeper.hass.async_block_till_done(wait_background_tasks=True)
    await keeper.until("binary_sensor.kitchen_connectivity", "on")
    assert ir.async_get(keeper.hass).async_get_issue(DOMAIN, ISSUE_CLIPS)
    with pytest.raises(HomeAssistantError) as refused:
        await clips(keeper).async_list()
    assert refused.value.translation_key == "clips_unwritable"


async def test_a_picture_that_cannot_be_read_is_told_of_and_missed_alone(keeper: House) -> None:
    keeper.add(microphone("Hall", "hall_id", source="pulse:hall"))
    put(keeper, a_clip(microphone="Hall", microphone_id="hall_id"))
    clip = put(keeper, a_clip())
    picture = folder(keeper) / f"{clip.id}.png"
    picture.unlink()
    picture.symlink_to("/proc/self/mem")  # reading it fails as on a bad disk: EIO
    await keeper.reload()
    await keeper.until("binary_sensor.kitchen_connectivity", "on")
    assert keeper.state("image.kitchen_last_detection") == "unknown"
    assert keeper.state("image.hall_last_detection") != "unknown"
    assert ir.async_get(keeper.hass).async_get_issue(DOMAIN, ISSUE_CLIPS)


async def test_the_house_is_listened_to_while_its_clips_are_still_looked_through(keeper: House) -> None:
    put(keeper, a_clip())
    await keeper.hass.config_entries.async_unload(keeper.entry.entry_id)
    slow = folder(keeper) / f"{'0' * 32}.json"
    os.mkfifo(slow)  # whoever reads it waits
    try:
        async with asyncio.timeout(5):
            await keeper.hass.config_entries.async_setup(keeper.entry.entry_id)
        await keeper.until("binary_sensor.kitchen_connectivity", "on")
        assert keeper.state("image.kitchen_last_detection") == "unknown"
    finally:
        end = os.open(slow, os.O_RDWR)
        slow.unlink()
        os.close(end)
    await until(lambda: keeper.state("image.kitchen_last_detection") != "unknown")


async def test_while_no_clips_are_kept_a_disk_that_can_be_read_again_is_noticed_within_the_hour(
    keeper: House, freezer: FrozenDateTimeFactory
) -> None:
    folder(keeper).touch()
    keeper.hass.config_entries.async_update_entry(keeper.entry, options={"keep_clips": False})
    await keeper.hass.async_block_till_done(wait_background_tasks=True)
    assert ir.async_get(keeper.hass).async_get_issue(DOMAIN, ISSUE_CLIPS)
    folder(keeper).unlink()
    await later(keeper, freezer, timedelta(minutes=61))
    assert not ir.async_get(keeper.hass).async_get_issue(DOMAIN, ISSUE_CLIPS)


async def test_a_sound_is_kept_without_a_picture_if_none_can_be_drawn(keeper: House) -> None:
    keeper.room.draw_fault = ValueError("no paint")
    keeper.room.play("smoke_alarm")
    await until(lambda: folder(keeper).exists() and bool(pages(keeper)))
    await keeper.until_quiet()
    assert sorted(Path(name).suffix for name in names(keeper)) == [".json", ".wav"]


@pytest.mark.parametrize("keep", [True, False])
async def test_old_clips_are_deleted_within_the_hour(keeper: House, freezer: FrozenDateTimeFactory, keep: bool) -> None:
    options = dict(keeper.entry.options) | {"keep_clips": keep}
    keeper.hass.config_entries.async_update_entry(keeper.entry, options=options)
    await keeper.hass.async_block_till_done()
    put(keeper, a_clip(6.97))
    young = put(keeper, a_clip(6.9))
    await later(keeper, freezer, timedelta(minutes=61))
    assert [clip.id for clip in await clips(keeper).async_list()] == [young.id]
    assert len(names(keeper)) == 3


async def test_old_clips_are_deleted_at_the_start(keeper: House) -> None:
    put(keeper, a_clip(8))
    await keeper.reload()
    assert names(keeper) == []


async def test_when_there_are_too_many_the_oldest_go(keeper: House) -> None:
    # 3.2 MB each, 10 MB allowed.
    stored = [put(keeper, a_clip(days), seconds=100) for days in (1, 2, 3, 4)]
    clip = await hear(keeper, "glass_break")
    left = [each.id for each in await clips(keeper).async_list()]
    assert left == [clip.id, *(each.id for each in stored[:3])]


async def test_the_newest_clip_stays_however_large(keeper: House) -> None:
    clip = put(keeper, a_clip(1), seconds=400)
    await keeper.reload()
    assert [each.id for each in await clips(keeper).async_list()] == [clip.id]


async def test_what_is_not_ours_is_never_touched(keeper: House, freezer: FrozenDateTimeFactory) -> None:
    put(keeper, a_clip(30))
    (folder(keeper) / "holiday.wav").write_text("mine")
    (folder(keeper) / "old").mkdir()
    await later(keeper, freezer, timedelta(days=400))
    await clips(keeper).async_delete_all()
    assert names(keeper) == ["holiday.wav", "old"]


async def test_what_a_power_cut_left_is_no_clip_and_goes_when_it_is_old(keeper: House) -> None:
    clip = put(keeper, a_clip())
    (folder(keeper) / f"{clip.id}.json").write_text('{"id": "')
    broken = folder(keeper) / f"{'0' * 32}.wav.new"
    broken.write_bytes(b"RIFF")
    assert await clips(keeper).async_list() == []
    await keeper.reload()
    assert len(names(keeper)) == 4
    old_s = time.time() - timedelta(days=8).total_seconds()
    for path in folder(keeper).iterdir():
        os.utime(path, (old_s, old_s))
    await keeper.reload()
    assert names(keeper) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../secrets"},
        {"onset": "2026-11-22T12:00:00"},
        {"verdict": "perhaps"},
        {"confidence": None},
    ],
)
async def test_a_page_that_makes_no_sense_is_no_clip(keeper: House, change: dict[str, object]) -> None:
    clip = put(keeper, a_clip())
    page = folder(keeper) / f"{clip.id}.json"
    page.write_text(json.dumps(clip.as_dict() | change))
    assert await clips(keeper).async_list() == []
    assert await clips(keeper).async_find(clip.id) is None


async def test_a_disk_that_refuses_is_reported_once_and_survived(
    hass: HomeAssistant, keeper: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "custom_components.sound_guard")
    folder(keeper).write_text("a file where the folder should be")
    for label in ("smoke_alarm", "glass_break"):
        keeper.room.drawn.clear()
        keeper.room.play(label)
        await until(lambda: bool(keeper.room.drawn) and keeper.room.drawn[-1][0].complete)
        await hass.async_block_till_done()
    assert caplog.text.count("Clips cannot be kept") == 1
    assert ir.async_get(hass).async_get_issue(DOMAIN, ISSUE_CLIPS)
    assert keeper.state("image.kitchen_last_detection") != "unknown"
    assert keeper.entry.runtime_data.witnesses[KITCHEN].last.kept is False

    folder(keeper).unlink()
    await hear(keeper, "co_alarm")
    assert caplog.text.count("Clips can be kept again") == 1
    assert not ir.async_get(hass).async_get_issue(DOMAIN, ISSUE_CLIPS)
    assert keeper.entry.runtime_data.witnesses[KITCHEN].last.kept is True


async def test_a_disk_that_fills_up_leaves_no_half_clip_and_harms_no_whole_one(
    keeper: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = put(keeper, a_clip())
    before = {path.name: path.read_bytes() for path in folder(keeper).iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for each in (clip, a_clip()):
        assert await clips(keeper).async_keep(each, np.zeros(16_000, np.int16), PNG) is False
    assert {path.name: path.read_bytes() for path in folder(keeper).iterdir()} == before
    with pytest.raises(HomeAssistantError) as refused:
        await clips(keeper).async_judge(clip.id, Verdict.REAL)
    assert refused.value.translation_key == "clips_unwritable"


async def test_the_owners_verdict_is_stored_and_survives_more_of_the_sound(keeper: House) -> None:
    keeper.room.play("smoke_alarm", blocks=60)
    await until(lambda: folder(keeper).exists() and bool(pages(keeper)))
    first = pages(keeper)[0]
    clip = await clips(keeper).async_judge(first["id"], Verdict.FALSE_ALARM)
    assert clip.verdict is Verdict.FALSE_ALARM
    await until(lambda: pages(keeper)[0]["updated"] != first["updated"])
    assert pages(keeper)[0]["verdict"] == "false_alarm"
    await clips(keeper).async_judge(first["id"], Verdict.REAL)
    assert pages(keeper)[0]["verdict"] == "real"


@pytest.mark.parametrize("clip_id", ["0" * 32, "../../secrets", "", "A" * 32, f"{'0' * 32}\n"])
async def test_a_clip_that_is_not_there_can_be_neither_judged_nor_deleted_nor_found(
    keeper: House, clip_id: str
) -> None:
    put(keeper, a_clip())
    assert await clips(keeper).async_find(clip_id) is None
    with pytest.raises(ServiceValidationError):
        await clips(keeper).async_judge(clip_id, Verdict.REAL)
    with pytest.raises(ServiceValidationError):
        await clips(keeper).async_delete(clip_id)


async def test_all_clips_are_deleted_at_a_press(keeper: House) -> None:
    put(keeper, a_clip())
    await hear(keeper, "glass_break")
    await keeper.call("press", "button.sound_guard_delete_all_clips")
    assert not folder(keeper).exists()


async def test_a_deleted_clip_takes_its_picture_along_and_can_still_be_reported(keeper: House) -> None:
    other, last = put(keeper, a_clip(1)), await hear(keeper, "glass_break")
    await clips(keeper).async_delete(other.id)
    assert keeper.state("image.kitchen_last_detection") != "unknown"
    await clips(keeper).async_delete(last.id)
    assert keeper.state("image.kitchen_last_detection") == "unknown"
    with pytest.raises(HomeAssistantError):
        await async_get_image(keeper.hass, "image.kitchen_last_detection")
    reported = await keeper.hass.services.async_call(
        DOMAIN, "report_false_alarm", {}, blocking=True, return_response=True
    )
    assert reported is not None
    assert (reported["clip"], reported["kept"]) == (last.id, False)


@pytest.mark.parametrize("one", [True, False])
async def test_a_clip_that_is_deleted_while_its_sound_goes_on_stays_deleted(keeper: House, one: bool) -> None:
    keeper.room.play("smoke_alarm", blocks=60)
    await until(lambda: keeper.state("image.kitchen_last_detection") != "unknown")
    assert keeper.room.blocks
    (page,) = pages(keeper)
    await (clips(keeper).async_delete(page["id"]) if one else clips(keeper).async_delete_all())
    await until(lambda: keeper.room.drawn[-1][0].complete)
    await keeper.hass.async_block_till_done()
    assert await clips(keeper).async_list() == []
    assert keeper.state("image.kitchen_last_detection") == "unknown"


async def test_without_clips_the_last_pictures_are_deleted_at_a_press_as_well(house: House) -> None:
    house.room.play("smoke_alarm")
    await until(lambda: house.state("image.kitchen_last_detection") != "unknown")
    await house.call("press", "button.sound_guard_delete_all_clips")
    assert house.state("image.kitchen_last_detection") == "unknown"


async def test_what_was_deleted_stays_deleted_over_a_reload_and_what_is_new_is_kept(keeper: House) -> None:
    one, other = put(keeper, a_clip()), put(keeper, a_clip())
    await clips(keeper).async_delete(one.id)
    await keeper.reload()
    for clip, kept in ((one, False), (other, True)):
        assert await clips(keeper).async_keep(clip, np.zeros(16_000, np.int16), PNG) is kept
    clips(keeper).expect(other.id)
    await clips(keeper).async_delete_all()
    for clip, kept in ((other, False), (a_clip(), True)):
        assert await clips(keeper).async_keep(clip, np.zeros(16_000, np.int16), PNG) is kept


async def test_nothing_stays_when_sound_guard_is_removed(hass: HomeAssistant, keeper: House) -> None:
    await hear(keeper, "glass_break")
    await hass.config_entries.async_remove(keeper.entry.entry_id)
    await hass.async_block_till_done()
    assert not folder(keeper).exists()


async def test_nothing_comes_after_sound_guard_was_removed(hass: HomeAssistant, keeper: House) -> None:
    keeper.room.draws_slowly.set()
    keeper.room.play("glass_break")
    await keeper.until_heard("glass_break")
    await until(lambda: [thread for thread in threading.enumerate() if thread.name.startswith("picture")])
    await hass.config_entries.async_remove(keeper.entry.entry_id)
    keeper.room.draws_slowly.clear()
    await hass.async_block_till_done()
    assert keeper.room.drawn
    assert not folder(keeper).exists()


async def test_the_false_alarms_are_exported_and_nothing_else(keeper: House, tmp_path: Path) -> None:
    false, real, unjudged = (put(keeper, a_clip(days)) for days in (1, 2, 3))
    await clips(keeper).async_judge(false.id, Verdict.FALSE_ALARM)
    await clips(keeper).async_judge(real.id, Verdict.REAL)
    target = tmp_path / "share" / "false alarms"
    assert await clips(keeper).async_export(target) == 1
    assert (target / "recordings.csv").read_text().splitlines() == [
        "class,subtype,file,onset_s,offset_s,group,doubt,licence",
        f"negative,reported_false_alarm,{false.id}.wav,,,{false.id},,own recording",
    ]
    assert (target / f"{false.id}.wav").read_bytes() == (folder(keeper) / f"{false.id}.wav").read_bytes()
    assert unjudged in await clips(keeper).async_list(), "the clips stay"


async def test_a_second_export_adds_to_the_first_one(keeper: House, tmp_path: Path) -> None:
    target = tmp_path / "export"
    exported: list[str] = []
    for _ in range(3):
        clip = put(keeper, a_clip())
        await clips(keeper).async_judge(clip.id, Verdict.FALSE_ALARM)
        assert await clips(keeper).async_export(target) == len(exported) + 1
        await clips(keeper).async_delete(clip.id)
        exported.append(clip.id)
    (target / f"{exported[1]}.wav").unlink()
    assert await clips(keeper).async_export(target) == 2, "what its owner took away stays away"
    assert [line.partition(".wav")[0][-32:] for line in (target / "recordings.csv").read_text().splitlines()[1:]] == [
        exported[0],
        exported[2],
    ]


async def test_a_report_that_was_taken_back_goes_from_the_export(keeper: House, tmp_path: Path) -> None:
    taken_back, false = put(keeper, a_clip(2)), put(keeper, a_clip(1))
    for clip in (taken_back, false):
        await clips(keeper).async_judge(clip.id, Verdict.FALSE_ALARM)
    target = tmp_path / "export"
    assert await clips(keeper).async_export(target) == 2
    await clips(keeper).async_judge(taken_back.id, Verdict.REAL)
    assert await clips(keeper).async_export(target) == 1
    assert sorted(path.name for path in target.iterdir()) == sorted([f"{false.id}.wav", "recordings.csv"])
    assert taken_back.id not in (target / "recordings.csv").read_text()


async def test_an_export_can_be_read_by_nobody_else(keeper: House, tmp_path: Path) -> None:
    clip = put(keeper, a_clip())
    await clips(keeper).async_judge(clip.id, Verdict.FALSE_ALARM)
    await clips(keeper).async_export(tmp_path / "export")
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "export").iterdir()] == [0, 0]


async def test_nothing_is_exported_among_other_files(keeper: House, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "holiday.jpg").touch()
    with pytest.raises(ServiceValidationError) as refused:
        await clips(keeper).async_export(tmp_path / "share")
    assert refused.value.translation_key == "not_an_export"
    assert [path.name for path in (tmp_path / "share").iterdir()] == ["holiday.jpg"]


async def test_an_export_that_failed_can_be_tried_again(keeper: House, tmp_path: Path) -> None:
    clip = put(keeper, a_clip())
    await clips(keeper).async_judge(clip.id, Verdict.FALSE_ALARM)
    sound = folder(keeper) / f"{clip.id}.wav"
    sound.rename(tmp_path / "sound.wav")
    sound.symlink_to("/proc/self/mem")  # reading it fails as on a bad disk: EIO
    with pytest.raises(HomeAssistantError):
        await clips(keeper).async_export(tmp_path / "export")
    (tmp_path / "sound.wav").replace(sound)
    assert await clips(keeper).async_export(tmp_path / "export") == 1


async def test_other_recordings_are_not_overwritten(keeper: House, tmp_path: Path) -> None:
    theirs = "class,subtype,file,onset_s,offset_s,group,doubt,licence\nnegative,dog,dog.wav,,,1,,CC0\n"
    (tmp_path / "recordings.csv").write_text(theirs)
    with pytest.raises(ServiceValidationError) as refused:
        await clips(keeper).async_export(tmp_path)
    assert refused.value.translation_key == "not_an_export"
    assert (tmp_path / "recordings.csv").read_text() == theirs


async def test_a_folder_that_cannot_be_written_to_is_named(keeper: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeAssistantError) as refused:
        await clips(keeper).async_export(tmp_path / "file" / "export")
    assert refused.value.translation_key == "clips_unwritable"
    assert str(tmp_path / "file") in str(refused.value.translation_placeholders)


async def test_diagnostics_hold_no_sound(keeper: House) -> None:
    from custom_components.sound_guard.diagnostics import async_get_config_entry_diagnostics

    clip = await hear(keeper, "glass_break")
    assert clip.id not in str(await async_get_config_entry_diagnostics(keeper.hass, keeper.entry))


async def test_what_is_heard_after_a_deletion_is_kept_although_the_clock_was_ahead_then(keeper: House) -> None:
    with freeze_time(dt_util.utcnow() + timedelta(days=2)):
        await clips(keeper).async_delete_all()
    await hear(keeper, "smoke_alarm")
    assert keeper.state("image.kitchen_last_detection") != "unknown"


async def test_all_pictures_are_deleted_also_those_that_the_clock_has_dated_later(keeper: House) -> None:
    await hear(keeper, "smoke_alarm")
    with freeze_time(dt_util.utcnow() - timedelta(hours=2)):
        await clips(keeper).async_delete_all()
    await keeper.hass.async_block_till_done()
    assert keeper.state("image.kitchen_last_detection") == "unknown"


async def test_a_file_that_cannot_be_deleted_keeps_no_other(keeper: House) -> None:
    stubborn = min(put(keeper, a_clip()).id for _ in range(3))
    remove = ClipStore._remove

    def refuse(store: ClipStore, clip_id: str) -> None:
        if clip_id == stubborn:
            raise PermissionError(13, "Permission denied")
        remove(store, clip_id)

    with patch.object(ClipStore, "_remove", refuse), pytest.raises(HomeAssistantError):
        await clips(keeper).async_delete_all()
    assert [clip.id for clip in await clips(keeper).async_list()] == [stubborn]
