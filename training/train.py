"""Train the attention model. Interrupted, it goes on where it was."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hearing import ModelCard

from . import attention
from .config import LABELS, Config
from .dataset import REPOSITORY, Shard, library_of, shards, teacher_of
from .evaluate import mine
from .metrics import average_precision
from .teacher import CLASSES

RUNS = Path(__file__).parent / "runs"
VALIDATION_SEED = 1_000_000_000


def run_folder(config: Config) -> Path:
    """Return where a configuration's run is kept; a changed configuration is another run."""
    return RUNS / f"{config.name}-{config.sha256[:8]}"


def train(config: Config, *, fresh: bool = False) -> Path:
    """Run one training to its end and return the folder with its weights.

    Raises:
        ManifestError: the recordings cannot be used.
    """
    # A wrong manifest or a missing teacher ends the run here, before any work.
    library_of(config)
    teacher_of(config)
    run = run_folder(config)
    progress = run / "progress.json"
    if fresh:
        shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True, exist_ok=True)
    hard = _hard_negatives(config, run)
    keras.utils.set_random_seed(config.seed)
    done = json.loads(progress.read_text())["shards"] if progress.is_file() else 0
    model = _model(config, run if done else None)
    total = config.mixtures.shards * config.train.epochs
    bar = tqdm(total=total, initial=done, desc=f"training {config.name}", unit="shard", mininterval=5)
    started_s = time.monotonic()
    recent: list[float] = []
    for position, shard in _from(config, run, done, hard):
        recent.append(_learn(model, shard, config, position))
        bar.update()
        bar.set_postfix(loss=f"{np.mean(recent[-20:]):.4f}")
        if (position + 1) % 10 == 0 or position + 1 == total:
            model.save(run / "checkpoint.keras")
            progress.write_text(json.dumps({"shards": position + 1}))
    bar.close()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    model.save_weights(run / "attention.weights.h5")
    precision = validate(config, model, run)
    minutes = (time.monotonic() - started_s) / 60
    (run / "training.json").write_text(json.dumps({"average_precision": precision, "minutes": minutes}, indent=2))
    print(f"{run}: trained in {minutes:.1f} min; average precision on validation mixtures {precision}")
    return run


def _model(config: Config, run: Path | None) -> keras.Model:
    settings = config.train
    loss = attention.loss(settings.clip_loss, settings.positive_weight, config.teacher.weight)
    if run is not None:
        model: keras.Model = keras.models.load_model(run / "checkpoint.keras", custom_objects={"attention_loss": loss})
        return model
    model = attention.build(config.attention, taught_classes(config)).model
    if settings.begin_with:
        model.load_weights(run_folder(Config.load(settings.begin_with)) / "attention.weights.h5")
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


def taught_classes(config: Config) -> int:
    """Return how many classes of a teacher a run learns on the side."""
    return len(CLASSES) if config.teacher.model else 0


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


def _from(config: Config, run: Path, done: int, hard: list[str]) -> Iterator[tuple[int, Shard]]:
    """Yield (position, shard) from where the run stands; later epochs read what the first one made."""
    count, seed = config.mixtures.shards, config.seed * 10_000_000
    kept = run / "shards"
    kept.mkdir(exist_ok=True)
    missing = [i for i in range(count) if not (kept / f"{i}.npz").is_file()]
    first = missing[0] if missing else count
    for position in range(done, min(first, count)):
        yield position, _read(kept / f"{position}.npz")
    if first < count:
        size = config.mixtures.shard_mixtures
        made = shards(config, "train", count - first, size, seed + first * size, hard)
        for number, shard in enumerate(made, start=first):
            np.savez(kept / f"{number}.npz", frames=shard.frames, targets=shard.targets, taught=shard.taught)
            if number >= done:
                yield number, shard
    for position in range(max(done, count), count * config.train.epochs):
        epoch, number = divmod(position, count)
        order = np.random.default_rng([config.seed, epoch]).permutation(count)
        yield position, _read(kept / f"{order[number]}.npz")


def _read(path: Path) -> Shard:
    with np.load(path) as shard:
        return Shard(shard["frames"], shard["targets"], shard["taught"])


def _learn(model: keras.Model, shard: Shard, config: Config, position: int) -> float:
    rng = np.random.default_rng([config.seed, position, 7])
    order = rng.permutation(len(shard.frames))
    losses = []
    for start in range(0, len(order), config.train.batch):
        chosen = order[start : start + config.train.batch]
        frames = augment(shard.frames[chosen].astype(np.float32), rng)
        losses.append(float(model.train_on_batch(frames, _targets(shard, chosen))))
    if not np.isfinite(losses).all():
        raise FloatingPointError(f"the loss is not finite at shard {position}; lower the learning rate")
    return float(np.mean(losses))


def _targets(shard: Shard, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return our targets and behind them the teacher's, (batch, steps, all); each window until the next."""
    ours = shard.targets[chosen].astype(np.float32)
    windows = np.linspace(0, shard.taught.shape[1] - 1, ours.shape[1]).round().astype(int)
    return np.concatenate((ours, shard.taught[chosen][:, windows].astype(np.float32) / 255), axis=2)


def augment(frames: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Vary level, microphone curve and missing bands of a batch (batch, frames, bands), so that each epoch differs."""
    batch, _, bands = frames.shape
    corners = rng.normal(0, 0.12, (batch, 5)) + rng.normal(0, 0.3, (batch, 1))
    places = np.linspace(0, bands - 1, 5)
    curve = np.stack([np.interp(np.arange(bands), places, row) for row in corners]).astype(np.float32)
    loud = frames > frames.min(axis=(1, 2), keepdims=True) + 0.05  # digital silence stays silent
    frames = frames + curve[:, None, :] * loud
    for row in range(batch):
        if rng.random() < 0.3:
            band = int(rng.integers(0, bands - 6))
            frames[row, :, band : band + int(rng.integers(1, 7))] = frames[row].mean()
    return frames


def validate(config: Config, model: keras.Model, run: Path) -> dict[str, float]:
    """Return the average precision per label on mixtures of the validation split."""
    count = max(1, config.mixtures.validation_mixtures // 64)
    size = config.mixtures.validation_mixtures // count
    made = list(shards(config, "validation", count, size, VALIDATION_SEED))
    frames = np.concatenate([shard.frames for shard in made]).astype(np.float32)
    present = np.concatenate([shard.targets for shard in made]).max(axis=1) > 0
    scores = model.predict(frames, batch_size=64, verbose=0).max(axis=1)
    return {label: round(average_precision(present[:, i], scores[:, i]), 4) for i, label in enumerate(LABELS)}
