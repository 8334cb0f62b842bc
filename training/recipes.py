"""Recipes of mixtures: an event in a room, over a background, through a cheap microphone; each drawn from its seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .config import LABELS, Config
from .recordings import Library, Recording
from .splits import Split
from .synthesis import LOOK_ALIKES, SMOKE, Pattern

CONFUSABLE = (
    "glass_", "dishes", "kitchen_cutlery", "kitchen_plates", "kitchen_dishwashing", "kitchen_drawer", "metal",
    "impact", "crash", "gun", "music_oneshots", "door", "ui_", "beeps_", "phone", "alarm_clock", "siren", "bell",
    "clock", "water", "household", "keys", "typing",
)  # fmt: skip
"""How the subtypes begin of the negatives that are most easily mistaken: sharp, ringing or beeping sounds."""


EVIDENCE_S = {"glass_break": 0.3, "smoke_alarm": 2.2, "co_alarm": 0.75}
"""How much of a sound a mixture holds at least: one beep may be anything, two or a group of four are an alarm."""


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

    beep: Placed | None
    """A real beep that is re-timed to the pattern; None is a synthetic tone."""

    overlay: Placed | None
    """Another recording of the same sound on top: panes never break twice in the same way."""

    at_s: float
    length_s: float
    ebr_db: float
    """Event-to-background ratio over the event's own length."""

    speed: float
    """How much faster a recording or a real beep is played; its pitch goes along."""

    room: str | None
    """Impulse response it is heard through."""

    reverberation_s: float | None
    """Decay time (60 dB) of a simulated room; used without a recorded one."""

    door_hz: float | None
    """Corner of the low-pass of a closed door."""

    tilt_db: tuple[float, ...]
    """Gain of its way to the microphone at 125 Hz to 8 kHz, an octave apart."""


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

    gain_s: tuple[float, float] | None
    """Attack and release of a microphone with automatic gain."""

    telephone: bool
    """Through eight bits of mu-law."""


