import struct
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from hearing.features import Block
from hearing.source import Backlog, redact_all
from hearing.sources import (
    BLOCK_SAMPLES,
    Device,
    FirstWorking,
    Reason,
    Source,
    SourceError,
    list_devices,
    open_file,
    open_source,
    redact,
)
from tests.sounds import convert, tone, write_wav
from tests.virtual_microphone import VirtualMicrophone

MakeFfmpeg = Callable[[str], str]


class FakeSource:
    """A source that yields some blocks, then ends or fails."""

    def __init__(self, name: str, blocks: int = 0, failure: Reason | None = None) -> None:
        self.description = name
        self.backlog = Backlog(dropped_s=blocks)
        self.closed = 0
        self._blocks = blocks
        self._failure = failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Block]:
        for _ in range(self._blocks):
            yield np.zeros(BLOCK_SAMPLES, np.int16)
        if self._failure:
            raise SourceError(self._failure, f"{self.description} fails.")

    def close(self) -> None:
        self.closed += 1


def failure_of(source: Source) -> SourceError:
    with pytest.raises(SourceError) as caught, source:
        for _ in source:
            pass
    return caught.value


@pytest.mark.parametrize(
    ("spec", "description"),
    [
        ("pyaudio:Kitchen: USB", "PyAudio: Kitchen: USB"),
        ("pulse:alsa_input.usb", "ffmpeg: pulse alsa_input.usb"),
        ("alsa:plughw:CARD=1,DEV=0", "ffmpeg: alsa plughw:CARD=1,DEV=0"),
        (" pulse:default\n", "ffmpeg: pulse default"),
        ("rtsp://camera/live", "rtsp://camera/…"),
        ("RTSPS://u:p@camera:322/live?token=x", "RTSPS://***@camera:322/…"),
        ("http://[::1]:8000/radio.mp3", "http://[::1]:8000/…"),
        ("https://u@radio.example/a#b", "https://***@radio.example/…"),
    ],
)
def test_a_source_is_known_by_its_name(spec: str, description: str) -> None:
    assert open_source(spec).description == description


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "pulse:",
        "kitchen",
        "/etc/passwd",
        "file:///etc/passwd",
        "concat:http://a|file:///etc/passwd",
        "rtmp://host/live",
        "http://",
        "http:/host/x",
        "rtsp:host",
        "http://[bad/x",
        "rtsp://host:554x/audio",
        "rtsp://host:99999/audio",
        "http://host/a\nb",
        "pulse:a\0b",
    ],
)
def test_what_is_no_source_is_refused(spec: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(spec)
    assert caught.value.reason is Reason.BAD_SOURCE


def test_a_refused_address_is_repeated_without_its_password() -> None:
    with pytest.raises(SourceError, match=r"'rtmp://\*\*\*@host/…' is no source"):
        open_source("rtmp://anna:s3cret@host/live?key=1")


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("default", "default"),
        ("pulse:someone@home", "pulse:someone@home"),
        ("rtsp://host", "rtsp://host"),
        ("rtsp://host:554/", "rtsp://host:554"),
        ("rtsps://host:7441/aS3cr3tOfTheCamera", "rtsps://host:7441/…"),
        ("rtsp://u:p@host/path", "rtsp://***@host/…"),
        ("rtsp://u:p@ss/w?rd#@host/path", "rtsp://***@host/…"),
        ("rtsp://host?user=u&password=p", "rtsp://host/…"),
        ("rtsp://host/user=u&password=p&channel=1", "rtsp://host/…"),
    ],
)
def test_addresses_are_shown_without_secrets(spec: str, shown: str) -> None:
    assert redact(spec) == shown


def test_addresses_in_a_text_are_shown_without_secrets() -> None:
    assert (
        redact_all("cannot open 'http://u:p@a/b?c' or rtsp://x:y@z") == "cannot open 'http://***@a/…' or rtsp://***@z"
    )


