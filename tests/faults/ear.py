"""What reached the listener: every source that is opened is the real one, and its sound is counted."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Self

from custom_components.sound_guard.src.hearing.card import ModelCard
from custom_components.sound_guard.src.hearing.features import Block
from custom_components.sound_guard.src.hearing.listener import Listener
from custom_components.sound_guard.src.hearing.second_look import SecondLook
from custom_components.sound_guard.src.hearing.source import SAMPLE_RATE_HZ, Backlog, Source


class Ear:
    """Counts the sound of all sources that are opened through it, by their names."""

    def __init__(self, open_source: Callable[[str, str], Source], ffmpeg: str = "") -> None:
        """Open sources by name and ffmpeg; `ffmpeg` takes the place of Home Assistant's."""
        self.heard_s: dict[str, float] = {}
        """Seconds of sound so far, by the name of the source."""
        self.opened = 0
        self.ffmpeg = ffmpeg
        self.waits = False
        """Whether a listener waits for second looks: where time is simulated, it would hear minutes meanwhile."""
        self.open_real_source = open_source

    def open_listener(self, card: ModelCard, *, second_look: SecondLook | None = None, wait: bool = False) -> Listener:
        """Stand in for the engine's class."""
        return Listener(card, second_look=second_look, wait=wait or self.waits)

    def open_source(self, spec: str, *, ffmpeg: str) -> Source:
        """Stand in for the engine's function."""
        self.opened += 1
        self.heard_s.setdefault(spec, 0.0)
        return Counted(self, spec, self.open_real_source(spec, self.ffmpeg or ffmpeg))


class Counted:
    """A source whose sound is counted."""

    def __init__(self, ear: Ear, spec: str, source: Source) -> None:
        """Take the source."""
        self._ear = ear
        self._spec = spec
        self._source = source

    @property
    def description(self) -> str:
        """That of the source."""
        return self._source.description

    @property
    def backlog(self) -> Backlog:
        """That of the source."""
        return self._source.backlog

    def __enter__(self) -> Self:
        """Enter the source."""
        self._source.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the source."""
        self._source.__exit__(*error)

    def __iter__(self) -> Iterator[Block]:
        """Yield the source's sound."""
        for block in self._source:
            self._ear.heard_s[self._spec] += block.size / SAMPLE_RATE_HZ
            yield block

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class Loss:
    """How much of the sound is not heard, of one source, from now on."""

    def __init__(self, ear: Ear, spec: str, clock: Callable[[], float] = monotonic) -> None:
        """Begin to count."""
        self._ear = ear
        self._spec = spec
        self._clock = clock
        self._began_s = clock()
        self._heard_before_s = ear.heard_s.get(spec, 0.0)

    @property
    def seconds(self) -> float:
        """Seconds that have passed and were not heard."""
        heard_s = self._ear.heard_s.get(self._spec, 0.0) - self._heard_before_s
        return max(0.0, self._clock() - self._began_s - heard_s)
