"""Opens every recording once before a training: files that do not fit their rows, recordings that are in two splits."""

import hashlib
import json
import os
from dataclasses import astuple
from pathlib import Path

from tqdm import tqdm

from .duplicates import Shared, find
from .manifest import SHOWN, Fault, file_fault, refusal
from .recordings import Library, ManifestError


def inspect(library: Library) -> None:
    """Refuse recordings that must not be trained with; takes a minute for 8 h, and no time while nothing changes.

    Raises:
        ManifestError: a file cannot be used, or two splits share a recording; the message names up to ten rows.
    """
    if not library.recordings:
        return
    kept = library.cache() / "inspected.json"
    state = _state(library)
    inspected = json.loads(kept.read_text()) if kept.is_file() else {}
    if inspected.get("state") != state:
        inspected = {"state": state, "shared": [astuple(shared) for shared in _open_all(library)]}
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(inspected))
        written.replace(kept)
    across = [told for shared in inspected["shared"] if (told := _across(library, Shared(*shared)))]
    if across:
        more = [f"... and {len(across) - SHOWN} more"] * (len(across) > SHOWN)
        remedy = "Give both the same group, or say in `doubt` why one of them is left out."
        raise ManifestError("\n".join([*across[:SHOWN], *more, remedy]))


def _state(library: Library) -> str:
    """Return a hash of the manifest and of what the folder says of its files; changed files have another."""
    assert library.folder is not None
    digest = hashlib.sha256(library.sha256.encode())
    for recording in library.recordings:
        held = (library.folder / recording.file).stat()
        digest.update(f"{recording.file}:{held.st_size}:{held.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _open_all(library: Library) -> list[Shared]:
    """Return what recordings of different groups share.

    Raises:
        ManifestError: files cannot be used.
    """
    path = _manifest(library)
    faults: list[Fault] = []
    for number, recording in enumerate(tqdm(library.recordings, desc="opening recordings", mininterval=5), start=2):
        fault = file_fault(path.parent, recording.file, recording.spans_s)
        try:
            if not fault:
                library.read(recording)
        except ManifestError as error:  # a good header, and nothing to decode behind it
            fault = str(error)
        if fault:
            faults.append((number, fault))
    if faults:
        raise ManifestError(refusal(path, faults))
    groups = [recording.group for recording in library.recordings]
    return find(lambda position: library.read(library.recordings[position]), groups)


def _across(library: Library, shared: Shared) -> str | None:
    """Return what to say of a shared stretch if two splits would use it."""
    first, second = library.recordings[shared.first], library.recordings[shared.second]
    if first.doubtful or second.doubtful or first.split == second.split:
        return None
    return (
        f"{_manifest(library)}, rows {shared.first + 2} and {shared.second + 2}: {first.file} ({first.split}, from "
        f"{shared.first_s:.1f} s) and {second.file} ({second.split}, from {shared.second_s:.1f} s) hold the same "
        f"{shared.length_s:.1f} s of sound"
    )


def _manifest(library: Library) -> Path:
    assert library.folder is not None
    return library.folder / "recordings.csv"
