"""A house that can be heard without a microphone: real blocks of sound, a scripted listener, and things that break."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import sleep
from typing import Self

import numpy as np

from custom_components.sound_guard.src.hearing.card import ModelCard, Sensitivity
from custom_components.sound_guard.src.hearing.detection import Detection, Phase
from custom_components.sound_guard.src.hearing.devices import Device
from custom_components.sound_guard.src.hearing.evidence import Evidence
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.listener import RING_S
from custom_components.sound_guard.src.hearing.picture import Caption
from custom_components.sound_guard.src.hearing.rcrnn_card import RcrnnCard
from custom_components.sound_guard.src.hearing.ring import Ring
from custom_components.sound_guard.src.hearing.second_look import SecondLook
from custom_components.sound_guard.src.hearing.source import (
    BLOCK_SAMPLES,
    SAMPLE_RATE_HZ,
    Backlog,
    Reason,
    SourceError,
    redact,
)
from custom_components.sound_guard.src.hearing.verifier import Region

PNG = b"\x89PNG\r\n\x1a\n"
LABELS = ("glass_break", "smoke_alarm", "co_alarm")
LOUDNESS = {"glass_break": 10_000, "smoke_alarm": 11_000, "co_alarm": 12_000}
QUIET = 100

CARD = ModelCard(
    path=Path("attention.json"),
    name="attention",
    version="0.0.1",
    model="attention.tflite",
    labels=LABELS,
    thresholds={label: {Sensitivity.LOW: 0.9, Sensitivity.BALANCED: 0.7, Sensitivity.HIGH: 0.5} for label in LABELS},
    content=b"",
)

VERIFIER_CARD = RcrnnCard(
    path=Path("rcrnn.json"),
    name="rcrnn",
    version="0.0.2",
    model="rcrnn.tflite",
    labels=LABELS,
    attention_sha256=CARD.sha256,
    suspicion=dict.fromkeys(LABELS, 0.3),
    thresholds={label: {Sensitivity.LOW: 0.8, Sensitivity.BALANCED: 0.6, Sensitivity.HIGH: 0.4} for label in LABELS},
    weight=99.0,  # the attention model's confidence hardly counts: what a test lets the verifier say decides
    content=b"looks twice",
)


class Room:
    """What there is to hear in the house, and how the sources behave."""

    def __init__(self) -> None:
        """Begin quiet and sound."""
        self.blocks: deque[int] = deque()
        self.hum = QUIET
        """Sample value while nothing is played; 0 is digital silence."""
        self.fault: Exception | None = None
        """Raised instead of sound, by sources that are open and by those that are opened."""
        self.listener_fault: Exception | None = None
        self.ends = False
        """Whether sources end, quietly, instead of going on."""
        self.stuck = Event()
        """While set, sources deliver nothing until they are closed."""
        self.deaf = Event()
        """While set, sources deliver nothing and do not even notice that they are closed."""
        self.stuck_now = False
        self.model_hangs = Event()
        """While set, no listener can be opened, and those that are open do not come back from a block."""
        self.hangs_now = False
        self.devices = [Device("default", "Default microphone"), Device("pulse:usb", "USB microphone")]
        """The microphones of the machine."""
        self.opened: list[str] = []
        """What was opened so far, in order."""
        self.open_now = 0
        self.delivered = 0
        """Blocks of sound so far."""
        self.backlog = Backlog(dropped_s=0.0)
        """What the sources say is waiting and lost."""
        self.draw_fault: Exception | None = None
        self.draws_slowly = Event()
        """While set, no picture is finished."""
        self.drawn: list[tuple[Evidence, Caption]] = []
        """Every picture so far."""
        self.sensitivities: list[Sensitivity] = []
        """Every sensitivity that a listener has heard with, without repetitions."""
        self.second_looks: list[SecondLook | None] = []
        """Whom each listener so far asks."""
        self.verifier_fault: Exception | None = None
        """Raised instead of opening a verifier."""
        self.verifier: FakeVerifier | None = None
        """The one that was opened last."""
        self.confirmed: float | None = None
        """How sure a second look is of what is heard; None: there was none."""

    def play(self, label: str, blocks: int = 3) -> None:
        """Make a sound of so many blocks."""
        self.blocks.extend([LOUDNESS[label]] * blocks)

    def open_source(self, spec: str, *, ffmpeg: str) -> "FakeSource":
        """Stand in for the engine's function."""
        self.opened.append(spec)
        return FakeSource(self, spec)

    def open_listener(
        self, card: ModelCard, *, second_look: SecondLook | None = None, wait: bool = False
    ) -> "FakeListener":
        """Stand in for the engine's class."""
        self.think()
        if self.listener_fault is not None:
            raise self.listener_fault
        self.second_looks.append(second_look)
        return FakeListener(self)

    def open_verifier(self, card: RcrnnCard) -> "FakeVerifier":
        """Stand in for the engine's class."""
        if self.verifier_fault is not None:
            raise self.verifier_fault
        self.verifier = FakeVerifier()
        return self.verifier

    def think(self) -> None:
        """Be the model at work."""
        while self.model_hangs.is_set():
            self.hangs_now = True
            sleep(0.005)

    def draw(self, evidence: Evidence, caption: Caption, card: ModelCard) -> bytes:
        """Stand in for the engine's function: a PNG by its first bytes, and then what it would show."""
        if self.draw_fault is not None:
            raise self.draw_fault
        while self.draws_slowly.is_set():
            sleep(0.005)
        self.drawn.append((evidence, caption))
        return PNG + f"{caption.sound}, {caption.confidence}, complete: {evidence.complete}".encode()

    def list_devices(self, ffmpeg: str) -> list[Device]:
        """Stand in for the engine's function."""
        return self.devices


