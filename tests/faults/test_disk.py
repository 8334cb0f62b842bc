"""The disk refuses while the clip of an alarm is written: the alarm is heard, and later clips are kept again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant

from custom_components.sound_guard.clips import FOLDER

from ..integration.conftest import until
from ..sounds import read_wav
from .conftest import GLASS
from .disk import Disk
from .radio import Radio
from .trial import Trial
from .watch import PATIENCE_S


@pytest.fixture
def disk(hass: HomeAssistant, tmp_path: Path) -> Iterator[Disk]:
    """Return the disk on which Home Assistant keeps clips."""
    hass.config.config_dir = str(tmp_path)
    with Disk(tmp_path / FOLDER) as disk:
        yield disk


@pytest.mark.parametrize(
    ("breaks", "fault"), [(Disk.fill, "Disk full while a clip is written"), (Disk.lock, "Disk read-only")]
)
async def test_a_disk_that_refuses_costs_clips_and_no_alarm(
    disk: Disk, radio: Radio, trial: Trial, breaks: Callable[[Disk], None], fault: str
) -> None:
    watch = await trial.watch(radio.url, {"keep_clips": True})
    watch.strike()
    breaks(disk)
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    await watch.until_issue("clips_unwritable")
    assert disk.files == []
    disk.put_right()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    await watch.until_no_issue("clips_unwritable")
    await until(lambda: len(disk.files) == 3, lambda: str(disk.files), PATIENCE_S)
    watch.count_loss()
    trial.note(watch.row(fault, "ffmpeg, a web server, a file system", "the clip is lost, the alarm is not"))
