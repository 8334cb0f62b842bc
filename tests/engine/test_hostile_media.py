"""What a stream or a file makes ffmpeg open besides itself: nothing on this machine, whatever is in it."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

import pytest

from hearing.ffmpeg import FfmpegSource
from hearing.intake import file, stream
from hearing.source import Reason, SourceError
from hearing.sources import open_source
from tests.rtsp_camera import RtspCamera
from tests.sounds import convert, loudest_hz, tone, write_wav
from tests.stream_server import Reply, StreamServer

STALL_S = 5

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "hls of hls": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n",
    "hls with a key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n'
    ),
    "hls with a head": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="{}"\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n',
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="1" bandwidth="1" audioSamplingRate="16000"><BaseURL>{}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{}\n",
}
"""Lists that make ffmpeg open something else, by kind; {} stands for what."""

SPELLINGS = """file:{0} ../../../../../../../..{0} subfile,,start,0,end,0,,:{0} concat:{0}|{0} crypto+file://{0}
crypto:{0} async:file:{0} cache:file:{0}""".split()
"""Ways to name a file that ffmpeg knows; {0} stands for its path."""


class Tripwire:
    """A file that notes whether it was opened: a named pipe, on which opening waits for somebody at the other end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = Event()
        self._leaving = False
        os.mkfifo(path)
        self._thread = Thread(target=self._wait)

    def _wait(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY)
        if not self._leaving:
            self.opened.set()
        os.close(descriptor)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving = True
        with suppress(FileNotFoundError):
            os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join()


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Tripwire]:
    """A file that is nobody's business. It is called .ts, which HLS would take."""
    with Tripwire(tmp_path / "secret.ts") as wire:
        yield wire


