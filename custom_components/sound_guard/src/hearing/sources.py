"""Which sources there are: what a source is called, and how it is opened."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from . import intake
from .devices import Device, list_devices
from .features import Block
from .ffmpeg import FfmpegSource
from .portaudio import PortAudioSource
from .source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, STALL_S, Backlog, Reason, Source, SourceError, redact
from .wav import WavHeader, WavSource

__all__ = [
    "BLOCK_SAMPLES",
    "SAMPLE_RATE_HZ",
    "Device",
    "Reason",
    "Source",
    "SourceError",
    "list_devices",
    "open_file",
    "open_source",
    "redact",
]

DEFAULT = "default"

_STREAMS = ("rtsp", "rtsps", "http", "https")

_FILE_STALL_S = 60.0
"""A file may lie on a sleeping disk, or begin with an hour of video."""

_TELLING = (
    Reason.NO_PERMISSION,
    Reason.NO_SERVER,
    Reason.NO_DEVICE,
    Reason.BAD_SOURCE,
    Reason.NO_FFMPEG,
    Reason.NO_BACKEND,
)
"""Why a way to the default microphone does not work: the reason that helps most comes first."""


def open_source(spec: str, *, ffmpeg: str = "ffmpeg", stall_s: float = STALL_S) -> Source:
    """Return the live source with this name; it starts on entering.

    The name is "default", "pyaudio:NAME", "pulse:NAME", "alsa:NAME" or an rtsp(s) or http(s) address.

    Raises:
        SourceError: BAD_SOURCE, the name is malformed or of a kind that is not allowed.
    """
    spec = spec.strip()
    if spec == DEFAULT:
        return FirstWorking(
            [
                PortAudioSource(stall_s=stall_s),
                FfmpegSource(intake.pulse(DEFAULT), ffmpeg=ffmpeg, stall_s=stall_s),
                FfmpegSource(intake.alsa(DEFAULT), ffmpeg=ffmpeg, stall_s=stall_s),
            ]
        )
    kind, _, name = spec.partition(":")
    if name and not spec.isprintable():
        raise SourceError(Reason.BAD_SOURCE, "The name of the source holds characters that cannot be printed.")
    match kind.lower():
        case "pyaudio" if name:
            return PortAudioSource(name, stall_s=stall_s)
        case "pulse" if name:
            return FfmpegSource(intake.pulse(name), ffmpeg=ffmpeg, stall_s=stall_s)
        case "alsa" if name:
            return FfmpegSource(intake.alsa(name), ffmpeg=ffmpeg, stall_s=stall_s)
        case scheme if scheme in _STREAMS and _has_host(spec):
            return FfmpegSource(intake.stream(spec), ffmpeg=ffmpeg, stall_s=stall_s)
    raise SourceError(
        Reason.BAD_SOURCE,
        f"{redact(spec)!r} is no source of sound. Use 'default', 'pyaudio:NAME', 'pulse:NAME', 'alsa:NAME', "
        "or an address that begins with rtsp://, rtsps://, http:// or https://.",
    )


def open_file(path: Path, *, ffmpeg: str = "ffmpeg") -> Source:
    """Return a file as a source; it ends with the file. 16 kHz mono 16-bit WAV needs no ffmpeg.

    Raises:
        SourceError: the file is missing, empty or cannot be read.
    """
    try:
        if not path.stat().st_size and path.is_file():
            raise SourceError(Reason.NOT_AUDIO, f"{path}: is empty.")
        header = WavHeader.read(path)
    except OSError as error:
        raise SourceError.of_file(path, error) from error
    if header and header.is_native:
        return WavSource(path, header)
    return FfmpegSource(intake.file(path), ffmpeg=ffmpeg, stall_s=_FILE_STALL_S)


class FirstWorking:
    """The first of several sources that can be heard. Iterate in one thread; close() may come from any thread."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Remember the candidates, the best one first."""
        self._sources = sources
        self._current = sources[0]

    @property
    def description(self) -> str:
        """The source that is heard, or tried at the moment."""
        return self._current.description

    @property
    def backlog(self) -> Backlog:
        """That of the source that is heard."""
        return self._current.backlog

    def __enter__(self) -> Self:
        """Do nothing yet: only sound shows which source works."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the first source that has any.

        Raises:
            SourceError: it has failed, or none works: then the reason that helps most.
        """
        failures: list[SourceError] = []
        for source in self._sources:
            self._current = source
            heard = False
            try:
                with source:
                    for block in source:
                        heard = True
                        yield block
            except SourceError as error:
                if heard or error.reason not in _TELLING:
                    raise
                failures.append(error)
            else:
                return
        best = min(failures, key=lambda error: _TELLING.index(error.reason))
        if best.reason in (Reason.NO_FFMPEG, Reason.NO_BACKEND):
            raise SourceError(
                Reason.NO_BACKEND,
                "Neither PyAudio nor ffmpeg is here to open a microphone. Please install one of them.",
            )
        raise SourceError(best.reason, f"No microphone can be opened here. {best}")

    def close(self) -> None:
        """Close whichever is open, and keep the others from opening."""
        for source in self._sources:
            source.close()


def _has_host(url: str) -> bool:
    try:
        address = urlsplit(url)
        # A port that is none is found out when it is read.
        return "://" in url and bool(address.hostname) and (address.port is None or address.port > 0)
    except ValueError:
        return False
