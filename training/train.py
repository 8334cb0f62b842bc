"""Train a network, alone or together with other machines. Interrupted, it goes on where it was."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from hearing import ModelCard

from . import networks
from .config import LABELS, Config, ConfigError, MixturesConfig, RecordingsConfig
from .dataset import REPOSITORY, libraries_of, library_of, shards, teacher_of
from .distribution import Step, Workers
from .ears import mine
from .examples import Shard, examples_of
from .inspection import inspect
from .metrics import average_precision
from .recordings import Library, ManifestError

RUNS = Path(__file__).parent / "runs"
VALIDATION_SEED = 1_000_000_000
CHECKPOINT_SHARDS = 10
"""So many shards are lost by an interruption at most."""


def run_folder(config: Config) -> Path:
    """Return where a configuration's run is kept; a changed configuration is another run."""
    return RUNS / f"{config.name}-{config.sha256[:8]}"


def weights_of(config: Config) -> Path:
    """Return the file with a finished run's weights."""
    return run_folder(config) / f"{config.network}.weights.h5"


def train(config: Config, *, fresh: bool = False) -> Path:
    """Run one training to its end and return the folder with its weights.

    Every worker of TF_CONFIG runs this; the first one leaves the weights.

    Raises:
        ConfigError: a batch cannot be shared evenly, or the run that this one begins with has not been trained.
        ManifestError: the recordings cannot be used.
    """
    workers = Workers()
    batches = _batches(config, workers)
    if workers.first:
        _begins_with(config)
    # A wrong manifest or a missing teacher ends the run here, before any work.
    library = library_of(config)
    for part in libraries_of(config):
        inspect(part)
    teacher_of(config)
    run = run_folder(config)
    if not workers.first:
        run = run.with_name(f"{run.name}-worker-{workers.index}")
    if fresh:
        shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True, exist_ok=True)
    _record_splits(config, library, run)
    hard = _hard_negatives(config, run)
    keras.utils.set_random_seed(config.seed)
    model = _model(config, run if (run / "checkpoint.keras").is_file() else None, begins=workers.first)
    workers.begin_alike(model)
    step = workers.training_step(model, model.loss)
    done = int(model.optimizer.iterations) // batches
    total = config.mixtures.shards * config.train.epochs
    bar = tqdm(total=total, initial=done, desc=f"training {config.name}", unit="shard", mininterval=5)
    started_s = time.monotonic()
    recent: list[float] = []
    kept = shard_folder(config, library, hard, workers)
    for position, shard in _from(config, kept, done, hard, workers):
        recent.append(_learn(step, shard, config, position, workers))
        bar.update()
        bar.set_postfix(loss=f"{np.mean(recent[-20:]):.4f}")
        if workers.first and ((position + 1) % CHECKPOINT_SHARDS == 0 or position + 1 == total):
            _keep(model, run)
    bar.close()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    if workers.first:
        model.save_weights(weights_of(config))
        precision = validate(config, model)
        minutes = (time.monotonic() - started_s) / 60
        (run / "training.json").write_text(json.dumps({"average_precision": precision, "minutes": minutes}, indent=2))
        print(f"{run}: trained in {minutes:.1f} min; average precision on validation mixtures {precision}")
    workers.meet()
    return run


def _batches(config: Config, workers: Workers) -> int:
    """Return into how many batches a shard is cut."""
    size, batch = config.mixtures.shard_mixtures, config.train.batch
    if size % batch or batch % workers.count:
        raise ConfigError(
            f"{config.name}: shard_mixtures ({size}) must be a multiple of batch ({batch}), "
            f"and batch one of the number of workers ({workers.count})"
        )
    return size // batch


def _begins_with(config: Config) -> None:
    """Make sure that the weights are there which a run begins with.

    Raises:
        ConfigError: they are not.
    """
    name = config.train.begin_with
    if name and not (weights := weights_of(Config.load(name))).is_file():
        raise ConfigError(f"{weights}: no such file; train first: python -m training train --config {name}")


def _record_splits(config: Config, library: Library, run: Path) -> None:
    """Write down which recording is in which split; a run and the one it begins with must agree.

    Raises:
        ManifestError: they do not.
    """
    recorded = library.split_table()
    runs = [run]
    if config.train.begin_with:
        runs.append(run_folder(Config.load(config.train.begin_with)))
    for earlier in (folder / "split.csv" for folder in runs):
        if earlier.is_file() and earlier.read_text(encoding="utf-8") != recorded:
            raise ManifestError(
                f"{earlier}: recordings were added, removed or split otherwise since, so that some of the test may "
                "have been trained with; train that run again with --fresh"
            )
    (run / "split.csv").write_text(recorded, encoding="utf-8")


def _keep(model: keras.Model, run: Path) -> None:
    """Save weights and optimizer, whose count of steps says how far the run is."""
    partial = run / "checkpoint.part.keras"  # an interruption must not leave half of it
    model.save(partial)
    partial.replace(run / "checkpoint.keras")


