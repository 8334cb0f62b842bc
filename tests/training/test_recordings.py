"""The manifest: what is wrong with it is said before any training starts, with file and row."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import inspection, recordings
from training.config import Config
from training.inspection import inspect
from training.recordings import Library, ManifestError
from training.splits import assign
from training.train import train

HEADER = "class,subtype,file,onset_s,offset_s,group,doubt,licence\n"
SHARES = (0.15, 0.15)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    made = tmp_path / "mine"
    made.mkdir()
    for number, name in enumerate(("a.wav", "b.wav")):
        noise = np.random.default_rng(number).integers(-9_000, 9_000, 16_000).astype(np.int16)
        soundfile.write(made / name, noise, 16_000)
    return made


def write(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "recordings.csv").write_text(header + "\n".join(rows) + "\n")


def load(folder: Path) -> Library:
    return Library.load(folder, 1, SHARES)


def refused(folder: Path) -> str:
    """Return what a training says of the folder before it starts."""
    with pytest.raises(ManifestError) as refusal:
        inspect(load(folder))
    return str(refusal.value)


def test_a_good_manifest_is_read_and_split_by_group(folder: Path) -> None:
    write(folder, "glass_break,pane,a.wav,0.1;0.5,0.2;0.9,one,,CC0", "negative,tv,b.wav,,,two,unclear,CC0")
    library = load(folder)
    inspect(library)
    glass, tv = library.recordings
    assert glass.spans_s == ((0.1, 0.2), (0.5, 0.9))
    splits = assign([("glass_break", "pane", "one"), ("negative", "tv", "two")], 1, SHARES)
    assert {"one": glass.split, "two": tv.split} == splits
    assert library.select(tv.split, "negative") == ()  # doubtful recordings are never used
    assert np.array_equal(library.read(glass), soundfile.read(folder / "a.wav", dtype="int16")[0])


def test_a_manifest_saved_by_a_spreadsheet_is_read(folder: Path) -> None:
    (folder / "recordings.csv").write_bytes(
        b"\xef\xbb\xbf" + HEADER.strip().encode() + b'\r\nnegative,"tv, loud",a.wav,,,one,,CC0\r\n'
    )
    assert load(folder).recordings[0].subtype == "tv, loud"


def test_decoded_sound_is_kept_and_read_again_until_the_file_changes(folder: Path) -> None:
    write(folder, "glass_break,pane,a.wav,0.1,0.2,one,,CC0")
    library = load(folder)
    first = np.array(library.read(library.recordings[0]))
    sound, moved = (folder / "a.wav").read_bytes(), folder / "away.wav"
    (folder / "a.wav").rename(moved)
    assert np.array_equal(library.read(library.recordings[0]), first)
    (folder / "a.wav").write_bytes(sound.replace(sound[-100:], bytes(100)))
    later_s = moved.stat().st_mtime + 60
    os.utime(folder / "a.wav", (later_s, later_s))
    assert not library.read(library.recordings[0])[-50:].any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("glass_break,pane,c.wav,0.1,0.2,one,,CC0", "the file 'c.wav' does not exist"),
        (
            "glass,pane,a.wav,0.1,0.2,one,,CC0",
            "a.wav: the class 'glass' is none of glass_break, smoke_alarm, co_alarm,",
        ),
        ("glass_break,pane,a.wav,0.1;0.3,0.2,one,,CC0", "a.wav: onset_s and offset_s must be numbers, as many of each"),
        ("glass_break,pane,a.wav,soon,0.2,one,,CC0", "a.wav: onset_s and offset_s must be numbers"),
        ("glass_break,pane,a.wav,0.3,0.2,one,,CC0", "a.wav: an onset must lie before its offset"),
        ("glass_break,pane,a.wav,nan,0.2,one,,CC0", "a.wav: an onset must lie before its offset"),
        ("co_alarm,T4,a.wav,,,one,,CC0", "a.wav: a co_alarm needs onset_s and offset_s"),
        ("glass_break,pane,a.wav,0.1,0.2,,,CC0", "a.wav: the group is missing"),
        ("glass_break,pane,a.wav,0.1,0.2,one", "has more or fewer columns than the header"),
        ("negative,tv,b.wav,,,two,,CC0", "the file 'b.wav' is listed in row 2 already"),
        ("glass_break,pane,a.wav,1.2,1.4,one,,CC0", "a.wav: the onset 1.2 s lies beyond the end of the file (1.00 s)"),
        ("glass_break,pane,a.wav,0.5,1.4,one,,CC0", "a.wav: the offset 1.4 s lies beyond the end of the file (1.00 s)"),
        ("negative,tv,text.wav,,,one,,CC0", "text.wav: cannot be read"),
        ("negative,tv,cut.flac,,,one,,CC0", "cut.flac: cannot be read"),
        (
            "negative,tv,stereo.wav,,,one,,CC0",
            "stereo.wav: is not 16 kHz mono (8000 Hz, 2 channels); convert it: ffmpeg",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_reason(folder: Path, row: str, reason: str) -> None:
    (folder / "text.wav").write_text("not sound")
    soundfile.write(folder / "stereo.wav", np.zeros((80, 2), np.int16), 8_000)
    soundfile.write(folder / "whole.flac", np.random.default_rng(0).normal(0, 0.1, 32_000), 16_000)
    (folder / "cut.flac").write_bytes((folder / "whole.flac").read_bytes()[:200])
    write(folder, "negative,tv,b.wav,,,two,,CC0", row)
    assert f"{folder / 'recordings.csv'}, row 3: " in refused(folder)
    assert reason in refused(folder)


def test_an_offset_rounded_up_to_just_beyond_the_end_is_no_fault(folder: Path) -> None:
    write(folder, "glass_break,pane,a.wav,0.5,1.04,one,,CC0")
    inspect(load(folder))


def test_a_group_in_two_splits_is_refused_and_a_fixed_split_is_kept(folder: Path) -> None:
    header = HEADER.replace("class", "split,class")
    write(folder, "test,negative,tv,a.wav,,,one,,CC0", ",negative,tv,b.wav,,,one,,CC0", header=header)
    assert {recording.split for recording in load(folder).recordings} == {"test"}
    write(folder, "test,negative,tv,a.wav,,,one,,CC0", "train,negative,tv,b.wav,,,one,,CC0", header=header)
    assert "row 3: the group 'one' is in train, in row 2 in test" in refused(folder)
    write(folder, "tset,negative,tv,a.wav,,,one,,CC0", header=header)
    assert "row 2: a.wav: the split 'tset' is none of train, validation, test" in refused(folder)


def test_everything_wrong_is_told_at_once_up_to_ten_rows(folder: Path) -> None:
    gone = [f"negative,tv,gone{number}.wav,,,one,,CC0" for number in range(12)]
    write(folder, "glass_break,pane,a.wav,0.5,1.4,one,,CC0", "glas,tv,b.wav,,,one,,CC0", *gone)
    lines = refused(folder).splitlines()
    assert len(lines) == 11
    assert "row 2: a.wav: the offset 1.4 s lies beyond" in lines[0]  # found inside the file, told in the same breath
    assert "row 3: b.wav: the class 'glas'" in lines[1]
    assert "row 4: the file 'gone0.wav'" in lines[2]
    assert lines[10] == "... and 4 more"


def test_a_missing_manifest_says_what_is_wanted_and_where(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="Training needs recordings"):
        load(tmp_path)


def test_a_missing_column_is_named(folder: Path) -> None:
    write(folder, "glass_break,a.wav", header="class,file\n")
    with pytest.raises(ManifestError, match="column subtype, onset_s, offset_s, group, doubt, licence is missing"):
        load(folder)


def test_no_training_starts_on_a_wrong_manifest(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "glass_break,pane,a.wav,0.5,1.4,one,,CC0")
    config = tmp_path / "wrong.toml"
    config.write_text(f'seed = 1\n[recordings]\nfolder = "{folder}"\n[mixtures]\nworkers = 0\n')
    monkeypatch.setattr("training.train.RUNS", tmp_path / "runs")
    with pytest.raises(ManifestError, match=r"row 2: a\.wav: the offset"):
        train(Config.load(str(config)))
    assert not (tmp_path / "runs").exists()


def test_files_are_opened_again_only_when_something_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "negative,tv,a.wav,,,one,,CC0", "negative,tv,b.wav,,,two,,CC0")
    inspect(load(folder))
    with monkeypatch.context() as patch:
        patch.setattr(inspection, "_open_all", lambda _: pytest.fail("opened again"))
        inspect(load(folder))
    soundfile.write(folder / "b.wav", np.zeros((80, 2), np.int16), 8_000)
    assert "row 3: b.wav: is not 16 kHz mono" in refused(folder)


def test_a_recording_in_two_splits_is_refused_until_one_of_them_is_doubted_or_the_groups_are_joined(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    header = HEADER.replace("class", "split,class")
    whole, quiet = np.random.default_rng(5).integers(-20_000, 20_000, 48_000).astype(np.int16), np.zeros(900, np.int16)
    soundfile.write(folder / "a.wav", whole, 16_000)
    soundfile.write(folder / "b.wav", np.concatenate((quiet, whole[8_000:] // 3)), 16_000)
    train_row = "train,negative,tv,a.wav,,,one,,CC0"
    write(folder, train_row, "test,negative,tv,b.wav,,,two,,CC0", header=header)
    message = refused(folder)
    assert "rows 2 and 3: a.wav (train, from 0." in message
    assert "b.wav (test, from 0." in message
    assert "Give both the same group, or say in `doubt` why one of them is left out." in message
    for row in (
        "test,negative,tv,b.wav,,,two,a copy,CC0",
        "train,negative,tv,b.wav,,,one,,CC0",
        "train,negative,tv,b.wav,,,two,,CC0",
    ):
        write(folder, train_row, row, header=header)
        inspect(load(folder))
    write(folder, train_row, "test,negative,tv,b.wav,,,two,,CC0", header=header)
    (tmp_path / "doubts.csv").write_text("file,doubt\nb.wav,a copy\n")
    monkeypatch.setattr(recordings, "DOUBTS", tmp_path / "doubts.csv")
    inspect(load(folder))
