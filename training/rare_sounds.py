"""DCASE 2017's recipe for rare sounds, with our test recordings: 30 s, half with an event. Drawn, then rendered."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from .cases import negatives, positives
from .config import LABELS
from .mixtures import Mixture
from .recipes import Placed, beep_times
from .recordings import Library, ManifestError, rms
from .synthesis import RATE_HZ, Beeps, Sound, cadence, sound

Backdrop = Literal["scene", "foreground"]
BACKDROPS: tuple[Backdrop, ...] = ("scene", "foreground")
SCENES = frozenset(
    "rain wind thunder weather sea_waves traffic transport vehicle vehicle_hum helicopter crowd_room "
    "room_speech_traffic ambience night_ambience quiet_room noise hiss household_machine "
    "kitchen_range_hood kitchen_dishwasher_machine kitchen_boiling_kettle kitchen_gas_burner".split()
)
"""Subtypes of negatives that sound like a place; all others are foreground: speech, music, impacts, beepers."""

SEED = 42
LENGTH_S = 30.0
FILES = 500
PRESENCE = 0.5
EBRS_DB = (-6, 0, 6)
ANTI_CLIPPING = 0.2
BACKGROUND_DBFS = -26.0
"""Level of every piece of background, before the anti-clipping factor; pieces of one mixture are equally loud."""

ROOM_NOISE_DB = -20.0
"""Noise under the background: clips contain digital silence, rooms do not, and an event set against it would vanish."""

FADE_S = 0.05
SHORTEST_PIECE_S = 0.5


@dataclass(frozen=True, slots=True)
class RareEvent:
    """The one sound of a mixture."""

    label: str
    file: str
    from_s: float
    to_s: float
    """Stretch of the recording; of a built alarm, the one real beep that is re-timed."""

    built_seed: int | None
    """Seed of a built four-beep alarm; None plays the recording as it is."""

    at_s: float
    length_s: float
    ebr_db: float
    """RMS of the event over that of the background under it."""


@dataclass(frozen=True, slots=True)
class RareRecipe:
    """Everything needed to render one mixture again."""

    backdrop: Backdrop
    label: str
    number: int
    noise_seed: int
    background: tuple[Placed, ...]
    event: RareEvent | None

    @property
    def file(self) -> str:
        """Name of the mixture's file, in the original's fashion."""
        digest = hashlib.md5(json.dumps(asdict(self)).encode(), usedforsecurity=False).hexdigest()
        return f"mixture_{self.backdrop}_{self.label}_{self.number:03d}_{digest}.wav"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RareRecipe":
        """Return the recipe whose `dataclasses.asdict` was written."""
        background = tuple(Placed(**piece) for piece in values["background"])
        event = None if values["event"] is None else RareEvent(**values["event"])
        return cls(**values | {"background": background, "event": event})


class RareSounds:
    """Draws and renders the mixtures of one library's test split."""

    def __init__(self, library: Library) -> None:
        """Sort the test recordings into events and backgrounds.

        Raises:
            ManifestError: a sound or a kind of background is missing.
        """
        self._library = library
        self._by_file = {recording.file: recording for recording in library.recordings}
        self._lengths_s: dict[str, float] = {}
        self._events = {label: self._stretches(label) for label in LABELS}
        self._backgrounds: dict[Backdrop, dict[str, list[str]]] = {backdrop: {} for backdrop in BACKDROPS}
        for recording in negatives(library, "test"):
            if self._seconds(recording.file) >= SHORTEST_PIECE_S:
                subtypes = self._backgrounds["scene" if recording.subtype in SCENES else "foreground"]
                subtypes.setdefault(recording.subtype, []).append(recording.file)
        missing = [name for name, found in (*self._events.items(), *self._backgrounds.items()) if not found]
        if missing:
            raise ManifestError(
                f"The test split holds no recording for {', '.join(missing)}; the protocol needs them all."
            )

    def sources(self) -> dict[str, dict[str, int]]:
        """Return from how many recordings and groups the mixtures of each sound and background are made."""
        used = {label: {file for file, _, _ in stretches} for label, stretches in self._events.items()}
        used |= {
            name: {file for files in kinds.values() for file in files} for name, kinds in self._backgrounds.items()
        }
        return {
            name: {"recordings": len(files), "groups": len({self._by_file[file].group for file in files})}
            for name, files in used.items()
        }

    def draw(self, backdrop: Backdrop, label: str) -> list[RareRecipe]:
        """Return the 500 recipes of one sound over one kind of background, always the same."""
        rng = np.random.default_rng((SEED, BACKDROPS.index(backdrop), LABELS.index(label)))
        present = rng.permutation(np.arange(FILES) < PRESENCE * FILES)
        return [
            RareRecipe(
                backdrop=backdrop,
                label=label,
                number=number,
                noise_seed=int(rng.integers(2**31)),
                background=self._background(backdrop, rng),
                event=self._event(label, rng) if with_event else None,
            )
            for number, with_event in enumerate(present)
        ]

    def render(self, recipe: RareRecipe) -> Mixture:
        """Return the sound of a recipe and where its event lies, always the same for the same recipe."""
        noise = np.random.default_rng(recipe.noise_seed).standard_normal(round(LENGTH_S * RATE_HZ))
        scene = (_gain(BACKGROUND_DBFS + ROOM_NOISE_DB) * noise).astype(np.float32)
        for placed in recipe.background:
            piece = _faded(self._cut(placed.file, placed.from_s, placed.from_s + placed.length_s))
            start = round(placed.at_s * RATE_HZ)
            piece = piece[: scene.size - start] * np.float32(_gain(BACKGROUND_DBFS) / max(rms(piece), 1e-5))
            scene[start : start + piece.size] += piece
        spans: tuple[tuple[str, float, float], ...] = ()
        if event := recipe.event:
            samples = self._sound(event)
            start = round(event.at_s * RATE_HZ)
            samples = samples[: scene.size - start]
            under = scene[start : start + samples.size]
            under += samples * np.float32(_gain(event.ebr_db) * rms(under) / max(rms(samples), 1e-6))
            spans = ((event.label, event.at_s, event.at_s + event.length_s),)
        scene *= np.float32(ANTI_CLIPPING)
        scene /= max(1.0, float(np.abs(scene).max()))
        return Mixture(np.clip(np.round(scene * 32_768), -32_768, 32_767).astype(np.int16), spans)

    def _stretches(self, label: str) -> list[tuple[str, float, float]]:
        """Return file, start and end of everything that an event of this sound can be made of."""
        if label == "co_alarm":
            beeps = beep_times(self._library)
            alarms = (*positives(self._library, "test", "smoke_alarm"), *positives(self._library, "test", label))
            return [(r.file, *beeps[r.file]) for r in alarms if r.file in beeps]
        spans = [(r.file, *span) for r in positives(self._library, "test", label) for span in r.spans_s]
        ends = [(file, start_s, min(end_s, self._seconds(file))) for file, start_s, end_s in spans]
        return [(file, start_s, end_s) for file, start_s, end_s in ends if end_s - start_s < LENGTH_S]

    def _event(self, label: str, rng: np.random.Generator) -> RareEvent:
        file, from_s, to_s = self._events[label][int(rng.integers(len(self._events[label])))]
        built_seed = int(rng.integers(2**31)) if label == "co_alarm" else None
        length_s = to_s - from_s if built_seed is None else _four_beeps(built_seed)[0].length_s
        at_s = float(rng.uniform(0, LENGTH_S - length_s))
        return RareEvent(label, file, from_s, to_s, built_seed, at_s, length_s, float(rng.choice(EBRS_DB)))

    def _background(self, backdrop: Backdrop, rng: np.random.Generator) -> tuple[Placed, ...]:
        subtypes = list(self._backgrounds[backdrop].values())
        placed: list[Placed] = []
        end_s = 0.0
        while end_s < LENGTH_S:
            files = subtypes[int(rng.integers(len(subtypes)))]
            file = files[int(rng.integers(len(files)))]
            at_s = max(0.0, end_s - FADE_S)
            length_s = min(self._seconds(file), LENGTH_S - at_s)
            from_s = float(rng.uniform(0, self._seconds(file) - length_s))
            placed.append(Placed(file, from_s, length_s, at_s))
            end_s = at_s + length_s
        return tuple(placed)

    def _sound(self, event: RareEvent) -> Sound:
        real = self._cut(event.file, event.from_s, event.to_s)
        if event.built_seed is None:
            return real
        beeps, rng = _four_beeps(event.built_seed)
        return sound(beeps, rng, voice=real)[: round(beeps.length_s * RATE_HZ)]

    def _cut(self, file: str, from_s: float, to_s: float) -> Sound:
        samples = self._library.read(self._by_file[file])
        return samples[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)].astype(np.float32) / np.float32(32_768)

    def _seconds(self, file: str) -> float:
        if file not in self._lengths_s:
            self._lengths_s[file] = len(self._library.read(self._by_file[file])) / RATE_HZ
        return self._lengths_s[file]


def _four_beeps(seed: int) -> tuple[Beeps, np.random.Generator]:
    """Return one to four groups of a carbon-monoxide alarm, and the generator to sound them with."""
    rng = np.random.default_rng(seed)
    return cadence("t4", float(rng.uniform(1, 20)), rng), rng


def _faded(piece: Sound) -> Sound:
    """Fade both ends, so that the next piece joins without a click."""
    ramp = np.linspace(0, 1, round(FADE_S * RATE_HZ), dtype=np.float32)
    piece = piece.copy()
    piece[: ramp.size] *= ramp[: piece.size]
    piece[-ramp.size :] *= ramp[::-1][-piece.size :]
    return piece


def _gain(level_db: float) -> float:
    return float(10 ** (level_db / 20))
