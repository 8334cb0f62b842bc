"""The peer: YAMNet, the tagger inside Frigate, heard on the same sound as our Listener; nothing of it ships."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hearing.features import Block

from .config import LABELS
from .manifest import SAMPLE_RATE_HZ

WINDOW_SAMPLES = 15_600
"""What YAMNet hears at a time: 0.975 s."""

FRIGATE_CLASSES = {
    "glass_break": ("Glass", "Shatter", "Breaking"),
    "smoke_alarm": ("Smoke detector, smoke alarm", "Fire alarm"),
}
"""YAMNet's classes behind the labels `glass`, `shatter`, `breaking`, `smoke_detector` and `fire_alarm`, which Frigate's
documentation (audio_detectors.md, "Safety and security") names for these sounds. Its `audio-labelmap.txt` gives each of
them one class. A home that wants them all listens for them all; out of the box Frigate listens for `fire_alarm` only.
YAMNet has no class for a CO alarm, so the peer never hears one: at best it takes it for smoke."""

TUNED_CLASSES = {
    "glass_break": ("Shatter", "Breaking"),
    "smoke_alarm": ("Smoke detector, smoke alarm", "Fire alarm", "Buzzer"),
}
"""The classes with which YAMNet does best at equal false alarms: of all sets out of Glass, Shatter, Breaking, Smash and
Chink, and out of Smoke detector, Fire alarm, Alarm, Buzzer, Beep, Siren, Alarm clock and Civil defense siren, the ones
with the highest recall, averaged over 0.2 to 4 false alarms per hour, on clean recordings outside the test split."""


class Tagger(Protocol):
    """Tells what a window sounds like."""

    @property
    def names(self) -> Sequence[str]:
        """The classes, in the order of the scores."""
        ...

    def tag(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one score per class for WINDOW_SAMPLES of 16 kHz sound, full scale 1."""
        ...


class Yamnet:
    """YAMNet as a .tflite file, with `yamnet_class_map.csv` beside it. Not threadsafe."""

    def __init__(self, model: Path) -> None:
        """Load the model and the names of its classes.

        Raises:
            OSError: the list of classes is missing.
            ValueError: the model is missing or damaged.
        """
        from ai_edge_litert.interpreter import Interpreter  # without a peer nobody needs LiteRT

        self._interpreter = Interpreter(model_path=str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        with (model.parent / "yamnet_class_map.csv").open(encoding="utf-8", newline="") as listed:
            self.names = tuple(row["display_name"] for row in csv.DictReader(listed))

    def tag(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one score per class for WINDOW_SAMPLES of 16 kHz sound, full scale 1."""
        self._interpreter.set_tensor(self._input, window)
        self._interpreter.invoke()
        scores: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return scores


@dataclass(frozen=True, slots=True)
class PeerHeard:
    """What the peer made of one recording."""

    scores: Mapping[str, float]
    """Highest score per label; 0 for a label without a class."""

    onsets_s: Mapping[str, tuple[float, ...]]
    """Per label the onsets of what it reports at its threshold, in seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A tagger with the settings of whoever uses it."""

    name: str
    tagger: Tagger
    classes: Mapping[str, Sequence[str]]
    """The tagger's classes per label; the highest of them counts."""

    thresholds: Mapping[str, float]
    """Score per label from which on it is reported; a label without one is never reported."""

    hop_samples: int
    """Distance between windows."""

    gate_rms: float
    """Windows of a lower RMS, in int16 units, are not listened to."""

    release_s: float
    """Seconds unheard after which the same sound is another event."""

    @classmethod
    def frigate(cls, tagger: Tagger) -> "Peer":
        """Return the peer as Frigate runs it by default: audio.min_volume 500, threshold 0.8, max_not_heard 30 s."""
        thresholds = dict.fromkeys(FRIGATE_CLASSES, 0.8)
        return cls("frigate", tagger, FRIGATE_CLASSES, thresholds, WINDOW_SAMPLES, gate_rms=500, release_s=30)

    @classmethod
    def tuned(cls, tagger: Tagger, thresholds: Mapping[str, float]) -> "Peer":
        """Return the peer at its best: half-overlapping windows, no gate, thresholds of the caller's choice."""
        return cls("tuned", tagger, TUNED_CLASSES, thresholds, WINDOW_SAMPLES // 2, gate_rms=0, release_s=4)

    def hear(self, samples: Block) -> PeerHeard:
        """Hear 16 kHz sound from beginning to end; silence fills its last window."""
        starts = range(0, max(1, samples.size - (WINDOW_SAMPLES - self.hop_samples)), self.hop_samples)
        tags = np.stack([self._listen(samples[start : start + WINDOW_SAMPLES]) for start in starts])
        # An onset anywhere in a window is at most half of it, less than the collar of 500 ms, from its middle.
        middles_s = (np.array(starts) + WINDOW_SAMPLES / 2) / SAMPLE_RATE_HZ
        scores, onsets_s = dict.fromkeys(LABELS, 0.0), dict[str, tuple[float, ...]].fromkeys(LABELS, ())
        for label, classes in self.classes.items():
            of_label = tags[:, [self.tagger.names.index(name) for name in classes]].max(axis=1)
            reported_s = middles_s[of_label >= self.thresholds.get(label, math.inf)]
            unheard_s = np.diff(reported_s, prepend=-math.inf)
            scores[label] = float(of_label.max())
            onsets_s[label] = tuple(reported_s[unheard_s > self.release_s].tolist())
        return PeerHeard(scores, onsets_s)

    def _listen(self, window: Block) -> NDArray[np.float64]:
        """Return the tagger's score of each class in one window, 0 if the window is too quiet."""
        sound = np.zeros(WINDOW_SAMPLES, np.float32)
        sound[: window.size] = window
        if np.sqrt(np.mean(np.square(sound, dtype=np.float64))) < self.gate_rms:
            return np.zeros(len(self.tagger.names))
        # In double precision a threshold right above a score stays above it.
        return self.tagger.tag(sound / np.float32(32_768)).astype(np.float64)


def threshold_at(scores_of_negatives: Sequence[float], hours: float, false_alarms_per_hour: float) -> float:
    """Return the lowest threshold, above 0, that no more negatives reach than a rate of false alarms allows.

    It is the next number above the score of the first negative that must not reach it.
    """
    allowed = math.floor(false_alarms_per_hour * hours + 1e-9)  # a rate that was a count is that count again
    refused = sorted(scores_of_negatives, reverse=True)[allowed:]
    return math.nextafter(max(refused, default=0.0), math.inf)
