"""What a source of sound is, and why one cannot be heard."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from traceback import format_exception
from typing import Protocol, Self

from .features import Block

SAMPLE_RATE_HZ = 16_000
"""Samples per second of every source."""

BLOCK_SAMPLES = 1_600
"""Samples per block: 0.1 s."""

STALL_S = 10.0
"""A live source that is silent on the wire for this long has stalled (digital silence is sound, too)."""


class Reason(StrEnum):
    """Why a source cannot be heard."""

    NO_DEVICE = "no_device"
    NO_PERMISSION = "no_permission"
    NO_SERVER = "no_server"
    """The sound server (PulseAudio, PipeWire) is not running."""
    REFUSED = "refused"
    """The stream cannot be reached or wants another password."""
    NOT_FOUND = "not_found"
    NOT_AUDIO = "not_audio"
    NO_FFMPEG = "no_ffmpeg"
    NO_BACKEND = "no_backend"
    """Neither PyAudio nor ffmpeg can open a microphone here."""
    STALLED = "stalled"
    LOST = "lost"
    """It was heard and ended unexpectedly."""
    BAD_SOURCE = "bad_source"
    """The address is malformed or of a kind that is not allowed."""


class SourceError(Exception):
    """A source cannot be heard. The message is a plain sentence without credentials."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the reason beside the message."""
        super().__init__(message)
        self.reason = reason

    @classmethod
    def of_file(cls, path: Path, error: OSError) -> "SourceError":
        """Say in plain words why a file cannot be read."""
        match error:
            case FileNotFoundError():
                return cls(Reason.NOT_FOUND, f"{path}: there is no such file.")
            case PermissionError():
                return cls(Reason.NO_PERMISSION, f"{path}: this user may not read it.")
            case IsADirectoryError():
                return cls(Reason.BAD_SOURCE, f"{path}: is a folder, and no sound file is in it.")
        return cls(Reason.LOST, f"{path}: cannot be read ({error.strerror or error}).")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Sound that was recorded and is not heard, or not yet."""

    waiting_s: float = 0.0
    """Seconds that wait to be heard."""

    dropped_s: float | None = None
    """Seconds lost since the source was opened because nobody took them in time, None where that cannot be told."""


class Source(Protocol):
    """16 kHz mono sound. Enter it, then iterate in one thread; close() may come from any thread."""

    @property
    def description(self) -> str:
        """What is being heard, for people; without credentials."""

    @property
    def backlog(self) -> Backlog:
        """What waits and what was lost; asked for in the thread that iterates."""

    def __enter__(self) -> Self:
        """Start.

        Raises:
            SourceError: it cannot be heard. Some sources find out only while iterating.
        """

    def __exit__(self, *_: object) -> None:
        """Close."""

    def __iter__(self) -> Iterator[Block]:
        """Yield int16 blocks of BLOCK_SAMPLES; the last one may be shorter. Ends quietly after close().

        Raises:
            SourceError: it can no longer be heard, or a live source has stalled.
        """

    def close(self) -> None:
        """Stop, free everything and end a running iteration. May be called twice."""


_SOMEBODY, _SOMEWHERE = "***@", "/…"
"""Stand for user and password, and for path and query."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+")


def redact(spec: str) -> str:
    """Return a source's address without user, password, path and query. Anything else stays as it is."""
    scheme, separator, rest = spec.partition("://")
    if not separator:
        return spec
    # Passwords may hold any character, so whatever stands before the last @ goes, even if a path held the @.
    _, at, address = rest.rpartition("@")
    # Of many cameras the path is the password.
    host, *path = re.split(r"[/?#]", address, maxsplit=1)
    return f"{scheme}://{_SOMEBODY if at else ''}{host}{_SOMEWHERE if any(path) else ''}"


def is_redacted(spec: str) -> bool:
    """Return whether something of an address was left out by redact()."""
    return _SOMEBODY in spec or _SOMEWHERE in spec


def redact_all(text: str) -> str:
    """Return a text with every URL in it redacted."""
    return _URL.sub(lambda match: redact(match[0]), text)


def redacted_trace(error: BaseException) -> str:
    """Return an error's trace, on lines of its own, with every URL in it redacted."""
    return redact_all("\n" + "".join(format_exception(error))).rstrip()
