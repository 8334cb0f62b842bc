"""The model card: a JSON file that says what a model hears, how, and how well. It is the way in to the model."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from .features import FeatureConfig

SCHEMA = 1
"""The card format this engine reads and writes."""

MODELS = Path(__file__).resolve().parents[2] / "models"
ATTENTION_CARD = MODELS / "attention.json"

MAX_FRAMES = 1 << 14
"""In a window: minutes of sound. A damaged card must not take a home server's memory."""

Pooling = Literal["max", "attention"]


class CardError(Exception):
    """A card or its model file cannot be used; the message names the file and the reason."""


class Sensitivity(StrEnum):
    """How readily a sound is reported: high hears more, low raises fewer false alarms."""

    LOW = "low"
    BALANCED = "balanced"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """How the attention model walks over the frames: only new sound is encoded, the window is attended as a whole."""

    chunk_frames: int = 32
    """New frames per step of the model."""

    context_frames: int = 9
    """Earlier frames the encoder needs besides the new ones."""

    frames_per_step: int = 4
    """Log-mel frames per encoded step."""

    window_steps: int = 112
    """Encoded steps that are attended together."""

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit together.

        Raises:
            ValueError: a length is out of range, or the chunk or the window is no whole number of steps or chunks.
        """
        if min(self.chunk_frames, self.frames_per_step, self.window_steps) < 1 or self.context_frames < 0:
            raise ValueError(f"window lengths must be positive: {self}")
        if max(self.chunk_frames, self.frames_per_step, self.window_steps, self.context_frames) > MAX_FRAMES:
            raise ValueError(f"window lengths are too large: {self}")
        if self.chunk_frames % self.frames_per_step or self.window_steps % self.chunk_steps:
            raise ValueError(f"a window must be whole chunks, a chunk whole steps: {self}")

    @property
    def chunk_steps(self) -> int:
        """Encoded steps per chunk."""
        return self.chunk_frames // self.frames_per_step


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """How scores become events; the same numbers for every sound."""

    pooling: Pooling = "max"
    """How frame scores become the clip probability that decides."""

    region_level: float = 0.5
    """An event reaches as far as the attention stays above this share of its peak."""

    release_s: float = 4.0
    """An event has ended when its last marked frame is this old."""

    def __post_init__(self) -> None:
        """Refuse numbers that decode nothing.

        Raises:
            ValueError: an unknown pooling, or a number out of range.
        """
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling must be one of {get_args(Pooling)}, not {self.pooling!r}")
        if not 0 < self.region_level <= 1 or self.release_s <= 0:
            raise ValueError(f"region_level must lie in 0 to 1 and release_s above 0: {self}")


@dataclass(frozen=True)
class ModelCard:
    """Everything that travels with a model. Read-only after creation."""

    path: Path
    """The card's own file; the model lies beside it."""

    name: str
    version: str
    model: str
    """File name of the .tflite, beside the card."""

    labels: tuple[str, ...]
    thresholds: Mapping[str, Mapping[Sensitivity, float]]
    """Per label, the clip probability from which it is reported."""

    content: bytes = field(repr=False)
    """The .tflite itself."""

    features: FeatureConfig = field(default_factory=FeatureConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()

    @property
    def model_path(self) -> Path:
        """Where the model file lies."""
        return self.path.with_name(self.model)

    @property
    def sha256(self) -> str:
        """SHA-256 of the model file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @classmethod
    def load(cls, path: Path) -> "ModelCard":
        """Read a card and its model file, and check both.

        Raises:
            CardError: a file is missing or damaged, or was made for another version of the engine.
        """
        return read_card(path, SCHEMA, cls._from_dict)

    @classmethod
    def _from_dict(cls, path: Path, card: dict[str, Any]) -> "ModelCard":
        name, content = read_model(path, card)
        labels = tuple(str(label) for label in card["labels"])
        return cls(
            path=path,
            name=str(card["name"]),
            version=str(card["version"]),
            model=name,
            labels=labels,
            thresholds=MappingProxyType({label: read_thresholds(card["thresholds"][label], label) for label in labels}),
            content=content,
            features=read_config(FeatureConfig, card["features"]),
            window=read_config(WindowConfig, card["window"]),
            decoder=read_config(DecoderConfig, card["decoder"]),
            training=MappingProxyType(dict(card["training"])),
            metrics=MappingProxyType(dict(card["metrics"])),
            limitations=tuple(str(line) for line in card["limitations"]),
        )

    def save(self) -> None:
        """Write the card and its model file; the card comes last, so that a half-written pair is never valid."""
        card = {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "model": self.model,
            "sha256": self.sha256,
            "labels": list(self.labels),
            "features": asdict(self.features),
            "window": asdict(self.window),
            "decoder": asdict(self.decoder),
            "thresholds": {label: dict(levels) for label, levels in self.thresholds.items()},
            "training": dict(self.training),
            "metrics": dict(self.metrics),
            "limitations": list(self.limitations),
        }
        write_card(self.path, card, self.content)


def read_card[Card](path: Path, schema: int, read: Callable[[Path, dict[str, Any]], Card]) -> Card:
    """Return what `read` makes of a card's JSON.

    Raises:
        CardError: the file is missing or damaged, or was made for another version of the engine.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (RecursionError, ValueError) as error:
        raise CardError(f"{path}: is damaged, not valid JSON ({error})") from error
    if not isinstance(card, dict) or card.get("schema") != schema:
        found = card.get("schema") if isinstance(card, dict) else type(card).__name__
        raise CardError(f"{path}: has schema {found!r}, this version reads schema {schema}")
    try:
        return read(path, card)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CardError(f"{path}: is damaged: {what}") from error


def read_model(path: Path, card: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return name and content of the model file that a card names.

    Raises:
        CardError: the file is missing, or not the one that the card was written for.
        KeyError: the card does not name it.
        ValueError: it is not to lie beside the card.
    """
    name = str(card["model"])
    if Path(name).name != name:
        raise ValueError(f"the model must lie beside the card, not at {name!r}")
    model = path.with_name(name)
    try:
        content = model.read_bytes()
    except OSError as error:
        raise CardError(f"{model}: cannot be read ({error.strerror or error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != card["sha256"]:
        raise CardError(f"{model}: is damaged: its SHA-256 is {found[:12]}…, the card says {card['sha256'][:12]}…")
    return name, _same(content)


@lru_cache(maxsize=2)
def _same(content: bytes) -> bytes:
    """Return a model that has been read before, not its copy: after a reload, the old one stays in memory for hours."""
    return content


def read_config[Config](kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Return a part of a card, a dataclass whose fields all have defaults.

    Raises:
        TypeError: a field is unknown, or of another type than its default.
        ValueError: a number is out of range.
    """
    config = kind(**values)
    for name, default in asdict(kind()).items():  # type: ignore[call-overload]  # not any class, a dataclass
        _check_type(name, getattr(config, name), default)
    return config


def _check_type(name: str, value: Any, default: Any) -> None:
    if isinstance(default, tuple):
        for each in value:
            _check_type(name, each, default[0])
    elif isinstance(default, float):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TypeError(f"{name} must be a number, not {value!r}")
    elif type(value) is not type(default):
        raise TypeError(f"{name} must be of the type {type(default).__name__}, not {value!r}")


def write_card(path: Path, card: Mapping[str, Any], content: bytes) -> None:
    """Write a model file and its card; the card comes last, so that a half-written pair is never valid."""
    path.with_name(str(card["model"])).write_bytes(content)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_thresholds(levels: Mapping[str, Any], label: str) -> Mapping[Sensitivity, float]:
    """Return the thresholds of one sound.

    Raises:
        KeyError: one is missing.
        ValueError: one is out of range, or they do not rise from high to low sensitivity.
    """
    thresholds = {level: float(levels[level]) for level in Sensitivity}
    if not 0 < thresholds[Sensitivity.HIGH] <= thresholds[Sensitivity.BALANCED] <= thresholds[Sensitivity.LOW] <= 1:
        raise ValueError(f"thresholds of {label} must fall from low to high within 0 to 1: {thresholds}")
    return MappingProxyType(thresholds)
