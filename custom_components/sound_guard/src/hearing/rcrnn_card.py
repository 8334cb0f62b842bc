"""The card of the R-CRNN: what it hears, how, how well, and for which attention model it was calibrated."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .card import MAX_FRAMES, MODELS, Sensitivity, read_card, read_config, read_model, read_thresholds, write_card
from .features import FeatureConfig

SCHEMA = 1
"""The card format this engine reads and writes."""

RCRNN_CARD = MODELS / "rcrnn.json"

MAX_ANCHORS = 64
"""Lengths of regions: more than anybody needs. A damaged card must not take a home server's memory."""


LEAST = 0.01
"""Regions less sure than this are of no interest; where nothing was found, this is how sure that is."""

MOST = 1 - 1e-7
"""Nothing is surer than this: a score ends there."""


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """How the R-CRNN looks at a clip and decodes what it finds; the same numbers for every sound."""

    clip_frames: int = 512
    """Log-mel frames of a clip."""

    frames_per_step: int = 8
    """Log-mel frames per step of the features."""

    anchors_s: tuple[float, ...] = (0.3, 0.6, 1.0, 1.6, 2.5, 4.0, 6.3, 10.0)
    """Lengths of the regions that are tried around every step."""

    proposals: int = 16
    """So many proposals are classified."""

    proposal_overlap: float = 0.7
    """Of two proposals that overlap more (intersection over union), the better stays."""

    region_overlap: float = 0.3
    """Of two regions of one sound that overlap more, the better stays."""

    classifier: bool = True
    """Whether proposals are classified in a second step; else the proposals' scores name the sound by themselves."""

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit together.

        Raises:
            ValueError: a length or an overlap is out of range, or the clip is no whole number of steps.
        """
        object.__setattr__(self, "anchors_s", tuple(self.anchors_s))
        if min(self.clip_frames, self.frames_per_step, self.proposals) < 1 or not self.anchors_s:
            raise ValueError(f"clip, steps, proposals and anchors must be positive: {self}")
        if max(self.clip_frames, self.proposals, *self.anchors_s) > MAX_FRAMES or len(self.anchors_s) > MAX_ANCHORS:
            raise ValueError(f"the clip is too long, or the regions in it are too long or too many: {self}")
        if self.clip_frames % self.frames_per_step or min(self.anchors_s) <= 0:
            raise ValueError(f"a clip must be whole steps, an anchor longer than nothing: {self}")
        if not (0 < self.proposal_overlap <= 1 and 0 < self.region_overlap <= 1):
            raise ValueError(f"overlaps must lie in 0 to 1: {self}")

    @property
    def steps(self) -> int:
        """Steps of a clip."""
        return self.clip_frames // self.frames_per_step

    @property
    def anchors(self) -> int:
        """Regions that are tried in a clip."""
        return self.steps * len(self.anchors_s)


@dataclass(frozen=True)
class RcrnnCard:
    """Everything that travels with an R-CRNN. Read-only after creation."""

    path: Path
    """The card's own file; the model lies beside it."""

    name: str
    version: str
    model: str
    """File name of the .tflite, beside the card."""

    labels: tuple[str, ...]
    attention_sha256: str
    """The attention model whose suspicions it was calibrated on."""

    suspicion: Mapping[str, float]
    """Per label, the clip probability of the attention model from which a second look is taken."""

    thresholds: Mapping[str, Mapping[Sensitivity, float]]
    """Per label, the joint confidence from which a suspicion is confirmed."""

    weight: float
    """How much the R-CRNN counts beside the attention model in the joint confidence."""

    content: bytes = field(repr=False)
    """The .tflite itself."""

    features: FeatureConfig = field(default_factory=FeatureConfig)
    regions: RegionConfig = field(default_factory=RegionConfig)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()

    @property
    def clip_s(self) -> float:
        """Seconds of sound that it looks at."""
        return self.clip_samples / self.features.sample_rate_hz

    @property
    def clip_samples(self) -> int:
        """Samples that it looks at."""
        return self.features.samples_for(self.regions.clip_frames)

    @property
    def sha256(self) -> str:
        """SHA-256 of the model file, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
        """Return whether a sound is to be reported, given the attention's confidence and the best region's."""
        return self.joint(suspected, recognised) >= self.thresholds[label][sensitivity]

    def joint(self, suspected: float, recognised: float) -> float:
        """Return what both models think together: the mean of their scores (logits), weighted."""
        mean = (_logit(suspected) + self.weight * _logit(recognised)) / (1 + self.weight)
        return 1 / (1 + math.exp(-mean))

    @classmethod
    def load(cls, path: Path) -> "RcrnnCard":
        """Read a card and its model file, and check both.

        Raises:
            CardError: a file is missing or damaged, or was made for another version of the engine.
        """
        return read_card(path, SCHEMA, cls._from_dict)

    @classmethod
    def _from_dict(cls, path: Path, card: dict[str, Any]) -> "RcrnnCard":
        model, content = read_model(path, card)
        labels = tuple(str(label) for label in card["labels"])
        suspicion = {label: float(card["suspicion"][label]) for label in labels}
        if not all(0 < threshold <= 1 for threshold in suspicion.values()):
            raise ValueError(f"suspicion must lie in 0 to 1: {suspicion}")
        if not 0 <= card["weight"] < math.inf:
            raise ValueError(f"the weight must be a number from 0 on: {card['weight']}")
        return cls(
            path=path,
            name=str(card["name"]),
            version=str(card["version"]),
            model=model,
            labels=labels,
            attention_sha256=str(card["attention_sha256"]),
            suspicion=MappingProxyType(suspicion),
            thresholds=MappingProxyType({label: read_thresholds(card["thresholds"][label], label) for label in labels}),
            weight=float(card["weight"]),
            content=content,
            features=read_config(FeatureConfig, card["features"]),
            regions=read_config(RegionConfig, card["regions"]),
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
            "attention_sha256": self.attention_sha256,
            "features": asdict(self.features),
            "regions": asdict(self.regions),
            "suspicion": dict(self.suspicion),
            "thresholds": {label: dict(levels) for label, levels in self.thresholds.items()},
            "weight": self.weight,
            "training": dict(self.training),
            "metrics": dict(self.metrics),
            "limitations": list(self.limitations),
        }
        write_card(self.path, card, self.content)


def _logit(probability: float) -> float:
    sure = min(max(probability, LEAST), MOST)
    return math.log(sure / (1 - sure))
