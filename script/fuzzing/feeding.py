"""Has a target fed in a process of its own, and goes on behind an input that kills or wedges it."""

import json
import mmap
import os
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WEDGED_CPU_S = 30.0
WEDGED_S = 300.0
"""An input at which a process has computed, or stood still, for so long is given up. The process itself notices
everything but a hang inside of a library."""

MOST_FINDINGS = 20
"""After so many a target is left: they are likely to be the same."""

_PATIENCE_S = 1.0


@dataclass
class Figures:
    """What came of one target."""

    target: str
    inputs: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    peak_mb: float = 0.0
    findings: list[tuple[int, str]] = field(default_factory=list)
    """Number of the input, and what is wrong with how it was taken."""


class Feeding:
    """One target, fed in one process after the other."""

    def __init__(self, module: str, target: str, seed: int, results: Path) -> None:
        """Get ready; what the processes say on stderr is kept in the folder `results`."""
        self.figures = Figures(target)
        self._arguments = [module, target, str(seed)]
        self._log = results / f"{target}.log"
        self._progress = results / f"{target}.progress"

    def run(self, start: int, count: int) -> Figures:
        """Feed the inputs from number `start` on; a target with many findings is left early."""
        number, end = start, start + count
        while number < end and len(self.figures.findings) < MOST_FINDINGS:
            number = self._feed(number, end - number)
        return self.figures

    def _feed(self, start: int, count: int) -> int:
        """Feed in one process; return the number of the first input that is left."""
        self._progress.write_bytes(struct.pack("<q", start))
        command = [sys.executable, "-m", "fuzzing.child", *self._arguments, str(start), str(count), str(self._progress)]
        # One thread is enough, and more would take memory each.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        with (
            self._log.open("w") as log,
            self._progress.open("rb") as file,
            mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as progress,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, bufsize=0, env=environment) as child,
        ):
            try:
                done = self._follow(child, progress)
            except KeyboardInterrupt:
                print(
                    f"stopped; go on with --target {self.figures.target} --start {_number(progress)}", file=sys.stderr
                )
                raise
            finally:
                child.kill()
            code, number = child.wait(), _number(progress)
        if done:
            return start + count
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        crash = "hangs" if code == -signal.SIGKILL else f"crashes with signal {-code}"
        self.figures.findings.append((number, crash if code < 0 else f"ends the process: {said[0][:200]}"))
        self.figures.inputs += number + 1 - start
        return number + 1

    def _follow(self, child: subprocess.Popen[bytes], progress: mmap.mmap) -> bool:
        """Take down what the process tells; return whether it came to its end, instead of dying or being wedged."""
        assert child.stdout is not None
        told, at, since_s, cpu_s = b"", -1, time.monotonic(), 0.0
        while True:
            if _number(progress) != at:
                at, since_s, cpu_s = _number(progress), time.monotonic(), _cpu_s(child.pid)
            if select.select([child.stdout], [], [], _PATIENCE_S)[0]:
                if not (piece := os.read(child.stdout.fileno(), 65_536)):
                    return False
                *lines, told = (told + piece).split(b"\n")
                ended = [self._note(json.loads(line)) for line in lines]
                if any(ended):
                    return True
            elif time.monotonic() - since_s > WEDGED_S or _cpu_s(child.pid) - cpu_s > WEDGED_CPU_S:
                return False

    def _note(self, told: dict[str, Any]) -> bool:
        """Take down one line; return whether it was the last."""
        if "finding" in told:
            self.figures.findings.append((told["number"], told["finding"]))
            return False
        self.figures.inputs += told["done"]
        self.figures.accepted += told["accepted"]
        self.figures.seconds += told["seconds"]
        self.figures.slowest_s = max(self.figures.slowest_s, told["slowest_s"])
        self.figures.peak_mb = max(self.figures.peak_mb, told["peak_mb"])
        return True


def _number(progress: mmap.mmap) -> int:
    (number,) = struct.unpack("<q", progress[:8])
    return int(number)


def _cpu_s(process: int) -> float:
    """Return the processor time that a process has used."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
