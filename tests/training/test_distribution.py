"""Two machines train as one: each mixes its own half, and both end where one alone would have."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training import attention, train
from training.config import Config, ConfigError
from training.dataset import shards
from training.distribution import Workers

CONFIG = """\
seed = 1
[recordings]
folder = ""
[mixtures]
shards = 2
shard_mixtures = 8
workers = 0
validation_mixtures = 8
[attention]
channels = [8, 8, 8, 8]
depth = 16
levels = 1
[train]
epochs = 2
batch = 4
"""
PROGRAM = """\
import sys
from pathlib import Path
from training import train
from training.config import Config
from training.distribution import Workers

class Witness(Workers):
    def training_step(self, model, loss):
        self.model = model
        return super().training_step(model, loss)

    def meet(self):
        self.model.save_weights(train.RUNS / f"{self.index}.weights.h5")
        super().meet()

train.RUNS = Path(sys.argv[1])
train.Workers = Witness
train.train(Config.load(sys.argv[2]))
"""


def start(runs: Path, config: Path, cluster: list[str], index: int | None) -> subprocess.Popen[bytes]:
    """Train in a process of its own, as one of a cluster's workers or alone."""
    environment = dict(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    environment.pop("TF_CONFIG", None)
    if index is not None:
        task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": index}}
        environment["TF_CONFIG"] = json.dumps(task)
    log = (runs.parent / f"{runs.name}-{index}.log").open("wb")
    command = [sys.executable, "-c", PROGRAM, str(runs), str(config)]
    with log:
        return subprocess.Popen(command, env=environment, cwd=Path(train.__file__).parents[1], stdout=log, stderr=log)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def weights(config: Config, file: Path) -> np.ndarray:
    model = attention.build(config.attention, taught=0).model
    model.load_weights(file)
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_two_workers_train_the_model_that_one_alone_would(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(CONFIG)
    cluster = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    processes = [start(tmp_path / "two", path, cluster, index) for index in range(2)]
    processes.append(start(tmp_path / "one", path, [], None))
    try:
        codes = [process.wait(timeout=600) for process in processes]
    finally:
        for process in processes:
            process.kill()
    logs = {log.name: log.read_text(errors="replace")[-2_000:] for log in tmp_path.glob("*.log")}
    assert codes == [0, 0, 0], logs
    config = Config.load(str(path))
    kept = weights(config, tmp_path / "two" / train.run_folder(config).name / "attention.weights.h5")
    first, second = (weights(config, tmp_path / "two" / f"{index}.weights.h5") for index in range(2))
    alone = weights(config, tmp_path / "one" / "0.weights.h5")
    assert np.array_equal(first, second)
    assert np.array_equal(first, kept)
    assert np.abs(first - alone).max() < 0.01 * np.abs(alone).max()
    halves = sorted(folder.name[-6:] for folder in (tmp_path / "two").glob("shards-*"))
    assert halves == ["0-of-2", "1-of-2"]


def test_workers_mix_different_parts_of_the_same_shards() -> None:
    tiny = Config.load("tiny")
    (whole,) = shards(tiny, "train", 1, 6, 40)
    (first,), (second,) = (shards(tiny, "train", 1, 6, 40, part=(which, 2)) for which in range(2))
    assert np.array_equal(whole.frames[::2], first.frames)
    assert np.array_equal(whole.frames[1::2], second.frames)


def test_one_machine_is_the_first_of_one(no_cluster: None) -> None:
    workers = Workers()
    assert (workers.index, workers.count, workers.first) == (0, 1, True)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(no_cluster: None) -> None:
    workers = Workers()
    workers.count = 3
    with pytest.raises(ConfigError, match=r"batch one of the number of workers \(3\)"):
        train._batches(Config.load("tiny"), workers)
