"""The proof that the sound gate loses nothing: `python -m training.gate` on the recordings of training and validation.

Every recording is laid into a room that has been quiet for so long that the gate is shut, and heard twice: with the
gate, and by a model that looks at every chunk. At every threshold the same must be reported, to the last bit.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from tqdm import tqdm

from hearing import Detection, ModelCard, Sensitivity
from hearing.attention import AttentionModel, Scores, clip_probability
from hearing.card import ATTENTION_CARD
from hearing.decoder import Decoder
from hearing.features import Block, LogMel
from hearing.gate import Gate
from hearing.tflite import Interpreter, open_interpreter

from .cases import Case, dry, heard_in, look_alikes, negatives, unheard_in
from .conditions import CLEAN, CONDITIONS, HISS, Condition, Stage
from .config import Config
from .dataset import library_of
from .recordings import Library, rms
from .splits import Split
from .synthesis import RATE_HZ, Sound

SPLITS: tuple[Split, ...] = ("train", "validation")
QUIET_KINDS = ("quiet_room", "night_ambience", "ambience", "hiss", "household_machine", "kitchen_range_hood", "rain")
"""Backgrounds that a room may have all night."""

LEAD_S = 28.0
"""Longer than the gate takes to shut: a window to learn the room, and one in which nothing is new."""

TAIL_S = 16.0
"""Longer than a window and the release of an event."""

LEVELS_DB = (-6.0, 0.0, 6.0, 12.0, 18.0, 24.0)
"""Peak of a faint sound over the RMS of the room."""

THRESHOLDS: tuple[float | None, ...] = (0.4, None)
"""Decided at: a threshold for all sounds, and those of the card, at all of its sensitivities."""


@dataclass
class Findings:
    """What has been compared so far."""

    streams: int = 0
    seconds: float = 0.0
    chunks: int = 0
    looks: int = 0
    """Chunks that the model looked at through the gate."""

    detections: int = 0
    """Events that start, continue or end, over all thresholds."""

    differing: list[str] = field(default_factory=list)
    """Streams in which something was lost, added or changed."""

    missed_score: float = 0.0
    """Highest clip probability in a chunk that was not looked at."""


class Comparison:
    """Hears streams with the gate and without."""

    def __init__(self, card: ModelCard, interpreter: Interpreter) -> None:
        """Use this model."""
        self._card, self._interpreter = card, interpreter
        self.findings = Findings()

    def hear(self, name: str, samples: Block) -> None:
        """Compare what is reported of one stream."""
        frames = LogMel(self._card.features).push(samples)
        every = AttentionModel(self._card, self._interpreter).push(frames)
        looked = AttentionModel(self._card, self._interpreter, Gate(self._card)).push(frames)
        found, times = self.findings, {scores.end_s for scores in looked}
        found.streams += 1
        found.seconds += samples.size / RATE_HZ
        found.chunks, found.looks = found.chunks + len(every), found.looks + len(looked)
        for scores in every:
            if scores.end_s not in times:
                score = float(clip_probability(scores.logits, self._card.decoder.pooling).max())
                found.missed_score = max(found.missed_score, score)
        for threshold in THRESHOLDS:
            for level in Sensitivity if threshold is None else (Sensitivity.BALANCED,):
                reported = self._decoded(every, level, threshold)
                found.detections += len(reported)
                if self._decoded(looked, level, threshold) != reported:
                    found.differing.append(f"{name}, at {level if threshold is None else threshold}")

    def _decoded(self, windows: Sequence[Scores], level: Sensitivity, threshold: float | None) -> list[Detection]:
        card = self._card
        if threshold is not None:
            card = replace(card, thresholds=dict.fromkeys(card.labels, dict.fromkeys(Sensitivity, threshold)))
        decoder = Decoder(card, level)
        return [found for scores in windows for found in decoder.push(scores)] + decoder.flush()


class Rooms:
    """Quiet rooms of one split, for as long as wanted."""

    def __init__(self, library: Library, split: Split) -> None:
        """Find the recordings of rooms in which nothing happens."""
        self._library = library
        self._recordings = [r for r in negatives(library, split) if r.subtype in QUIET_KINDS]

    def draw(self, size: int, rng: np.random.Generator) -> Sound:
        """Return a room (int16 units): the hiss of a good microphone, noise of some colour and level, or a real one."""
        kind = rng.choice(("hiss", "noise", "real"))
        if kind == "real" and self._recordings:
            samples = self._library.read(self._recordings[int(rng.integers(len(self._recordings)))])
            return np.resize(samples.astype(np.float32), size) * np.float32(10 ** rng.uniform(-1.5, 0))
        noise = rng.standard_normal(size, np.float32)
        if kind == "hiss":
            return noise * np.float32(HISS)
        spectrum = np.fft.rfft(noise) / np.maximum(np.arange(size // 2 + 1), 60 * size / RATE_HZ) ** rng.uniform(0, 1)
        coloured = np.fft.irfft(spectrum, size).astype(np.float32)
        return coloured * np.float32(np.exp(rng.uniform(np.log(0.7), np.log(200))) / rms(coloured))


def streams(library: Library, split: Split, every: int) -> Iterator[tuple[str, Block]]:
    """Yield name and samples of recordings in quiet rooms: sounds in all conditions and faint, and all other sounds.

    `every`: only one in so many of them.
    """
    stage, rooms = Stage(library, split), Rooms(library, split)
    tasks: list[tuple[Case, Condition, float | None]] = [
        (case, condition, level_db)
        for case in heard_in(library, split)
        for condition, level_db in [*((c, None) for c in CONDITIONS), *((CLEAN, level_db) for level_db in LEVELS_DB)]
    ]
    tasks += [(case, CLEAN, None) for case in [*unheard_in(library, split), *look_alikes()]]
    for case, condition, level_db in tqdm(tasks[::every], desc=split, mininterval=5):
        name = f"{split}, {case.name}, {condition.name}, {level_db}"
        rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
        clip = stage.put(dry(library, case), case.name, condition).samples.astype(np.float32)
        lead = round((LEAD_S + rng.uniform(0, 1)) * RATE_HZ)
        room = rooms.draw(lead + clip.size + round(TAIL_S * RATE_HZ), rng)
        if level_db is not None:
            clip *= np.float32(10 ** (level_db / 20) * rms(room) / max(float(np.abs(clip).max()), 1.0))
        room[lead : lead + clip.size] += clip
        yield name, np.clip(np.round(room), -32_768, 32_767).astype(np.int16)


def main() -> None:
    """Compare; the findings as JSON on standard output, exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m training.gate", description=__doc__)
    parser.add_argument("--config", default="attention", help="names the recordings (default: attention)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth stream")
    options = parser.parse_args()
    library = library_of(Config.load(options.config))
    card = ModelCard.load(ATTENTION_CARD)
    comparison = Comparison(card, open_interpreter(card.content))
    for split in SPLITS:
        for name, samples in streams(library, split, options.every):
            comparison.hear(name, samples)
    found = comparison.findings
    figures = {
        "hours": round(found.seconds / 3600, 1),
        "streams": found.streams,
        "chunks": found.chunks,
        "looked_at": round(found.looks / max(1, found.chunks), 3),
        "detections": found.detections,
        "differing": found.differing,
        "highest_score_not_looked_at": round(found.missed_score, 3),
        "faintest_db": min(LEVELS_DB),
    }
    print(json.dumps(figures, indent=1))
    sys.exit(1 if found.differing else 0)


if __name__ == "__main__":
    main()
