"""The recordings to learn from: a checked manifest, split by group, decoded once."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from hearing.features import Block

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
REQUIRED = ("class", "subtype", "file", "onset_s", "offset_s", "group", "doubt", "licence")
SAMPLE_RATE_HZ = 16_000

WANTED = """\
Training needs recordings. Put them into one folder with a file `recordings.csv`, one row a file, columns
  class     glass_break, smoke_alarm, co_alarm, negative, rir (room impulse response) or any other sound of yours
  subtype   what kind, free text         file      path inside the folder (WAV, FLAC, Ogg; 16 kHz mono)
  onset_s, offset_s   where the sound is, ';' between several    group   one recording, device or session
  doubt     why the label may be wrong, else empty               licence what allows its use
and name the folder in the configuration ([recordings] folder). `--config tiny` runs without any recording."""


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
    spans_s: tuple[tuple[float, float], ...]
    """(onset, offset) of every event."""

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
        """Read and check a folder's manifest; None is the empty library.

        `shares` are the shares of groups for validation and test; a group is never in two splits.

        Raises:
            ManifestError: the manifest is missing or wrong.
        """
        if folder is None:
            return cls(None, (), "none")
        path = folder / "recordings.csv"
        if not path.is_file():
            raise ManifestError(f"{path}: no such file\n{WANTED}")
        content = path.read_bytes()
        rows = list(csv.DictReader(content.decode("utf-8").splitlines()))
        missing = [name for name in REQUIRED if not rows or name not in rows[0]]
        if missing:
            raise ManifestError(f"{path}: column {', '.join(missing)} is missing\n{WANTED}")
        recordings = tuple(_recording(path, number, row, seed, shares) for number, row in enumerate(rows, start=2))
        return cls(folder, recordings, hashlib.sha256(content).hexdigest())

    def select(self, split: Split, *kinds: str) -> tuple[Recording, ...]:
        """Return the trustworthy recordings of the given kinds in one split."""
        return tuple(r for r in self.recordings if r.split == split and r.kind in kinds and not r.doubtful)

    def read(self, recording: Recording) -> Block:
        """Return the sound of a recording, int16 at 16 kHz, from the decoded cache where there is one.

        Raises:
            ManifestError: the file cannot be read, or has another format.
        """
        assert self.folder is not None
        cached = _cache(self.folder) / (hashlib.sha256(recording.file.encode()).hexdigest()[:24] + ".npy")
        if cached.is_file():
            samples: Block = np.load(cached, mmap_mode="r")
            return samples
        path = self.folder / recording.file
        try:
            samples, rate_hz = soundfile.read(path, dtype="int16")
        except (OSError, RuntimeError) as error:
            raise ManifestError(f"{path}: cannot be read ({error})") from error
        if rate_hz != SAMPLE_RATE_HZ or samples.ndim != 1:
            raise ManifestError(f"{path}: is not 16 kHz mono; convert it: ffmpeg -i IN -ac 1 -ar 16000 OUT.flac")
        cached.parent.mkdir(parents=True, exist_ok=True)
        np.save(cached, samples)
        return samples


def _cache(folder: Path) -> Path:
    """Decoding Ogg is slow and the folder may be read-only, so decoded sound lies beside the runs."""
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return Path(__file__).parent / "runs" / "decoded" / key


def _recording(path: Path, number: int, row: dict[str, str], seed: int, shares: tuple[float, float]) -> Recording:
    where = f"{path}, row {number}"
    if not (path.parent / row["file"]).is_file():
        raise ManifestError(f"{where}: the file {row['file']!r} does not exist")
    try:
        onsets = [float(value) for value in row["onset_s"].split(";") if value]
        offsets = [float(value) for value in row["offset_s"].split(";") if value]
        # The onset of an impulse response is its direct sound, no event.
        spans = () if row["class"] == "rir" else tuple(zip(onsets, offsets, strict=True))
    except ValueError as error:
        raise ManifestError(f"{where}: onset_s and offset_s must be numbers, as many of each ({error})") from error
    if any(not 0 <= onset < offset for onset, offset in spans):
        raise ManifestError(f"{where}: an onset must lie before its offset, at 0 or later")
    if not row["group"]:
        raise ManifestError(f"{where}: the group is missing")
    return Recording(
        file=row["file"],
        kind=row["class"],
        subtype=row["subtype"],
        group=row["group"],
        licence=row["licence"],
        doubtful=bool(row["doubt"]),
        spans_s=spans,
        split=split_of(row["group"], seed, shares),
    )


def split_of(group: str, seed: int, shares: tuple[float, float]) -> Split:
    """Return the split of a group, always the same for the same seed: a hash, so that new rows move no old one."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    position = int.from_bytes(digest[:8]) / 2**64
    validation, test = shares
    return "test" if position < test else "validation" if position < test + validation else "train"


def rms(samples: NDArray[np.float32]) -> float:
    """Return the root mean square of float samples."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2) + 1e-20))
