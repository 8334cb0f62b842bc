"""How a scan is told: JSON lines for programs, a table for people."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from .detection import Detection
from .progress import Progress


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole scan came to."""

    files: int
    """Files read to their end."""

    seconds: float
    """Sound heard."""

    detections: int

    cpu_ms_per_audio_s: float
    """Processor time of hearing, without reading and decoding the file, per second of sound."""

    runtime: str
    """What ran the model."""


class Report(ABC):
    """Tells a scan on `out` as it goes on; complaints go to `err`."""

    def __init__(self, out: TextIO, err: TextIO, progress: Progress) -> None:
        """Remember where to write, and the bar that must make room for it."""
        self._out = out
        self._err = err
        self._progress = progress

    @abstractmethod
    def event(self, file: Path, found: Detection) -> None:
        """Tell an event that has ended."""

    @abstractmethod
    def scores(self, file: Path, scores: Mapping[str, float]) -> None:
        """Tell the highest score of every label in a file."""

    @abstractmethod
    def summary(self, summary: Summary) -> None:
        """Tell what it came to; the last call."""

    def complain(self, text: str) -> None:
        """Tell what could not be read, or not wholly."""
        self._print(f"sound-guard: {text}", self._err)

    def _print(self, line: str, stream: TextIO) -> None:
        self._progress.clear()
        print(line, file=stream, flush=True)


class JsonReport(Report):
    """One JSON object a line, for programs."""

    def event(self, file: Path, found: Detection) -> None:
        """Tell an event that has ended."""
        times = {"onset_s": round(found.onset_s, 2), "offset_s": round(found.offset_s, 2)}
        verifier = None if found.verifier_confidence is None else round(found.verifier_confidence, 4)
        sure = {"confidence": round(found.confidence, 4), "verified": found.verified, "verifier_confidence": verifier}
        self._json({"file": str(file), "label": found.label, **times, **sure})

    def scores(self, file: Path, scores: Mapping[str, float]) -> None:
        """Tell the highest score of every label in a file."""
        for label, score in scores.items():
            self._json({"file": str(file), "label": label, "max_score": round(score, 4)})

    def summary(self, summary: Summary) -> None:
        """Tell the last line."""
        self._json(
            {
                "summary": True,
                "files": summary.files,
                "seconds": round(summary.seconds, 2),
                "detections": summary.detections,
                "cpu_ms_per_audio_s": round(summary.cpu_ms_per_audio_s, 3),
                "runtime": summary.runtime,
            }
        )

    def _json(self, line: Mapping[str, Any]) -> None:
        self._print(json.dumps(line), self._out)


class TableReport(Report):
    """A table, for people."""

    _started = False

    def event(self, file: Path, found: Detection) -> None:
        """Tell an event that has ended as a row."""
        times = f"{clock(found.onset_s):>10}  {clock(found.offset_s):>10}"
        checked = "" if found.verifier_confidence is None else f"{found.verifier_confidence:.0%}"
        self._row(f"{times}  {plain(found.label):<12}  {found.confidence:>5.0%}  {checked:>7}  {file}")

    def scores(self, file: Path, scores: Mapping[str, float]) -> None:
        """Tell the highest scores of a file as rows."""
        for label, score in scores.items():
            self._row(f"{'highest':>10}  {'score':>10}  {plain(label):<12}  {score:>5.0%}  {'':>7}  {file}")

    def summary(self, summary: Summary) -> None:
        """Tell what it came to as a sentence."""
        counts = f"{number(summary.files, 'file')}, {clock(summary.seconds)} of sound"
        heard = f"{number(summary.detections, 'event')} heard"
        self._print(f"{counts}: {heard}.", self._out)
        self._print(
            f"{summary.cpu_ms_per_audio_s:.2f} ms of processor time per second of sound ({summary.runtime}).", self._out
        )

    def _row(self, row: str) -> None:
        if not self._started:
            self._started = True
            self._print(f"{'from':>10}  {'to':>10}  {'sound':<12}  {'sure':>5}  {'checked':>7}  file", self._out)
        self._print(row, self._out)


def clock(seconds: float) -> str:
    """Return seconds as m:ss.ss or h:mm:ss.ss."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6_000)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}:{minutes:02}' if hours else minutes}:{rest / 100:05.2f}"


def plain(label: str) -> str:
    """Return a label in words: "co_alarm" is "CO alarm"."""
    return label.replace("_", " ").replace("co ", "CO ")


def number(count: int, noun: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
