"""Measures what ships: the engine's own Listener over whole recordings, never the network's raw output."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hearing import Listener, ModelCard, Phase, Sensitivity
from hearing.features import Block

from .config import LABELS, Config
from .dataset import library_of
from .metrics import per_day, share
from .mixtures import is_smoke
from .recordings import SAMPLE_RATE_HZ, Library, Recording, Split
from .synthesis import Pattern, cadence, sound

PADDING_S = 2.0
"""Near-silence around a clip, so that a dry clip begins as in a room."""

FALSE_ALARMS_PER_HOUR = {Sensitivity.HIGH: 1.0, Sensitivity.BALANCED: 0.5, Sensitivity.LOW: 0.0}
"""Budget of each sensitivity on the validation negatives; the hours there are cannot support less."""

FLOOR, CEILING = 0.3, 0.98


@dataclass(frozen=True, slots=True)
class Heard:
    """What the listener made of one recording."""

    recording: Recording
    seconds: float
    scores: Mapping[str, float]
    """Highest clip probability per label."""

    labels: tuple[str, ...]
    """Labels of its events, at balanced sensitivity."""


def hear(card: ModelCard, library: Library, recordings: Iterable[Recording], what: str) -> list[Heard]:
    """Run the listener over recordings, each from a fresh start."""
    heard = []
    for recording in tqdm(list(recordings), desc=what, mininterval=5):
        samples = _in_quiet(library.read(recording))
        listener = Listener(card)
        detections = listener.feed(samples) + listener.flush()
        labels = tuple(found.label for found in detections if found.phase is Phase.STARTED)
        heard.append(Heard(recording, samples.size / SAMPLE_RATE_HZ, listener.max_scores, labels))
    return heard


def positives(library: Library, split: Split, label: str) -> tuple[Recording, ...]:
    """Return the trustworthy recordings in which a sound is to be heard."""
    if label == "smoke_alarm":
        return tuple(r for r in library.select(split, "smoke_alarm", "fire_alarm_other") if is_smoke(r))
    return library.select(split, label)


def negatives(library: Library, split: Split) -> tuple[Recording, ...]:
    """Return the recordings in which nothing is to be heard."""
    return library.select(split, "negative", "low_battery_chirp")


def calibrate(card: ModelCard, library: Library) -> dict[str, dict[Sensitivity, float]]:
    """Return per label and sensitivity the lowest threshold that keeps to its false-alarm budget on validation."""
    quiet = hear(card, library, negatives(library, "validation"), "thresholds")
    hours = sum(heard.seconds for heard in quiet) / 3_600
    thresholds = {}
    for label in LABELS:
        scores = np.sort([heard.scores[label] for heard in quiet])[::-1]
        levels = {}
        for level, budget in FALSE_ALARMS_PER_HOUR.items():
            allowed = round(budget * hours)
            reached = float(scores[allowed]) + 0.01 if allowed < len(scores) else FLOOR
            levels[level] = round(float(np.clip(reached, FLOOR, CEILING)), 3)
        thresholds[label] = levels
    return thresholds


def mine(card: ModelCard, library: Library, score: float) -> list[str]:
    """Return the files of the training negatives in which the listener gives any sound at least this score."""
    heard = hear(card, library, negatives(library, "train"), "mining")
    return sorted(clip.recording.file for clip in heard if max(clip.scores.values()) >= score)


def evaluate(config: Config, card_path: Path) -> dict[str, Any]:
    """Measure the shipped model on the test split, print the figures and write them into the card."""
    card = ModelCard.load(card_path)
    library = library_of(config)
    metrics: dict[str, Any] = {"measured_on": "test split, clean clips, groups never trained on, balanced sensitivity"}
    for label in LABELS:
        clips = positives(library, "test", label)
        heard = hear(card, library, clips, f"recall {label}")
        hits = [label in clip.labels for clip in heard]
        groups: dict[str, list[bool]] = {}
        for clip, hit in zip(heard, hits, strict=True):
            groups.setdefault(clip.recording.group, []).append(hit)
        found = sum(np.mean(group) >= 0.5 for group in groups.values())
        metrics[f"recall_{label}"] = {
            "clips": asdict(share(sum(hits), len(hits))) | {"of": len(hits)},
            "groups": asdict(share(int(found), len(groups))) | {"of": len(groups)},
        }
        for clip, hit in zip(heard, hits, strict=True):
            if not hit:
                print(f"  missed {label}: {clip.recording.file} ({clip.scores[label]:.2f}, {clip.recording.subtype})")
    metrics["recall_built"] = _built(card)
    quiet = hear(card, library, negatives(library, "test"), "false alarms")
    hours = sum(clip.seconds for clip in quiet) / 3_600
    metrics["negative_hours"] = round(hours, 2)
    for label in LABELS:
        count = sum(clip.labels.count(label) for clip in quiet)
        metrics[f"false_alarms_per_day_{label}"] = asdict(per_day(count, hours)) | {"count": count}
    for clip in sorted(quiet, key=lambda h: -max(h.scores.values())):
        if clip.labels:
            print(f"  false {', '.join(clip.labels)}: {clip.recording.file} ({clip.recording.subtype})")
    metrics = _rounded(metrics)
    replace(card, metrics=metrics).save()
    for name, value in metrics.items():
        print(f"{name}: {value}")
    return metrics


def _built(card: ModelCard, count: int = 40) -> dict[str, float]:
    """Return the share of synthesised T3 and T4 alarms that are heard as what they are."""
    recall: dict[str, float] = {}
    patterns: dict[Pattern, str] = {"t3": "smoke_alarm", "t4": "co_alarm"}
    for pattern, label in patterns.items():
        hits = 0
        for seed in range(count):
            rng = np.random.default_rng(900_000 + seed)
            alarm = sound(cadence(pattern, 14.0, rng), rng) * np.float32(10 ** (rng.uniform(-40, -10) / 20))
            listener = Listener(card)
            samples = _in_quiet((alarm * 20_000).astype(np.int16))
            found = {d.label for d in listener.feed(samples) + listener.flush()}
            hits += found == {label}
        recall[pattern] = hits / count
    return recall


def _in_quiet(samples: Block) -> Block:
    """Put a clip into the faint hiss of a quiet room."""
    rng = np.random.default_rng(0)
    padding = round(PADDING_S * SAMPLE_RATE_HZ)
    quiet = rng.normal(0, 3, samples.size + 2 * padding)
    quiet[padding : padding + samples.size] += samples
    return np.clip(np.round(quiet), -32_768, 32_767).astype(np.int16)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
