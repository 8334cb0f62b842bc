"""A teacher that has heard two million clips: YAMNet's opinion on every mixture, as soft targets for training."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hearing.features import Block

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
