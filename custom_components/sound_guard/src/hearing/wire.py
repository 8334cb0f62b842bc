"""What goes over the wire to a second look on another machine: a clip of sound there, an answer or a refusal back."""

import contextlib
import io
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .features import Block
from .source import SAMPLE_RATE_HZ
from .verifier import Region, VerifierError
from .wav import WavHeader

VERIFY_PATH = "/v1/verify"
MODEL_PATH = "/v1/model"
HEALTH_PATH = "/health"

CLIP_TYPE = "audio/wav"

SHORTEST_S = 0.1
LONGEST_S = 15.0
"""Seconds of sound that a clip may hold."""

MOST_CLIP_BYTES = round(LONGEST_S * SAMPLE_RATE_HZ) * 2 + 4096
"""Longest body of a request; other programs write more into a WAV file's header than is needed."""

MOST_ANSWER_BYTES = 65_536
"""Longest body of an answer that is worth reading."""

_MOST_TEXT = 200


class ClipError(Exception):
    """A body holds no clip; the message is a plain sentence."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the short code beside the message."""
        super().__init__(message)
        self.code = code


def encode_clip(samples: Block) -> bytes:
    """Return 16 kHz mono int16 samples as a WAV file."""
    sound = samples.astype("<i2").tobytes()
    layout = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE_HZ, 2 * SAMPLE_RATE_HZ, 2, 16)
    chunks = struct.pack("<4s4sI", b"WAVE", b"fmt ", len(layout)) + layout + struct.pack("<4sI", b"data", len(sound))
    return struct.pack("<4sI", b"RIFF", len(chunks) + len(sound)) + chunks + sound


def decode_clip(body: bytes) -> Block:
    """Return the int16 samples of a WAV file.

    Raises:
        ClipError: it is none, is cut off, or holds something else than 0.1 to 15 s of 16 kHz mono 16-bit PCM.
    """
    header = WavHeader.parse(io.BytesIO(body), len(body))
    if header is None:
        raise ClipError("not_audio", "The body is not a WAV file.")
    if not header.is_native or header.bytes_per_s != 2 * SAMPLE_RATE_HZ:
        raise ClipError("wrong_format", "The sound must be 16-bit PCM, one channel, 16000 samples a second.")
    # Stricter than a player, which makes the best of a damaged file: half a sound must not be taken for the whole.
    (declared,) = struct.unpack_from("<I", body, 4)
    ends_with_sound = header.data_offset + header.declared_bytes == len(body)
    if declared != len(body) - 8 or not ends_with_sound or header.present_bytes % 2:
        raise ClipError("not_audio", "The WAV file is not as long as it says.")
    if header.present_s < SHORTEST_S:
        raise ClipError("too_short", f"The sound must last at least {SHORTEST_S} seconds.")
    if header.present_s > LONGEST_S:
        raise ClipError("too_long", f"The sound must last at most {LONGEST_S:.0f} seconds.")
    return np.frombuffer(body, "<i2", header.present_bytes // 2, header.data_offset).astype(np.int16)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model looks."""

    name: str
    version: str
    sha256: str
    """SHA-256 of the model file, in hexadecimal."""

    def to_json(self) -> bytes:
        """Return the answer to a question for the model alone."""
        return _dump({"model": asdict(self)})

    @classmethod
    def from_json(cls, body: bytes) -> "ModelInfo":
        """Read such an answer, or the same part of any other.

        Raises:
            VerifierError: it is none.
        """
        with _reading():
            model = json.loads(body)["model"]
            return cls(_text(model["name"]), _text(model["version"]), _text(model["sha256"]))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in a clip, and by which model."""

    model: ModelInfo
    regions: tuple[Region, ...]
    """Best first."""

    def to_json(self) -> bytes:
        """Return the body of the answer."""
        return _dump({"model": asdict(self.model), "regions": [asdict(region) for region in self.regions]})

    @classmethod
    def from_json(cls, body: bytes) -> "Answer":
        """Read the body of an answer.

        Raises:
            VerifierError: it is none, or says something impossible.
        """
        with _reading():
            regions = json.loads(body)["regions"]
            return cls(ModelInfo.from_json(body), tuple(_region(region) for region in regions))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not answered."""

    error: str
    """A short code."""

    message: str
    """A plain sentence."""

    def to_json(self) -> bytes:
        """Return the body that says so."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, body: bytes) -> "Refusal":
        """Read such a body.

        Raises:
            VerifierError: it is none.
        """
        with _reading():
            refusal = json.loads(body)
            return cls(_text(refusal["error"]), _text(refusal["message"]))


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Say in one way whatever is wrong with what a server, perhaps quite another one, has answered."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise VerifierError("The answer did not come from a second look of Sound Guard.") from error


def _region(region: Mapping[str, Any]) -> Region:
    onset_s, offset_s, confidence = (_number(region[field]) for field in ("onset_s", "offset_s", "confidence"))
    # Written so that NaN, which JSON lets through, is refused, too.
    if not (0 <= onset_s < offset_s <= LONGEST_S and 0 <= confidence <= 1):
        raise ValueError("not within a clip")
    return Region(_text(region["label"]), onset_s, offset_s, confidence)


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_TEXT or not value.isprintable():
        raise ValueError("not a short text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)


def _dump(content: Mapping[str, object]) -> bytes:
    return json.dumps(content).encode("ascii")