class FakeSource:
    """Plays the room, twenty times as fast as time."""

    def __init__(self, room: Room, spec: str) -> None:
        """Get ready."""
        self.description = f"fake: {redact(spec)}"
        self._room = room
        self._closed = Event()

    @property
    def backlog(self) -> Backlog:
        """What the room says."""
        return self._room.backlog

    def __enter__(self) -> Self:
        """Open, or fail as the room says."""
        if self._room.fault is not None:
            raise self._room.fault
        self._room.open_now += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self._room.open_now -= 1

    def __iter__(self) -> Iterator[Block]:
        """Yield what is played, else the hum of the room."""
        while not self._closed.wait(0.005):
            if self._room.fault is not None:
                raise self._room.fault
            if self._room.ends:
                return
            while self._room.deaf.is_set():
                self._room.stuck_now = True
                sleep(0.005)
            if self._room.stuck.is_set():
                self._closed.wait()
                return
            value = self._room.blocks.popleft() if self._room.blocks else self._room.hum
            self._room.delivered += 1
            # To and fro: a constant is no sound, however large.
            yield np.resize(np.array([value, -value], np.int16), BLOCK_SAMPLES)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()


class FakeListener:
    """Hears what the loudness of a block says: no model, but real blocks and the engine's own detections."""

    runtime = "fake"

    def __init__(self, room: Room) -> None:
        """Begin with nothing heard."""
        self.sensitivity = Sensitivity.BALANCED
        self.position_s = self.judged_s = 0.0
        self.ring = Ring(RING_S, SAMPLE_RATE_HZ)
        self._room = room
        self._open: Detection | None = None

    def feed(self, block: Block) -> list[Detection]:
        """Return what a block reveals."""
        if self._room.sensitivities[-1:] != [self.sensitivity]:
            self._room.sensitivities.append(self.sensitivity)
        self._room.think()
        self.ring.write(block)
        self.position_s += block.size / SAMPLE_RATE_HZ
        self.judged_s = self.position_s
        labels = [label for label, loudness in LOUDNESS.items() if loudness == int(block.max())]
        if not labels:
            return self.flush()
        if self._open is not None and self._open.label == labels[0]:
            found = Detection(labels[0], Phase.CONTINUED, self._open.onset_s, self.position_s, 0.987654)
        else:
            found = Detection(labels[0], Phase.STARTED, self.position_s - 0.1, self.position_s, 0.987654)
        if (sure := self._room.confirmed) is not None:
            found = replace(found, verified=True, verifier_confidence=sure)
        self._open = found
        return [found]

    def flush(self) -> list[Detection]:
        """End what is open."""
        ended, self._open = self._open, None
        if ended is None:
            return []
        return [replace(ended, phase=Phase.ENDED)]


class FakeVerifier:
    """Finds what it is told to find, in every clip."""

    def __init__(self, *regions: Region) -> None:
        """Begin well."""
        self.regions = regions
        self.fault: Exception | None = None
        """Raised instead of an answer."""
        self.stuck = Event()
        """While set, it does not answer."""
        self.looks_s: list[float] = []
        """The lengths of the clips so far."""

    def verify(self, samples: Block) -> tuple[Region, ...]:
        """Answer."""
        self.looks_s.append(samples.size / SAMPLE_RATE_HZ)
        while self.stuck.is_set():
            sleep(0.005)
        if self.fault is not None:
            raise self.fault
        return self.regions


def gone() -> SourceError:
    """Return what a source says whose sound server has died."""
    return SourceError(Reason.NO_SERVER, "the sound server is gone")
