"""One thing that takes input from outside, and what it may answer to input that is damaged."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """Something to feed. Every input follows from the seed and its number alone."""

    name: str

    make: Callable[[Random], Any]
    """Draws an input."""

    feed: Callable[[Any], object]
    """Takes an input, as the product would. Returns if it was accepted."""

    refusals: tuple[type[Exception], ...] = ()
    """How it may say that an input is no good: with an error of ours, whose message is for people."""

    read: Callable[[bytes], Any] = bytes
    """Makes an input of the content of a file: of what was found once and is kept."""

    clock: Callable[[], float] = time.process_time
    """What is counted as time: our own processor time, or for what waits for another process that of the wall."""

    limit_s: float = 1.0
    """An input that takes longer hangs."""

    def input(self, seed: int, number: int) -> Any:
        """Return an input by its number."""
        return self.make(Random(f"{seed}/{self.name}/{number}"))  # noqa: S311  nothing secret is drawn
