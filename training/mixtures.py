"""Renders recipes: the same recipe always gives the same sound."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from hearing.features import Block

from .acoustics import add, automatic_gain, microphone, play, shape, simulated_room, telephone
from .recipes import Event, Placed, Recipe
from .recordings import Library, rms
from .synthesis import RATE_HZ, Sound, cadence, glass, sound, strikes


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A sound as it went into a mixture, before room and microphone."""

    placed: Placed | None
    """Where a recording lies in the mixture; None for a synthesised sound."""

    sound: Sound | None
    """A synthesised sound."""

    at_s: float
    speed: float
    level_db: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """A rendered recipe."""

    samples: Block
    spans_s: tuple[tuple[str, float, float], ...]
    """(label, onset, offset) of every sound that should be heard."""

    ingredients: tuple[Ingredient, ...] = ()


class Mixer:
    """Renders the recipes of one library."""

    def __init__(self, library: Library) -> None:
        """Keep the library at hand."""
        self._library = library
        self._by_file = {recording.file: recording for recording in library.recordings}

    def render(self, recipe: Recipe) -> Mixture:
        """Return the sound of a recipe and where its events lie, always the same for the same recipe."""
        rng = np.random.default_rng(recipe.seed + 1)
        size = round(recipe.length_s * RATE_HZ)
        scene = np.zeros(size, np.float32)
        ingredients = []
        for placed in recipe.background:
            piece = self._cut(placed)
            # Level each piece by itself: a loud recording must not hide the next.
            add(scene, piece * np.float32(10 ** (recipe.background_dbfs / 20) / max(rms(piece), 1e-4)), placed.at_s)
            ingredients.append(Ingredient(placed, None, placed.at_s, 1.0, recipe.background_dbfs))
        scene += (10 ** (recipe.hiss_dbfs / 20) * rng.standard_normal(size)).astype(np.float32)
        spans = []
        background = scene.copy()
        for event in recipe.events:
            dry = self._dry(event, rng)
            samples = self._wet(event, dry, rng)
            active_s = dry.size / RATE_HZ
            onset_s, offset_s = max(0.0, event.at_s), min(recipe.length_s, event.at_s + active_s)
            if offset_s - onset_s < 0.05:
                continue
            under = background[round(onset_s * RATE_HZ) : round(offset_s * RATE_HZ)]
            level_db = event.ebr_db + 20 * np.log10(rms(under))
            add(scene, samples * np.float32(10 ** (level_db / 20) / max(rms(samples[: dry.size]), 1e-5)), event.at_s)
            ingredients.append(Ingredient(event.recording, dry, event.at_s, event.speed, float(level_db)))
            if event.label is not None and offset_s > recipe.sound_from_s:
                spans.append((event.label, max(onset_s, recipe.sound_from_s), offset_s))
        return Mixture(_heard(recipe, scene), tuple(spans), tuple(ingredients))

    def _cut(self, placed: Placed) -> Sound:
        samples = self._library.read(self._by_file[placed.file])
        start = round(placed.from_s * RATE_HZ)
        return samples[start : start + round(placed.length_s * RATE_HZ)].astype(np.float32) / np.float32(32_768)

    def _dry(self, event: Event, rng: np.random.Generator) -> Sound:
        """Return an event's sound at its source."""
        if event.recording is not None:
            samples = play(self._cut(event.recording), event.speed)
            if event.overlay is not None:
                other = play(self._cut(event.overlay), 2 - event.speed)
                start = round(event.overlay.at_s * RATE_HZ)
                longer = np.zeros(max(samples.size, start + other.size), np.float32)
                longer[: samples.size] += samples / max(rms(samples), 1e-5)
                longer[start : start + other.size] += other / max(rms(other), 1e-5)
                return longer
            return samples
        if event.pattern is None:
            return glass(rng)
        if event.pattern == "strikes":
            return strikes(rng)
        voice = play(self._cut(event.beep), event.speed) if event.beep else None
        return sound(cadence(event.pattern, event.length_s, rng), rng, voice)

    def _wet(self, event: Event, samples: Sound, rng: np.random.Generator) -> Sound:
        """Return a sound as it arrives at the microphone: room, door, distance."""
        if event.room is not None:
            response = self._library.read(self._by_file[event.room]).astype(np.float32)
            response = response[int(np.abs(response).argmax()) :][: RATE_HZ // 2]
            samples = oaconvolve(samples, response / np.sqrt(np.sum(response**2))).astype(np.float32)
        elif event.reverberation_s is not None:
            response = simulated_room(event.reverberation_s, rng)
            samples = oaconvolve(samples, response).astype(np.float32)
        if (door_hz := event.door_hz) is not None:
            samples = shape(samples, lambda hz: 1 / np.sqrt(1 + (hz / door_hz) ** 4))
        return microphone(samples, (10.0, 8_000.0), event.tilt_db) if event.tilt_db else samples


def _heard(recipe: Recipe, scene: Sound) -> Block:
    """Return a scene as the recipe's microphone hears it, int16."""
    scene = microphone(scene, recipe.band_hz, recipe.tilt_db)
    if recipe.gain_s is not None:
        scene = automatic_gain(scene, *recipe.gain_s, target_db=-24.0)
    scene[: round(recipe.sound_from_s * RATE_HZ)] = 0
    peak = max(float(np.abs(scene).max()), 1e-6)
    if recipe.clip_db > 0 or peak > 1:  # an overdriven microphone
        scene *= np.float32(10 ** (max(recipe.clip_db, 0) / 20) / peak)
    scene = np.clip(scene, -1, 1)
    if recipe.telephone:
        scene = telephone(scene)
    return np.clip(np.round(scene * 32_767), -32_768, 32_767).astype(np.int16)