class Recipes:
    """Draws recipes from the recordings of one split."""

    def __init__(
        self, config: Config, library: Library, split: Split, length_s: float, hard: Sequence[str] = ()
    ) -> None:
        """Sort the split's recordings by what they are good for; `hard` names negatives that come up more often."""
        self._config = config.mixtures
        self._hard_share = config.mining.share
        self._synthesis = config.mixtures.synthesis or library.folder is None
        self._library = library
        self._length_s = length_s
        by_file = {recording.file: recording for recording in library.recordings}
        self._rooms = [r.file for r in library.select(split, "rir")]
        self._glass = library.select(split, "glass_break")
        self._smoke = tuple(r for r in library.select(split, "smoke_alarm", "fire_alarm_other") if is_smoke(r))
        self._co = library.select(split, "co_alarm")
        self._negatives = _by_group(library.select(split, "negative", "low_battery_chirp"))
        self._hard = [by_file[file] for file in hard if by_file[file].split == split]
        self._confusable = [kind for kind in self._negatives if kind.split("/")[1].startswith(CONFUSABLE)]
        beeps = all_beeps(library)
        self._beeps = [beeps[r.file] for r in (*self._smoke, *self._co) if r.file in beeps]
        self._synthetic_glass = self._synthesis and (split == "train" or library.folder is None)

    def draw(self, seed: int) -> Recipe:
        """Return the recipe of a seed, always the same."""
        rng = np.random.default_rng(seed)
        label = str(rng.choice([*LABELS, "none"], p=[0.28, 0.24, 0.16, 0.32]))
        background = self._background(rng)
        noisy = bool(background)
        events: list[Event] = []
        if label != "none":
            events.append(self._event(label, noisy, rng))
            if label != "glass_break" and rng.random() < 0.12:  # a second alarm, out of phase
                events.append(self._event(label, noisy, rng))
            if self._negatives and label != "glass_break" and rng.random() < 0.12:  # a voice between the beeps
                events.append(self._foreground(noisy, rng, "speech"))
        if self._synthesis and rng.random() < (0.4 if label == "none" else 0.12):
            events.append(self._look_alike(noisy, rng))
        if self._config.strikes and rng.random() < self._config.strikes:
            at_s = self._start(2.0, rng)
            events.append(self._in_room(None, None, "strikes", at_s, 2.0, noisy=noisy, rng=rng))
        if self._negatives and rng.random() < (0.75 if label == "none" else 0.25):
            events.append(self._foreground(noisy, rng))
        if label != "none":  # what else there is may be loud, but must not bury the event
            first, *others = events
            events = [first, *(replace(e, ebr_db=first.ebr_db + float(rng.uniform(-25, 6))) for e in others)]
        # Eight kilohertz is too little for glass.
        bands_hz, shares = ((8_000, 7_000, 5_500, 3_700), [0.62, 0.2, 0.06, 0.12])
        high_hz = float(rng.choice(bands_hz[:3] if label == "glass_break" else bands_hz, p=_shares(shares, label)))
        return Recipe(
            seed=seed,
            length_s=self._length_s,
            sound_from_s=float(rng.uniform(0, 0.8 * self._length_s))
            if rng.random() < 0.12 and label != "co_alarm"
            else 0.0,
            background=background,
            background_dbfs=float(rng.uniform(-70, -22)),
            hiss_dbfs=float(rng.uniform(-95, -55)),
            events=tuple(events),
            band_hz=(float(rng.uniform(20, 250)), high_hz),
            tilt_db=_tilt(4.0, rng),
            clip_db=float(rng.uniform(-30, 6)),
            gain_s=(float(rng.uniform(0.01, 0.05)), float(rng.uniform(0.3, 2.0))) if rng.random() < 0.15 else None,
            telephone=high_hz < 4_000 and rng.random() < 0.5,
        )

    def _background(self, rng: np.random.Generator) -> tuple[Placed, ...]:
        """Draw one or two layers of recordings, or none: a room in which only the microphone hisses."""
        placed: list[Placed] = []
        for _ in range(int(rng.choice(3, p=[0.2, 0.55, 0.25])) if self._negatives else 0):
            at_s = 0.0
            for _ in range(4):
                recording = self._pick(rng)
                length_s = min(self._library.seconds(recording), self._length_s - at_s)
                from_s = float(rng.uniform(0, max(1e-9, self._library.seconds(recording) - length_s)))
                placed.append(Placed(recording.file, from_s, length_s, at_s))
                at_s += length_s + float(rng.uniform(0, 1.0))
                if at_s >= self._length_s - 0.1:
                    break
        return tuple(placed)

    def _pick(self, rng: np.random.Generator, begins: str = "") -> Recording:
        """Return a negative; every kind of sound is as likely, whatever the number of its recordings."""
        if self._hard and not begins and rng.random() < self._hard_share:
            return self._hard[int(rng.integers(len(self._hard)))]
        kinds = [kind for kind in self._negatives if kind.startswith(f"negative/{begins}")] or list(self._negatives)
        if self._confusable and not begins and rng.random() < 0.3:
            kinds = self._confusable
        members = self._negatives[kinds[int(rng.integers(len(kinds)))]]
        return members[int(rng.integers(len(members)))]

    def _event(self, label: str, noisy: bool, rng: np.random.Generator) -> Event:
        real = {"glass_break": self._glass, "smoke_alarm": self._smoke, "co_alarm": ()}[label]
        real_share = {"glass_break": 0.88 if self._synthetic_glass else 1.0, "smoke_alarm": 0.5, "co_alarm": 0.0}[label]
        if real and (rng.random() < real_share or not self._synthesis):
            placed = self._span(label, real, rng)
            return self._in_room(label, placed, None, placed.at_s, placed.length_s, noisy=noisy, rng=rng)
        if label == "glass_break":
            return self._in_room(label, None, None, self._start(2.0, rng, label), 2.0, noisy=noisy, rng=rng)
        pattern: Pattern = SMOKE[int(rng.choice(4, p=[0.4, 0.2, 0.28, 0.12]))] if label == "smoke_alarm" else "t4"
        # Some CO alarms are a single group: the late form sounds once a minute.
        one_or_many = (0.7, rng.uniform(5, 30)) if pattern == "t4" else ()
        length_s = float(rng.choice(one_or_many, p=[0.3, 0.7]) if one_or_many else rng.uniform(2.5, 30.0))
        at_s = self._start(length_s, rng, label)
        return self._in_room(label, None, pattern, at_s, length_s, noisy=noisy, rng=rng)

    def _span(self, label: str, recordings: Sequence[Recording], rng: np.random.Generator) -> Placed:
        """Draw one event of one group and where it begins."""
        groups = sorted({recording.group for recording in recordings})
        group = groups[int(rng.integers(len(groups)))]
        members = [recording for recording in recordings if recording.group == group]
        recording = members[int(rng.integers(len(members)))]
        onset_s, offset_s = recording.spans_s[int(rng.integers(len(recording.spans_s)))]
        from_s = max(0.0, onset_s - float(rng.uniform(0, 0.1)))
        length_s = min(self._library.seconds(recording), offset_s + float(rng.uniform(0, 0.3))) - from_s
        return Placed(recording.file, from_s, length_s, self._start(length_s, rng, label))

    def _look_alike(self, noisy: bool, rng: np.random.Generator) -> Event:
        pattern = LOOK_ALIKES[int(rng.integers(len(LOOK_ALIKES)))]
        length_s = float(rng.uniform(1, 15))
        return self._in_room(None, None, pattern, self._start(length_s, rng), length_s, noisy=noisy, rng=rng)

    def _foreground(self, noisy: bool, rng: np.random.Generator, begins: str = "") -> Event:
        recording = self._pick(rng, begins)
        length_s = min(self._library.seconds(recording), self._length_s)
        placed = Placed(recording.file, 0.0, length_s, self._start(length_s, rng))
        return self._in_room(None, placed, None, placed.at_s, length_s, noisy=noisy, rng=rng)

    def _start(self, length_s: float, rng: np.random.Generator, label: str | None = None) -> float:
        """Draw a start anywhere, also before the window (in mid-cycle) or just before its end."""
        evidence_s = min(length_s, EVIDENCE_S[label] if label else 0.3)
        earliest_s = max(min(0.0, self._length_s - length_s) - 0.3 * min(length_s, 3), evidence_s - length_s)
        return float(rng.uniform(earliest_s, self._length_s - evidence_s))

    def _in_room(
        self,
        label: str | None,
        recording: Placed | None,
        pattern: Pattern | None,
        at_s: float,
        length_s: float,
        *,
        noisy: bool,
        rng: np.random.Generator,
    ) -> Event:
        beeping = recording is None and pattern is not None and pattern != "strikes"
        retime = beeping and bool(self._beeps) and (rng.random() < 0.5 or not self._synthesis)
        pieced = self._config.fragments and label == "glass_break"
        overlaid = label == "glass_break" and recording is not None and rng.random() < (0.5 if pieced else 0.3)
        # An alarm must keep its timing; other sounds come in all sizes.
        spread = 0.03 if label == "smoke_alarm" and recording is not None else 0.25 if pieced else 0.15
        rooms = self._config.rooms
        recorded = bool(self._rooms) and rng.random() < 0.35
        low = -8 if label is not None else -3
        # Where glass is drawn more freely it is also closer to the background.
        high = 14 if pieced and rng.random() < 0.4 else 30
        return Event(
            label=label,
            recording=recording,
            pattern=pattern,
            beep=self._beep(rng) if retime else None,
            overlay=self._overlay(rng, 0.6 if pieced else 0.0) if overlaid else None,
            at_s=at_s,
            length_s=length_s,
            # Over hiss alone a sound may be as loud as the microphone takes.
            ebr_db=float(rng.uniform(low, high) if noisy else rng.uniform(5, 85)),
            speed=float(rng.uniform(1 - spread, 1 + spread)) if recording is not None or retime else 1.0,
            room=self._rooms[int(rng.integers(len(self._rooms)))] if recorded and rooms else None,
            reverberation_s=float(rng.uniform(0.1, 1.1)) if rng.random() < 0.6 and rooms else None,
            door_hz=float(rng.uniform(600, 4_000)) if rng.random() < 0.15 and rooms else None,
            tilt_db=_tilt(3.0, rng) if rng.random() < 0.6 else (),
        )

    def _overlay(self, rng: np.random.Generator, latest_s: float) -> Placed:
        """Draw another break of glass that begins with the first, or up to `latest_s` after it."""
        span = self._span("glass_break", self._glass, rng)
        return replace(span, at_s=float(rng.uniform(0, latest_s)) if latest_s else 0.0)

    def _beep(self, rng: np.random.Generator) -> Placed:
        beeps = self._beeps[int(rng.integers(len(self._beeps)))]
        return beeps[int(rng.integers(len(beeps)))]


