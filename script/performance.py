"""Keeps what was measured in docs/performance.json and makes docs/performance.md of it.

`performance.py SECTION < FIGURES.json` keeps a section; without one the page is only made anew.
"""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCUMENTS = Path(__file__).parents[1] / "docs"
FIGURES = "performance.json"
PAGE = "performance.md"

SOUNDS = {"glass_break": "breaking glass", "smoke_alarm": "smoke alarm (T3)", "co_alarm": "CO alarm (T4)"}
EVIDENCE = {
    "glass_break": "its onset",
    "smoke_alarm": "the last beep of the second group",
    "co_alarm": "the last beep of the second group",
}

INTRODUCTION = """\
# What listening costs, and how soon it answers

Made by the commands named below; do not edit. All figures are of the shipped model on the machine that is named with
them. CPU time is milliseconds of one core per second of sound: 10 ms is one per cent of a core.
"""

COST = """\
## Processor

`script/bench --write`. Every row is measured in a process of its own, all of them in turn, {rounds} times; the median
counts. *Quiet* is a quiet room with a knock in every minute, *beeps* is noise with smoke-alarm beeps in it all the
time, which is the most work there is. "Of log-mel" compares with a listener that computes the same spectrogram and
does nothing with it, "of YAMNet" with YAMNet as Frigate runs it, both in the same run.
"""

MEMORY = """
## Memory and start-up

Of the whole process of the engine, Python and NumPy included; "ready" is from the start of Python to the first
listener.
"""

GATE = """\
## The sound gate

`python -m training.gate | script/performance.py gate`. While a room sounds as it has sounded all along, the model does
not look at it: only the spectrogram is computed, and whether any stretch of any band stands out from what the room is
like at rest. What is not looked at is kept, and encoded as soon as something does stand out, so that a look gives the
same scores as if the model had never stopped looking, to the last bit. A quiet room, a fan, a refrigerator leave the
gate shut; speech, music, traffic and weather open it.

That nothing is lost was tried on the recordings of training and validation, each laid into a room in which the gate was
shut (the hiss of a good microphone, noise of all colours and levels, real rooms), the sounds in all conditions and with
peaks as faint as {faintest_db:g} dB over the room, and heard with the gate and without, at every sensitivity of the
card and at a threshold of 0.4, which is below all of them:
"""

LATENCY = """\
## Latency

`script/latency --write`. Sounds were played into virtual microphones (PulseAudio) of a real Home Assistant, {rooms}
rooms at a time, each sound {plays} times. From the moment when the sound is at the microphone (a second recorder tells)
to the change of the sensor's state in Home Assistant; "from the evidence" counts from when enough has sounded to be
sure, and is negative where the model was sure before.
"""


def keep(section: str, figures: Mapping[str, Any], folder: Path = DOCUMENTS) -> None:
    """Keep the figures of a section, with the machine that they are from, and make the page anew."""
    path = folder / FIGURES
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[section] = {"measured_on": _machine()} | dict(figures)
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draw(folder)


def draw(folder: Path = DOCUMENTS) -> None:
    """Make the page of the figures that are kept."""
    known = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    drawn = [
        making(known[section])
        for section, making in (("cost", _cost), ("gate", _gate), ("latency", _latency))
        if section in known
    ]
    (folder / PAGE).write_text("\n".join([INTRODUCTION, *drawn]), encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; None is shown as a dash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join("–" if cell is None else str(cell) for cell in line) + " |" for line in lines)


def _cost(figures: Mapping[str, Any]) -> str:
    costs, memory = [], []
    for row in figures["rows"]:
        ratios = (_number(row["of_log_mel"]), _number(row["of_peer"]))
        cost = (f"{row['cpu_ms_per_audio_s']:.2f}", *ratios, f"{row['realtime_factor']:.0f}")
        costs.append((row["listener"], row["runtime"], row["streams"], row["sound"], *cost))
        if "first_mb" in row:
            held_mb = (f"{row['first_mb']:.0f}", _number(row["further_mb"]))
            memory.append((row["runtime"], *held_mb, f"{row['start_up_s']:.1f}", f"{row['model_kb']:.0f}"))
    head = ("listener", "runtime", "microphones", "sound", "CPU ms per s", "of log-mel", "of YAMNet", "× real time")
    memory_head = ("runtime", "one microphone, MB", "each further one, MB", "ready after, s", "model, kB")
    return "\n".join(
        (
            COST.format(rounds=figures["rounds"]),
            _signature(figures),
            table(head, costs),
            MEMORY,
            table(memory_head, memory),
            "",
        )
    )


def _gate(figures: Mapping[str, Any]) -> str:
    rows = [
        ("sound heard", f"{figures['hours']} hours, {figures['streams']} streams"),
        ("looked at", f"{100 * figures['looked_at']:.0f} % of {figures['chunks']} chunks"),
        ("events reported without the gate (starts, continuations, ends)", figures["detections"]),
        ("streams in which one was lost, added or changed with it", len(figures["differing"])),
        ("highest probability in a chunk that was not looked at", figures["highest_score_not_looked_at"]),
    ]
    gate = GATE.format(faintest_db=figures["faintest_db"])
    return "\n".join((gate, _signature(figures), table(("what", "how much"), rows), ""))


def _latency(figures: Mapping[str, Any]) -> str:
    head = ("sound", "plays", "heard", "from onset, s: p50", "p95", "evidence", "from the evidence, s: p50", "p95")
    rows = []
    for label, row in figures["sounds"].items():
        onset_s, evidence_s = _percentiles(row["from_onset_s"]), _percentiles(row["from_evidence_s"])
        rows.append((SOUNDS[label], row["plays"], row["heard"], *onset_s, EVIDENCE[label], *evidence_s))
    intro = LATENCY.format(rooms=figures["rooms"], plays=max(row["plays"] for row in figures["sounds"].values()))
    return "\n".join((intro, _signature(figures), table(head, rows), ""))


def _percentiles(values_s: Sequence[float]) -> tuple[str, str]:
    return f"{values_s[0]:.2f}", f"{values_s[1]:.2f}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _signature(figures: Mapping[str, Any]) -> str:
    machine = figures["measured_on"]
    load = f"load of other programs {figures['load']:.1f}" if "load" in figures else "whatever its load"
    where = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"
    return f"Measured on {machine['date']} on {where}, {load}.\n"


def _machine() -> dict[str, object]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, platform.machine())


def main() -> None:
    """Keep a section that comes on standard input, or make the page anew."""
    if len(sys.argv) > 1:
        keep(sys.argv[1], json.load(sys.stdin))
    else:
        draw()


if __name__ == "__main__":
    main()
