"""What every fault did, as measured: the rows of the table in docs/reliability.md."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

BEGIN = "<!-- faults: begin; written by script/faults -->"
END = "<!-- faults: end -->"

HEAD = (
    "| fault | made with | what the owner sees | seen after | listens again after | sound lost | alarms heard |",
    "|---|---|---|---:|---:|---:|---:|",
)


@dataclass(frozen=True)
class Row:
    """One fault, as it went."""

    fault: str
    made_with: str
    """Which real parts took part, and what was made up."""

    seen: str
    """What the owner sees, from the states and repairs that were there."""

    noticed_s: float | None
    """Seconds from the fault until it was seen; None if there was nothing to see."""

    again_s: float | None
    """Seconds from the end of the fault, if it has one, else from the fault, until sound was heard again; None if it
    always was."""

    lost_s: float
    """Seconds of sound that were not heard, from the fault until sound was heard again."""

    heard: int
    sounded: int
    """Alarms, of which so many were heard, while there was anything to hear them with."""

    def __str__(self) -> str:
        """Return the row of the table."""
        cells = (
            self.fault,
            self.made_with,
            self.seen,
            _seconds(self.noticed_s),
            _seconds(self.again_s),
            _seconds(self.lost_s),
            f"{self.heard} of {self.sounded}" if self.sounded else "–",
        )
        return f"| {' | '.join(cells)} |"


@dataclass
class Ledger:
    """All rows of a run."""

    rows: list[Row] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Put the table in its place in a document, or at the end of one that has no such place yet."""
        text = path.read_text(encoding="utf-8") if path.exists() else "# Reliability\n"
        if BEGIN not in text:
            text = f"{text.rstrip()}\n\n## Faults\n\n{BEGIN}\n{END}\n"
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        table = "\n".join((*HEAD, *map(str, self.rows)))
        path.write_text(f"{before}{BEGIN}\n{self._about()}\n\n{table}\n{END}{after}", encoding="utf-8")

    def _about(self) -> str:
        parts = (
            f"Home Assistant {version('homeassistant')}",
            f"Python {platform.python_version()}",
            _first_words("ffmpeg", "-version"),
            _first_words("pulseaudio", "--version"),
        )
        return f"{len(self.rows)} faults, on {os.cpu_count()} cores, with {', '.join(parts)}."


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds >= 3_600:
        return f"{seconds / 3_600:.1f} h"
    return f"{max(0.0, seconds):.1f} s"


def _first_words(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return " ".join(word for word in said.splitlines()[0].split()[:3] if word != "version")
