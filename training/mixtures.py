"""One mixture: an event in a room, over a background, through a cheap microphone. Drawn from a seed, rendered apart."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import oaconvolve

from hearing.features import Block

from .acoustics import add, microphone, play, shape, simulated_room
from .config import LABELS
from .recordings import Library, Recording, Split, rms
from .synthesis import ALARMS, LOOK_ALIKES, RATE_HZ, Pattern, Sound, cadence, glass, sound


@dataclass(frozen=True, slots=True)
class Placed:
    """A stretch of a recording, placed in the mixture."""

    file: str
    from_s: float
    """Where in the recording it begins."""

    length_s: float
    at_s: float
    """Where in the mixture it begins; negative when its beginning is cut off."""


@dataclass(frozen=True, slots=True)
class Event:
    """A sound in the foreground; `label` is None for one that must not alarm."""

    label: str | None
    recording: Placed | None
    """A real recording, or None for a synthesised sound."""

    pattern: Pattern | None
    """Cadence of a synthesised sound; None with no recording is synthesised glass."""

    beep_file: str | None
    """A real alarm whose first beep is re-timed to the pattern; None is a synthetic tone."""

    at_s: float
    length_s: float
    ebr_db: float
    """Event-to-background ratio over the event's own length."""

    speed: float
    """How much faster a recording is played; its pitch goes along."""

    room: str | None
    """Impulse response it is heard through."""

    reverberation_s: float | None
    """Decay time (60 dB) of a simulated room; used without a recorded one."""

    door_hz: float | None
    """Corner of the low-pass of a closed door."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything needed to render one mixture again."""

    seed: int
    length_s: float
    sound_from_s: float
    """The mixture is digital silence before this time: a stream that has just begun."""

    background: tuple[Placed, ...]
    background_dbfs: float
    hiss_dbfs: float
    events: tuple[Event, ...]
    band_hz: tuple[float, float]
    """High-pass and low-pass of the microphone."""

    tilt_db: tuple[float, ...]
    """Gain of the microphone at 125 Hz to 8 kHz, an octave apart."""

    clip_db: float
    """How far the loudest sample is driven over full scale; 0 or less does not clip."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """A rendered recipe."""

    samples: Block
    spans_s: tuple[tuple[str, float, float], ...]
    """(label, onset, offset) of every sound that should be heard."""


class Mixer:
    """Draws and renders mixtures from one split of a library."""

    def __init__(
        self, library: Library, split: Split, length_s: float, hard: Sequence[str] = (), hard_share: float = 0.0
    ) -> None:
        """Sort the split's recordings by what they are good for; `hard` names negatives that come up more often."""
        self._library = library
        self._length_s = length_s
        self._by_file = {recording.file: recording for recording in library.recordings}
        self._rooms = [r.file for r in library.select("train" if split == "train" else split, "rir")]
        self._glass = library.select(split, "glass_break")
        self._smoke = tuple(r for r in library.select(split, "smoke_alarm", "fire_alarm_other") if is_smoke(r))
        self._co = library.select(split, "co_alarm")
        self._negatives = _by_group(library.select(split, "negative", "low_battery_chirp"))
        self._hard = [self._by_file[file] for file in hard if self._by_file[file].split == split]
        self._hard_share = hard_share
        self._beeps = tuple(r.file for r in (*self._smoke, *self._co) if r.file in beep_times(library))
        self._synthetic_glass = split == "train" or library.folder is None

    def draw(self, seed: int) -> Recipe:
        """Return the recipe of a seed, always the same."""
        rng = np.random.default_rng(seed)
        events: list[Event] = []
        label = str(rng.choice([*LABELS, "none"], p=[0.27, 0.24, 0.19, 0.30]))
        if label != "none":
            events.append(self._event(label, rng))
        if rng.random() < (0.4 if label == "none" else 0.12):
            events.append(self._look_alike(rng))
        if self._negatives and rng.random() < (0.7 if label == "none" else 0.25):
            events.append(self._foreground(rng))
        return Recipe(
            seed=seed,
            length_s=self._length_s,
            sound_from_s=float(rng.uniform(0, 0.8 * self._length_s)) if rng.random() < 0.15 else 0.0,
            background=self._background(rng),
            background_dbfs=float(rng.uniform(-70, -22)),
            hiss_dbfs=float(rng.uniform(-95, -55)),
            events=tuple(events),
            band_hz=(float(rng.uniform(20, 250)), float(rng.choice([8_000, 7_000, 3_700], p=[0.7, 0.2, 0.1]))),
            tilt_db=tuple(float(gain) for gain in rng.normal(0, 4, 7)),
            clip_db=float(rng.uniform(-30, 6)),
        )

    def _background(self, rng: np.random.Generator) -> tuple[Placed, ...]:
        if not self._negatives or rng.random() < 0.15:
            return ()
        placed: list[Placed] = []
        at_s = 0.0
        while at_s < self._length_s and len(placed) < 4:
            recording = self._pick(rng)
            length_s = min(self._seconds(recording), self._length_s - at_s)
            from_s = float(rng.uniform(0, max(1e-9, self._seconds(recording) - length_s)))
            placed.append(Placed(recording.file, from_s, length_s, at_s))
            at_s += length_s + float(rng.uniform(0, 1.0))
        return tuple(placed)

    def _pick(self, rng: np.random.Generator) -> Recording:
        """Return a negative; every kind of sound is as likely, whatever the number of its recordings."""
        if self._hard and rng.random() < self._hard_share:
            return self._hard[int(rng.integers(len(self._hard)))]
        kinds = list(self._negatives)
        members = self._negatives[kinds[int(rng.integers(len(kinds)))]]
        return members[int(rng.integers(len(members)))]

    def _event(self, label: str, rng: np.random.Generator) -> Event:
        real = {"glass_break": self._glass, "smoke_alarm": self._smoke, "co_alarm": ()}[label]
        real_share = {"glass_break": 0.8 if self._synthetic_glass else 1.0, "smoke_alarm": 0.5, "co_alarm": 0.0}[label]
        if real and rng.random() < real_share:
            recording = real[int(rng.integers(len(real)))]
            onset_s, offset_s = recording.spans_s[int(rng.integers(len(recording.spans_s)))]
            lead_s, tail_s = rng.uniform(0, 0.1), rng.uniform(0, 0.3)
            from_s = max(0.0, onset_s - float(lead_s))
            length_s = min(self._seconds(recording), offset_s + float(tail_s)) - from_s
            at_s = self._start(length_s, rng)
            return self._in_room(label, Placed(recording.file, from_s, length_s, at_s), None, at_s, length_s, rng)
        if label == "glass_break":
            return self._in_room(label, None, None, self._start(2.0, rng), 2.0, rng)
        if label == "smoke_alarm":
            pattern: Pattern = ("t3", "t3", "t3_520hz", "fast")[int(rng.integers(4))]
        else:
            pattern = "t4"
        # Some CO alarms are a single group: the late form sounds once a minute.
        one_or_many = (0.7, rng.uniform(5, 30)) if pattern == "t4" else ()
        length_s = float(rng.choice(one_or_many, p=[0.3, 0.7]) if one_or_many else rng.uniform(2.5, 30.0))
        return self._in_room(label, None, pattern, self._start(length_s, rng), length_s, rng)

    def _look_alike(self, rng: np.random.Generator) -> Event:
        pattern = LOOK_ALIKES[int(rng.integers(len(LOOK_ALIKES)))]
        length_s = float(rng.uniform(1, 15))
        return self._in_room(None, None, pattern, self._start(length_s, rng), length_s, rng)

    def _foreground(self, rng: np.random.Generator) -> Event:
        recording = self._pick(rng)
        length_s = min(self._seconds(recording), self._length_s)
        placed = Placed(recording.file, 0.0, length_s, self._start(length_s, rng))
        return self._in_room(None, placed, None, placed.at_s, length_s, rng)

    def _start(self, length_s: float, rng: np.random.Generator) -> float:
        """Draw a start anywhere, also before the window (in mid-cycle) or just before its end."""
        return float(rng.uniform(min(0.0, self._length_s - length_s) - 0.3 * min(length_s, 3), self._length_s - 0.3))

    def _in_room(
        self,
        label: str | None,
        recording: Placed | None,
        pattern: Pattern | None,
        at_s: float,
        length_s: float,
        rng: np.random.Generator,
    ) -> Event:
        retime = recording is None and pattern is not None and self._beeps and rng.random() < 0.5
        low, high = (-6, 30) if label in ALARMS.values() else (-3, 30)
        # An alarm must keep its timing; other sounds come in all sizes.
        spread = 0.03 if label == "smoke_alarm" else 0.12
        recorded = bool(self._rooms) and rng.random() < 0.4
        return Event(
            label=label,
            recording=recording,
            pattern=pattern,
            beep_file=self._beeps[int(rng.integers(len(self._beeps)))] if retime else None,
            at_s=at_s,
            length_s=length_s,
            ebr_db=float(rng.uniform(low, high)),
            speed=float(rng.uniform(1 - spread, 1 + spread)) if recording is not None else 1.0,
            room=self._rooms[int(rng.integers(len(self._rooms)))] if recorded else None,
            reverberation_s=float(rng.uniform(0.1, 1.0)) if rng.random() < 0.5 else None,
            door_hz=float(rng.uniform(800, 4_000)) if rng.random() < 0.15 else None,
        )

    def _seconds(self, recording: Recording) -> float:
        return len(self._library.read(recording)) / RATE_HZ

    def render(self, recipe: Recipe) -> Mixture:
        """Return the sound of a recipe and where its events lie, always the same for the same recipe."""
        rng = np.random.default_rng(recipe.seed + 1)
        size = round(recipe.length_s * RATE_HZ)
        scene = np.zeros(size, np.float32)
        for placed in recipe.background:
            piece = self._cut(placed)
            # Level each piece by itself: a loud recording must not hide the next.
            add(scene, piece * np.float32(10 ** (recipe.background_dbfs / 20) / max(rms(piece), 1e-4)), placed.at_s)
        scene += (10 ** (recipe.hiss_dbfs / 20) * rng.standard_normal(size)).astype(np.float32)
        spans = []
        for event in recipe.events:
            samples, active = self._render_event(event, rng)
            onset_s, offset_s = max(0.0, event.at_s + active[0]), min(recipe.length_s, event.at_s + active[1])
            if offset_s - onset_s < 0.05:
                continue
            under = scene[round(onset_s * RATE_HZ) : round(offset_s * RATE_HZ)]
            body = samples[round(active[0] * RATE_HZ) : round(active[1] * RATE_HZ)]
            gain = 10 ** (event.ebr_db / 20) * rms(under) / max(rms(body), 1e-5)
            add(scene, samples * np.float32(gain), event.at_s)
            if event.label is not None and offset_s > recipe.sound_from_s:
                spans.append((event.label, max(onset_s, recipe.sound_from_s), offset_s))
        scene = microphone(scene, recipe.band_hz, recipe.tilt_db)
        scene[: round(recipe.sound_from_s * RATE_HZ)] = 0
        peak = max(float(np.abs(scene).max()), 1e-6)
        if recipe.clip_db > 0 or peak > 1:  # an overdriven microphone
            scene *= np.float32(10 ** (max(recipe.clip_db, 0) / 20) / peak)
        mixture = np.clip(np.round(scene * 32_767), -32_768, 32_767).astype(np.int16)
        return Mixture(mixture, tuple(spans))

    def _cut(self, placed: Placed) -> Sound:
        samples = self._library.read(self._by_file[placed.file])
        start = round(placed.from_s * RATE_HZ)
        return samples[start : start + round(placed.length_s * RATE_HZ)].astype(np.float32) / np.float32(32_768)

    def _render_event(self, event: Event, rng: np.random.Generator) -> tuple[Sound, tuple[float, float]]:
        """Return the event's sound and where in it the event is active."""
        if event.recording is not None:
            samples = play(self._cut(event.recording), event.speed)
        elif event.pattern is None:
            samples = glass(rng)
        else:
            voice = self._beep(event.beep_file) if event.beep_file else None
            samples = sound(cadence(event.pattern, event.length_s, rng), rng, voice)
        active = (0.0, samples.size / RATE_HZ)
        if event.room is not None:
            response = self._library.read(self._by_file[event.room]).astype(np.float32)
            response = response[int(np.abs(response).argmax()) :][: RATE_HZ // 2]
            samples = oaconvolve(samples, response / np.sqrt(np.sum(response**2))).astype(np.float32)
        elif event.reverberation_s is not None:
            response = simulated_room(event.reverberation_s, rng)
            samples = oaconvolve(samples, response).astype(np.float32)
        if (door_hz := event.door_hz) is not None:
            samples = shape(samples, lambda hz: 1 / np.sqrt(1 + (hz / door_hz) ** 4))
        return samples, active

    def _beep(self, file: str) -> Sound:
        start_s, end_s = beep_times(self._library)[file]
        return self._cut(Placed(file, start_s, end_s - start_s, 0.0))


def is_smoke(recording: Recording) -> bool:
    """Return whether a recording counts as a smoke alarm: all residential ones, and horns with the T3 cadence."""
    return recording.kind == "smoke_alarm" or recording.subtype.startswith("T3")


@lru_cache(maxsize=4)
def beep_times(library: Library) -> dict[str, tuple[float, float]]:
    """Return the first whole beep of every alarm that has one, from the folder's alarm_beeps.json."""
    path = None if library.folder is None else library.folder / "alarm_beeps.json"
    if path is None or not path.is_file():
        return {}
    alarms = json.loads(path.read_text(encoding="utf-8"))
    beeps = {file: alarm["beeps"][0] for file, alarm in alarms.items() if alarm["beeps"]}
    return {file: (beep[0], beep[1]) for file, beep in beeps.items() if 0.06 < beep[1] - beep[0] < 1.0}


def _by_group(recordings: tuple[Recording, ...]) -> dict[str, tuple[Recording, ...]]:
    kinds: dict[str, list[Recording]] = {}
    for recording in recordings:
        kinds.setdefault(f"{recording.kind}/{recording.subtype}", []).append(recording)
    return {kind: tuple(members) for kind, members in kinds.items()}
