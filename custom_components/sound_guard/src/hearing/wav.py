"""Sound files in the one form that needs no decoder: 16 kHz mono 16-bit WAV."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

import numpy as np

from .features import Block
from .source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Backlog, SourceError

MAX_CHUNKS = 1_000
"""Pieces before the sound. A file of nothing but empty ones would keep a reader busy for minutes."""

_PCM = 1
_EXTENSIBLE = 0xFFFE
_UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that write WAV into a pipe cannot know the length; they claim about this much, or more."""


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What a WAV file says about itself, and how much of that is there."""

    encoding: int
    """Format tag; 1 is PCM."""

    channels: int
    rate_hz: int
    sample_bits: int
    bytes_per_s: int

    data_offset: int
    """Where in the file the samples begin."""

    declared_bytes: int
    """Size of the samples according to the header."""

    present_bytes: int
    """Size of the samples in the file."""

    @property
    def is_native(self) -> bool:
        """True when the samples need no conversion."""
        return (self.encoding, self.channels, self.rate_hz, self.sample_bits) == (_PCM, 1, SAMPLE_RATE_HZ, 16)

    @property
    def is_cut_off(self) -> bool:
        """True when the file ends before the sound does."""
        return self.present_bytes < self.declared_bytes

    @property
    def declared_s(self) -> float:
        """Seconds of sound according to the header."""
        return self.declared_bytes / self.bytes_per_s

    @property
    def present_s(self) -> float:
        """Seconds of sound in the file."""
        return self.present_bytes / self.bytes_per_s

    @classmethod
    def read(cls, path: Path) -> "WavHeader | None":
        """Return the header, or None if this is no WAV file with samples.

        Raises:
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            return cls.parse(file, os.fstat(file.fileno()).st_size)

    @classmethod
    def parse(cls, file: BinaryIO, size: int) -> "WavHeader | None":
        """Return the header of an opened file of `size` bytes, or None if this is no WAV file with samples."""
        riff, wave = struct.unpack("<4s4x4s", file.read(12).ljust(12, b"\0"))
        if (riff, wave) != (b"RIFF", b"WAVE"):
            return None
        layout = b""
        for _ in range(MAX_CHUNKS):
            if len(chunk := file.read(8)) < 8:
                break
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                return cls._parse(layout, file.tell(), length, size - file.tell())
            start = file.tell()
            if name == b"fmt ":
                layout = file.read(min(length, 40))
            file.seek(start + length + length % 2)
        return None

    @classmethod
    def _parse(cls, layout: bytes, offset: int, declared: int, available: int) -> "WavHeader | None":
        if len(layout) < 16:
            return None
        encoding, channels, rate_hz, bytes_per_s, _, bits = struct.unpack_from("<HHIIHH", layout)
        if encoding == _EXTENSIBLE and len(layout) >= 26:
            (encoding,) = struct.unpack_from("<H", layout, 24)
        if not bytes_per_s:
            return None
        if declared > available and declared >= _UNKNOWN_BYTES:
            declared = available
        return cls(encoding, channels, rate_hz, bits, bytes_per_s, offset, declared, min(declared, available))


class WavSource:
    """A 16 kHz mono 16-bit WAV file, read block by block."""

    backlog = Backlog()
    """A file waits for its listener."""

    def __init__(self, path: Path, header: WavHeader) -> None:
        """Remember the file; it is opened on entering."""
        self.description = str(path)
        self._path = path
        self._header = header
        self._lock = Lock()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            SourceError: the file has gone.
        """
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise SourceError.of_file(self._path, error) from error
        self._file.seek(self._header.data_offset)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield the file's samples as int16 blocks.

        Raises:
            SourceError: the disk or the network behind it fails.
        """
        # Half a sample at the end of a file that was cut off is no sample.
        left = self._header.present_bytes // 2 * 2
        while data := self._read(min(left, 2 * BLOCK_SAMPLES)):
            left -= len(data)
            yield np.frombuffer(data, "<i2")

    def close(self) -> None:
        """Close the file and end a running iteration."""
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _read(self, size: int) -> bytes:
        with self._lock:
            if self._file is None or self._file.closed:
                return b""
            try:
                return self._file.read(size)
            except OSError as error:
                raise SourceError.of_file(self._path, error) from error
