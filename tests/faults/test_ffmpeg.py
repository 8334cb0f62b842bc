"""ffmpeg is killed, hangs and talks too much, while it brings the sound of a network microphone."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from custom_components.sound_guard.src.hearing import source

from ..integration.conftest import until
from ..sounds import read_wav
from .conftest import GLASS, Impatience, program
from .radio import Radio
from .trial import Trial
from .watch import PATIENCE_S, warnings

PARTS = "ffmpeg, a web server"


@pytest.fixture
def send(trial: Trial, tmp_path: Path) -> Callable[[signal.Signals], None]:
    """Return a function that sends a signal to the ffmpeg that is running."""
    number = tmp_path / "pid"
    trial.ear.ffmpeg = program(tmp_path / "ffmpeg", f"echo $$ > {number}", 'exec ffmpeg "$@"')
    return lambda sign: os.kill(int(number.read_text()), sign)


async def test_a_killed_ffmpeg_is_started_again(
    radio: Radio, trial: Trial, send: Callable[[signal.Signals], None]
) -> None:
    watch = await trial.watch(radio.url)
    watch.strike()
    send(signal.SIGKILL)
    await watch.until_noticed()
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    trial.note(watch.row("ffmpeg killed", PARTS))


async def test_an_ffmpeg_that_hangs_is_replaced(
    radio: Radio, trial: Trial, send: Callable[[signal.Signals], None], soon: Impatience
) -> None:
    soon(source, "STALL_S", 3)
    watch = await trial.watch(radio.url)
    watch.strike()
    send(signal.SIGSTOP)
    await watch.until_noticed()
    assert watch.noticed_s is not None
    assert watch.noticed_s >= source.STALL_S - 1
    await watch.until_back()
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    trial.note(watch.row("ffmpeg hangs (SIGSTOP)", PARTS))


async def test_an_ffmpeg_that_talks_without_end_is_heard_all_the_same(
    radio: Radio, trial: Trial, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # It says the level of every frame, some 100 kB/s of words: more than a pipe holds, in no time.
    talk = "-v info -af astats=metadata=1:reset=1,ametadata=mode=print"
    trial.ear.ffmpeg = program(
        tmp_path / "ffmpeg", f'exec ffmpeg "${{@:1:$#-1}}" {talk} "${{@: -1}}" 2> >(tee {tmp_path / "said"} >&2)'
    )
    watch = await trial.watch(radio.url)
    watch.strike()
    said = tmp_path / "said"
    await until(lambda: said.stat().st_size > 200_000, lambda: f"{said.stat().st_size} bytes", PATIENCE_S)
    await watch.sound_alarm("glass_break", lambda: radio.play(read_wav(GLASS)))
    watch.count_loss()
    assert warnings(caplog.records) == []
    trial.note(watch.row("ffmpeg floods its error output", PARTS))
