"""What the second look is worth: the attention model alone, the R-CRNN alone, both, and variants, on the same test."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hearing import ModelCard, Sensitivity
from hearing.rcrnn_card import RcrnnCard

from . import false_alarms, recall
from .cases import HEADLINE, heard_in, unheard_in
from .conditions import CLEAN, CONDITIONS, DOOR, FAR, NOISY, ROOM, Condition
from .config import LABELS, Config
from .dataset import REPOSITORY, library_of
from .dcase2017 import dcase2017
from .ears import Ears
from .evaluate import bundled
from .export_rcrnn import export_rcrnn
from .heard import Heard, Task, Witness
from .recordings import Library
from .second_look_page import ALONE, BOTH
from .thresholds import thresholds
from .train import RUNS, train, weights_of

RESULTS = REPOSITORY / "docs" / "second-look.json"
FILES = 200
"""Mixtures of each sound and background in the protocol of DCASE 2017."""

FEW = (CLEAN, NOISY[1], ROOM, DOOR, FAR)
"""Conditions of the small trainings, and of the R-CRNN by itself, which is ten times the work."""

OTHER_FORM = "rcrnn-proposals"
"""Configuration of the form that is not shipped; measured as well if it was exported to training/runs."""

BALANCED_FIRST = (Sensitivity.BALANCED, Sensitivity.LOW, Sensitivity.HIGH)
SEEDS = (1, 2, 3)
VARIANTS = {"regions": "with the classifier", "proposals": "without it: the proposals name the sound"}
"""Configurations study-VARIANT-SEED."""


@dataclass(frozen=True, slots=True)
class System:
    """Who listens."""

    name: str
    second: RcrnnCard | None = None
    alone: bool = False
    conditions: tuple[Condition, ...] = CONDITIONS


def evaluate_second_looks(config: Config, attention_path: Path, card_path: Path) -> dict[str, Any]:
    """Measure the shipped pair and its parts on the test split; write the figures down and into the card."""
    started_s = time.monotonic()
    attention, card, library = ModelCard.load(attention_path), RcrnnCard.load(card_path), library_of(config)
    systems = [
        System(ALONE),
        System(BOTH, card),
        System("R-CRNN alone", _by_itself(card, attention, library, config), alone=True, conditions=FEW),
    ]
    other = RUNS / f"{OTHER_FORM}.json"
    if other.is_file():
        systems.append(System("both, the R-CRNN without classifier", RcrnnCard.load(other), conditions=FEW))
    measured = {system.name: _measured(system, attention, library, config) for system in systems}
    results = _known() | {
        "date": datetime.now(UTC).date().isoformat(),
        "attention_sha256": attention.sha256,
        "rcrnn": {"version": card.version, "sha256": card.sha256, "kilobytes": round(len(card.content) / 1e3)}
        | {"parameters": card.training.get("parameters"), "suspicion": dict(card.suspicion)}
        | {"thresholds": {label: dict(levels) for label, levels in card.thresholds.items()}},
        "files": FILES,
        "systems": measured,
        "bundled": bundled(attention, Witness(card).second_look),
        "minutes": round((time.monotonic() - started_s) / 60, 1),
    }
    keep(results)
    replace(card, metrics={name: measured[name] for name in (ALONE, BOTH)}).save()
    return results


def studies(attention_path: Path) -> dict[str, Any]:
    """Train and measure every small R-CRNN that has no figures yet; write them down after each."""
    attention = ModelCard.load(attention_path)
    for seed in SEEDS:
        for variant, what in VARIANTS.items():
            config = Config.load(f"study-{variant}-{seed}")
            known = _known().get("studies", {}).get(config.name)
            if known and known["config_sha256"] == config.sha256 and known["attention_sha256"] == attention.sha256:
                continue
            if not weights_of(config).is_file():
                train(config)
            card = export_rcrnn(config, RUNS / f"{config.name}.json", attention_path, steps=(1.5,))
            system = System(config.name, card, conditions=FEW)
            found = {
                "variant": variant,
                "what": what,
                "seed": seed,
                "config_sha256": config.sha256,
                "attention_sha256": attention.sha256,
                "mixtures": config.mixtures.shards * config.mixtures.shard_mixtures,
                "epochs": config.train.epochs,
                "parameters": card.training["parameters"],
                "figures": _heard(system, attention, library_of(config), config),
            }
            results = _known()
            keep(results | {"studies": results.get("studies", {}) | {config.name: found}})
    return _known()


def keep(results: Mapping[str, Any]) -> None:
    """Write the figures down, a line for each section."""
    sections = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in results.items())
    RESULTS.write_text("{\n" + ",\n".join(sections) + "\n}\n", encoding="utf-8")


def _known() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    return known


def _by_itself(card: RcrnnCard, attention: ModelCard, library: Library, config: Config) -> RcrnnCard:
    """Return the card with thresholds for hearing alone, at the attention model's budgets of false alarms."""
    tasks = [Task(case, *way) for case in unheard_in(library, "validation") for way in ((CLEAN, 0), (ROOM, 0))]
    with Ears(attention, library, config.mixtures.workers, second=card, alone=True) as ears:
        chosen = thresholds(ears.hear("validation", tasks, "R-CRNN alone: validation"))
    return replace(card, thresholds=chosen)


