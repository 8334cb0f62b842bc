"""The shipped listener, on many clips at once: each is made and heard in a process that has nothing else to do."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import numpy as np
from tqdm import tqdm

from hearing import Detection, ModelCard, Phase, Sensitivity
from hearing.attention import AttentionModel
from hearing.decoder import Decoder
from hearing.features import Block, LogMel
from hearing.rcrnn_card import RcrnnCard
from hearing.tflite import open_interpreter

from .cases import dry, unheard_in
from .conditions import Stage
from .heard import Heard, Task, Witness, by_itself, hear_clip
from .peer import Peer, Yamnet
from .recordings import Library
from .splits import Split

WORTH_A_PROCESS = 40
"""Fewer clips are heard sooner than processes are started."""

SWEEP = tuple(float(1 / (1 + np.exp(-logit))) for logit in np.arange(-3.0, 16.01, 0.5))
"""Thresholds of the curve of recall against false alarms, evenly spaced in the network's own scores."""


class Ears:
    """Hears cases of one library; use it as a context manager. The same tasks give the same answers."""

    def __init__(
        self,
        card: ModelCard,
        library: Library,
        processes: int,
        peer: Path | None = None,
        second: RcrnnCard | None = None,
        alone: bool = False,
    ) -> None:
        """Get ready; `processes` 0 hears everything in this one, `second` takes second looks or hears `alone`."""
        self._card, self._library, self._processes, self._peer = card, library, processes, peer
        self._second, self._alone = second, alone
        self._stack = contextlib.ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def hear(self, split: Split, tasks: Sequence[Task], what: str) -> list[Heard]:
        """Return what is heard in every task, in order."""
        if not self._processes or len(tasks) < WORTH_A_PROCESS:
            worker = _Worker(self._card, self._library, self._peer, self._second, alone=self._alone)
            found: Iterator[Heard] = (worker.hear(split, task) for task in tasks)
        else:
            found = self._started().map(_hear, [split] * len(tasks), tasks, chunksize=8)
        return list(tqdm(found, desc=what, total=len(tasks), mininterval=5))

    def _started(self) -> ProcessPoolExecutor:
        """Start the processes; they read the card from a file, because one that is being made has none yet."""
        if self._pool is None:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            replace(self._card, path=folder / "card.json", model="card.tflite").save()
            second = None
            if self._second is not None:
                second = folder / "second.json"
                replace(self._second, path=second, model="second.tflite").save()
            start = (folder / "card.json", self._library, self._peer, second, self._alone)
            pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _start, start)
            self._pool = self._stack.enter_context(pool)
        return self._pool


class _Worker:
    """Everything that hears, in one process."""

    def __init__(
        self, card: ModelCard, library: Library, peer: Path | None, second: RcrnnCard | None, *, alone: bool
    ) -> None:
        self._card, self._library, self._alone = card, library, alone
        self._stages: dict[Split, Stage] = {}
        self._peers = [] if peer is None else _peers(peer)
        self._verifier = None if second is None else Witness(second)

    def hear(self, split: Split, task: Task) -> Heard:
        if split not in self._stages:
            self._stages[split] = Stage(self._library, split)
        clip = self._stages[split].put(dry(self._library, task.case), task.case.name, task.condition, task.draw)
        if self._alone:
            assert self._verifier is not None
            return by_itself(self._verifier, clip, task)
        heard = hear_clip(self._card, clip, task, self._verifier)
        if task.sweep:
            heard = replace(heard, swept=_swept_counts(self._card, clip.samples, heard.scores))
        if task.peer:
            heard = replace(heard, peer={peer.name: dict(peer.hear(clip.samples).scores) for peer in self._peers})
        return heard


_worker: list[_Worker] = []
"""The one worker of a worker process, made when it starts."""


def _start(card: Path, library: Library, peer: Path | None, second: Path | None, alone: bool) -> None:
    rcrnn = None if second is None else RcrnnCard.load(second)
    _worker.append(_Worker(ModelCard.load(card), library, peer, rcrnn, alone=alone))


def _hear(split: Split, task: Task) -> Heard:
    return _worker[0].hear(split, task)


def sweep(card: ModelCard, samples: Block, thresholds: Iterable[float]) -> Iterator[list[Detection]]:
    """Yield what the listener would report with each threshold for every sound; the network runs once for all."""
    tail = card.features.samples_for(2 * card.window.chunk_frames + card.features.group_frames)
    frames = LogMel(card.features).push(np.concatenate((samples, np.zeros(tail, np.int16))))
    scores = AttentionModel(card, open_interpreter(card.content)).push(frames)
    end_s = samples.size / card.features.sample_rate_hz
    for threshold in thresholds:
        levels = dict.fromkeys(Sensitivity, threshold)
        decoder = Decoder(replace(card, thresholds=dict.fromkeys(card.labels, levels)))
        found = (detection for window in scores for detection in decoder.push(window))
        yield [detection for detection in found if detection.onset_s < end_s]


def mine(card: ModelCard, library: Library, score: float, processes: int = 2) -> list[str]:
    """Return the files of the training negatives in which the listener gives any sound at least this score."""
    with Ears(card, library, processes) as ears:
        heard = ears.hear("train", [Task(case) for case in unheard_in(library, "train")], "mining")
    return sorted(clip.case.name for clip in heard if max(clip.scores.values()) >= score)


def _swept_counts(card: ModelCard, samples: Block, scores: Mapping[str, float]) -> dict[str, tuple[int, ...]]:
    """Count the events at every threshold of SWEEP; above the highest score there are none."""
    reached = [threshold for threshold in SWEEP if threshold <= max(scores.values())]
    counts = {label: np.zeros(len(SWEEP), int) for label in card.labels}
    for number, detections in enumerate(sweep(card, samples, reached)):
        for found in detections:
            if found.phase is Phase.STARTED:
                counts[found.label][number] += 1
    return {label: tuple(int(count) for count in found) for label, found in counts.items()}


def _peers(model: Path) -> list[Peer]:
    """Return the peer at its best and as Frigate runs it."""
    tagger = Yamnet(model)
    return [Peer.tuned(tagger, {}), Peer.frigate(tagger)]
