import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from hearing import ffmpeg as ffmpeg_file
from hearing.features import Block
from hearing.ffmpeg import FfmpegSource, list_sources
from hearing.intake import alsa, file, pulse, stream
from hearing.source import BLOCK_SAMPLES, Backlog, Reason, Source, SourceError
from tests.rtsp_camera import RtspCamera
from tests.sounds import convert, loudest_hz, tone, write_wav
from tests.stream_server import Reply, StreamServer
from tests.virtual_microphone import SOURCE, VirtualMicrophone

STALL_S = 0.6
MakeFfmpeg = Callable[[str], str]


def hear(source: Source, seconds: float = float("inf")) -> Block:
    """Return the sound of a source, at most so many seconds of it."""
    blocks: list[Block] = []
    with source:
        for block in source:
            blocks.append(block)
            if len(blocks) * 0.1 >= seconds:
                break
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)


def failure_of(source: Source) -> tuple[SourceError, float]:
    """Return why a source ends and the seconds until then."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        hear(source)
    return caught.value, time.monotonic() - started


def process_is_gone(tmp_path: Path) -> bool:
    """Return whether the fake ffmpeg has ended and was reaped: a zombie would still have its entry."""
    return not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "tone.wav", tone(2))


@pytest.fixture
def long_wav(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "long.wav", tone(8))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("8khz_stereo.wav", ["-ar", "8000", "-ac", "2"]),
        ("48khz_24bit.wav", ["-ar", "48000", "-c:a", "pcm_s24le"]),
        ("tone.mp3", []),
        ("tone.flac", []),
        ("-dash: and colon?.ogg", []),
    ],
)
def test_files_of_many_kinds_become_16_khz_mono(wav: Path, tmp_path: Path, name: str, options: list[str]) -> None:
    path = convert(wav, tmp_path / name, *options)
    sound = hear(FfmpegSource(file(path)))
    assert sound.dtype == np.int16
    assert sound.size == pytest.approx(32_000, abs=2_500)
    assert loudest_hz(sound) == pytest.approx(1_000, abs=2)
    # The level survives: half of full scale, less 3 dB where ffmpeg made two channels of one.
    assert 11_000 < np.abs(sound[8_000:16_000]).max() < 18_000


def test_a_relative_name_that_looks_like_an_option_is_a_file(
    wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wav.rename("-y.wav")
    assert hear(FfmpegSource(file(Path("-y.wav")))).size == 32_000


def test_blocks_are_of_equal_size_and_only_the_last_is_shorter(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "odd.wav", tone(1)[: 4 * BLOCK_SAMPLES + 7])
    with FfmpegSource(file(path)) as source:
        assert [block.size for block in source] == [BLOCK_SAMPLES] * 4 + [7]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"Dear diary, nothing was heard today."),
        ("notes.wav", b"Dear diary, nothing was heard today."),
        ("empty.mp3", b""),
        ("list.m3u", b"#EXTM3U\nhttp://127.0.0.1:1/x.mp3\n"),
    ],
)
def test_what_is_no_sound_is_refused_in_plain_words(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    error, _ = failure_of(FfmpegSource(file(path)))
    assert error.reason is Reason.NOT_AUDIO
    assert str(error) in (f"{path}: is not a sound file that ffmpeg can read.", f"{path}: holds no sound.")


def test_a_film_without_sound_is_no_sound(tmp_path: Path) -> None:
    film = tmp_path / "silent.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", film], check=True)
    error, _ = failure_of(FfmpegSource(file(film)))
    assert (error.reason, str(error)) == (Reason.NOT_AUDIO, f"{film}: holds no sound.")


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    error, _ = failure_of(FfmpegSource(file(tmp_path / "gone.mp3")))
    assert error.reason is Reason.NOT_FOUND


def test_without_ffmpeg_it_says_what_to_install(wav: Path) -> None:
    error, _ = failure_of(FfmpegSource(file(wav), ffmpeg="no-such-ffmpeg"))
    assert error.reason is Reason.NO_FFMPEG
    assert "'no-such-ffmpeg' is not installed" in str(error)


def test_a_name_that_no_process_can_be_given_is_refused() -> None:
    error, _ = failure_of(FfmpegSource(pulse("a\0b")))
    assert error.reason is Reason.BAD_SOURCE


class TestStream:
    def test_an_endless_stream_is_heard_at_its_own_pace(self, server: StreamServer, long_wav: Path) -> None:
        server.replies["/live"] = Reply(long_wav.read_bytes(), bytes_per_s=64_000)
        started = time.monotonic()
        sound = hear(FfmpegSource(stream(server.url("/live"))), seconds=1)
        assert time.monotonic() - started < 3
        assert loudest_hz(sound) == pytest.approx(1_000, abs=2)

    def test_a_stream_that_ends_is_lost(self, server: StreamServer, long_wav: Path) -> None:
        server.replies["/live"] = Reply(long_wav.read_bytes())
        error, _ = failure_of(FfmpegSource(stream(server.url("/live"))))
        assert error.reason is Reason.LOST

    def test_a_stream_that_stalls_is_noticed_in_time(self, server: StreamServer, long_wav: Path) -> None:
        server.replies["/live"] = Reply(long_wav.read_bytes(), hangs=True)
        error, seconds = failure_of(FfmpegSource(stream(server.url("/live")), stall_s=STALL_S))
        assert error.reason is Reason.STALLED
        assert STALL_S <= seconds < STALL_S + 2

    def test_a_server_that_never_answers_is_noticed_in_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = f"rtsp://127.0.0.1:{mute.getsockname()[1]}/live"
            error, seconds = failure_of(FfmpegSource(stream(url), stall_s=STALL_S))
        assert error.reason is Reason.STALLED
        assert seconds < STALL_S + 2

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (Reply(status=401), Reason.REFUSED),
            (Reply(status=403), Reason.REFUSED),
            (Reply(status=404), Reason.NOT_FOUND),
            (Reply(status=500), Reason.REFUSED),
            (Reply(b"<html>Hello</html>" * 2_000, content_type="text/html"), Reason.NOT_AUDIO),
        ],
    )
    def test_a_refusal_is_told_without_the_password(self, server: StreamServer, reply: Reply, reason: Reason) -> None:
        server.replies["/live"] = reply
        source = FfmpegSource(stream(server.url("/live?token=hidden", credentials="anna:s3cret")), stall_s=5)
        error, _ = failure_of(source)
        assert error.reason is reason
        for text in (str(error), source.description):
            assert text.startswith("http://***@127.0.0.1:")
            assert not any(secret in text for secret in ("anna", "s3cret", "hidden"))

    @pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps"])
    def test_a_closed_door_is_refused(self, scheme: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        error, _ = failure_of(FfmpegSource(stream(f"{scheme}://u:s3cret@127.0.0.1:{port}/404")))
        assert error.reason is Reason.REFUSED
        assert "cannot be reached" in str(error)
        assert "s3cret" not in str(error)

    def test_an_unknown_complaint_is_passed_on_without_the_password(self, fake_ffmpeg: MakeFfmpeg) -> None:
        ffmpeg = fake_ffmpeg('echo "[x] http://u:s3cret@host/a?b=c: the moon is in the way" >&2; exit 1')
        error, _ = failure_of(FfmpegSource(stream("http://u:s3cret@elsewhere/a"), ffmpeg=ffmpeg))
        assert error.reason is Reason.LOST
        assert str(error).endswith("ffmpeg says: [x] http://***@host/… the moon is in the way")
        assert "s3cret" not in str(error)

    def test_a_complaint_paints_over_no_terminal(self, fake_ffmpeg: MakeFfmpeg) -> None:
        ffmpeg = fake_ffmpeg("printf 'title \\033]0;x\\007 \\033[2J here\\n' >&2; exit 1")
        error, _ = failure_of(FfmpegSource(stream("http://elsewhere/a"), ffmpeg=ffmpeg))
        assert str(error).endswith("ffmpeg says: title ]0;x [2J here")

    def test_a_camera_is_heard_and_told_goodbye(self) -> None:
        with RtspCamera(tone(1), credentials="u:p") as camera:
            sound = hear(FfmpegSource(stream(camera.url("u:p"))), seconds=0.5)
            assert camera.said_goodbye.wait(2)
        assert loudest_hz(sound) == pytest.approx(1_000, abs=4)

    def test_a_camera_refuses_a_wrong_password(self) -> None:
        with RtspCamera(tone(1), credentials="u:p") as camera:
            error, _ = failure_of(FfmpegSource(stream(camera.url("u:wrong"))))
        assert error.reason is Reason.REFUSED
        assert "wrong" not in str(error)


class TestChild:
    """The ffmpeg process, however it behaves, is noticed and reaped."""

    def test_killed_it_is_noticed_at_once(
        self, server: StreamServer, long_wav: Path, tmp_path: Path, fake_ffmpeg: MakeFfmpeg
    ) -> None:
        server.replies["/live"] = Reply(long_wav.read_bytes(), hangs=True)
        source = FfmpegSource(stream(server.url("/live")), ffmpeg=fake_ffmpeg('exec ffmpeg "$@"'))
        with source:
            blocks = iter(source)
            next(blocks)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
            started = time.monotonic()
            with pytest.raises(SourceError, match="signal 9") as caught:
                exhaust(blocks)
        assert caught.value.reason is Reason.LOST
        assert time.monotonic() - started < 1
        assert process_is_gone(tmp_path)

    @pytest.mark.parametrize(
        "body",
        ["exec sleep 60", "sleep 60 & wait", "trap '' TERM; while :; do sleep 1; done", "exec >&-; exec sleep 60"],
        ids=["asleep", "with a child of its own", "deaf to signals", "silent but alive"],
    )
    def test_hung_it_is_noticed_and_stopped(self, tmp_path: Path, fake_ffmpeg: MakeFfmpeg, body: str) -> None:
        error, seconds = failure_of(FfmpegSource(alsa("x"), ffmpeg=fake_ffmpeg(body), stall_s=STALL_S))
        assert error.reason in (Reason.STALLED, Reason.LOST)
        assert seconds < STALL_S + 2
        assert process_is_gone(tmp_path)

    def test_stopped_by_a_signal_it_is_still_reaped(self, tmp_path: Path, fake_ffmpeg: MakeFfmpeg) -> None:
        error, _ = failure_of(FfmpegSource(alsa("x"), ffmpeg=fake_ffmpeg("kill -STOP $$"), stall_s=STALL_S))
        assert error.reason is Reason.STALLED
        assert process_is_gone(tmp_path)

    def test_a_flood_of_complaints_does_not_stop_the_sound(self, wav: Path, fake_ffmpeg: MakeFfmpeg) -> None:
        ffmpeg = fake_ffmpeg('head -c 1000000 /dev/zero >&2; exec ffmpeg "$@"')
        assert hear(FfmpegSource(file(wav), ffmpeg=ffmpeg)).size == 32_000

    def test_a_flood_of_complaints_is_no_sound(self, tmp_path: Path, fake_ffmpeg: MakeFfmpeg) -> None:
        ffmpeg = fake_ffmpeg("while :; do echo complaint >&2; sleep 0.01; done")
        error, seconds = failure_of(FfmpegSource(alsa("x"), ffmpeg=ffmpeg, stall_s=STALL_S))
        assert error.reason is Reason.STALLED
        assert seconds < STALL_S + 2
        assert process_is_gone(tmp_path)

    def test_closing_from_another_thread_ends_a_blocked_read(self, tmp_path: Path, fake_ffmpeg: MakeFfmpeg) -> None:
        with FfmpegSource(alsa("x"), ffmpeg=fake_ffmpeg("exec sleep 60"), stall_s=60) as source:
            closer = threading.Timer(0.3, source.close)
            closer.start()
            started = time.monotonic()
            assert list(source) == []
            closer.join()
        assert time.monotonic() - started < 2
        assert process_is_gone(tmp_path)

    def test_closing_twice_and_early_is_harmless(self, tmp_path: Path, fake_ffmpeg: MakeFfmpeg) -> None:
        source = FfmpegSource(alsa("x"), ffmpeg=fake_ffmpeg("exec sleep 60"))
        source.close()
        with source:
            assert list(source) == []
        source.close()
        assert not (tmp_path / "pid").exists()

    def test_what_waits_in_the_pipe_is_known(self, fake_ffmpeg: MakeFfmpeg) -> None:
        source = FfmpegSource(alsa("x"), ffmpeg=fake_ffmpeg("head -c 32000 /dev/zero; exec sleep 60"))
        assert source.backlog == Backlog()
        with source:
            blocks = iter(source)
            next(blocks)
            deadline = time.monotonic() + 2
            while source.backlog.waiting_s < 0.9 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert source.backlog == Backlog(waiting_s=0.9, dropped_s=None)
            for _ in range(9):
                next(blocks)
            assert source.backlog.waiting_s == 0
        assert source.backlog == Backlog()

    def test_an_exception_of_the_listener_leaves_no_process(
        self, tmp_path: Path, wav: Path, fake_ffmpeg: MakeFfmpeg
    ) -> None:
        def listen() -> None:
            with FfmpegSource(file(wav), ffmpeg=fake_ffmpeg('exec ffmpeg "$@"')) as source:
                next(iter(source))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            listen()
        assert process_is_gone(tmp_path)


def exhaust(blocks: Iterable[Block]) -> None:
    for _ in blocks:
        pass


class TestSoundServer:
    def test_the_default_microphone_is_heard_at_its_level(self, microphone: VirtualMicrophone, wav: Path) -> None:
        microphone.play(wav, background=True)
        sound = hear(FfmpegSource(pulse("default")), seconds=1.5)[-8_000:]
        assert loudest_hz(sound) == pytest.approx(1_000, abs=4)
        assert np.abs(sound).max() == pytest.approx(16_384, rel=0.03)

    def test_its_death_is_noticed_at_once_and_its_return_is_heard(self, microphone: VirtualMicrophone) -> None:
        with FfmpegSource(pulse("default")) as source:
            blocks = iter(source)
            next(blocks)
            microphone.kill()
            started = time.monotonic()
            with pytest.raises(SourceError) as caught:
                exhaust(blocks)
            assert time.monotonic() - started < 2
        assert caught.value.reason is Reason.LOST
        error, _ = failure_of(FfmpegSource(pulse("default")))
        assert error.reason is Reason.NO_SERVER
        microphone.start()
        assert hear(FfmpegSource(pulse("default")), seconds=0.2).size == 3_200

    def test_wedged_it_stalls_and_can_be_closed(self, microphone: VirtualMicrophone) -> None:
        # Longer than a busy machine takes to bring the first sound.
        with FfmpegSource(pulse("default"), stall_s=4 * STALL_S) as source:
            blocks = iter(source)
            next(blocks)
            microphone.suspend()
            with pytest.raises(SourceError) as caught:
                exhaust(blocks)
        assert caught.value.reason is Reason.STALLED
        error, seconds = failure_of(FfmpegSource(pulse("default"), stall_s=STALL_S))
        assert error.reason is Reason.STALLED
        assert seconds < STALL_S + 2

    def test_a_microphone_it_does_not_know_is_no_device(self, microphone: VirtualMicrophone) -> None:
        error, _ = failure_of(FfmpegSource(pulse("attic")))
        assert (error.reason, "pulse attic" in str(error)) == (Reason.NO_DEVICE, True)

    def test_an_unplugged_microphone_is_missed_although_another_one_goes_on(
        self, microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ffmpeg_file, "_ROLL_CALL_S", 0.5)
        with FfmpegSource(pulse(SOURCE)) as source:
            blocks = iter(source)
            next(blocks)
            microphone.unplug()
            with pytest.raises(SourceError) as caught:
                exhaust(blocks)
        assert caught.value.reason is Reason.NO_DEVICE
        microphone.plug_in()
        assert hear(FfmpegSource(pulse(SOURCE)), seconds=1).size == 16_000

    def test_the_server_is_asked_often_enough_for_that_to_be_seen_within_a_minute(self) -> None:
        assert ffmpeg_file._ROLL_CALL_S + ffmpeg_file._LIST_S < 60

    @pytest.mark.parametrize("name", ["default", "@DEFAULT_SOURCE@", "1"])
    def test_a_name_that_stands_in_no_list_is_not_missed(
        self, microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr(ffmpeg_file, "_ROLL_CALL_S", 0.1)
        assert hear(FfmpegSource(pulse(name)), seconds=1).size == 16_000

    def test_a_server_that_gives_no_list_has_lost_nothing(
        self, microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ffmpeg_file, "_ROLL_CALL_S", 0.1)
        monkeypatch.setattr(ffmpeg_file, "list_sources", lambda *_, **__: [])
        assert hear(FfmpegSource(pulse(SOURCE)), seconds=1).size == 16_000

    @pytest.mark.usefixtures("no_sound_server")
    def test_without_it_the_message_says_so(self) -> None:
        error, _ = failure_of(FfmpegSource(pulse("default")))
        assert error.reason is Reason.NO_SERVER
        assert "not running" in str(error)

    def test_its_sources_are_listed(self, microphone: VirtualMicrophone) -> None:
        assert ("virtual_microphone", "VirtualMicrophone") in list_sources("pulse")


def test_a_missing_alsa_device_is_no_device() -> None:
    error, _ = failure_of(FfmpegSource(alsa("hw:31")))
    assert error.reason is Reason.NO_DEVICE


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("cannot open audio device hw:0 (Permission denied)", Reason.NO_PERMISSION),
        ("cannot open audio device hw:0 (Device or resource busy)", Reason.NO_DEVICE),
        ("cannot set channel count to 1 (Invalid argument)", Reason.BAD_SOURCE),
        ("Unknown input format: 'alsa'", Reason.NO_BACKEND),
    ],
)
def test_what_alsa_says_is_understood(fake_ffmpeg: MakeFfmpeg, words: str, reason: Reason) -> None:
    error, _ = failure_of(FfmpegSource(alsa("hw:0"), ffmpeg=fake_ffmpeg(f'echo "{words}" >&2; exit 1')))
    assert error.reason is reason


@pytest.mark.parametrize(
    "body",
    ["exit 1", "printf '\\377\\377garbage\\n'", "exec sleep 60"],
    ids=["fails", "talks nonsense", "hangs"],
)
def test_no_sources_are_listed_by_an_ffmpeg_that(
    fake_ffmpeg: MakeFfmpeg, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hearing.ffmpeg._LIST_S", 0.3)
    assert list_sources("pulse", ffmpeg=fake_ffmpeg(body)) == []


def test_no_sources_are_listed_without_ffmpeg() -> None:
    assert list_sources("pulse", ffmpeg="no-such-ffmpeg") == []
