"""What is done to a clip before it is heard: noise, rooms, doors, distance, cameras. The same clip each time."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve, resample_poly

from hearing.features import Block

from .acoustics import shape, simulated_room, telephone
from .cases import Dry, negatives
from .rare_sounds import SCENES
from .recordings import Library, Recording, rms
from .splits import Split
from .synthesis import RATE_HZ, Sound

PADDING_S = 2.0
"""Near-silence around a clip, so that a dry clip begins as in a room and its end is heard out."""

HISS = 3.0
"""RMS of that silence, in int16 units: a quiet room through a good microphone."""

PEAK = 0.5
"""Loudest sample of a sound over a background, of full scale: level is not what these conditions are about."""

DRAWS = 3
"""How often a recording goes through a condition that is drawn: other background, other room."""

DOOR_DB = (-12.0, -14.0, -17.0, -19.0, -22.0, -25.0, -28.0)
"""What a closed door takes from a sound at 125 Hz to 8 kHz, an octave apart; about 17 dB(A) in all."""

FAR_DIRECT_DB = -9.0
"""Far away: direct sound over reverberation."""

FAR_LEVEL_DB = -20.0
QUIET_DB = -24.0
DIRECT_S = 0.0025
"""The direct sound reaches this far behind the peak of an impulse response."""

ROOM_DECAYS_S = (0.25, 0.9)
FAR_DECAYS_S = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a sound reaches a microphone."""

    name: str
    what: str
    """What is done, in plain words."""

    draws: int = 1


CLEAN = Condition("clean", "the recording as it is, in the hiss of a quiet room")
NOISY = tuple(
    Condition(f"{ebr} dB", f"over a background of the same split, the sound {ebr} dB over it, at a good level", DRAWS)
    for ebr in ("+6", "0", "-6")
)
ROOM = Condition("room", "in a room: a held-out impulse response, or a simulated one where there is none", DRAWS)
DOOR = Condition("door", "in a room behind a closed door, 12 dB (bass) to 28 dB (treble) quieter", DRAWS)
FAR = Condition(
    "far", f"far away: direct sound {FAR_DIRECT_DB:g} dB under the reverberation, {-FAR_LEVEL_DB:g} dB less", DRAWS
)
NARROW = Condition("8 kHz", "through a camera's telephone band: 8 kHz, 8-bit µ-law")
QUIET = Condition("quiet", "24 dB quieter, in the same hiss")
CONDITIONS = (CLEAN, *NOISY, ROOM, DOOR, FAR, NARROW, QUIET)


@dataclass(frozen=True, slots=True)
class Clip:
    """What the listener gets."""

    samples: Block
    onset_s: float
    """When what must be heard begins; for a negative, when the recording begins."""

    length_s: float
    """From the first onset to the last offset; for a negative, the recording's length."""

    evidence_s: float | None


