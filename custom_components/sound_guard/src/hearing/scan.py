"""Recordings in, what was heard in them out."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from .detection import Detection, Phase
from .listener import Listener
from .report import Report, Summary
from .source import SAMPLE_RATE_HZ, SourceError
from .sources import open_file
from .wav import WavHeader

UNREADABLE = 2
"""Exit code when a file could not be read."""

_SUFFIXES = frozenset(
    ".wav .mp3 .flac .ogg .oga .opus .m4a .m4b .aac .aif .aiff .aifc .amr .au .caf .wma .wv .mka .3gp "
    ".mp4 .m4v .mov .mkv .webm .avi .ts".split()
)
"""What is taken from a folder. A file named outright is tried whatever it is called."""


class Scan:
    """Goes through recordings one after the other; only one block of sound is in memory."""

    def __init__(
        self, new_listener: Callable[[], Listener], report: Report, *, scores: bool = False, ffmpeg: str = "ffmpeg"
    ) -> None:
        """Get ready; every file is heard by a listener of its own."""
        self._new_listener = new_listener
        self._report = report
        self._scores = scores
        self._ffmpeg = ffmpeg
        self._samples = 0
        self._cpu_s = 0.0
        self._detections = 0

    def run(self, files: Sequence[Path], show: Callable[[int, str], None]) -> bool:
        """Scan files, calling `show` with the number done and the next name. Return whether all could be read."""
        runtime = self._new_listener().runtime
        read = 0
        for done, path in enumerate(files):
            show(done, path.name)
            read += self._scan(path)
        seconds = self._samples / SAMPLE_RATE_HZ
        cpu_ms_per_s = 1000 * self._cpu_s / seconds if seconds else 0.0
        self._report.summary(Summary(read, seconds, self._detections, cpu_ms_per_s, runtime))
        return read == len(files)

    def _scan(self, path: Path) -> bool:
        """Scan one file; return whether it could be read."""
        listener = self._new_listener()
        failure: SourceError | None = None
        try:
            with open_file(path, ffmpeg=self._ffmpeg) as source:
                for block in source:
                    self._samples += block.size
                    self._tell(path, self._timed(partial(listener.feed, block)))
        except SourceError as error:
            failure = error
        if failure is None or listener.position_s:
            self._tell(path, self._timed(listener.flush))
            if self._scores:
                self._report.scores(path, listener.max_scores)
        if failure is not None:
            self._report.complain(str(failure))
            return False
        if cut_off := _cut_off(path):
            self._report.complain(cut_off)
        return True

    def _timed(self, hear: Callable[[], list[Detection]]) -> list[Detection]:
        started_s = time.process_time()
        detections = hear()
        self._cpu_s += time.process_time() - started_s
        return detections

    def _tell(self, path: Path, detections: Sequence[Detection]) -> None:
        for found in detections:
            if found.phase is Phase.ENDED:
                self._detections += 1
                self._report.event(path, found)


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files; of a folder, what looks like sound, in order. A folder without any stays in the list."""
    files: list[Path] = []
    for path in paths:
        files += (_sound_files(path) or [path]) if path.is_dir() else [path]
    return files


def _sound_files(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _cut_off(path: Path) -> str | None:
    """Return a note about a WAV file that ends too early, if it does."""
    try:
        header = WavHeader.read(path)
    except OSError:
        return None
    if header is None or not header.is_cut_off:
        return None
    return f"{path}: is cut off; {header.present_s:.1f} s of {header.declared_s:.1f} s are there and were scanned."
