"""The shipped listener, on many clips at once: each is made and heard in a process that has nothing else to do."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import numpy as np
from tqdm import tqdm

from hearing import Detection, Listener, ModelCard, Phase, Sensitivity
from hearing.attention import AttentionModel
from hearing.decoder import Decoder
from hearing.features import Block, LogMel
from hearing.tflite import open_interpreter

from .cases import Case, dry, unheard_in
from .conditions import CLEAN, Clip, Condition, Stage
from .peer import Peer, Yamnet
from .recordings import Library
from .splits import Split
from .synthesis import RATE_HZ

BLOCK_SAMPLES = RATE_HZ // 10
"""As a microphone delivers it."""

WORTH_A_PROCESS = 40
"""Fewer clips are heard sooner than processes are started."""

SWEEP = tuple(float(1 / (1 + np.exp(-logit))) for logit in np.arange(-3.0, 16.01, 0.5))
"""Thresholds of the curve of recall against false alarms, evenly spaced in the network's own scores."""


@dataclass(frozen=True, slots=True)
class Task:
    """A case in a condition, and what is to be found out."""

    case: Case
    condition: Condition = CLEAN
    draw: int = 0
    levels: tuple[Sensitivity, ...] = (Sensitivity.BALANCED,)
    sweep: bool = False
    """Count the events at every threshold of the curve, too."""

    peer: bool = False
    """Have the peer hear the same clip."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An event that the listener reported."""

    label: str
    onset_s: float
    published_s: float
    """Seconds of sound that the listener had heard when it reported it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the listener made of one clip."""

    case: Case
    condition: str
    onset_s: float
    length_s: float
    evidence_s: float | None
    scores: Mapping[str, float]
    """Highest clip probability per label."""

    raised: Mapping[Sensitivity, tuple[Raised, ...]]
    swept: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Events per label at every threshold of SWEEP, where they were asked for."""

    peer: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Highest score per label of the peer, by its settings."""

    def labels(self, level: Sensitivity = Sensitivity.BALANCED) -> tuple[str, ...]:
        """Return the label of every event, in the order in which they were reported."""
        return tuple(event.label for event in self.raised[level])


class Ears:
    """Hears cases of one library; use it as a context manager. The same tasks give the same answers."""

    def __init__(self, card: ModelCard, library: Library, processes: int, peer: Path | None = None) -> None:
        """Get ready; `processes` 0 hears everything in this one."""
        self._card, self._library, self._processes, self._peer = card, library, processes, peer
        self._stack = contextlib.ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def hear(self, split: Split, tasks: Sequence[Task], what: str) -> list[Heard]:
        """Return what is heard in every task, in order."""
        if not self._processes or len(tasks) < WORTH_A_PROCESS:
            worker = _Worker(self._card, self._library, self._peer)
            found: Iterator[Heard] = (worker.hear(split, task) for task in tasks)
        else:
            found = self._started().map(_hear, [split] * len(tasks), tasks, chunksize=8)
        return list(tqdm(found, desc=what, total=len(tasks), mininterval=5))

    def _started(self) -> ProcessPoolExecutor:
        """Start the processes; they read the card from a file, because one that is being made has none yet."""
        if self._pool is None:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            replace(self._card, path=folder / "card.json", model="card.tflite").save()
            start = (folder / "card.json", self._library, self._peer)
            pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _start, start)
            self._pool = self._stack.enter_context(pool)
        return self._pool


class _Worker:
    """Everything that hears, in one process."""

    def __init__(self, card: ModelCard, library: Library, peer: Path | None) -> None:
        self._card, self._library = card, library
        self._stages: dict[Split, Stage] = {}
        self._peers = [] if peer is None else _peers(peer)

    def hear(self, split: Split, task: Task) -> Heard:
        if split not in self._stages:
            self._stages[split] = Stage(self._library, split)
        clip = self._stages[split].put(dry(self._library, task.case), task.case.name, task.condition, task.draw)
        heard = hear_clip(self._card, clip, task)
        if task.sweep:
            heard = replace(heard, swept=_swept_counts(self._card, clip.samples, heard.scores))
        if task.peer:
            heard = replace(heard, peer={peer.name: dict(peer.hear(clip.samples).scores) for peer in self._peers})
        return heard


_worker: list[_Worker] = []
"""The one worker of a worker process, made when it starts."""


def _start(card: Path, library: Library, peer: Path | None) -> None:
    _worker.append(_Worker(ModelCard.load(card), library, peer))


def _hear(split: Split, task: Task) -> Heard:
    return _worker[0].hear(split, task)


def hear_clip(card: ModelCard, clip: Clip, task: Task) -> Heard:
    """Run the listener over one clip, from a fresh start and in blocks as a microphone delivers them."""
    raised: dict[Sensitivity, tuple[Raised, ...]] = {}
    scores: dict[str, float] = {}
    for level in task.levels:
        if scores and not any(scores[label] >= card.thresholds[label][level] for label in card.labels):
            raised[level] = ()
            continue
        listener = Listener(card, sensitivity=level)
        events = []
        for start in range(0, clip.samples.size, BLOCK_SAMPLES):
            block = clip.samples[start : start + BLOCK_SAMPLES]
            events += [_raised(found, listener) for found in listener.feed(block) if found.phase is Phase.STARTED]
        events += [_raised(found, listener) for found in listener.flush() if found.phase is Phase.STARTED]
        raised[level] = tuple(events)
        scores = listener.max_scores
    return Heard(task.case, task.condition.name, clip.onset_s, clip.length_s, clip.evidence_s, scores, raised)


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


def _raised(found: Detection, listener: Listener) -> Raised:
    return Raised(found.label, found.onset_s, listener.position_s)


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