class TestDefault:
    def test_the_first_that_can_be_heard_is_used(self) -> None:
        broken = FakeSource("broken", failure=Reason.NO_BACKEND)
        working = FakeSource("working", blocks=3)
        unused = FakeSource("unused", blocks=1)
        with FirstWorking([broken, working, unused]) as source:
            assert len(list(source)) == 3
            assert source.description == "working"
            assert source.backlog == working.backlog
        assert min(broken.closed, working.closed, unused.closed) > 0

    def test_a_source_that_was_heard_is_not_replaced(self) -> None:
        lost = FakeSource("lost", blocks=1, failure=Reason.NO_DEVICE)
        assert str(failure_of(FirstWorking([lost, FakeSource("other", blocks=1)]))) == "lost fails."

    def test_a_stalled_source_is_not_replaced(self) -> None:
        stalled = FakeSource("stalled", failure=Reason.STALLED)
        assert failure_of(FirstWorking([stalled, FakeSource("other", blocks=1)])).reason is Reason.STALLED

    def test_when_none_works_the_most_telling_reason_is_given(self) -> None:
        sources = [
            FakeSource(reason, failure=reason) for reason in (Reason.NO_BACKEND, Reason.NO_DEVICE, Reason.NO_SERVER)
        ]
        error = failure_of(FirstWorking(sources))
        assert (error.reason, str(error)) == (Reason.NO_SERVER, "No microphone can be opened here. no_server fails.")

    def test_without_pyaudio_and_ffmpeg_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        error = failure_of(open_source("default", ffmpeg="no-such-ffmpeg"))
        assert (error.reason, "install" in str(error)) == (Reason.NO_BACKEND, True)

    def test_without_pyaudio_the_sound_server_is_heard(
        self, microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        with open_source("default") as source:
            assert next(iter(source)).size == BLOCK_SAMPLES
            assert source.description == "ffmpeg: pulse default"

    def test_closing_from_another_thread_ends_it(
        self, fake_ffmpeg: MakeFfmpeg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        with open_source("default", ffmpeg=fake_ffmpeg("exec sleep 60")) as source:
            closer = threading.Timer(0.3, source.close)
            closer.start()
            assert list(source) == []
            closer.join()


class TestWav:
    def test_the_native_form_needs_no_ffmpeg_and_keeps_every_sample(self, tmp_path: Path) -> None:
        samples = tone(0.35)
        path = write_wav(tmp_path / "native.wav", samples)
        with open_file(path, ffmpeg="no-such-ffmpeg") as source:
            blocks = list(source)
        assert [block.size for block in blocks] == [1_600, 1_600, 1_600, 800]
        assert np.array_equal(np.concatenate(blocks), samples)

    def test_other_forms_need_ffmpeg(self, tmp_path: Path) -> None:
        path = write_wav(tmp_path / "slow.wav", tone(0.2), rate_hz=8_000)
        assert failure_of(open_file(path, ffmpeg="no-such-ffmpeg")).reason is Reason.NO_FFMPEG
        with open_file(path) as source:
            assert sum(block.size for block in source) == 6_400

    def test_chunks_around_the_samples_are_no_sound(self, tmp_path: Path) -> None:
        samples = tone(0.1)
        fmt = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
        extensible = struct.pack("<HHIIHH", 0xFFFE, 1, 16_000, 32_000, 2, 16) + struct.pack("<HHIH14x", 22, 16, 4, 1)
        for number, layout in enumerate((fmt, extensible)):
            chunks = [(b"LIST", b"odd"), (b"fmt ", layout), (b"data", samples.tobytes()), (b"LIST", b"after")]
            body = b"".join(
                struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
            )
            path = tmp_path / f"{number}.wav"
            path.write_bytes(struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WAVE") + body)
            with open_file(path, ffmpeg="no-such-ffmpeg") as source:
                assert np.array_equal(np.concatenate(list(source)), samples)

    def test_a_file_from_a_pipe_is_read_to_its_end(self, tmp_path: Path) -> None:
        path = write_wav(tmp_path / "piped.wav", tone(0.5))
        content = bytearray(path.read_bytes())
        content[40:44] = b"\xff" * 4
        path.write_bytes(content)
        with open_file(path, ffmpeg="no-such-ffmpeg") as source:
            assert sum(block.size for block in source) == 8_000

    @pytest.mark.parametrize("size", [12, 30, 43])
    def test_a_file_cut_off_within_its_header_is_no_sound(self, tmp_path: Path, size: int) -> None:
        path = tmp_path / "cut.wav"
        path.write_bytes(write_wav(tmp_path / "whole.wav", tone(0.1)).read_bytes()[:size])
        assert failure_of(open_file(path)).reason is Reason.NOT_AUDIO

    def test_a_header_that_makes_no_sense_is_left_to_ffmpeg(self, tmp_path: Path) -> None:
        path = tmp_path / "zero.wav"
        content = bytearray(write_wav(tmp_path / "whole.wav", tone(0.1)).read_bytes())
        content[28:32] = bytes(4)
        path.write_bytes(content)
        with open_file(path) as source:
            assert sum(block.size for block in source) == 1_600
        del content[16:20], content[20:30]
        path.write_bytes(content)
        assert failure_of(open_file(path)).reason is Reason.NOT_AUDIO

    def test_closing_ends_the_reading(self, tmp_path: Path) -> None:
        with open_file(write_wav(tmp_path / "a.wav", tone(1))) as source:
            blocks = iter(source)
            next(blocks)
            source.close()
            assert list(blocks) == []

    def test_a_file_that_disappears_is_not_found(self, tmp_path: Path) -> None:
        path = write_wav(tmp_path / "a.wav", tone(0.1))
        source = open_file(path)
        path.unlink()
        assert failure_of(source).reason is Reason.NOT_FOUND

    def test_an_hour_of_sound_is_never_in_memory(self, tmp_path: Path) -> None:
        path = write_wav(tmp_path / "long.wav", tone(0))
        content = bytearray(path.read_bytes())
        content[40:44] = struct.pack("<I", 3_600 * 32_000)
        path.write_bytes(content)
        with path.open("r+b") as file:
            file.truncate(44 + 3_600 * 32_000)
        tracemalloc.start()
        try:
            with open_file(path) as source:
                assert sum(block.size for block in source) == 3_600 * 16_000
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("missing.wav", Reason.NOT_FOUND, "there is no such file"),
        ("folder", Reason.BAD_SOURCE, "is a folder"),
        ("empty.wav", Reason.NOT_AUDIO, "is empty"),
    ],
)
def test_a_file_that_cannot_be_heard_is_told_in_plain_words(
    tmp_path: Path, name: str, reason: Reason, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.wav").touch()
    with pytest.raises(SourceError, match=words) as caught:
        open_file(tmp_path / name)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(13, "Permission denied"), Reason.NO_PERMISSION), (OSError(5, "Input/output error"), Reason.LOST)],
)
def test_why_a_file_cannot_be_read_is_told(error: OSError, reason: Reason) -> None:
    assert SourceError.of_file(Path("a.wav"), error).reason is reason