@pytest.fixture
def neighbour() -> Iterator[socket.socket]:
    """Another machine on the network, which is nobody's business either."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def was_visited(neighbour: socket.socket) -> bool:
    try:
        neighbour.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def failure_of(source: FfmpegSource) -> SourceError:
    with pytest.raises(SourceError) as caught, source:
        for _ in source:
            pass
    return caught.value


class TestStream:
    @pytest.mark.parametrize(
        ("kind", "address"),
        [(kind, address) for kind in PLAYLISTS for address in ("file://{0}", "{0}")]
        + [("hls", address) for address in SPELLINGS],
    )
    def test_a_playlist_opens_no_file_on_this_machine(
        self, server: StreamServer, secret: Tripwire, kind: str, address: str
    ) -> None:
        server.replies["/live"] = Reply(PLAYLISTS[kind].format(address.format(secret.path)).encode(), content_type="")
        error = failure_of(FfmpegSource(stream(server.url("/live")), stall_s=STALL_S))
        assert not secret.opened.is_set()
        assert error.reason in (Reason.BAD_SOURCE, Reason.NOT_AUDIO, Reason.NOT_FOUND, Reason.LOST)

    @pytest.mark.parametrize("location", ["file://{0}", "file:{0}", "{0}", "concat:{0}", "data:,x", "pipe:0"])
    def test_a_redirect_opens_no_file_on_this_machine(
        self, server: StreamServer, secret: Tripwire, location: str
    ) -> None:
        server.replies["/live"] = Reply(status=302, location=location.format(secret.path))
        error = failure_of(FfmpegSource(stream(server.url("/live")), stall_s=STALL_S))
        assert not secret.opened.is_set()
        assert error.reason is not Reason.STALLED

    def test_a_radio_that_sends_a_list_of_pieces_is_heard(self, server: StreamServer, tmp_path: Path) -> None:
        piece = convert(write_wav(tmp_path / "tone.wav", tone(8)), tmp_path / "piece.ts")
        server.replies["/live"] = Reply(
            PLAYLISTS["hls"].format("piece.ts").encode(), content_type="application/vnd.apple.mpegurl"
        )
        server.replies["/piece.ts"] = Reply(piece.read_bytes(), content_type="video/mp2t")
        with FfmpegSource(stream(server.url("/live"))) as source:
            assert loudest_hz(next(iter(source))) == pytest.approx(1_000, abs=10)

    def test_a_redirect_to_the_stream_is_followed(self, server: StreamServer, tmp_path: Path) -> None:
        server.replies["/old"] = Reply(status=302, location="/new")
        server.replies["/new"] = Reply(write_wav(tmp_path / "tone.wav", tone(8)).read_bytes(), hangs=True)
        with FfmpegSource(stream(server.url("/old"))) as source:
            assert loudest_hz(next(iter(source))) == pytest.approx(1_000, abs=10)

    def test_a_recording_that_is_sent_as_a_stream_is_heard_at_the_pace_of_time(
        self, server: StreamServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hearing.haste.AHEAD_S", 10.0)
        server.replies["/live"] = Reply(write_wav(tmp_path / "tone.wav", tone(300)).read_bytes())
        with FfmpegSource(stream(server.url("/live"))) as source:
            blocks = iter(source)
            next(blocks)
            began_s = time.monotonic()
            heard_s = 0.0
            while time.monotonic() < began_s + 2:
                heard_s += next(blocks).size / 16_000
        # Until now and once more as it comes out of the pipe; a few seconds of that may be waiting.
        assert 10 < heard_s < 10 + 2 + 5

    def test_redirects_in_a_circle_end(self, server: StreamServer) -> None:
        server.replies["/live"] = Reply(status=302, location="/live")
        assert failure_of(FfmpegSource(stream(server.url("/live")), stall_s=STALL_S)).reason is not Reason.STALLED

    def test_a_camera_that_points_elsewhere_is_not_followed_to_a_file(self, secret: Tripwire) -> None:
        with RtspCamera(tone(1), location=f"file://{secret.path}") as camera:
            failure_of(FfmpegSource(stream(camera.url()), stall_s=STALL_S))
        assert not secret.opened.is_set()


class TestFile:
    @pytest.mark.parametrize(
        ("name", "kind", "address"),
        [("notes.wav", kind, address) for kind in PLAYLISTS for address in ("{0}", "secret.ts")]
        + [(name, "hls", "secret.ts") for name in ("notes.mp3", "notes.m3u8", "notes.ts", "notes")],
    )
    def test_a_playlist_inside_opens_no_other_file(
        self, tmp_path: Path, secret: Tripwire, name: str, kind: str, address: str
    ) -> None:
        path = tmp_path / name
        path.write_text(PLAYLISTS[kind].format(address.format(secret.path)))
        error = failure_of(FfmpegSource(file(path), stall_s=STALL_S))
        assert not secret.opened.is_set()
        assert error.reason is Reason.NOT_AUDIO

    @pytest.mark.parametrize(
        ("kind", "scheme"), [(kind, "http") for kind in PLAYLISTS] + [("concat", "tcp"), ("hls", "rtsp")]
    )
    def test_a_playlist_inside_makes_no_connection(
        self, tmp_path: Path, neighbour: socket.socket, kind: str, scheme: str
    ) -> None:
        path = tmp_path / "notes.wav"
        path.write_text(PLAYLISTS[kind].format(f"{scheme}://127.0.0.1:{neighbour.getsockname()[1]}/a.ts"))
        assert failure_of(FfmpegSource(file(path), stall_s=STALL_S)).reason is Reason.NOT_AUDIO
        assert not was_visited(neighbour)

    def test_a_name_that_is_a_pattern_is_one_file(self, tmp_path: Path) -> None:
        write_wav(tmp_path / "001.wav", tone(1))
        assert failure_of(FfmpegSource(file(tmp_path / "%03d.wav"))).reason is Reason.NOT_FOUND

    def test_a_film_that_keeps_its_sound_elsewhere_is_not_followed(self, tmp_path: Path, secret: Tripwire) -> None:
        film = convert(write_wav(tmp_path / "tone.wav", tone(1)), tmp_path / "film.mov")
        content = film.read_bytes()
        # The entry "this file" of the list of data references becomes an alias of another one.
        place = content.index(b"dref") + 12
        alias = b"alis\0\0\0\0" + bytes(150) + b"\0\x02" + b"\0\x09secret.ts\0" + b"\xff\xff\0\0"
        film.write_bytes(content[:place] + alias + content[place + len(alias) :])
        with suppress(SourceError), FfmpegSource(file(film), stall_s=STALL_S) as source:
            list(source)
        assert not secret.opened.is_set()


@pytest.mark.parametrize(
    "name",
    [
        "tee:null,'|touch {0}',raw",
        "tee:{{SLAVE null FILE '|touch {0}' FORMAT raw}}",
        "file:'|touch {0}',raw",
        "file:{0},raw",
        "file:FILE={0},FORMAT=raw",
        "plug:'tee:null,{0},raw'",
        "plug:SLAVE='file:{0},raw'",
        "hw:0,'{0}'",
        "hw:{0}",
        "hw:0\n,x",
    ],
)
def test_a_microphones_name_writes_no_file_and_starts_no_program(tmp_path: Path, name: str) -> None:
    target = tmp_path / "written"
    with pytest.raises(SourceError, match=r"no name of an ALSA microphone|cannot be printed") as caught:
        open_source(f"alsa:{name.format(target)}")
    assert caught.value.reason is Reason.BAD_SOURCE
    assert not target.exists()


def test_every_format_that_is_read_is_one_that_ffmpeg_knows() -> None:
    listing = subprocess.run(["ffmpeg", "-v", "error", "-demuxers"], capture_output=True, text=True, check=True).stdout
    known = {name for line in listing.splitlines()[4:] for name in line.split()[1].split(",")}
    options = file(Path("x")).options
    asked = set(options[options.index("-format_whitelist") + 1].split(","))
    assert asked <= known
