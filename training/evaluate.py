"""Measures what ships: the engine's own Listener on recordings of the test split, never the network's raw output."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hearing import Detection, Listener, ModelCard, Phase, Sensitivity
from hearing.card import ATTENTION_CARD
from hearing.second_look import SecondLook
from hearing.sources import open_file

from . import false_alarms, recall
from .cases import Case, heard_in, look_alikes, unheard_in
from .conditions import CLEAN, CONDITIONS, NOISY, ROOM, Condition
from .config import LABELS, Config
from .dataset import REPOSITORY, libraries_of, library_of
from .dcase2017 import PeerSettings, dcase2017
from .ears import SWEEP, Ears, mine
from .heard import BLOCK_SAMPLES, Heard, Task
from .inspection import inspect
from .latency import latency
from .peer import Peer, Yamnet
from .rare_sounds import FILES
from .recordings import Library, ManifestError
from .reliability import reliability
from .rivals import peer_thresholds, rivals
from .splits import Split
from .thresholds import BUDGETS, compare, support

__all__ = ["evaluate", "mine"]

DOCUMENTS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
BUNDLED = REPOSITORY / "tests" / "audio"
QUICK = 8
"""A quick look takes so many recordings of each kind."""

COST_S = 60.0
_SPLITS: tuple[Split, ...] = ("validation", "test")


def evaluate(
    config: Config, card_path: Path, *, quick: bool = False, write_folder: Path | None = None
) -> dict[str, Any]:
    """Measure a model on the test split and return every figure.

    They are printed and written into the card; those of the shipped card into the documents, too. `write_folder` takes
    the documents of any card. A quick look touches neither.
    """
    from . import documents  # matplotlib takes a second

    started_s = time.monotonic()
    card = ModelCard.load(card_path)
    library = library_of(config)
    for part in libraries_of(config):
        inspect(part)
    peer = _peer_of(config)
    with Ears(card, library, config.mixtures.workers, peer) as ears:
        results = _measured(card, library, ears, quick=quick, peer=peer is not None)
    choices = [] if quick else compare(card, library, config.mixtures.workers)
    results["thresholds"]["pooling"] = [asdict(choice) | {"mean": round(choice.mean, 4)} for choice in choices]
    results["cost_ms_per_s"] = _costs(card, peer)
    results["bundled"] = bundled(card)
    settings = None
    if peer is not None and results["rivals"]:
        settings = PeerSettings(peer, peer_thresholds(results["rivals"]))
    try:
        results["dcase2017"] = dcase2017(config, card_path, files=QUICK if quick else FILES, peer=settings)
    except ManifestError as error:
        results["dcase2017"] = {"missing": str(error)}
    results["minutes"] = round((time.monotonic() - started_s) / 60, 1)
    results = {name: _plain(section) for name, section in results.items()}
    if quick:
        results["quick"] = True
    else:
        documents.into_card(results, card)
        if card_path.resolve() == ATTENTION_CARD.resolve():
            documents.write(results, DOCUMENTS, README)
    if write_folder is not None:
        documents.write(results, write_folder)
    print(documents.summary(results))
    return results


def _measured(card: ModelCard, library: Library, ears: Ears, *, quick: bool, peer: bool) -> dict[str, Any]:
    """Hear everything, and return the figures made of it."""
    quiet: dict[Split, list[Heard]] = {}
    cases: dict[Split, list[Case]] = {}
    for split in _SPLITS:
        last = split == "test"
        tasks = [
            Task(case, levels=tuple(Sensitivity), sweep=last, peer=peer and last)
            for case in _thinned(unheard_in(library, split), quick=quick)
        ]
        quiet[split] = ears.hear(split, tasks, f"{split}: negatives")
        cases[split] = _thinned(heard_in(library, split), quick=quick)
    loud = ears.hear("test", _tasks(cases["test"], CONDITIONS, quick=quick, peer=peer), "test: sounds")
    known = _tasks(cases["validation"], (CLEAN, NOISY[1]), quick=quick)
    learned = ears.hear("validation", known, "validation: sounds")
    toys = ears.hear("test", [Task(case) for case in look_alikes()], "look-alikes")
    clean = [clip for clip in loud if clip.condition == CLEAN.name]
    mixed = [clip for clip in loud if clip.condition in (CLEAN.name, NOISY[1].name)]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256, "pooling": card.decoder.pooling},
        "recordings_sha256": library.sha256,
        "conditions": {condition.name: condition.what for condition in CONDITIONS},
        "rooms": len({room.group for room in library.select("test", "rir")}),
        "recall": recall.by_condition(loud),
        "recall_by_sensitivity": recall.by_sensitivity(clean, card.thresholds),
        "recall_by_length": recall.by_length(clean),
        "confusion": {"clean": recall.confusion(clean), "all conditions": recall.confusion(loud)},
        "missed": recall.missed(clean),
        "false_alarms": {
            "test": false_alarms.false_alarms(quiet["test"]),
            "everyday": false_alarms.false_alarms(false_alarms.everyday(quiet["test"])),
            "validation": false_alarms.false_alarms(quiet["validation"]),
            "by_kind": false_alarms.by_kind(quiet["test"]),
            "worst": false_alarms.worst(quiet["test"]),
            "look_alikes": false_alarms.look_alikes(toys),
        },
        "latency": latency(clean),
        "reliability": {
            "validation": reliability([*learned, *quiet["validation"]]),
            "test": reliability([*mixed, *quiet["test"]]),
        },
        "curve": _curves(quiet["test"], loud),
        "thresholds": {
            "card": {label: dict(card.thresholds[label]) for label in card.labels},
            "budgets_per_hour": {level: dict(budgets) for level, budgets in BUDGETS.items()},
            "support": support(false_alarms.hours_of(quiet["validation"])),
        },
        "rivals": rivals(quiet["test"], loud, card.thresholds) if peer else None,
    }


def _tasks(cases: Sequence[Case], conditions: Sequence[Condition], *, quick: bool, peer: bool = False) -> list[Task]:
    """Put every case into every condition; built alarms come in variants already and go through each once."""
    return [
        Task(case, condition, draw, peer=peer and condition in (CLEAN, *NOISY))
        for case in cases
        for condition in conditions
        for draw in range(1 if quick or case.pattern else condition.draws)
    ]


def _thinned(cases: list[Case], *, quick: bool) -> list[Case]:
    """Return all cases, or for a quick look the first few of each kind."""
    taken: dict[tuple[str | None, str], list[Case]] = {}
    for case in cases:
        taken.setdefault((case.label, case.kind), []).append(case)
    return [case for of_kind in taken.values() for case in of_kind[:QUICK]] if quick else cases


def _curves(quiet: Sequence[Heard], loud: Sequence[Heard]) -> dict[str, Any]:
    """Return thresholds, false alarms per day and the recall in some conditions, per sound."""
    curves: dict[str, Any] = {"thresholds": [round(threshold, 7) for threshold in SWEEP], "sounds": {}}
    per_day = false_alarms.curve(quiet)
    for label in LABELS:
        clips = recall.headline(loud, label)
        if clips and per_day:
            curves["sounds"][label] = {
                "false_alarms_per_day": per_day[label],
                "recall": {
                    condition.name: [
                        round(float(np.mean([c.scores[label] >= t for c in clips if c.condition == condition.name])), 4)
                        for t in SWEEP
                    ]
                    for condition in (CLEAN, NOISY[1], ROOM)
                },
            }
    return curves


def bundled(card: ModelCard, second_look: SecondLook | None = None) -> list[dict[str, Any]]:
    """Return what the listener reports in the recordings that lie in the repository."""
    rows: list[dict[str, Any]] = []
    for path in sorted(BUNDLED.glob("*.wav")):
        listener = Listener(card, second_look=second_look, wait=True)
        found: list[Detection] = []
        with open_file(path) as source:
            for block in source:
                found += listener.feed(block)
        found += listener.flush()
        rows += [
            {"file": path.name, "label": d.label, "onset_s": round(d.onset_s, 2), "offset_s": round(d.offset_s, 2)}
            | {"confidence": round(d.confidence, 3)}
            for d in found
            if d.phase is Phase.ENDED
        ]
    return rows


def _costs(card: ModelCard, peer: Path | None) -> dict[str, float]:
    """Return milliseconds of one core per second of sound, the best of three; the peer as Frigate runs it."""
    samples = np.random.default_rng(0).normal(0, 900, round(COST_S * 16_000)).astype(np.int16)

    def hear_in_blocks() -> None:
        listener = Listener(card, gate=False)  # of a sound that stays the same the model would be spared
        for start in range(0, samples.size, BLOCK_SAMPLES):
            listener.feed(samples[start : start + BLOCK_SAMPLES])

    costs = {"listener": min(_cpu_s(hear_in_blocks) for _ in range(3)) / COST_S * 1e3}
    if peer is not None:
        frigate = Peer.frigate(Yamnet(peer))
        costs["peer"] = min(_cpu_s(lambda: frigate.hear(samples)) for _ in range(3)) / COST_S * 1e3
    return {name: round(cost, 3) for name, cost in costs.items()}


def _cpu_s(work: Callable[[], object]) -> float:
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


def _peer_of(config: Config) -> Path | None:
    """Return the peer's model, which is the teacher's, if it is there."""
    model = REPOSITORY / config.teacher.model
    return model if config.teacher.model and model.is_file() else None


def _plain(value: Any) -> Any:
    """Return figures as JSON has them: no enumerations, no tuples, and nothing where a figure is not defined."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
