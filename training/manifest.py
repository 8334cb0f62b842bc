"""The manifest of a folder of recordings, `recordings.csv`: what its rows say, and what is wrong with them."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import soundfile

from .splits import SPLITS, Split

Row = dict[str, str]
Fault = tuple[int, str]
"""Number of a row in the file (the header is 1) and what is wrong with it."""

Spans = tuple[tuple[float, float], ...]
"""(onset, offset) of events in seconds."""

SAMPLE_RATE_HZ = 16_000
REQUIRED = ("class", "subtype", "file", "onset_s", "offset_s", "group", "doubt", "licence")
SOUNDS = ("glass_break", "smoke_alarm", "co_alarm")
"""Classes that are to be heard; the rest must not alarm, or is no event."""

CLASSES = (*SOUNDS, "negative", "low_battery_chirp", "fire_alarm_other", "rir")
END_TOLERANCE_S = 0.05
"""How far an offset may lie beyond the end of its file: times are rounded, codecs pad."""

SHOWN = 10

WANTED = """\
Training needs recordings. Put them into one folder with a file `recordings.csv`, one row a file, columns
  class     glass_break, smoke_alarm, co_alarm, negative, low_battery_chirp, fire_alarm_other, rir (impulse response)
  subtype   what kind, free text         file      path inside the folder (WAV, FLAC, Ogg; 16 kHz mono)
  onset_s, offset_s   where the sound is, ';' between several    group   one recording, device or session
  doubt     why the label may be wrong, else empty               licence what allows its use
  split     optional: train, validation or test, the same for a whole group
and name the folder in the configuration ([recordings] folder). `--config tiny` runs without any recording."""


def rows_of(content: bytes) -> list[Row]:
    """Return the rows of a manifest.

    Raises:
        ValueError: it is no UTF-8, or a column is missing.
    """
    # Spreadsheets put a byte order mark before the first column's name.
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"column {', '.join(missing)} is missing\n{WANTED}")
    return list(reader)


def spans_of(row: Row) -> Spans:
    """Return where the events of a row are; none for an impulse response, whose onset is its direct sound.

    Raises:
        ValueError: the times are no numbers, or not as many onsets as offsets.
    """
    onsets_s = [float(value) for value in row["onset_s"].split(";") if value]
    offsets_s = [float(value) for value in row["offset_s"].split(";") if value]
    return () if row["class"] == "rir" else tuple(zip(onsets_s, offsets_s, strict=True))


def fixed_splits(rows: Sequence[Row]) -> dict[str, Split]:
    """Return the splits that the manifest itself fixes in its optional column `split`, by group."""
    return {row["group"]: cast(Split, row["split"]) for row in rows if row.get("split")}


def row_faults(folder: Path, rows: Sequence[Row]) -> list[Fault]:
    """Return what is wrong with the rows, in their order; sound files are looked for, not opened."""
    faults: list[Fault] = []
    files: dict[str, int] = {}
    splits: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            faults.append((number, "has more or fewer columns than the header"))
            continue
        if fault := _fault(folder, row):
            faults.append((number, fault))
        if (first := files.setdefault(row["file"], number)) != number:
            faults.append((number, f"the file {row['file']!r} is listed in row {first} already"))
        if row.get("split"):
            named, first = splits.setdefault(row["group"], (row["split"], number))
            if named != row["split"]:
                faults.append((number, f"the group {row['group']!r} is in {row['split']}, in row {first} in {named}"))
    return faults


def _fault(folder: Path, row: Row) -> str | None:
    try:
        spans_s = spans_of(row)
    except ValueError as error:
        return f"{row['file']}: onset_s and offset_s must be numbers, as many of each ({error})"
    fixed = row.get("split") or SPLITS[0]
    wrong = {
        f"the file {row['file']!r} does not exist": not (folder / row["file"]).is_file(),
        f"{row['file']}: the class {row['class']!r} is none of {', '.join(CLASSES)}": row["class"] not in CLASSES,
        f"{row['file']}: the group is missing": not row["group"],
        f"{row['file']}: the split {fixed!r} is none of {', '.join(SPLITS)}": fixed not in SPLITS,
        f"{row['file']}: a {row['class']} needs onset_s and offset_s": row["class"] in SOUNDS and not spans_s,
        f"{row['file']}: an onset must lie before its offset, at 0 or later": any(
            not 0 <= onset_s < offset_s < math.inf for onset_s, offset_s in spans_s
        ),
    }
    return next((reason for reason, is_so in wrong.items() if is_so), None)


def file_fault(folder: Path, file: str, spans_s: Spans) -> str | None:
    """Return why a sound file cannot be used as its row says, None if it can; reads its header only."""
    try:
        info = soundfile.info(folder / file)
    except (OSError, RuntimeError) as error:
        return f"{file}: cannot be read ({error})"
    if info.samplerate != SAMPLE_RATE_HZ or info.channels != 1:
        return (
            f"{file}: is not 16 kHz mono ({info.samplerate} Hz, {info.channels} channels); "
            "convert it: ffmpeg -i IN -ac 1 -ar 16000 OUT.flac"
        )
    end_s = info.duration + END_TOLERANCE_S
    for onset_s, offset_s in spans_s:
        if onset_s >= info.duration or offset_s > end_s:
            name, value_s = ("onset", onset_s) if onset_s >= info.duration else ("offset", offset_s)
            return f"{file}: the {name} {value_s:g} s lies beyond the end of the file ({info.duration:.2f} s)"
    return None


def refusal(path: Path, faults: Sequence[Fault]) -> str:
    """Return the message for a manifest with faults: the first ten, and how many more there are."""
    lines = [f"{path}, row {number}: {reason}" for number, reason in sorted(faults)[:SHOWN]]
    more = len(faults) - SHOWN
    return "\n".join(lines + [f"... and {more} more"] * (more > 0))
