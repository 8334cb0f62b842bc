"""A verifier that answers what a test wants, when it wants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from hearing.card import Sensitivity
from hearing.features import Block
from hearing.verifier import Region

Regions = tuple[Region, ...]
Answer = Regions | BaseException | Callable[[Block], Regions]


@dataclass
class FakeCard:
    """Asks about anything with half a probability, and wants 0.3, 0.5 or 0.8 for a yes."""

    clip_s: float = 10.0
    suspicion: Mapping[str, float] = field(default_factory=lambda: {"glass_break": 0.5, "smoke_alarm": 0.5})
    levels: Mapping[Sensitivity, float] = field(
        default_factory=lambda: {Sensitivity.HIGH: 0.3, Sensitivity.BALANCED: 0.5, Sensitivity.LOW: 0.8}
    )

    def confirms(self, label: str, sensitivity: Sensitivity, suspected: float, recognised: float) -> bool:
        assert label in self.suspicion
        assert 0 <= suspected <= 1
        return recognised >= self.levels[sensitivity]


class FakeClock:
    """The monotonic clock of second looks; stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class FakeVerifier:
    """Gives the answers one after the other, the last one for ever; one that is an exception is raised."""

    def __init__(self, *answers: Answer) -> None:
        self.answers: list[Answer] = list(answers or ((),))
        self.clips: list[Block] = []
        self.looking = Event()
        """Set while it looks."""
        self.free = Event()
        """While this is not set, it hangs."""
        self.free.set()

    def verify(self, samples: Block) -> Regions:
        self.clips.append(samples)
        self.looking.set()
        assert self.free.wait(20), "nobody has let it go on"
        self.looking.clear()
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer(samples) if callable(answer) else answer
