"""What the process takes of the machine."""

import asyncio
import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """What there is at one moment."""

    at_s: float
    """Seconds of simulated time."""

    rss_mb: float
    """Resident memory."""

    descriptors: int
    thread_names: tuple[str, ...]
    task_names: tuple[str, ...]
    """Of the event loop."""

    @property
    def threads(self) -> int:
        """How many threads there are."""
        return len(self.thread_names)

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self.task_names)


def measure(at_s: float) -> Footprint:
    """Take the footprint of this process. Belongs to the event loop."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return Footprint(
        at_s=at_s,
        rss_mb=rss_kib * 1.024 / 1000,
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208  the fastest way, and it is asked often
        thread_names=tuple(sorted(thread.name for thread in threading.enumerate())),
        task_names=tuple(sorted(task.get_name() for task in asyncio.all_tasks())),
    )
