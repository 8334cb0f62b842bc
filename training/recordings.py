"""The recordings to learn from: a checked manifest, split by group, decoded once."""

import csv
import hashlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hearing.features import Block

from .manifest import (
    SAMPLE_RATE_HZ,
    WANTED,
    Spans,
    file_fault,
    fixed_splits,
    refusal,
    row_faults,
    rows_of,
    spans_of,
)
from .splits import Split, assign

DOUBTS = Path(__file__).with_name("doubts.csv")
"""Doubts of ours about recordings whose manifest is not ours to change; read as if they stood in its column `doubt`."""


class ManifestError(Exception):
    """A manifest cannot be used; the message names file, row and reason."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of the manifest."""

    file: str
    kind: str
    """The manifest's class."""

    subtype: str
    group: str
    licence: str
    doubtful: bool
    spans_s: Spans
    """Where its events are."""

    split: Split


@dataclass(frozen=True)
class Library:
    """All recordings of a folder, split and ready to read."""

    folder: Path | None
    recordings: tuple[Recording, ...]
    sha256: str
    """Hash of the manifest."""

    @classmethod
    def load(cls, folder: Path | None, seed: int, shares: tuple[float, float]) -> "Library":
        """Read a folder's manifest and check its rows; None is the empty library. `inspection` opens the files.

        `shares` are the shares of groups for validation and test; a group is never in two splits.

        Raises:
            ManifestError: the manifest is missing or wrong; the message names up to ten rows.
        """
        if folder is None:
            return cls(None, (), "none")
        path = folder / "recordings.csv"
        if not path.is_file():
            raise ManifestError(f"{path}: no such file\n{WANTED}")
        content = path.read_bytes()
        try:
            rows = rows_of(content)
        except ValueError as error:
            raise ManifestError(f"{path}: {error}") from error
        if faults := row_faults(folder, rows):
            # Told together with what is wrong inside the files, so that one look at the manifest mends it all.
            wrong = {number for number, _ in faults}
            for number, row in enumerate(rows, start=2):
                if number not in wrong and (fault := file_fault(folder, row["file"], spans_of(row))):
                    faults.append((number, fault))
            raise ManifestError(refusal(path, faults))
        splits = assign(((row["class"], row["subtype"], row["group"]) for row in rows), seed, shares)
        splits |= fixed_splits(rows)
        doubts = _doubts()
        recordings = tuple(
            Recording(
                file=row["file"],
                kind=row["class"],
                subtype=row["subtype"],
                group=row["group"],
                licence=row["licence"],
                doubtful=bool(row["doubt"]) or row["file"] in doubts,
                spans_s=spans_of(row),
                split=splits[row["group"]],
            )
            for row in rows
        )
        return cls(folder, recordings, hashlib.sha256(content).hexdigest())

    def joined(self, folder: Path) -> "Library":
        """Return this library and another folder's recordings, which are all for training.

        Raises:
            ManifestError: the other manifest is missing or wrong.
        """
        other = Library.load(folder, 0, (0.0, 0.0))
        added = tuple(
            replace(recording, file=str((folder / recording.file).resolve()), split="train")
            for recording in other.recordings
        )
        both = hashlib.sha256(f"{self.sha256}{other.sha256}".encode()).hexdigest()
        return Library(self.folder or folder, self.recordings + added, both)

    def select(self, split: Split, *kinds: str) -> tuple[Recording, ...]:
        """Return the trustworthy recordings of the given kinds in one split."""
        return tuple(r for r in self.recordings if r.split == split and r.kind in kinds and not r.doubtful)

    def split_table(self) -> str:
        """Return as CSV which recording is in which split; doubtful ones are left out of all."""
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", "group", "split"))
        for recording in self.recordings:
            rows.writerow((recording.file, recording.group, "" if recording.doubtful else recording.split))
        return table.getvalue()

    def cache(self) -> Path:
        """Return the folder for what is made from recordings: decoding is slow, and theirs may be read-only."""
        key = hashlib.sha256(str(self.folder and self.folder.resolve()).encode()).hexdigest()[:12]
        return Path(__file__).parent / "runs" / "decoded" / key

    def seconds(self, recording: Recording) -> float:
        """Return the length of a recording."""
        return len(self.read(recording)) / SAMPLE_RATE_HZ

    def read(self, recording: Recording) -> Block:
        """Return the sound of a recording, int16 at 16 kHz, from the decoded cache where there is one.

        Raises:
            ManifestError: the file cannot be read, or has another format.
        """
        assert self.folder is not None
        path = self.folder / recording.file
        cached = self.cache() / (hashlib.sha256(recording.file.encode()).hexdigest()[:24] + ".npy")
        if cached.is_file() and not (path.is_file() and path.stat().st_mtime > cached.stat().st_mtime):
            samples: Block = np.load(cached, mmap_mode="r")
            return samples
        if fault := file_fault(self.folder, recording.file, ()):
            raise ManifestError(f"{self.folder / 'recordings.csv'}: {fault}")
        try:
            samples, _ = soundfile.read(path, dtype="int16")
        except (OSError, RuntimeError) as error:
            raise ManifestError(f"{path}: cannot be read ({error})") from error
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Other processes read and write here too; they never see half a file.
        written = cached.with_suffix(f".{os.getpid()}.npy")
        np.save(written, samples)
        written.replace(cached)
        return samples


def _doubts() -> dict[str, str]:
    with DOUBTS.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row["doubt"] for row in csv.DictReader(lines)}


def rms(samples: NDArray[np.float32]) -> float:
    """Return the root mean square of float samples."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2) + 1e-20))
