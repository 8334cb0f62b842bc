"""A listener that takes any loud sound for a smoke alarm."""

from hearing.detection import Detection, Phase
from hearing.features import Block
from hearing.listener import Listener
from hearing.source import SAMPLE_RATE_HZ

LOUD = 8_000


class FakeListener(Listener):
    """Reports an event from the first loud block to the first quiet one; needs no model."""

    def __init__(self) -> None:
        self.runtime = "fake"
        self.heard_samples = 0
        self._onset_s: float | None = None
        self._loudest = 0

    @property
    def position_s(self) -> float:
        return self.heard_samples / SAMPLE_RATE_HZ

    @property
    def max_scores(self) -> dict[str, float]:
        return {"glass_break": 0.0, "smoke_alarm": self._loudest / 32_768}

    def feed(self, block: Block) -> list[Detection]:
        start_s = self.position_s
        self.heard_samples += block.size
        loudest = int(abs(block.astype(int)).max(initial=0))
        self._loudest = max(self._loudest, loudest)
        if loudest < LOUD:
            return self._end(start_s)
        if self._onset_s is None:
            self._onset_s = start_s
            return [self._event(Phase.STARTED, start_s)]
        return [self._event(Phase.CONTINUED, start_s)]

    def flush(self) -> list[Detection]:
        return self._end(self.position_s)

    def _end(self, offset_s: float) -> list[Detection]:
        if self._onset_s is None:
            return []
        ended = [self._event(Phase.ENDED, offset_s)]
        self._onset_s = None
        return ended

    def _event(self, phase: Phase, offset_s: float) -> Detection:
        assert self._onset_s is not None
        return Detection("smoke_alarm", phase, self._onset_s, offset_s, 0.75)
