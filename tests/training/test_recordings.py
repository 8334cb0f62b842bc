"""The manifest: what is wrong with it is said before any training starts, with file and row."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import recordings
from training.recordings import Library, ManifestError, split_of

HEADER = "class,subtype,file,onset_s,offset_s,group,doubt,licence\n"
SHARES = (0.15, 0.15)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "cache" / "recordings.py"))
    made = tmp_path / "mine"
    made.mkdir()
    for name in ("a.wav", "b.wav"):
        soundfile.write(made / name, np.arange(16_000, dtype=np.int16), 16_000)
    return made


def write(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "recordings.csv").write_text(header + "\n".join(rows) + "\n")


def test_a_good_manifest_is_read_and_split_by_group(folder: Path) -> None:
    write(folder, "glass_break,pane,a.wav,0.1;0.5,0.2;0.9,one,,CC0", "negative,tv,b.wav,,,two,unclear,CC0")
    library = Library.load(folder, 1, SHARES)
    glass, tv = library.recordings
    assert glass.spans_s == ((0.1, 0.2), (0.5, 0.9))
    assert glass.split == split_of("one", 1, SHARES)
    assert library.select(tv.split, "negative") == ()  # doubtful recordings are never used
    assert library.read(glass).tolist() == list(range(16_000))


def test_decoded_sound_is_kept_and_read_again(folder: Path) -> None:
    write(folder, "glass_break,pane,a.wav,0.1,0.2,one,,CC0")
    library = Library.load(folder, 1, SHARES)
    first = library.read(library.recordings[0])
    (folder / "a.wav").unlink()
    assert np.array_equal(library.read(library.recordings[0]), first)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("glass_break,pane,c.wav,0.1,0.2,one,,CC0", "row 2: the file 'c.wav' does not exist"),
        ("glass_break,pane,a.wav,0.1;0.3,0.2,one,,CC0", "row 2: onset_s and offset_s must be numbers, as many of each"),
        ("glass_break,pane,a.wav,soon,0.2,one,,CC0", "row 2: onset_s and offset_s must be numbers"),
        ("glass_break,pane,a.wav,0.3,0.2,one,,CC0", "row 2: an onset must lie before its offset"),
        ("glass_break,pane,a.wav,0.1,0.2,,,CC0", "row 2: the group is missing"),
    ],
)
def test_a_wrong_row_is_named_with_its_reason(folder: Path, row: str, reason: str) -> None:
    write(folder, row)
    with pytest.raises(ManifestError, match=reason.replace("(", r"\(")):
        Library.load(folder, 1, SHARES)


def test_a_missing_manifest_says_what_is_wanted_and_where(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="Training needs recordings"):
        Library.load(tmp_path, 1, SHARES)


def test_a_missing_column_is_named(folder: Path) -> None:
    write(folder, "glass_break,a.wav", header="class,file\n")
    with pytest.raises(ManifestError, match="column subtype, onset_s, offset_s, group, doubt, licence is missing"):
        Library.load(folder, 1, SHARES)


def test_an_unreadable_file_and_a_wrong_format_say_what_to_do(folder: Path) -> None:
    (folder / "a.wav").write_text("not sound")
    soundfile.write(folder / "b.wav", np.zeros((80, 2), np.int16), 8_000)
    write(folder, "negative,tv,a.wav,,,one,,CC0", "negative,tv,b.wav,,,two,,CC0")
    library = Library.load(folder, 1, SHARES)
    with pytest.raises(ManifestError, match=r"a\.wav: cannot be read"):
        library.read(library.recordings[0])
    with pytest.raises(ManifestError, match="convert it: ffmpeg"):
        library.read(library.recordings[1])


def test_groups_are_spread_by_the_seed_and_stay_where_they_are() -> None:
    splits = [split_of(f"group {i}", 1, SHARES) for i in range(2_000)]
    assert splits == [split_of(f"group {i}", 1, SHARES) for i in range(2_000)]
    assert splits != [split_of(f"group {i}", 2, SHARES) for i in range(2_000)]
    assert 0.12 < splits.count("test") / 2_000 < 0.18
    assert 0.12 < splits.count("validation") / 2_000 < 0.18
