"""What listening costs on this machine, beside a plain log-mel front end and a peer in the same run: script/bench."""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import performance
from hearing import Listener, ModelCard
from hearing.bench import Figures, Hearing, bench
from hearing.card import ATTENTION_CARD
from hearing.features import Block, FeatureConfig, LogMel
from hearing.progress import Progress
from hearing.ring import Ring
from hearing.source import SAMPLE_RATE_HZ

PEER = Path(__file__).parents[2] / "shared" / "teacher" / "yamnet.tflite"
PEER_SAMPLES = 15_600
"""Sound that YAMNet hears at a time: 0.975 s."""

PEER_HOPS_S = (0.975, 0.48)
"""Seconds from one look of the peer to the next: as Frigate runs it, and with half of each window heard twice."""

LISTENER = "Sound Guard"

LOG_MEL_BLOCKS = 7
"""Blocks that the plain front end computes together: about what Sound Guard does."""

READY = """
from hearing import Listener, ModelCard
from hearing.card import ATTENTION_CARD
Listener(ModelCard.load(ATTENTION_CARD), runtime={runtime!r})
"""
"""A program that does nothing but start."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure."""

    listener: str
    runtime: str
    microphones: int = 1
    quiet: bool = False
    """Whether the sound is the noise floor of a microphone, instead of noise with alarm beeps in it."""

    hop_s: float = 0.0
    """Seconds from one look of the peer to the next; 0 for all others."""

    @property
    def sound(self) -> str:
        """What is heard, in a word."""
        return "quiet" if self.quiet else "beeps"


class LogMelOnly:
    """Computes features and does nothing with them: what every listener of this kind pays at least."""

    runtime = "numpy"

    def __init__(self) -> None:
        self._features = LogMel(FeatureConfig())
        self._blocks: list[Block] = []

    def feed(self, block: Block) -> None:
        """Hear int16 samples."""
        self._blocks.append(block)
        if len(self._blocks) == LOG_MEL_BLOCKS:
            self._features.push(np.concatenate(self._blocks))
            self._blocks.clear()


