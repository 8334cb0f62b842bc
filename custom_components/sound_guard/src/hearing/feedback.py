"""False alarms that an owner has reported, as a folder of recordings that training takes as negatives."""

import csv
import errno
import io
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

MANIFEST = "recordings.csv"
COLUMNS = ("class", "subtype", "file", "onset_s", "offset_s", "group", "doubt", "licence")
SUBTYPE = "reported_false_alarm"


def export_false_alarms(folder: Path, sounds: Mapping[str, Path], taken_back: Iterable[str] = ()) -> int:
    """Copy WAV files (16 kHz mono), by id, to a folder and return how many it has now.

    Earlier ones stay, but for those whose report was taken back: a real alarm must not be trained against.

    Raises:
        FileExistsError: the folder holds anything but an earlier export.
        OSError: a file cannot be read, or the folder cannot be written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = _rows(folder)
    withdrawn = {f"{event_id}.wav" for event_id in taken_back}
    rows = {name: row for name, row in rows.items() if name not in withdrawn}
    for name in rows:
        # An earlier version wrote them for all to read; a share on the network may know no such thing.
        with suppress(OSError):
            (folder / name).chmod(0o600)
    # The list goes first: it never names a file that is not there, and says at once whose folder this is.
    _write_manifest(folder, rows)
    for name in withdrawn:
        (folder / name).unlink(missing_ok=True)
    for event_id, sound in sounds.items():
        name = f"{event_id}.wav"
        try:
            content = sound.read_bytes()
        except FileNotFoundError:
            # Deleted meanwhile.
            continue
        _write(folder / name, content)
        # No times: all of it is what must not raise an alarm.
        row = {"class": "negative", "subtype": SUBTYPE, "file": name, "group": event_id, "licence": "own recording"}
        rows[name] = dict.fromkeys(COLUMNS, "") | row
    _write_manifest(folder, rows)
    return len(rows)


def _write_manifest(folder: Path, rows: Mapping[str, Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    _write(folder / MANIFEST, text.getvalue().encode())


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of an earlier export by file, without those whose file has been taken away."""
    manifest = folder / MANIFEST
    try:
        text = manifest.read_text(encoding="utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except FileNotFoundError:
        # A power cut may have left the first list half written; shares have hidden files of their own.
        if any(path.name != f"{MANIFEST}.new" and path.name[0] not in ".@" for path in folder.iterdir()):
            raise _not_ours(folder) from None
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        raise _not_ours(manifest) from error
    if text and (reader.fieldnames != [*COLUMNS] or any(not _is_ours(row) for row in rows)):
        raise _not_ours(manifest)
    return {row["file"]: row for row in rows if (folder / row["file"]).is_file()}


def _is_ours(row: Mapping[str | None, object]) -> bool:
    """Return whether a row was written here: a negative with a name in the folder, and nothing more or less."""
    name = row.get("file")
    whole = None not in row and None not in row.values()
    return whole and row["subtype"] == SUBTYPE and isinstance(name, str) and Path(name).name == name


def _not_ours(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _write(path: Path, content: bytes) -> None:
    """Write a file wholly or not at all, readable by nobody else: it was recorded in somebody's house."""
    new = path.with_name(f"{path.name}.new")
    try:
        with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
