"""A teacher that has heard two million clips: YAMNet's opinion on what is mixed, as soft targets for training.

It hears every sound alone, before room, noise and microphone; the student has to hear it through them.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hearing.features import Block

from .mixtures import Ingredient, Mixture
from .recordings import Library
from .synthesis import RATE_HZ

CLASSES = tuple(
    name.strip()
    for name in """
    Speech; Singing; Crying, sobbing; Cough; Sneeze; Dog; Cat; Bird; Cricket; Music; Drum; Snare drum; Cymbal; Hi-hat;
    Bell;    Church bell; Jingle bell; Chime; Wind chime; Wind; Thunder; Water; Rain; Fire; Crackle; Vehicle; Car alarm;
    Reversing beeps; Siren; Engine; Door; Doorbell; Slam; Knock; Tap; Dishes, pots, and pans; Cutlery, silverware;
    Chopping (food); Frying (food); Microwave oven; Vacuum cleaner; Keys jangling; Coin (dropping); Typing; Alarm;
    Telephone bell ringing; Ringtone; Alarm clock; Buzzer; Smoke detector, smoke alarm; Fire alarm; Whistle; Power tool;
    Explosion; Gunshot, gunfire; Burst, pop; Wood; Crack; Glass; Chink, clink; Shatter; Splash, splatter; Thump, thud;
    Bang; Smash, crash; Breaking; Beep, bleep; Ping; Ding; Clang; Clatter; Clicking; Jingle, tinkle; Sine wave; Silence
    """.split(";")
)
"""AudioSet classes that the student learns on the side, so that its features know more than its few recordings."""

WINDOW_SAMPLES = 15_600
HOP_SAMPLES = 7_680
"""Half the teacher's window: each sound is whole in one of them."""

MASKED_DB = 25.0
"""A sound so far below a louder one beside it is not asked for."""


class Teacher:
    """YAMNet as a .tflite file. One instance per process."""

    def __init__(self, model: Path) -> None:
        """Load the model and find the classes in the list that lies beside it.

        Raises:
            ValueError: a class is not in the list.
        """
        from ai_edge_litert.interpreter import Interpreter  # without a teacher nobody needs LiteRT

        self._interpreter = Interpreter(model_path=str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        listed = (model.parent / "yamnet_class_map.csv").read_text(encoding="utf-8").splitlines()[1:]
        names = [line.split(",", 2)[2].strip('"') for line in listed]
        self._classes = [names.index(name) for name in CLASSES]

    def listen(self, samples: Block) -> NDArray[np.float32]:
        """Return the teacher's scores, (windows, classes), for 16 kHz sound brought to full scale first."""
        sound = samples.astype(np.float32)
        sound /= max(float(np.abs(sound).max()), 1.0)
        starts = range(0, max(1, sound.size - WINDOW_SAMPLES + 1), HOP_SAMPLES)
        scores = []
        for start in starts:
            self._interpreter.set_tensor(self._input, np.resize(sound[start : start + WINDOW_SAMPLES], WINDOW_SAMPLES))
            self._interpreter.invoke()
            scores.append(self._interpreter.get_tensor(self._output)[0][self._classes])
        return np.stack(scores)


class Lessons:
    """What the teacher says about mixtures; its opinion on a recording is kept beside the decoded sound."""

    def __init__(self, teacher: Teacher, library: Library) -> None:
        """Keep both at hand."""
        self._teacher = teacher
        self._library = library
        self._by_file = {recording.file: recording for recording in library.recordings}

    def on(self, mixture: Mixture) -> NDArray[np.float32]:
        """Return the teacher's scores, (windows, classes): of every sound that is not drowned, the highest."""
        windows = (mixture.samples.size - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        centres_s = (np.arange(windows) * HOP_SAMPLES + WINDOW_SAMPLES / 2) / RATE_HZ
        loudest_db = np.full(windows, -np.inf)
        heard = [(ingredient, *self._scores(ingredient, centres_s)) for ingredient in mixture.ingredients]
        for ingredient, there, _ in heard:
            loudest_db[there] = np.maximum(loudest_db[there], ingredient.level_db)
        lesson = np.zeros((windows, len(CLASSES)), np.float32)
        for ingredient, there, scores in heard:
            clear = loudest_db[there] <= ingredient.level_db + MASKED_DB
            places = np.flatnonzero(there)[clear]
            lesson[places] = np.maximum(lesson[places], scores[clear])
        return lesson

    def _scores(
        self, ingredient: Ingredient, centres_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return in which windows a sound is, and the teacher's scores there."""
        if ingredient.placed is not None:
            from_s, length_s = ingredient.placed.from_s, ingredient.placed.length_s
            scores = self._recorded(ingredient.placed.file)
        else:
            assert ingredient.sound is not None
            # Only what lies in the mixture is worth the teacher's time.
            start = max(0, round(-ingredient.at_s * RATE_HZ))
            inside = ingredient.sound[start : start + round((centres_s[-1] + 0.5) * RATE_HZ)]
            from_s, length_s = -start / RATE_HZ, ingredient.sound.size / RATE_HZ
            scores = self._teacher.listen((inside * 32_000 / max(np.abs(inside).max(), 1e-5)).astype(np.int16))
        since_s = (centres_s - ingredient.at_s) * ingredient.speed
        there = (since_s > -0.4) & (since_s < length_s + 0.4)
        window = np.round(((since_s[there] + from_s) * RATE_HZ - WINDOW_SAMPLES / 2) / HOP_SAMPLES).astype(int)
        return there, scores[np.clip(window, 0, len(scores) - 1)]

    def _recorded(self, file: str) -> NDArray[np.float32]:
        folder = self._library.cache()
        kept = folder / f"taught-{hashlib.sha256(file.encode()).hexdigest()[:24]}.npy"
        if kept.is_file():
            return np.asarray(np.load(kept) / np.float32(255), np.float32)
        scores = self._teacher.listen(self._library.read(self._by_file[file]))
        partial = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, np.round(255 * scores).astype(np.uint8))
        partial.replace(kept)
        return scores
