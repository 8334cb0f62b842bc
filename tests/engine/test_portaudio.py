import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hearing.portaudio import PortAudioSource, list_inputs
from hearing.source import BLOCK_SAMPLES, Backlog, Reason, SourceError

STALL_S = 0.3
Callback = Callable[[bytes, int, dict[str, float], int], tuple[None, int]]


class FakeStream:
    """A microphone that records what the test plays."""

    def __init__(self, callback: Callback) -> None:
        self.active = True
        self.closed = False
        self._callback = callback

    def play(self, value: int) -> None:
        """Record one block of equal samples."""
        block = np.full(BLOCK_SAMPLES, value, np.int16)
        assert self._callback(block.tobytes(), BLOCK_SAMPLES, {}, 0) == (None, 0)

    def is_active(self) -> bool:
        return self.active


class FakePortAudio:
    """Stands in for the module pyaudio; one PortAudio with its state and its devices."""

    paInt16 = 8  # noqa: N815 - the name in the real module

    def __init__(self) -> None:
        self.devices: list[dict[str, Any]] = [
            {"index": 0, "name": "Loudspeaker", "maxInputChannels": 0, "rates": [16_000]},
            {"index": 1, "name": "USB microphone: Audio (hw:1,0)", "maxInputChannels": 1, "rates": [16_000]},
            {"index": 2, "name": "Studio", "maxInputChannels": 8, "rates": [96_000]},
        ]
        self.sessions = 0
        self.opened: list[dict[str, Any]] = []
        self.streams: list[FakeStream] = []
        self.failure: OSError | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.started = threading.Event()

    def PyAudio(self) -> Any:  # noqa: N802 - the name in the real module
        self.sessions += 1
        streams: list[FakeStream] = []

        def open_stream(*, stream_callback: Callback, **options: Any) -> FakeStream:
            self.answers.wait()
            if self.failure:
                raise self.failure
            self.opened.append(options)
            stream = FakeStream(stream_callback)
            streams.append(stream)
            self.streams.append(stream)
            self.started.set()
            return stream

        def terminate() -> None:
            self.sessions -= 1
            for stream in streams:
                stream.closed = True

        def is_format_supported(rate: float, *, input_device: int, **_: Any) -> bool:
            device = self.devices[input_device]
            if rate not in device["rates"] or not device["maxInputChannels"]:
                raise ValueError("Invalid sample rate", -9997)
            return True

        return SimpleNamespace(
            open=open_stream,
            terminate=terminate,
            is_format_supported=is_format_supported,
            get_device_count=lambda: len(self.devices),
            get_device_info_by_index=lambda index: self.devices[index],
        )


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePortAudio]:
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "pyaudio", fake)
    monkeypatch.setattr("hearing.portaudio._CLOSE_S", 0.2)
    yield fake
    fake.answers.set()
    for thread in threading.enumerate():
        if thread.name.startswith("PyAudio: "):
            thread.join(2)
            assert not thread.is_alive()
    assert fake.sessions == 0, "every session must end"


def failure_of(source: PortAudioSource) -> SourceError:
    with pytest.raises(SourceError) as caught, source:
        for _ in source:
            pass
    return caught.value


def test_blocks_arrive_in_order_as_16_bit_samples(portaudio: FakePortAudio) -> None:
    with PortAudioSource() as source:
        assert portaudio.started.wait(2)
        portaudio.streams[0].play(1)
        portaudio.streams[0].play(-2)
        blocks = iter(source)
        first, second = next(blocks), next(blocks)
    assert (first.dtype.name, first.size) == ("int16", BLOCK_SAMPLES)
    assert (first[0], second[0]) == (1, -2)
    assert portaudio.streams[0].closed


def test_the_default_microphone_is_left_to_portaudio(portaudio: FakePortAudio) -> None:
    with PortAudioSource():
        assert portaudio.started.wait(2)
    expected = {"format": 8, "channels": 1, "rate": 16_000, "input": True, "frames_per_buffer": BLOCK_SAMPLES}
    assert portaudio.opened == [expected | {"input_device_index": None}]


@pytest.mark.parametrize("name", ["USB microphone: Audio (hw:1,0)", "usb microphone"])
def test_a_microphone_is_found_by_its_name_or_a_part_of_it(portaudio: FakePortAudio, name: str) -> None:
    with PortAudioSource(name):
        assert portaudio.started.wait(2)
    assert portaudio.opened[0]["input_device_index"] == 1


