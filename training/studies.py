"""What the parts of the method are worth: small runs that differ in one thing, and in their seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearing import ModelCard

from .cases import HEADLINE, heard_in, unheard_in
from .compare import Scored
from .conditions import CLEAN, DOOR, FAR, NOISY, ROOM
from .config import LABELS, Config
from .dataset import REPOSITORY, library_of
from .ears import Ears
from .export import export
from .heard import Heard, Task
from .peer import threshold_at
from .train import RUNS, run_folder, train

RESULTS = REPOSITORY / "docs" / "studies.json"
CONDITIONS = (CLEAN, NOISY[1], ROOM, DOOR, FAR)
FALSE_ALARMS_PER_HOUR = 1.0
"""Models are compared where each raises this many false alarms of a sound on the test negatives."""


@dataclass(frozen=True, slots=True)
class Study:
    """A configuration, and what it shows."""

    config: str
    what: str


STUDIES = (
    Study("study-1", "base, seed 1"),
    Study("study-2", "base, seed 2"),
    Study("study-3", "base, seed 3"),
    Study("study-no-attention", "without attention: the clip loss sees the highest frame alone"),
    Study("study-no-halving", "without halving: one time resolution"),
    Study("study-no-synthesis", "without synthesised sound: real recordings and re-timed real beeps"),
    Study("study-no-rooms", "without rooms and doors"),
)


def studies(results: Path = RESULTS) -> list[dict[str, Any]]:
    """Train, export and measure every study that has no figures yet; write them down after each."""
    done = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else []
    for study in STUDIES:
        config = Config.load(study.config)
        if any(known["name"] == study.config and known["config_sha256"] == config.sha256 for known in done):
            continue
        if not (run_folder(config) / "attention.weights.h5").is_file():
            train(config)
        card = export(config, RUNS / f"{study.config}.json")
        found = {
            "name": study.config,
            "what": study.what,
            "config_sha256": config.sha256,
            "mixtures": config.mixtures.shards * config.mixtures.shard_mixtures,
            "figures": figures(config, card),
        }
        done = [known for known in done if known["name"] != study.config] + [found]
        results.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(found))
    return done


def figures(config: Config, card: ModelCard) -> dict[str, Any]:
    """Return per sound and condition the share of the test's clips heard, at equal false alarms per hour."""
    library = library_of(config)
    loud = [
        Task(case, condition, draw)
        for case in heard_in(library, "test")
        if case.label and case.kind in HEADLINE[case.label]
        for condition in CONDITIONS
        for draw in range(1 if case.pattern else condition.draws)
    ]
    with Ears(card, library, config.mixtures.workers) as ears:
        heard = ears.hear("test", loud, f"{config.name}: loud")
        quiet = ears.hear("test", [Task(case) for case in unheard_in(library, "test")], f"{config.name}: quiet")
    hours = sum(clip.length_s for clip in quiet) / 3_600
    found: dict[str, Any] = {"false_alarms_per_hour": FALSE_ALARMS_PER_HOUR, "negative_hours": round(hours, 2)}
    for label in LABELS:
        negatives = [clip.scores[label] for clip in quiet]
        threshold = threshold_at(negatives, hours, FALSE_ALARMS_PER_HOUR)
        found[label] = {
            condition.name: _recall([h for h in heard if h.case.label == label], condition.name, label, threshold)
            for condition in CONDITIONS
        }
    return found


def _recall(heard: Sequence[Heard], condition: str, label: str, threshold: float) -> float:
    clips = [clip for clip in heard if clip.condition == condition]
    scored = Scored([clip.scores[label] for clip in clips], [clip.case.group for clip in clips], [], 1.0)
    return round(scored.at(threshold).clips.value, 3)
