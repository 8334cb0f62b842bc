import io
import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hearing.progress import Progress
from hearing.report import JsonReport, TableReport, clock, plain
from hearing.scan import Scan, find_files
from tests.engine.fake_listener import FakeListener
from tests.sounds import convert, tone, write_wav

QUIET = tone(1.0, amplitude=0)
EVENT = np.concatenate((QUIET, tone(0.5), QUIET))


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(files: list[Path], *, scores: bool = False, ffmpeg: str = "ffmpeg") -> tuple[list[dict[str, Any]], str, bool]:
    """Return the JSON lines, what was written to stderr, and whether all could be read."""
    out, err = io.StringIO(), io.StringIO()
    progress = Progress(len(files), err)
    scan = Scan(FakeListener, JsonReport(out, err, progress), scores=scores, ffmpeg=ffmpeg)
    all_read = scan.run(files, progress.show)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue(), all_read


def test_each_event_is_one_line_and_the_summary_is_the_last(tmp_path: Path) -> None:
    twice = write_wav(tmp_path / "twice.wav", np.concatenate((EVENT, EVENT)))
    once = write_wav(tmp_path / "once.wav", EVENT)
    lines, errors, all_read = run([twice, once])
    assert lines[:-1] == [
        {"file": str(file), "label": "smoke_alarm", "onset_s": onset_s, "offset_s": onset_s + 0.5}
        | {"confidence": 0.75, "verified": None, "verifier_confidence": None}
        for file, onset_s in ((twice, 1.0), (twice, 3.5), (once, 1.0))
    ]
    cpu_ms = lines[-1].pop("cpu_ms_per_audio_s")
    assert lines[-1] == {"summary": True, "files": 2, "seconds": 7.5, "detections": 3, "runtime": "fake"}
    assert cpu_ms > 0
    assert (errors, all_read) == ("", True)


def test_a_sound_that_lasts_to_the_end_of_the_file_is_told(tmp_path: Path) -> None:
    lines, _, _ = run([write_wav(tmp_path / "a.wav", tone(0.5))])
    assert (lines[0]["onset_s"], lines[0]["offset_s"]) == (0.0, 0.5)


def test_scores_are_told_for_every_label_and_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(0.5, amplitude=0.1))
    lines, _, _ = run([path], scores=True)
    assert lines[:-1] == [
        {"file": str(path), "label": "glass_break", "max_score": 0.0},
        {"file": str(path), "label": "smoke_alarm", "max_score": pytest.approx(0.1, abs=0.001)},
    ]


@pytest.mark.parametrize("name", ["8khz_stereo.wav", "48khz_24bit.wav", "sound.mp3"])
def test_other_forms_are_heard_at_the_same_times(tmp_path: Path, name: str) -> None:
    options = {"8khz_stereo.wav": ["-ar", "8000", "-ac", "2"], "48khz_24bit.wav": ["-ar", "48000", "-c:a", "pcm_s24le"]}
    path = convert(write_wav(tmp_path / "a.wav", EVENT), tmp_path / name, *options.get(name, []))
    lines, _, all_read = run([path])
    assert all_read
    assert (lines[0]["onset_s"], lines[0]["offset_s"]) == (pytest.approx(1.0, abs=0.11), pytest.approx(1.5, abs=0.11))


def test_what_cannot_be_read_is_one_line_each_and_the_rest_is_scanned(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "notes.txt").write_text("nothing to hear")
    (tmp_path / "folder").mkdir()
    names = ["empty.wav", "notes.txt", "missing.mp3", "folder", "good.wav"]
    write_wav(tmp_path / "good.wav", EVENT)
    lines, errors, all_read = run(find_files([tmp_path / name for name in names]))
    assert not all_read
    assert [line.partition(": ")[2].partition(": ")[0] for line in errors.splitlines()] == [
        str(tmp_path / name) for name in names[:4]
    ]
    assert [line.get("file") for line in lines] == [str(tmp_path / "good.wav"), None]
    assert (lines[-1]["files"], lines[-1]["seconds"]) == (1, 2.5)