def test_a_long_compressed_file_streams_with_little_memory(tmp_path: Path) -> None:
    path = convert(write_wav(tmp_path / "a.wav", tone(60)), tmp_path / "a.flac")
    tracemalloc.start()
    try:
        with open_file(path) as source:
            assert sum(block.size for block in source) == 60 * 16_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


class TestDevices:
    def test_sound_server_devices_are_listed_default_first_and_loudspeakers_last(
        self, microphone: VirtualMicrophone
    ) -> None:
        devices = list_devices()
        assert devices[0] == Device("default", "Default microphone")
        assert Device("pulse:virtual_microphone", "VirtualMicrophone") in devices
        assert devices[-1].spec == "pulse:virtual_sink.monitor"
        assert len({device.spec for device in devices}) == len(devices)
        assert not any("plughw" in device.spec or device.spec == "pyaudio:default" for device in devices)

    def test_alsa_is_listed_where_nothing_else_is(
        self, fake_ffmpeg: MakeFfmpeg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        listing = (
            "Auto-detected sources for alsa:\n  null [Discard all samples] (none)\n* default [Default] (none)\n"
            "  hw:CARD=U,DEV=0 [USB microphone, USB Audio] (none)\n"
            "  plughw:CARD=U,DEV=0 [USB microphone, USB Audio] (none)\n"
        )
        ffmpeg = fake_ffmpeg(f'case "$*" in *alsa) cat <<END\n{listing}END\n;; *) exit 1;; esac')
        assert list_devices(ffmpeg) == [
            Device("default", "Default microphone"),
            Device("alsa:plughw:CARD=U,DEV=0", "USB microphone, USB Audio"),
        ]

    def test_with_neither_pyaudio_nor_ffmpeg_the_default_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        assert list_devices("no-such-ffmpeg") == [Device("default", "Default microphone")]
