"""Feeds one target in a process of its own: python -m fuzzing.child MODULE TARGET SEED START COUNT PROGRESS_FILE.

Writes one JSON object a line: every finding, and the figures last. What it is at stands in the progress file, so that
a crash can be put down to an input.
"""

import contextlib
import importlib
import json
import mmap
import os
import resource
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from .feeding import MOST_FINDINGS
from .target import Target

MEMORY_BYTES = 500_000_000

_SKIPPED = ("/fuzzing/", "/asyncio/", "/concurrent/")


class HangError(BaseException):
    """An input takes too long. Not an Exception: nobody shall take it for an error of the input."""


def _alarm(_: int, __: FrameType | None) -> None:
    raise HangError


@contextlib.contextmanager
def limited(limit_s: float) -> Iterator[None]:
    """Interrupt what computes for longer; what waits is not interrupted.

    Raises:
        HangError: it took longer.
    """
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def complaint(target: Target, content: Any) -> tuple[str | None, bool]:
    """Feed one input. Return what is wrong with how it was taken, if anything, and whether it was accepted."""
    try:
        target.feed(content)
    except target.refusals as error:
        if isinstance(error.__cause__, MemoryError) or isinstance(error.__context__, MemoryError):
            return f"takes too much memory before it is refused: {error}", False
        return None if str(error) else f"{type(error).__name__} says nothing", False
    except Exception as error:  # noqa: BLE001  that is what is looked for
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "the fuzzer"
        return f"{type(error).__name__} in {where}: {str(error)[:200]}", False
    return None, True


def _is_ours(filename: str) -> bool:
    return any(part in filename for part in _SKIPPED)


def run(target: Target, seed: int, start: int, count: int, progress: mmap.mmap) -> None:
    """Feed inputs and write down what comes of it."""
    signal.signal(signal.SIGPROF, _alarm)
    accepted = findings = 0
    slowest_s, slowest, seconds = 0.0, start, 0.0
    number = start
    for number in range(start, start + count):
        struct.pack_into("<q", progress, 0, number)
        content = target.input(seed, number)
        began_s = target.clock()
        try:
            with limited(20 * target.limit_s):
                wrong, taken = complaint(target, content)
        except HangError:
            wrong, taken = "hangs", False
        spent_s = target.clock() - began_s
        seconds += spent_s
        accepted += taken
        if spent_s > slowest_s:
            slowest_s, slowest = spent_s, number
        if wrong is None and spent_s > target.limit_s:
            wrong = f"takes {spent_s:.1f} s"
        if wrong is not None:
            findings += 1
            _tell({"finding": wrong, "number": number})
            if findings == MOST_FINDINGS:
                break
    own, children = (
        resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    if max(own, children) > MEMORY_BYTES:
        _tell({"finding": f"took {max(own, children) / 1e6:.0f} MB at some point", "number": number})
    _tell(
        {
            "done": number + 1 - start,
            "accepted": accepted,
            "seconds": seconds,
            "slowest_s": slowest_s,
            "slowest": slowest,
            "peak_mb": max(own, children) / 1e6,
        }
    )


def _tell(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


def main() -> None:
    """Feed the target that the arguments name."""
    module, name, seed, start, count, progress_file = sys.argv[1:]
    # What NumPy has to say about a calculation is no message of ours.
    warnings.simplefilter("error", RuntimeWarning)
    target: Target = importlib.import_module(module).TARGETS[name]()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Path(progress_file).open("r+b") as file, mmap.mmap(file.fileno(), 8) as progress:
        run(target, int(seed), int(start), int(count), progress)
    sys.stdout.flush()
    # Whatever threads an integration has left, they have no say any more.
    os._exit(0)


if __name__ == "__main__":
    main()