def test_a_wav_file_that_was_cut_off_is_scanned_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "whole.wav", EVENT)
    for source in (whole, convert(whole, tmp_path / "stereo.wav", "-ac", "2", "-ar", "8000")):
        path = tmp_path / f"cut_{source.name}"
        path.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
        lines, errors, all_read = run([path])
        assert all_read
        assert errors == f"sound-guard: {path}: is cut off; 1.9 s of 2.5 s are there and were scanned.\n"
        assert (lines[0]["onset_s"], lines[-1]["files"]) == (1.0, 1)


def test_what_was_heard_before_a_file_broke_off_is_told(tmp_path: Path, fake_ffmpeg: Callable[[str], str]) -> None:
    path = convert(write_wav(tmp_path / "a.wav", tone(0.5)), tmp_path / "a.mp3")
    lines, errors, all_read = run([path], scores=True, ffmpeg=fake_ffmpeg('ffmpeg "$@"; kill -9 $$'))
    assert [line.get("label") for line in lines] == ["smoke_alarm", "glass_break", "smoke_alarm", None]
    assert (lines[-1]["files"], all_read) == (0, False)
    assert "ffmpeg was stopped from outside" in errors


def test_nothing_to_hear_makes_a_summary_of_nothing(tmp_path: Path) -> None:
    lines, _, all_read = run([write_wav(tmp_path / "a.wav", QUIET[:0])])
    assert (lines[-1]["seconds"], lines[-1]["cpu_ms_per_audio_s"], all_read) == (0, 0, True)


def test_folders_are_searched_for_sound_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.wav", "a/z.MP3", "a/y.txt", ".hidden.wav", ".git/x.wav", "a.flac/c.ogg"):
        path = tmp_path / "sounds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = find_files([tmp_path / "sounds", Path("named.txt")])
    expected = [tmp_path / "sounds" / name for name in ("a/z.MP3", "a.flac/c.ogg", "b.wav")]
    assert sorted(found) == sorted([*expected, Path("named.txt")])
    assert found[:-1] == sorted(found[:-1])


def test_a_long_file_is_never_in_memory(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", QUIET[:0])
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", 900 * 32_000)
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(44 + 900 * 32_000)
    tracemalloc.start()
    try:
        lines, _, _ = run([path])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert lines[-1]["seconds"] == 900


def test_a_table_is_readable(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", EVENT)
    out = io.StringIO()
    progress = Progress(1, out)
    Scan(FakeListener, TableReport(out, out, progress), scores=True).run([path], progress.show)
    table = out.getvalue().splitlines()
    assert [line.split()[:5] for line in table[:4]] == [
        ["from", "to", "sound", "sure", "checked"],
        ["0:01.00", "0:01.50", "smoke", "alarm", "75%"],
        ["highest", "score", "glass", "break", "0%"],
        ["highest", "score", "smoke", "alarm", "50%"],
    ]
    assert table[4] == "1 file, 0:02.50 of sound: 1 event heard."
    assert "ms of processor time per second of sound (fake)" in table[5]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.00"), (59.999, "1:00.00"), (61.5, "1:01.50"), (3_661.25, "1:01:01.25")]
)
def test_times_are_shown_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_labels_are_shown_in_words() -> None:
    assert [plain(label) for label in ("glass_break", "co_alarm")] == ["glass break", "CO alarm"]


class TestProgress:
    def test_many_files_on_a_terminal_show_a_bar_that_makes_room_for_lines(self, tmp_path: Path) -> None:
        files = [write_wav(tmp_path / f"{number}\x1b.wav", QUIET) for number in range(9)]
        files.append(write_wav(tmp_path / "9.wav", EVENT))
        terminal = FakeTerminal()
        progress = Progress(len(files), terminal)
        Scan(FakeListener, TableReport(terminal, terminal, progress)).run(files, progress.show)
        shown = terminal.getvalue()
        assert "[" + "." * 24 + "] 0/10 0?.wav" in shown
        assert "\r\x1b[K[" + "#" * 21 + "...] 9/10 9.wav\r\x1b[K      from" in shown
        # Nothing but the bar steers the terminal.
        assert shown.count("\x1b") == shown.count("\r\x1b[K")

    @pytest.mark.parametrize(("total", "stream"), [(9, FakeTerminal()), (1_000, io.StringIO())])
    def test_few_files_or_no_terminal_show_none(self, total: int, stream: io.StringIO) -> None:
        progress = Progress(total, stream)
        progress.show(1, "a.wav")
        progress.clear()
        assert stream.getvalue() == ""
