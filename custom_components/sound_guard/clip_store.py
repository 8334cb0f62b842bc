"""A folder of clips: for each a sound, a picture and a page that says what they are. Everything here blocks."""

import json
import os
import re
import wave
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from threading import Lock

from .clip import Clip, Verdict
from .src.hearing.features import Block
from .src.hearing.source import SAMPLE_RATE_HZ

_ID = re.compile(r"[0-9a-f]{32}")
_OURS = re.compile(r"([0-9a-f]{32})\.(?:json|wav|png)(?:\.new)?")
"""Our files, those that are being written included. What else lies in the folder is never touched."""

_PAGE = "json"
MEGABYTE = 1_000_000
REMEMBERED = 100
"""So many of the latest clips in the making, and of those that were deleted, are known."""


class Part(StrEnum):
    """What can be played or looked at; the value ends the file's name."""

    SOUND = "wav"
    PICTURE = "png"


@dataclass(slots=True)
class _Files:
    """What there is of one clip, whole or not."""

    paths: list[Path]
    size: int
    moment: datetime


class ClipStore:
    """Keeps clips in a folder that only Home Assistant may read. Threadsafe."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder; it is made for the first clip."""
        self.folder = folder
        self._lock = Lock()
        self._expected: deque[str] = deque(maxlen=REMEMBERED)
        self._deleted: deque[str] = deque(maxlen=REMEMBERED)
        self.deletions = 0
        """How often everything was deleted."""

    def expect(self, clip_id: str) -> None:
        """Take note that a clip is in the making. Waits for nothing."""
        self._expected.append(clip_id)

    def is_deleted(self, clip_id: str) -> bool:
        """Return whether a clip was deleted: when more of its sound comes, or it is only ready now, it stays so."""
        return clip_id in self._deleted

    def add(self, clip: Clip, samples: Block, picture: bytes | None) -> bool:
        """Store a clip, or more of one that is there already; the owner's verdict on that stays.

        Returns False, and stores nothing, if the clip was deleted.

        Raises:
            OSError: the disk is full, or cannot be written to. Nothing is left of a new clip then.
        """
        with self._lock:
            if self.is_deleted(clip.id):
                return False
            known = self._read(clip.id)
            if known is not None:
                clip = replace(clip, verdict=known.verdict)
            try:
                self.folder.mkdir(mode=0o700, exist_ok=True)
                self._write(clip.id, Part.SOUND, wav(samples))
                if picture is not None:
                    self._write(clip.id, Part.PICTURE, picture)
                # The page comes last: a clip is there when its page is.
                self._write_page(clip)
            except OSError:
                if known is None:
                    with suppress(OSError):
                        self._remove(clip.id)
                raise
            return True

    def clips(self) -> list[Clip]:
        """Return all clips, the newest first.

        Raises:
            OSError: the folder cannot be read.
        """
        found = (self._read(clip_id) for clip_id in self._ids())
        return sorted((clip for clip in found if clip is not None), key=lambda clip: clip.onset, reverse=True)

    def find(self, clip_id: str) -> Clip | None:
        """Return a clip, None if there is none of that id, or it is no id at all."""
        return self._read(clip_id) if _ID.fullmatch(clip_id) else None

    def file(self, clip_id: str, part: Part) -> Path | None:
        """Return where a part of a clip lies, None if it is not there."""
        if self.find(clip_id) is None or not (path := self._path(clip_id, part)).is_file():
            return None
        return path

    def picture(self, clip_id: str) -> bytes | None:
        """Return the picture of a clip, None if there is none.

        Raises:
            OSError: it cannot be read.
        """
        path = self.file(clip_id, Part.PICTURE)
        return path.read_bytes() if path is not None else None

    def sounds(self, verdict: Verdict) -> dict[str, Path]:
        """Return where the sounds of the clips with a verdict lie by id, the oldest first."""
        judged = (clip.id for clip in reversed(self.clips()) if clip.verdict is verdict)
        paths = {clip_id: self._path(clip_id, Part.SOUND) for clip_id in judged}
        return {clip_id: path for clip_id, path in paths.items() if path.is_file()}

    def judge(self, clip_id: str, verdict: Verdict) -> Clip | None:
        """Store the owner's verdict and return the clip with it, None if there is no such clip.

        Raises:
            OSError: the disk cannot be written to.
        """
        with self._lock:
            clip = self.find(clip_id)
            if clip is None:
                return None
            clip = replace(clip, verdict=verdict)
            self._write_page(clip)
            return clip

    def delete(self, clip_id: str) -> bool:
        """Delete a clip; return whether there was one.

        Raises:
            OSError: the disk cannot be written to.
        """
        with self._lock:
            if self.find(clip_id) is None:
                return False
            self._deleted.append(clip_id)
            self._remove(clip_id)
            return True

    def delete_all(self) -> int:
        """Delete everything of ours, and the folder if it is empty then; return how many clips there were.

        What is in the making will not be stored.

        Raises:
            OSError: something could not be deleted; all the rest is.
        """
        with self._lock:
            self.deletions += 1
            self._deleted.extend(self._expected)
            ids, failures = self._ids(), []
            for clip_id in ids:
                try:
                    self._remove(clip_id)
                except OSError as error:
                    failures.append(error)
            if failures:
                raise failures[0]
            with suppress(OSError):
                self.folder.rmdir()
            return len(ids)

    def trim(self, now: datetime, days: float, megabytes: float) -> None:
        """Delete what is too old, then the oldest until the rest is small enough; the newest clip always stays.

        Raises:
            OSError: the disk cannot be written to.
        """
        with self._lock:
            left = sorted(self._files().values(), key=lambda files: files.moment)
            room = megabytes * MEGABYTE - sum(files.size for files in left)
            for number, files in enumerate(left, start=1):
                too_old = now - files.moment > timedelta(days=days)
                if too_old or (room < 0 and number < len(left)):
                    room += files.size
                    _unlink(files.paths)

    def _files(self) -> dict[str, _Files]:
        """Return our files by clip; what has no valid page, after a power cut, is as old as its last change."""
        found: dict[str, _Files] = {}
        for path, clip_id in self._all():
            with suppress(FileNotFoundError):
                about = path.stat()
                changed = datetime.fromtimestamp(about.st_mtime, UTC)
                files = found.setdefault(clip_id, _Files([], 0, changed))
                files.paths.append(path)
                files.size += about.st_size
                files.moment = max(files.moment, changed)
        for clip_id, files in found.items():
            if (clip := self._read(clip_id)) is not None:
                files.moment = clip.onset
        return found

    def _ids(self) -> list[str]:
        return sorted({clip_id for _, clip_id in self._all()})

    def _all(self) -> Iterator[tuple[Path, str]]:
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if match := _OURS.fullmatch(path.name):
                    yield path, match[1]

    def _path(self, clip_id: str, suffix: str) -> Path:
        return self.folder / f"{clip_id}.{suffix}"

    def _read(self, clip_id: str) -> Clip | None:
        try:
            clip = Clip.from_dict(json.loads(self._path(clip_id, _PAGE).read_text(encoding="utf-8")))
        except (ArithmeticError, OSError, KeyError, RecursionError, TypeError, ValueError):
            return None
        return clip if clip.id == clip_id else None

    def _write_page(self, clip: Clip) -> None:
        self._write(clip.id, _PAGE, json.dumps(clip.as_dict(), indent=2, ensure_ascii=False).encode())

    def _write(self, clip_id: str, suffix: str, content: bytes) -> None:
        """Write a file so that it is there wholly or not at all, also after a power cut."""
        path = self._path(clip_id, suffix)
        new = path.with_name(f"{path.name}.new")
        try:
            with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def _remove(self, clip_id: str) -> None:
        suffixes = (_PAGE, *Part)
        _unlink(self._path(clip_id, suffix) for suffix in (*suffixes, *(f"{suffix}.new" for suffix in suffixes)))


def _unlink(paths: Iterable[Path]) -> None:
    # The page goes first: without it the rest is no clip any more.
    for path in sorted(paths, key=lambda path: path.suffix != f".{_PAGE}"):
        path.unlink(missing_ok=True)


def wav(samples: Block) -> bytes:
    """Return samples as a WAV file, which every browser plays."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()
