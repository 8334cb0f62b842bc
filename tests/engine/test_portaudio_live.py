"""PyAudio itself with a real sound server."""

import time
from pathlib import Path

import numpy as np
import pytest

from hearing.portaudio import PortAudioSource, list_inputs
from hearing.source import Reason, SourceError
from tests.sounds import loudest_hz, tone, write_wav
from tests.virtual_microphone import VirtualMicrophone

STALL_S = 1.0


def hear_blocks(count: int) -> list[np.typing.NDArray[np.int16]]:
    with PortAudioSource() as source:
        return [block for block, _ in zip(source, range(count), strict=False)]


def test_the_default_microphone_is_heard_at_its_level(microphone: VirtualMicrophone, tmp_path: Path) -> None:
    microphone.play(write_wav(tmp_path / "tone.wav", tone(2.5)), background=True)
    sound = np.concatenate(hear_blocks(15))[-8_000:]
    assert loudest_hz(sound) == pytest.approx(1_000, abs=4)
    assert np.abs(sound).max() == pytest.approx(16_384, rel=0.03)


def test_several_are_heard_at_once(microphone: VirtualMicrophone) -> None:
    with PortAudioSource() as first, PortAudioSource() as second:
        assert (next(iter(first)).size, next(iter(second)).size) == (1_600, 1_600)


def test_the_death_of_the_sound_server_is_noticed_and_its_return_is_heard(microphone: VirtualMicrophone) -> None:
    with PortAudioSource() as source:
        blocks = iter(source)
        next(blocks)
        microphone.kill()
        started = time.monotonic()
        with pytest.raises(SourceError) as caught:
            list(blocks)
        assert time.monotonic() - started < 2
    assert caught.value.reason is Reason.LOST
    with pytest.raises(SourceError) as caught:
        hear_blocks(1)
    assert caught.value.reason in (Reason.NO_DEVICE, Reason.NO_SERVER)
    microphone.start()
    assert len(hear_blocks(2)) == 2


def test_a_wedged_sound_server_stalls_and_is_heard_again(microphone: VirtualMicrophone) -> None:
    with PortAudioSource(stall_s=STALL_S) as source:
        blocks = iter(source)
        next(blocks)
        microphone.suspend()
        started = time.monotonic()
        with pytest.raises(SourceError) as caught:
            list(blocks)
        assert caught.value.reason is Reason.STALLED
    # Noticed and closed, although PortAudio itself still hangs.
    assert time.monotonic() - started < STALL_S + 3
    microphone.resume()
    assert len(hear_blocks(2)) == 2


def test_the_microphone_is_listed(microphone: VirtualMicrophone) -> None:
    assert "default" in list_inputs()


@pytest.mark.usefixtures("no_sound_server")
def test_without_a_sound_server_there_is_no_microphone() -> None:
    with pytest.raises(SourceError) as caught:
        hear_blocks(1)
    assert caught.value.reason is Reason.NO_DEVICE
    assert list_inputs() == []