class Peer:
    """Runs YAMNet on the newest 0.975 s of sound at every hop."""

    runtime = "litert"

    def __init__(self, model: Path, hop_s: float) -> None:
        from ai_edge_litert.interpreter import Interpreter  # the comparison with a plain front end needs none

        self._interpreter = Interpreter(model_path=str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._ring = Ring(2.0, SAMPLE_RATE_HZ)
        self._hop_samples = hop_s * SAMPLE_RATE_HZ
        self._missing_samples = float(PEER_SAMPLES)

    def feed(self, block: Block) -> None:
        """Hear int16 samples, at most a hop of them."""
        self._ring.write(block)
        self._missing_samples -= block.size
        if self._missing_samples <= 0:
            self._missing_samples += self._hop_samples
            window = self._ring.newest(PEER_SAMPLES).astype(np.float32) / np.float32(32_768)
            self._interpreter.set_tensor(self._input, window)
            self._interpreter.invoke()
            self._interpreter.get_tensor(self._output)


def cases(microphones: Sequence[int], peer: Path | None) -> list[Case]:
    """Return what to measure, the least first."""
    chosen = [Case("log-mel only", LogMelOnly.runtime)]
    if peer is not None:
        chosen += [Case(f"YAMNet every {hop_s} s", Peer.runtime, hop_s=hop_s) for hop_s in PEER_HOPS_S]
    return chosen + [
        Case(LISTENER, runtime, count, quiet)
        for runtime in ("litert", "numpy")
        for count in microphones
        for quiet in (True, False)
    ]


def measure(case: Case, seconds: float, peer: Path | None) -> Figures:
    """Measure one case, on `seconds` of sound for each microphone. Belongs into a process of its own."""
    # LiteRT greets on the terminal at every start; what goes wrong here is raised where the case was asked for.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    new_listener: Callable[[], Hearing] = LogMelOnly
    model_bytes = 0
    if case.hop_s and peer is not None:
        new_listener, model_bytes = (lambda: Peer(peer, case.hop_s)), peer.stat().st_size
    elif case.listener == LISTENER:
        card = ModelCard.load(ATTENTION_CARD)
        new_listener, model_bytes = (lambda: Listener(card, runtime=case.runtime)), len(card.content)
    return bench(new_listener, model_bytes, streams=case.microphones, seconds=seconds, quiet=case.quiet)


def measure_all(chosen: Sequence[Case], rounds: int, seconds: float, peer: Path | None) -> list[Figures]:
    """Measure all cases in turn, `rounds` times, each in a process of its own; return the median of each by cost."""
    # In turn: if something else keeps the machine busy for a while, it does so for all of them.
    found: list[list[Figures]] = [[] for _ in chosen]
    progress = Progress(rounds * len(chosen), sys.stderr)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for number, (case, figures) in enumerate(list(zip(chosen, found, strict=True)) * rounds):
            progress.show(number, case.listener)
            figures.append(pool.submit(measure, case, seconds, peer).result())
    progress.clear()
    return [sorted(each, key=_cpu_ms)[len(each) // 2] for each in found]


def start_up_s(runtime: str, rounds: int) -> float:
    """Return the median seconds from the start of Python to the first listener."""
    times_s = []
    for _ in range(rounds):
        started_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", READY.format(runtime=runtime)], check=True, stderr=subprocess.DEVNULL)
        times_s.append(time.perf_counter() - started_s)
    return statistics.median(times_s)


def rows_of(chosen: Sequence[Case], found: Sequence[Figures], rounds: int) -> list[dict[str, Any]]:
    """Return a row for every case.

    Its ratios are to the plain front end and to the peer as Frigate runs it, if it is there. The last row of a runtime
    tells its memory (of the first microphone and of each further one) and how long it takes to start, too.
    """
    base_ms = {case.listener: figures.cpu_ms_per_audio_s for case, figures in zip(chosen, found, strict=True)}
    log_mel_ms, peer_ms = base_ms[chosen[0].listener], base_ms.get(f"YAMNet every {PEER_HOPS_S[0]} s")
    rows: list[dict[str, Any]] = []
    for case, figures in zip(chosen, found, strict=True):
        cpu_ms = figures.cpu_ms_per_audio_s
        ratios = {"of_log_mel": cpu_ms / log_mel_ms, "of_peer": cpu_ms / peer_ms if peer_ms else None}
        rows.append({"listener": case.listener, "sound": case.sound} | asdict(figures) | ratios)
    for runtime in dict.fromkeys(case.runtime for case in chosen if case.listener == LISTENER):
        ours = [row for row in rows if (row["listener"], row["runtime"]) == (LISTENER, runtime)]
        held_mb = {row["streams"]: row["rss_mb"] for row in ours}
        fewest, most = min(held_mb), max(held_mb)
        further_mb = (held_mb[most] - held_mb[fewest]) / (most - fewest) if most > fewest else None
        memory = {"first_mb": held_mb[fewest] - (fewest - 1) * (further_mb or 0), "further_mb": further_mb}
        ours[-1].update(memory, start_up_s=round(start_up_s(runtime, rounds), 2))
    return rows


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table."""
    print(
        f"{'listener':21} {'runtime':7} {'microphones':>11} {'sound':5} {'CPU ms per s':>12} {'of log-mel':>10} "
        f"{'of YAMNet':>9} {'x real time':>11} {'memory MB':>9} {'model kB':>8}"
    )
    for row in rows:
        of_peer = f"{'-':>9}" if row["of_peer"] is None else f"{row['of_peer']:9.2f}"
        print(
            f"{row['listener']:21} {row['runtime']:7} {row['streams']:11} {row['sound']:5} "
            f"{row['cpu_ms_per_audio_s']:12.3f} {row['of_log_mel']:10.2f} {of_peer} {row['realtime_factor']:11.0f} "
            f"{row['rss_mb']:9.0f} {row['model_kb']:8.0f}"
        )
    for row in rows:
        if "first_mb" in row:
            further = "-" if row["further_mb"] is None else f"{row['further_mb']:.2f}"
            print(
                f"{row['runtime']}: {row['first_mb']:.0f} MB with one microphone, {further} MB for each further one, "
                f"ready after {row['start_up_s']:.2f} s"
            )


def _cpu_ms(figures: Figures) -> float:
    return figures.cpu_ms_per_audio_s


def main() -> None:
    """Measure, and print a table or one JSON object a line."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=240.0, help="sound for each microphone of each measurement (default: 240)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each; the median counts (default: 5)")
    parser.add_argument(
        "--microphones", type=int, nargs="+", default=[1, 4, 16], metavar="N", help="at once (default: 1 4 16)"
    )
    parser.add_argument("--peer", type=Path, default=PEER, help="YAMNet as a .tflite file; left out if it is not there")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in docs/{performance.PAGE}")
    arguments = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    peer = arguments.peer if arguments.peer.is_file() else None
    chosen = cases(arguments.microphones, peer)
    rows = rows_of(chosen, measure_all(chosen, arguments.rounds, arguments.seconds, peer), arguments.rounds)
    if arguments.write:
        performance.keep("cost", {"rounds": arguments.rounds, "load": load, "rows": rows})
    if not arguments.json:
        show(rows)
        return
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
