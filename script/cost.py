"""What listening costs on this machine, beside a plain log-mel front end and a peer in the same run: script/bench."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

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

    def feed(self, block: Block) -> None:
        """Hear int16 samples."""
        self._features.push(block)


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
    """Measure one case, on `seconds` of sound for all its microphones together. Belongs into a process of its own."""
    # LiteRT greets on the terminal at every start; what goes wrong here is raised where the case was asked for.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    new_listener: Callable[[], Hearing] = LogMelOnly
    model_bytes = 0
    if case.hop_s and peer is not None:
        new_listener, model_bytes = (lambda: Peer(peer, case.hop_s)), peer.stat().st_size
    elif case.listener == LISTENER:
        card = ModelCard.load(ATTENTION_CARD)
        new_listener, model_bytes = (lambda: Listener(card, runtime=case.runtime)), len(card.content)
    streams = case.microphones
    return bench(new_listener, model_bytes, streams=streams, seconds=seconds / streams, quiet=case.quiet)


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


def show(chosen: Sequence[Case], found: Sequence[Figures]) -> None:
    """Print a table; the ratios are to the plain front end and to the peer as Frigate runs it."""
    base_ms = {case.listener: figures.cpu_ms_per_audio_s for case, figures in zip(chosen, found, strict=True)}
    log_mel_ms, peer_ms = base_ms[chosen[0].listener], base_ms.get(f"YAMNet every {PEER_HOPS_S[0]} s")
    print(
        f"{'listener':21} {'runtime':7} {'microphones':>11} {'sound':5} {'CPU ms per s':>12} {'of log-mel':>10} "
        f"{'of YAMNet':>9} {'x real time':>11} {'memory MB':>9} {'model kB':>8}"
    )
    for case, figures in zip(chosen, found, strict=True):
        cpu_ms = figures.cpu_ms_per_audio_s
        of_peer = f"{cpu_ms / peer_ms:9.2f}" if peer_ms else f"{'-':>9}"
        print(
            f"{case.listener:21} {case.runtime:7} {case.microphones:11} {case.sound:5} {cpu_ms:12.3f} "
            f"{cpu_ms / log_mel_ms:10.2f} {of_peer} {figures.realtime_factor:11.0f} {figures.rss_mb:9.0f} "
            f"{figures.model_kb:8.0f}"
        )


def _cpu_ms(figures: Figures) -> float:
    return figures.cpu_ms_per_audio_s


def main() -> None:
    """Measure and print a table, or one JSON object a line."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="sound for each measurement (default: 600)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each; the median counts (default: 5)")
    parser.add_argument(
        "--microphones", type=int, nargs="+", default=[1, 4, 16], metavar="N", help="at once (default: 1 4 16)"
    )
    parser.add_argument("--peer", type=Path, default=PEER, help="YAMNet as a .tflite file; left out if it is not there")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    peer = arguments.peer if arguments.peer.is_file() else None
    chosen = cases(arguments.microphones, peer)
    found = measure_all(chosen, arguments.rounds, arguments.seconds, peer)
    if not arguments.json:
        show(chosen, found)
        return
    for case, figures in zip(chosen, found, strict=True):
        print(json.dumps({"listener": case.listener, "sound": case.sound} | asdict(figures)))


if __name__ == "__main__":
    main()
