"""What is to be heard and what is not: the recordings of a split, alarms built from their beeps, and look-alikes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .recipes import beep_times, is_smoke
from .recordings import Library, Recording
from .splits import Split
from .synthesis import LOOK_ALIKES, RATE_HZ, Beeps, Pattern, Sound, cadence, sound

KINDS: Mapping[str, tuple[str, ...]] = {
    "glass_break": ("recorded",),
    "smoke_alarm": ("T3", "T3 horn", "other pattern", "T3 built", "520 Hz built"),
    "co_alarm": ("real", "built"),
}
"""Kinds of each sound. "Built" is a synthesised cadence, sounded with real beeps of the split where there are any."""

HEADLINE: Mapping[str, tuple[str, ...]] = {
    "glass_break": ("recorded",),
    "smoke_alarm": ("T3", "T3 horn", "other pattern"),
    "co_alarm": ("built",),
}
"""Kinds that the headline figure of a sound is made of."""

GLASS_EVIDENCE_S = 0.5
"""Half a second of breaking glass is evidence enough."""

BUILT_LENGTH_S: Mapping[Pattern, float] = {"t3": 10.0, "t3_520hz": 10.0, "t4": 14.0}
"""Long enough for two whole groups."""

BUILT: tuple[tuple[str, str, Pattern], ...] = (("smoke_alarm", "T3 built", "t3"), ("co_alarm", "built", "t4"))
"""Sound, kind and pattern of what is built from real beeps."""

VARIANTS: Mapping[Pattern, int] = {"t3": 2, "t4": 4}
"""Alarms built from each real beep."""

SYNTHESISED = 24
"""Alarms of a pattern without any real beep."""

LOOK_ALIKES_EACH = 12
LOOK_ALIKE_LENGTH_S = 12.0


@dataclass(frozen=True, slots=True)
class Case:
    """One sound, and whether it must be heard."""

    name: str
    """File of the recording; of a built sound what it was built from."""

    label: str | None
    """The sound that must be heard; None must not alarm."""

    kind: str
    group: str
    recording: Recording | None
    """What is heard; of a built alarm the recording of its beep, None for a synthetic tone."""

    pattern: Pattern | None = None
    """Cadence of a built sound; None plays the recording as it is."""


@dataclass(frozen=True, slots=True)
class Dry:
    """A sound as recorded or built, before anything is done to it."""

    samples: Sound
    spans_s: tuple[tuple[float, float], ...]
    """(onset, offset) of what must be heard; none for a negative."""

    evidence_s: float | None
    """When enough has sounded to be sure; None where nobody can say."""


def positives(library: Library, split: Split, label: str) -> tuple[Recording, ...]:
    """Return the trustworthy recordings in which a sound is to be heard."""
    if label == "smoke_alarm":
        return tuple(r for r in library.select(split, "smoke_alarm", "fire_alarm_other") if is_smoke(r))
    return library.select(split, label)


def negatives(library: Library, split: Split) -> tuple[Recording, ...]:
    """Return the recordings in which nothing is to be heard."""
    return library.select(split, "negative", "low_battery_chirp")


def recorded(library: Library, split: Split, label: str) -> list[Case]:
    """Return a sound's real recordings as cases."""
    return [Case(r.file, label, _kind(r), r.group, r) for r in positives(library, split, label)]


def built(library: Library, split: Split) -> list[Case]:
    """Return the built alarms of a split, always the same ones."""
    beeps = beep_times(library)
    sources = [r for label in ("smoke_alarm", "co_alarm") for r in positives(library, split, label) if r.file in beeps]
    cases = list(_synthesised("smoke_alarm", "520 Hz built", "t3_520hz"))
    for label, kind, pattern in BUILT:
        for source in sources:
            names = [f"{source.file} as {pattern}, {number}" for number in range(VARIANTS[pattern])]
            cases += [Case(name, label, kind, source.group, source, pattern) for name in names]
        if not sources:
            cases += _synthesised(label, kind, pattern)
    return cases


def heard_in(library: Library, split: Split) -> list[Case]:
    """Return everything of a split in which a sound is to be heard."""
    return [case for label in KINDS for case in recorded(library, split, label)] + built(library, split)


def unheard_in(library: Library, split: Split) -> list[Case]:
    """Return the recordings of a split in which nothing is to be heard, as cases."""
    return [Case(r.file, None, _kind(r), r.group, r) for r in negatives(library, split)]


def look_alikes() -> list[Case]:
    """Return the synthesised beepers that must not alarm."""
    return [
        Case(f"{pattern}, {number}", None, pattern, pattern, None, pattern)
        for pattern in LOOK_ALIKES
        for number in range(LOOK_ALIKES_EACH)
    ]


def dry(library: Library, case: Case) -> Dry:
    """Return the sound of a case, float32 at 16 kHz, always the same."""
    if case.pattern is None:
        assert case.recording is not None
        samples = library.read(case.recording).astype(np.float32) / np.float32(32_768)
        spans_s = (case.recording.spans_s or ((0.0, samples.size / RATE_HZ),)) if case.label else ()
        return Dry(samples, spans_s, _glass_evidence(spans_s[0]) if case.label == "glass_break" else None)
    rng = np.random.default_rng(list(hashlib.sha256(case.name.encode()).digest()))
    length_s = BUILT_LENGTH_S.get(case.pattern, LOOK_ALIKE_LENGTH_S)
    beeps = cadence(case.pattern, length_s, rng)
    if case.recording is None:
        samples = sound(beeps, rng) * np.float32(10 ** (rng.uniform(-40, -10) / 20))
    else:
        start_s, end_s = beep_times(library)[case.recording.file]
        real = library.read(case.recording)[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
        samples = sound(beeps, rng, real.astype(np.float32) / np.float32(32_768))
    if case.label is None:
        return Dry(samples, (), None)
    return Dry(samples, ((0.0, beeps.length_s),), _second_group_s(beeps))


def _synthesised(label: str, kind: str, pattern: Pattern) -> Iterator[Case]:
    for number in range(SYNTHESISED):
        name = f"synthetic {pattern}, {number}"
        yield Case(name, label, kind, name, None, pattern)


def _kind(recording: Recording) -> str:
    match recording.kind:
        case "glass_break":
            return "recorded"
        case "co_alarm":
            return "real"
        case "smoke_alarm":
            return "T3" if "T3" in recording.subtype else "other pattern"
        case "fire_alarm_other":
            return "T3 horn"
    return recording.subtype


def _glass_evidence(span_s: tuple[float, float]) -> float:
    return min(span_s[0] + GLASS_EVIDENCE_S, span_s[1])


def _second_group_s(beeps: Beeps) -> float:
    """Return when the second group of beeps ends: the last beep before the second of the long pauses."""
    pauses_s = [after[0] - before[0] for before, after in pairwise(beeps.on_s)]
    longest_s = max(pauses_s, default=0.0)
    last = [number for number, pause_s in enumerate(pauses_s) if pause_s > 0.75 * longest_s]
    start_s, length_s, _ = beeps.on_s[last[1] if len(last) > 1 else -1]
    return start_s + length_s
