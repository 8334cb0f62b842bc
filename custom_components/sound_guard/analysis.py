"""What is heard in a sound file, as the response of an action."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .engine import Engine
from .src.hearing.card import ModelCard, Sensitivity
from .src.hearing.detection import Detection
from .src.hearing.listener import Listener
from .src.hearing.report import Report, Summary
from .src.hearing.scan import Scan
from .src.hearing.second_look import SecondLook


class UnreadableError(Exception):
    """A file cannot be read as sound; the message says why."""


class _Answer(Report):
    """Gathers what a scan tells."""

    def __init__(self) -> None:
        self.detections: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.runtime = ""
        self.notes: list[str] = []

    def event(self, file: Path, found: Detection) -> None:
        verifier = found.verifier_confidence
        self.detections.append(
            {
                "label": found.label,
                "onset_s": round(found.onset_s, 2),
                "offset_s": round(found.offset_s, 2),
                "confidence": round(found.confidence, 4),
                "verified": found.verified,
                "verifier_confidence": None if verifier is None else round(verifier, 4),
            }
        )

    def scores(self, file: Path, scores: Mapping[str, float]) -> None:
        """Never told: only what is sure enough is asked for."""

    def summary(self, summary: Summary) -> None:
        self.seconds, self.runtime = round(summary.seconds, 2), summary.runtime

    def complain(self, text: str) -> None:
        self.notes.append(text)


def analyse(
    path: Path,
    card: ModelCard,
    engine: Engine,
    *,
    second_look: SecondLook | None,
    sensitivity: Sensitivity,
    ffmpeg: str,
) -> dict[str, Any]:
    """Return what is heard in a file, in the words of `sound-guard scan --json`. Blocks for as long as it takes.

    Raises:
        UnreadableError: it cannot be read as sound.
    """

    def new_listener() -> Listener:
        listener = engine.open_listener(card, second_look=second_look, wait=True)
        listener.sensitivity = sensitivity
        return listener

    answer = _Answer()
    if not Scan(new_listener, answer, ffmpeg=ffmpeg).run([path], _show):
        raise UnreadableError(" ".join(answer.notes))
    return {
        "file": str(path),
        "seconds": answer.seconds,
        "runtime": answer.runtime,
        "detections": answer.detections,
        "notes": answer.notes,
    }


def _show(done: int, name: str) -> None:
    """Show no progress: whoever has called the action waits for its response."""
