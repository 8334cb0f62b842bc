"""Targets that do everything a target must not do, for the fuzzer to notice."""

import ctypes
import os
from collections.abc import Callable, Mapping

import numpy as np

from fuzzing.target import Target

BAD = 3
"""The number of the input at which they misbehave."""


class RefusedError(Exception):
    """An error of ours."""


def _at(number: int, misbehave: Callable[[], object], limit_s: float = 1.0) -> Callable[[], Target]:
    fed: list[object] = []

    def feed(content: float) -> None:
        fed.append(content)
        if len(fed) == number + 1:
            misbehave()
        raise RefusedError("not good enough")

    return lambda: Target("bad", lambda draw: draw.random(), feed, (RefusedError,), limit_s=limit_s)


def _odd() -> None:
    raise KeyError("label")


def _speechless() -> None:
    raise RefusedError


def _slow() -> None:
    sum(range(30_000_000))


def _endless() -> None:
    while True:
        pass


def _large() -> None:
    try:
        np.ones(200_000_000)
    except MemoryError as error:
        raise RefusedError("too large") from error


def _crash() -> None:
    ctypes.string_at(0)


TARGETS: Mapping[str, Callable[[], Target]] = {
    "good": _at(-5, _odd),
    "odd": _at(BAD, _odd),
    "speechless": _at(BAD, _speechless),
    "slow": _at(BAD, _slow, limit_s=0.1),
    "endless": _at(BAD, _endless, limit_s=0.02),
    "large": _at(BAD, _large),
    "crash": _at(BAD, _crash),
    "exit": _at(BAD, lambda: os._exit(3)),
}
