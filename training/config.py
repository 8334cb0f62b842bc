"""The configuration of a training run: a TOML file, read once, unknown keys refused."""

import hashlib
import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

CONFIGS = Path(__file__).parent / "configs"
LABELS = ("glass_break", "smoke_alarm", "co_alarm")


class ConfigError(Exception):
    """A configuration cannot be used; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class RecordingsConfig:
    """Which recordings to learn from."""

    folder: str = "../shared/audio"
    """Folder with recordings.csv, relative to the repository; empty: synthesised sound only."""

    extra: tuple[str, ...] = ()
    """More folders of the same form, all for training: false alarms that owners reported, say."""

    split_seed: int = 1
    """Decides which group is in which split. Every run of a model's history must share it, or the test is no test."""

    validation_share: float = 0.15
    test_share: float = 0.2


@dataclass(frozen=True, slots=True)
class MixturesConfig:
    """What is mixed, and how much."""

    seed: int = 1
    """The same seed gives the same mixtures, whatever the seed of the training that uses them."""

    synthesis: bool = True
    """Whether alarms, look-alikes and filler glass are synthesised; without recordings they always are."""

    rooms: bool = True
    """Whether sounds come through rooms, measured or simulated, and doors."""

    strikes: float = 0.0
    """Share of mixtures with synthesised strikes: drums, hi-hats, pans, knocks and clinks, which break nothing."""

    fragments: bool = False
    """Whether breaking glass is drawn more freely: any pitch, one pane's debris after another's impact, more noise."""

    shards: int = 100
    shard_mixtures: int = 256
    workers: int = 2
    """Processes that mix ahead of the training; 0 mixes in the training's own."""

    validation_mixtures: int = 512


@dataclass(frozen=True, slots=True)
class TeacherConfig:
    """Who teaches what our few recordings do not hold; training works without a teacher."""

    model: str = ""
    """YAMNet's .tflite, relative to the repository; empty: no teacher."""

    weight: float = 3.0
    """Weight of the loss against the teacher's scores."""


@dataclass(frozen=True, slots=True)
class MiningConfig:
    """Whose mistakes to learn from: training negatives that a model took for an alarm come up more often."""

    card: str = ""
    """The model's card, relative to the repository; empty: no mining."""

    score: float = 0.85
    """A negative is hard from this clip probability on, for any sound."""

    share: float = 0.4
    """Share of the draws of a negative that go to the hard ones."""


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """Size of the attention model."""

    channels: tuple[int, ...] = (16, 32, 64, 64)
    """Filters of the four convolutions on the spectrogram."""

    depth: int = 96
    """Width of an embedding."""

    levels: int = 4
    """Time resolutions of the head, each half the one before."""


@dataclass(frozen=True, slots=True)
class RcrnnConfig:
    """Size and form of the R-CRNN."""

    channels: tuple[int, ...] = (16, 24, 32, 48)
    """Filters of the first convolution and of the three residual blocks on the spectrogram."""

    depth: int = 160
    """Width in which frequency becomes channels."""

    units: int = 96
    """Width of the recurrent layer in each direction."""

    bins: int = 8
    """Pieces into which the classifier divides a region."""

    hidden: int = 160
    """Width of the classifier."""

    classifier: bool = True
    """Whether proposals are classified in a second step; else the proposal network names the sound by itself."""

    proposals: int = 24
    """Proposals that a clip is trained with."""

    steps: float = 0.0
    """Weight of a loss on what sounds in every step, beside those on regions; what learns it is never exported."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How the weights are found."""

    begin_with: str = ""
    """Configuration whose finished run gives the first weights; empty: from scratch."""

    epochs: int = 3
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip_loss: float = 0.5
    """Weight of the clip loss beside the frame loss."""

    attention: bool = True
    """Whether the clip loss looks through the attention; else at the highest frame alone."""

    positive_weight: float = 2.0
    """Weight of frames that hold the sound; they are rarer than others."""


@dataclass(frozen=True, slots=True)
class Config:
    """One training run."""

    name: str
    seed: int
    recordings: RecordingsConfig
    mixtures: MixturesConfig
    teacher: TeacherConfig
    mining: MiningConfig
    attention: AttentionConfig
    rcrnn: RcrnnConfig
    train: TrainConfig
    sha256: str
    """Hash of the file's text; it goes into the model card."""

    network: Literal["attention", "rcrnn"] = "attention"
    """Which of the two models is trained."""

    @classmethod
    def load(cls, name: str) -> "Config":
        """Read `configs/<name>.toml`, or the file at that path.

        Raises:
            ConfigError: the file is missing, no TOML, or holds unknown keys.
        """
        path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text)
        except OSError as error:
            known = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.toml")))
            raise ConfigError(f"{path}: no such configuration; there are {known}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: {error}") from error
        values |= {"name": path.stem, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        config = _build(cls, values, str(path))
        assert isinstance(config, cls)
        return config


def _build(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    types = get_type_hints(kind)
    unknown = values.keys() - {item.name for item in fields(kind)}
    if unknown:
        raise ConfigError(f"{where}: unknown {', '.join(sorted(unknown))}")
    built = {}
    for name, of in types.items():
        if is_dataclass(of):
            built[name] = _build(of, values.get(name, {}), f"{where}: [{name}]")  # type: ignore[arg-type]
        elif name in values:
            built[name] = tuple(values[name]) if isinstance(values[name], list) else values[name]
    try:
        return kind(**built)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