@pytest.mark.parametrize("name", ["Kitchen", "Loudspeaker"])
def test_what_is_no_microphone_is_not_opened(portaudio: FakePortAudio, name: str) -> None:
    error = failure_of(PortAudioSource(name))
    assert error.reason is Reason.NO_DEVICE
    assert str(error) == f"PyAudio: {name}: there is no such microphone."


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-9996, Reason.NO_DEVICE),
        (-9985, Reason.NO_DEVICE),
        (-9997, Reason.BAD_SOURCE),
        (-9998, Reason.BAD_SOURCE),
        (-9999, Reason.NO_SERVER),
        (-9986, Reason.LOST),
    ],
)
def test_what_portaudio_refuses_is_told_in_plain_words(portaudio: FakePortAudio, code: int, reason: Reason) -> None:
    portaudio.failure = OSError(code, "Something technical")
    error = failure_of(PortAudioSource())
    assert error.reason is reason
    assert str(error).startswith("PyAudio: default: ")


def test_without_pyaudio_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    error = failure_of(PortAudioSource())
    assert (error.reason, "PyAudio is not installed" in str(error)) == (Reason.NO_BACKEND, True)
    assert list_inputs() == []


def test_a_busy_listener_loses_the_oldest_sound_and_it_is_counted(portaudio: FakePortAudio) -> None:
    with PortAudioSource() as source:
        assert portaudio.started.wait(2)
        for value in range(105):
            portaudio.streams[0].play(value)
        assert next(iter(source))[0] == 5
        assert source.backlog == Backlog(waiting_s=9.9, dropped_s=0.5)


def test_a_microphone_that_falls_silent_has_stalled(portaudio: FakePortAudio) -> None:
    started = time.monotonic()
    error = failure_of(PortAudioSource(stall_s=STALL_S))
    assert error.reason is Reason.STALLED
    assert STALL_S <= time.monotonic() - started < STALL_S + 1
    assert portaudio.streams[0].closed


def test_a_microphone_that_goes_is_lost(portaudio: FakePortAudio) -> None:
    with PortAudioSource() as source:
        assert portaudio.started.wait(2)
        portaudio.streams[0].play(1)
        blocks = iter(source)
        next(blocks)
        portaudio.streams[0].active = False
        with pytest.raises(SourceError) as caught:
            next(blocks)
    assert caught.value.reason is Reason.LOST


def test_closing_from_another_thread_ends_the_wait(portaudio: FakePortAudio) -> None:
    with PortAudioSource(stall_s=60) as source:
        closer = threading.Timer(0.1, source.close)
        closer.start()
        assert list(source) == []
        closer.join()
    assert portaudio.streams[0].closed


def test_closed_before_it_is_entered_it_opens_nothing(portaudio: FakePortAudio) -> None:
    source = PortAudioSource()
    source.close()
    with source:
        assert list(source) == []
    assert portaudio.opened == []


def test_two_microphones_listen_at_once(portaudio: FakePortAudio) -> None:
    with PortAudioSource():
        assert portaudio.started.wait(2)
        portaudio.started.clear()
        with PortAudioSource("usb"):
            assert portaudio.started.wait(2)
            assert portaudio.sessions == 2
        assert portaudio.sessions == 1


def test_a_wedged_sound_server_blocks_nobody_for_long(portaudio: FakePortAudio) -> None:
    portaudio.answers.clear()
    started = time.monotonic()
    # The first hangs in PortAudio, the second waits for the first.
    assert failure_of(PortAudioSource(stall_s=STALL_S)).reason is Reason.STALLED
    assert failure_of(PortAudioSource(stall_s=STALL_S)).reason is Reason.STALLED
    assert time.monotonic() - started < 2 * STALL_S + 2
    hanging = [thread for thread in threading.enumerate() if thread.name.startswith("PyAudio: ")]
    assert len(hanging) == 1, "threads must not pile up"


def test_after_a_wedged_server_recovers_it_is_heard_again(portaudio: FakePortAudio) -> None:
    portaudio.answers.clear()
    assert failure_of(PortAudioSource(stall_s=STALL_S)).reason is Reason.STALLED
    portaudio.answers.set()
    with PortAudioSource() as source:
        while len(portaudio.streams) < 2:
            time.sleep(0.01)
        portaudio.streams[-1].play(7)
        assert next(iter(source))[0] == 7
    assert all(stream.closed for stream in portaudio.streams)


def test_only_microphones_that_record_what_is_needed_are_listed(portaudio: FakePortAudio) -> None:
    assert list_inputs() == ["USB microphone: Audio (hw:1,0)"]
