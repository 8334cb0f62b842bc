"""Shards of mixtures, drawn, rendered and shown by seed, ahead of the training in processes of their own."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .config import Config
from .examples import Shard, examples_of, frames_of, length_s
from .mixtures import Mixer
from .recipes import Recipes
from .recordings import Library, ManifestError
from .splits import Split
from .teacher import Lessons, Teacher

REPOSITORY = Path(__file__).parents[1]


def libraries_of(config: Config) -> list[Library]:
    """Return the library of every folder that a configuration names; relative folders count from the repository."""
    settings = config.recordings
    folder = REPOSITORY / settings.folder if settings.folder else None
    main = Library.load(folder, settings.split_seed, (settings.validation_share, settings.test_share))
    return [main, *(Library.load(REPOSITORY / extra, 0, (0.0, 0.0)) for extra in settings.extra)]


def library_of(config: Config) -> Library:
    """Return one library of all the folders that a configuration names."""
    main, *others = libraries_of(config)
    for other in others:
        assert other.folder is not None
        main = main.joined(other.folder)
    return main


class ShardMaker:
    """Makes shards of one split; one instance per process."""

    def __init__(self, config: Config, split: Split, hard: Sequence[str] = ()) -> None:
        """Get the recordings and the teacher ready; `hard` names negatives that come up more often."""
        library = library_of(config)
        self._examples = examples_of(config)
        self._recipes = Recipes(config, library, split, length_s(self._examples), hard)
        self._mixer = Mixer(library)
        teacher = teacher_of(config)
        self._lessons = Lessons(teacher, library) if teacher else None

    def make(self, seeds: range) -> Shard:
        """Return the mixtures of the given seeds."""
        frames, targets, taught = [], [], []
        for seed in seeds:
            mixture = self._mixer.render(self._recipes.draw(seed))
            frames.append(frames_of(self._examples, mixture).astype(np.float16))
            targets.append(self._examples.targets(mixture))
            scores = self._lessons.on(mixture) if self._lessons else np.zeros((1, 0), np.float32)
            taught.append(np.round(255 * scores).astype(np.uint8))
        return Shard(np.stack(frames), np.stack(targets), np.stack(taught))


def teacher_of(config: Config) -> Teacher | None:
    """Return the configuration's teacher, None if it has none.

    Raises:
        ManifestError: the teacher's file is missing.
    """
    if not config.teacher.model:
        return None
    model = REPOSITORY / config.teacher.model
    if not model.is_file():
        raise ManifestError(f'{model}: the teacher is missing; set [teacher] model = "" to train without one')
    return Teacher(model)


_maker: list[ShardMaker] = []
"""The maker of a worker process, made once when it starts."""


def _start_worker(config: Config, split: Split, hard: Sequence[str]) -> None:
    _maker.append(ShardMaker(config, split, hard))


def _work(seeds: range) -> Shard:
    return _maker[0].make(seeds)


def shards(
    config: Config,
    split: Split,
    count: int,
    size: int,
    first_seed: int,
    *,
    hard: Sequence[str] = (),
    part: tuple[int, int] = (0, 1),
) -> Iterator[Shard]:
    """Yield shards in order, made ahead by worker processes if there are any; the same seeds give the same shards.

    `part` (which, of how many) leaves the other mixtures of every shard to other machines.
    """
    which, parts = part
    starts = range(first_seed, first_seed + count * size, size)
    ranges = [range(start + which, start + size, parts) for start in starts]
    workers = config.mixtures.workers
    if not workers:
        maker = ShardMaker(config, split, hard)
        yield from (maker.make(seeds) for seeds in ranges)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (config, split, hard)) as pool:
        ahead: list[Future[Shard]] = []
        for seeds in ranges:
            ahead.append(pool.submit(_work, seeds))
            if len(ahead) > workers + 1:
                yield ahead.pop(0).result()
        for future in ahead:
            yield future.result()