def _tilt(spread_db: float, rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(float(gain) for gain in rng.normal(0, spread_db, 7))


def _shares(shares: list[float], label: str) -> NDArray[np.float64]:
    kept = np.array(shares[:3] if label == "glass_break" else shares)
    return np.asarray(kept / kept.sum(), np.float64)


def is_smoke(recording: Recording) -> bool:
    """Return whether a recording counts as a smoke alarm: residential ones, and horns with the T3 cadence.

    A single beep does not: low batteries and kitchens beep once, and must not alarm.
    """
    if "single" in recording.subtype:
        return False
    return recording.kind == "smoke_alarm" or recording.subtype.startswith("T3")


@lru_cache(maxsize=4)
def all_beeps(library: Library) -> dict[str, tuple[Placed, ...]]:
    """Return the whole beeps of every alarm that has some, from the folder's alarm_beeps.json."""
    path = None if library.folder is None else library.folder / "alarm_beeps.json"
    if path is None or not path.is_file():
        return {}
    alarms = json.loads(path.read_text(encoding="utf-8"))
    beeps = {
        file: tuple(Placed(file, on, off - on, 0.0) for on, off in alarm["beeps"] if 0.06 < off - on < 1.0)
        for file, alarm in alarms.items()
    }
    return {file: found for file, found in beeps.items() if found}


def beep_times(library: Library) -> dict[str, tuple[float, float]]:
    """Return (start, end) in seconds of the first whole beep of every alarm that has one."""
    return {file: (b[0].from_s, b[0].from_s + b[0].length_s) for file, b in all_beeps(library).items()}


def _by_group(recordings: tuple[Recording, ...]) -> dict[str, tuple[Recording, ...]]:
    kinds: dict[str, list[Recording]] = {}
    for recording in recordings:
        kinds.setdefault(f"{recording.kind}/{recording.subtype}", []).append(recording)
    return {kind: tuple(members) for kind, members in kinds.items()}