class Stage:
    """Puts sounds into conditions, with the rooms and backgrounds of one split."""

    def __init__(self, library: Library, split: Split) -> None:
        """Sort the split's impulse responses by where they were measured, and its backgrounds by what they are."""
        self._library = library
        self._rooms: dict[str, list[Recording]] = {}
        for room in library.select(split, "rir"):
            self._rooms.setdefault(room.group, []).append(room)
        self._scenes: dict[str, list[Recording]] = {}
        for scene in negatives(library, split):
            if scene.subtype in SCENES:
                self._scenes.setdefault(scene.subtype, []).append(scene)

    def put(self, dry: Dry, name: str, condition: Condition, draw: int = 0) -> Clip:
        """Return a sound in a condition; the same name, condition and draw give the same clip."""
        key = hashlib.sha256(f"{name}\n{condition.name}\n{draw}".encode()).digest()
        rng = np.random.default_rng(list(key))
        padding = round(PADDING_S * RATE_HZ)
        scene = np.zeros(dry.samples.size + 2 * padding, np.float32)
        scene[padding : padding + dry.samples.size] = dry.samples
        scene = self._changed(scene, dry, condition, rng)
        heard = scene * np.float32(32_768) + np.float32(HISS) * rng.standard_normal(scene.size, np.float32)
        onset_s, offset_s = (
            (dry.spans_s[0][0], dry.spans_s[-1][1]) if dry.spans_s else (0.0, dry.samples.size / RATE_HZ)
        )
        return Clip(
            np.clip(np.round(heard), -32_768, 32_767).astype(np.int16),
            PADDING_S + onset_s,
            offset_s - onset_s,
            None if dry.evidence_s is None else PADDING_S + dry.evidence_s,
        )

    def _changed(self, scene: Sound, dry: Dry, condition: Condition, rng: np.random.Generator) -> Sound:
        match condition.name:
            case "clean":
                return scene
            case "room":
                return _through(scene, self._response(ROOM_DECAYS_S, rng))
            case "door":
                return shape(_through(scene, self._response(ROOM_DECAYS_S, rng)), _door)
            case "far":
                distant = _through(scene, _distant(self._response(FAR_DECAYS_S, rng)))
                return distant * np.float32(10 ** (FAR_LEVEL_DB / 20))
            case "8 kHz":
                return narrow(scene)
            case "quiet":
                return scene * np.float32(10 ** (QUIET_DB / 20))
            case noisy:
                return self._over_background(scene, dry, float(noisy.removesuffix(" dB")), rng)

    def _over_background(self, scene: Sound, dry: Dry, ebr_db: float, rng: np.random.Generator) -> Sound:
        """Add a background; event and background are compared where the event is."""
        background = self._background(scene.size, rng)
        where = np.zeros(scene.size, bool)
        for start_s, end_s in dry.spans_s:
            where[round((PADDING_S + start_s) * RATE_HZ) : round((PADDING_S + end_s) * RATE_HZ)] = True
        gain = 10 ** (ebr_db / 20) * rms(background[where]) / max(rms(scene[where]), 1e-6)
        mixed = background + scene * np.float32(gain)
        return mixed * np.float32(PEAK / max(float(np.abs(mixed).max()), 1e-6))

    def _background(self, size: int, rng: np.random.Generator) -> Sound:
        """Return pieces of one kind of background, all of RMS 1; noise where there is none."""
        if not self._scenes:
            return rng.standard_normal(size, np.float32)
        kinds = sorted(self._scenes)
        files = self._scenes[kinds[int(rng.integers(len(kinds)))]]
        pieces: list[Sound] = []
        while sum(piece.size for piece in pieces) < size:
            samples = self._library.read(files[int(rng.integers(len(files)))])
            start = int(rng.integers(max(1, samples.size - size)))
            piece = samples[start : start + size].astype(np.float32)
            pieces.append(piece / np.float32(max(rms(piece), 1.0)))
        return np.concatenate(pieces)[:size]

    def _response(self, decays_s: tuple[float, float], rng: np.random.Generator) -> Sound:
        """Return an impulse response that begins with its direct sound; every place is as likely."""
        if not self._rooms:
            return simulated_room(float(rng.uniform(*decays_s)), rng)
        rooms = self._rooms[sorted(self._rooms)[int(rng.integers(len(self._rooms)))]]
        response = self._library.read(rooms[int(rng.integers(len(rooms)))]).astype(np.float32)
        return response[int(np.abs(response).argmax()) :][:RATE_HZ]


def narrow(scene: Sound) -> Sound:
    """Return a sound as a telephone band carries it: 8 kHz, µ-law with 8 bits (G.711)."""
    carried: Sound = resample_poly(telephone(resample_poly(scene, 1, 2)), 2, 1)[: scene.size].astype(np.float32)
    return carried


def _through(scene: Sound, response: Sound) -> Sound:
    """Hear a scene through a room, as loud as before."""
    energy = np.sqrt(np.sum(response.astype(np.float64) ** 2))
    through: Sound = oaconvolve(scene, response / max(energy, 1e-9))[: scene.size].astype(np.float32)
    return through


def _distant(response: Sound) -> Sound:
    """Return a response with as little direct sound as far away."""
    direct = round(DIRECT_S * RATE_HZ)
    distant = response.copy()
    rest = np.sqrt(np.sum(distant[direct:].astype(np.float64) ** 2))
    distant[:direct] *= np.float32(10 ** (FAR_DIRECT_DB / 20) * rest / max(np.linalg.norm(distant[:direct]), 1e-9))
    return distant


def _door(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    octaves = np.log2(np.array([125, 250, 500, 1_000, 2_000, 4_000, 8_000]))
    gains: NDArray[np.float64] = 10 ** (np.interp(np.log2(np.maximum(hz, 1)), octaves, DOOR_DB) / 20)
    return gains
