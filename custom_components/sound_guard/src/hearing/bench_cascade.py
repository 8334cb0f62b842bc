"""What second looks cost: the same recordings, heard by the attention model alone and by both, in turn."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .features import Block
from .listener import Listener
from .second_look import SecondLook


@dataclass(frozen=True, slots=True)
class CascadeFigures:
    """What listening to recordings costs with and without second looks."""

    alone_ms_per_audio_s: float
    """Processor time of the attention model alone, per second of sound."""

    both_ms_per_audio_s: float
    """Processor time with second looks, theirs included."""

    ratio: float
    """The latter as a multiple of the former."""

    looks: int
    seconds: float
    """Sound that both have heard."""

    runtime: str


def bench_cascade(
    recordings: Iterable[Iterable[Block]],
    new_listener: Callable[[SecondLook | None], Listener],
    second_look: SecondLook,
    rate_hz: int,
) -> CascadeFigures:
    """Hear recordings, each from a fresh start, block by block in turn; decoding them costs nothing here."""
    cpu_s = [0.0, 0.0]
    samples, runtime = 0, ""
    for recording in recordings:
        listeners = (new_listener(None), new_listener(second_look))
        runtime = listeners[0].runtime
        for block in recording:
            samples += block.size
            for number, listener in enumerate(listeners):
                started_s = time.process_time()
                listener.feed(block)
                cpu_s[number] += time.process_time() - started_s
        for number, listener in enumerate(listeners):
            started_s = time.process_time()
            listener.flush()
            cpu_s[number] += time.process_time() - started_s
    seconds = samples / rate_hz
    alone, both = (1000 * each / seconds if seconds else 0.0 for each in cpu_s)
    ratio = both / alone if alone else 0.0
    looks = second_look.standing.looks
    return CascadeFigures(round(alone, 3), round(both, 3), round(ratio, 3), looks, round(seconds, 1), runtime)