def _measured(system: System, attention: ModelCard, library: Library, config: Config) -> dict[str, Any]:
    """Return what a system hears of the test, and its figures in the protocol of DCASE 2017."""
    figures = _heard(system, attention, library, config)
    folder = RUNS / "second-looks"
    folder.mkdir(parents=True, exist_ok=True)
    second = None
    if system.second is not None:
        # A name of its own: whoever hears keeps the model of a file.
        second = folder / f"{system.name}.json".replace(" ", "-")
        replace(system.second, path=second, model=second.with_suffix(".tflite").name).save()
    found = dcase2017(config, attention.path, files=FILES, second=second, alone=system.alone)
    names = ("error_rate", "f_measure")
    figures["dcase2017"] = {
        backdrop: {label: {name: row[name] for name in names} for label, row in found[backdrop].items()}
        for backdrop in ("scene", "foreground")
    }
    return figures


def _heard(system: System, attention: ModelCard, library: Library, config: Config) -> dict[str, Any]:
    quiet = [Task(case, levels=tuple(Sensitivity)) for case in unheard_in(library, "test")]
    loud = [
        Task(case, condition, draw, levels=BALANCED_FIRST if condition is CLEAN else (Sensitivity.BALANCED,))
        for case in heard_in(library, "test")
        if case.label and case.kind in HEADLINE[case.label]
        for condition in system.conditions
        for draw in range(1 if case.pattern else condition.draws)
    ]
    with Ears(attention, library, config.mixtures.workers, second=system.second, alone=system.alone) as ears:
        heard = ears.hear("test", loud, f"{system.name}: sounds")
        unheard = ears.hear("test", quiet, f"{system.name}: negatives")
    return {
        "recall": {label: kinds["all"] for label, kinds in recall.by_condition(heard).items() if "all" in kinds},
        "recall_by_sensitivity": {
            level: {label: _clean_clips(heard, label, level) for label in LABELS} for level in Sensitivity
        },
        "false_alarms": _false(unheard),
        "everyday": _false(false_alarms.everyday(unheard)),
        "confusion": {label: _mistaken(heard, label) for label in LABELS},
        "looks_per_hour": round(sum(clip.taken for clip in unheard) / max(1e-9, false_alarms.hours_of(unheard)), 1),
    }


def _false(heard: Sequence[Heard]) -> dict[str, Any]:
    """Return hours, and per sensitivity and sound how many false alarms, and how many in 24 h."""
    figures = false_alarms.false_alarms(heard)
    return {"hours": figures["hours"]} | {
        level: {label: [row["count"], *row["per_day"]] for label, row in figures[level].items()}
        for level in Sensitivity
        if level in figures
    }


def _clean_clips(heard: Sequence[Heard], label: str, level: Sensitivity) -> list[int]:
    """Return how many clean clips of a sound were reported at a sensitivity, and how many there are."""
    clips = [clip for clip in heard if clip.case.label == label and clip.condition == CLEAN.name]
    return [sum(label in clip.labels(level) for clip in clips), len(clips)]


def _mistaken(heard: Sequence[Heard], label: str) -> list[int]:
    """Return how many clips of a sound were reported as another, and how many clips there are."""
    clips = [clip for clip in heard if clip.case.label == label]
    return [sum(any(other != label for other in clip.labels()) for clip in clips), len(clips)]