def _model(config: Config, run: Path | None, *, begins: bool = True) -> keras.Model:
    """Return the model of a run's checkpoint, or a fresh one; `begins` loads the weights it is to begin with."""
    settings = config.train
    loss = networks.loss(config)
    if run is not None:
        known = {loss.__name__: loss}
        model: keras.Model = keras.models.load_model(run / "checkpoint.keras", custom_objects=known)
        return model
    model = networks.build(config)
    if settings.begin_with and begins:
        # What is learnt on the side may be new, and is then learnt from scratch.
        model.load_weights(weights_of(Config.load(settings.begin_with)), skip_mismatch=config.network == "rcrnn")
    steps = config.mixtures.shards * settings.epochs * -(-config.mixtures.shard_mixtures // settings.batch)
    rate = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 20,
        decay_steps=int(steps * 0.95),
        warmup_steps=int(steps * 0.05),
        warmup_target=settings.learning_rate,
    )
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=settings.weight_decay,
        clipnorm=1.0,
        use_ema=True,
        ema_momentum=float(np.clip(1 - 20 / steps, 0, 0.999)),
    )
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model


def _hard_negatives(config: Config, run: Path) -> list[str]:
    """Return the training negatives that the configured model mistakes, found once and kept with the run."""
    kept = run / "hard.json"
    if not config.mining.card:
        return []
    if not kept.is_file():
        card = ModelCard.load(REPOSITORY / config.mining.card)
        kept.write_text(json.dumps(mine(card, library_of(config), config.mining.score), indent=1))
    files: list[str] = json.loads(kept.read_text())
    print(f"{len(files)} hard negatives come up more often")
    return files


def shard_folder(config: Config, library: Library, hard: Sequence[str], workers: Workers) -> Path:
    """Return where the shards of a run are kept; runs that mix the same recordings in the same way share them."""
    mixed = replace(config.mixtures, shards=0, workers=0, validation_mixtures=0)
    # Only what is not as usual: a setting that is new leaves the key of older runs as it is.
    made_of: list[Any] = [_unusual(config.recordings), _unusual(mixed), config.teacher.model, library.split_table()]
    if config.network != "attention":
        made_of.append(config.network)
    if hard:
        made_of += [config.mining.share, *hard]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:8]
    return RUNS / (f"shards-{key}" if workers.count == 1 else f"shards-{key}-{workers.index}-of-{workers.count}")


def _unusual(settings: RecordingsConfig | MixturesConfig) -> dict[str, Any]:
    usual = type(settings)()
    return {name: value for name, value in asdict(settings).items() if value != getattr(usual, name)}


def _from(config: Config, kept: Path, done: int, hard: Sequence[str], workers: Workers) -> Iterator[tuple[int, Shard]]:
    """Yield (position, shard) from where the run stands; later epochs read what the first one made."""
    count, seed = config.mixtures.shards, config.mixtures.seed * 10_000_000
    kept.mkdir(parents=True, exist_ok=True)
    missing = [i for i in range(count) if not (kept / f"{i}.npz").is_file()]
    first = missing[0] if missing else count
    for position in range(done, min(first, count)):
        yield position, _read(kept / f"{position}.npz")
    if first < count:
        size = config.mixtures.shard_mixtures
        part = (workers.index, workers.count)
        made = shards(config, "train", count - first, size, seed + first * size, hard=hard, part=part)
        for number, shard in enumerate(made, start=first):
            _write(kept / f"{number}.npz", shard)
            if number >= done:
                yield number, shard
    for position in range(max(done, count), count * config.train.epochs):
        epoch, number = divmod(position, count)
        order = np.random.default_rng([config.seed, epoch]).permutation(count)
        yield position, _read(kept / f"{order[number]}.npz")


def _write(path: Path, shard: Shard) -> None:
    partial = path.with_suffix(".part.npz")  # an interruption must not leave half a shard
    np.savez(partial, frames=shard.frames, targets=shard.targets, taught=shard.taught)
    partial.replace(path)


def _read(path: Path) -> Shard:
    with np.load(path) as shard:
        return Shard(shard["frames"], shard["targets"], shard["taught"])


def _learn(step: Step, shard: Shard, config: Config, position: int, workers: Workers) -> float:
    examples = examples_of(config)
    rng = np.random.default_rng([config.seed, position, 7])
    places = np.arange(config.mixtures.shard_mixtures).reshape(-1, config.train.batch)
    losses = []
    # Mixtures change places within their column only: a column is one worker's, and a batch the same for any number.
    for batch in rng.permuted(places, axis=0)[:, workers.index :: workers.count]:
        varied = [
            examples.varied(shard, place // workers.count, np.random.default_rng([config.seed, position, place]))
            for place in batch.tolist()
        ]
        frames, targets = (np.stack(part) for part in zip(*varied, strict=True))
        losses.append(float(step(frames, targets)))
    if not np.isfinite(losses).all():
        raise FloatingPointError(f"the loss is not finite at shard {position}; lower the learning rate")
    return float(np.mean(losses))


def validate(config: Config, model: keras.Model) -> dict[str, float]:
    """Return the average precision per label on mixtures of the validation split."""
    count = max(1, config.mixtures.validation_mixtures // 64)
    size = config.mixtures.validation_mixtures // count
    made = list(shards(config, "validation", count, size, VALIDATION_SEED))
    shown = [examples_of(config).plain(shard) for shard in made]
    frames, present = (np.concatenate(part) for part in zip(*shown, strict=True))
    scores = networks.scores(config, model.predict(frames, batch_size=64, verbose=0))
    return {label: round(average_precision(present[:, i], scores[:, i]), 4) for i, label in enumerate(LABELS)}
