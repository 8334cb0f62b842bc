"""One seed gives one training: the same mixtures and splits, and the same weights, interrupted or not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from training import attention, recordings, train
from training.config import AttentionConfig, Config
from training.dataset import library_of, shards
from training.recordings import Library, ManifestError

# Keras 3.15 converts its variables the old way; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Weights = list[np.ndarray]


class InterruptedError(Exception):
    """Somebody pulled the plug."""


def small() -> Config:
    """Return three shards of eight mixtures, seen twice by a small network."""
    tiny = Config.load("tiny")
    return replace(
        tiny,
        mixtures=replace(tiny.mixtures, shards=3, shard_mixtures=8, validation_mixtures=8),
        attention=AttentionConfig(channels=(8, 8, 8, 8), depth=16, levels=1),
        train=replace(tiny.train, batch=4),
    )


def weights(run: Path) -> Weights:
    model = attention.build(small().attention, taught=0).model
    model.load_weights(run / "attention.weights.h5")
    return [np.array(weight) for weight in model.get_weights()]


def same(first: Weights, second: Weights) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(train, "RUNS", tmp_path)
    monkeypatch.setattr(train, "CHECKPOINT_SHARDS", 2)
    return tmp_path


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "RUNS", tmp_path_factory.mktemp("runs"))
        return weights(train.train(small()))


def interrupt(monkeypatch: pytest.MonkeyPatch, position: int) -> None:
    """Train until just before a shard is learnt from."""
    learn = train._learn

    def interrupted(*arguments: object) -> float:
        if arguments[3] == position:
            raise InterruptedError
        return learn(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(train, "_learn", interrupted)
        with pytest.raises(InterruptedError):
            train.train(small())


def test_the_same_seed_gives_the_same_shards_bit_for_bit() -> None:
    def made(config: Config, first_seed: int) -> Iterator[np.ndarray]:
        for shard in shards(config, "train", 2, 8, first_seed):
            yield from (shard.frames, shard.targets, shard.taught)

    assert same(list(made(small(), 10)), list(made(small(), 10)))
    assert not same(list(made(small(), 10)), list(made(small(), 11)))
    ahead = replace(small(), mixtures=replace(small().mixtures, workers=2))
    assert same(list(made(ahead, 10)), list(made(small(), 10)))


def test_training_twice_gives_the_same_weights(uninterrupted: Weights, runs: Path) -> None:
    assert same(weights(train.train(small())), uninterrupted)


def test_a_training_interrupted_again_and_again_gives_the_same_weights(
    uninterrupted: Weights, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: keras.Model, path: Path) -> None:
        Path(path).write_bytes(b"half a checkpoint")
        raise InterruptedError

    interrupt(monkeypatch, 1)  # before the first checkpoint
    interrupt(monkeypatch, 3)  # one shard after it
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", half)  # while the second one is written
        with pytest.raises(InterruptedError):
            train.train(small())
    assert same(weights(train.train(small())), uninterrupted)


def test_the_split_is_written_down_and_a_run_is_not_continued_on_another(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = library_of(small())
    rows = [
        recordings.Recording("a, b.wav", "negative", "tv", "one", "CC0", False, (), "test"),
        recordings.Recording("c.wav", "negative", "tv", "two", "CC0", True, (), "train"),
    ]
    train._record_splits(small(), before, tmp_path)
    assert (tmp_path / "split.csv").read_text() == "file,group,split\n"
    library = Library(None, tuple(rows), "changed")
    with pytest.raises(ManifestError, match="train that run again with --fresh"):
        train._record_splits(small(), library, tmp_path)
    (tmp_path / "split.csv").unlink()
    train._record_splits(small(), library, tmp_path)
    assert (tmp_path / "split.csv").read_text() == 'file,group,split\n"a, b.wav",one,test\nc.wav,two,\n'
