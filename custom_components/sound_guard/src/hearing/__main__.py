"""The `sound-guard` command: hear recordings or a microphone, list microphones, measure speed."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .bench import bench
from .card import ATTENTION_CARD, CardError, ModelCard, Sensitivity
from .listen import Live
from .listener import Listener
from .progress import Progress
from .report import JsonReport, TableReport
from .scan import UNREADABLE, Scan, find_files
from .source import SourceError
from .sources import list_devices, open_source
from .tflite import RuntimeMissingError

FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 failed, 2 unreadable file or wrong usage, 130 Ctrl-C."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold anything.
        sys.stdout.reconfigure(errors="backslashreplace")
    with _quiet_libraries():
        try:
            return run(arguments)
        except (CardError, RuntimeMissingError, SourceError) as error:
            print(f"sound-guard: {error}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has gone. Python flushes once more at its end; that must not fail, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED


def _scan(arguments: argparse.Namespace) -> int:
    files = find_files(arguments.paths)
    progress = Progress(len(files), sys.stderr)
    report = (JsonReport if arguments.json else TableReport)(sys.stdout, sys.stderr, progress)
    scan = Scan(_listeners(arguments), report, scores=arguments.scores)
    try:
        return 0 if scan.run(files, progress.show) else UNREADABLE
    finally:
        progress.clear()


def _listen(arguments: argparse.Namespace) -> int:
    source = open_source(arguments.source)
    listener = _listeners(arguments)()
    Live(listener, sys.stdout).run(source, arguments.seconds)
    return 0


def _devices(arguments: argparse.Namespace) -> int:
    devices = list_devices()
    width = max(len(device.spec) for device in devices)
    for device in devices:
        print(json.dumps(asdict(device)) if arguments.json else f"{device.spec:<{width}}  {device.name}")
    if len(devices) == 1:
        print("sound-guard: no microphone was found.", file=sys.stderr)
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    card = ModelCard.load(arguments.model)
    figures = bench(
        lambda: Listener(card, runtime=arguments.runtime),
        len(card.content),
        streams=arguments.streams,
        seconds=arguments.seconds,
    )
    if arguments.json:
        print(json.dumps(asdict(figures)))
        return 0
    print(f"Processor time:  {figures.cpu_ms_per_audio_s:.2f} ms per second of sound ({figures.runtime})")
    print(f"Speed:           {figures.realtime_factor:.0f} times real time, {figures.streams} at once")
    print(f"Memory:          {figures.rss_mb:.0f} MB")
    print(f"Model:           {figures.model_kb:.0f} kB")
    return 0


def _listeners(arguments: argparse.Namespace) -> Callable[[], Listener]:
    card = ModelCard.load(arguments.model)
    return lambda: Listener(card, runtime=arguments.runtime, sensitivity=arguments.sensitivity)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Silence what C libraries (ALSA, JACK, LiteRT) write to the terminal; Python's own errors still get there."""
    sys.stderr.flush()
    python_stderr, kept, nowhere = sys.stderr, os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with os.fdopen(os.dup(kept), "w", buffering=1, errors="backslashreplace") as sys.stderr:
            yield
    finally:
        sys.stderr = python_stderr
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sound-guard", description="Hears breaking glass, smoke and CO alarms.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--model", type=Path, default=ATTENTION_CARD, metavar="CARD.json", help="use another model")
    model.add_argument(
        "--runtime",
        choices=["auto", "litert", "numpy"],
        default="auto",
        help="what runs the model: LiteRT, or NumPy, which is slower and everywhere (default: the fastest there is)",
    )
    hearing = argparse.ArgumentParser(add_help=False)
    hearing.add_argument(
        "--sensitivity",
        type=Sensitivity,
        choices=list(Sensitivity),
        default=Sensitivity.BALANCED,
        help="high hears more, low raises fewer false alarms (default: balanced)",
    )

    scan = commands.add_parser("scan", parents=[hearing, model], help="find sounds in recordings")
    scan.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a recording, or a folder of them")
    scan.add_argument("--json", action="store_true", help="one JSON object a line")
    scan.add_argument("--scores", action="store_true", help="also the highest score of every sound in every file")
    scan.add_argument(
        "--cascade",
        action=argparse.BooleanOptionalAction,
        help="let a second, larger model check what was heard. Done by itself where such a model is installed; "
        "this version comes without one, so the option changes nothing yet",
    )
    scan.set_defaults(run=_scan)

    listen = commands.add_parser("listen", parents=[hearing, model], help="listen to a microphone or a stream")
    listen.add_argument(
        "--source", default="default", metavar="SPEC", help="a name from `sound-guard devices`, or a stream's address"
    )
    listen.add_argument("--seconds", type=_positive, metavar="N", help="stop after N seconds")
    listen.set_defaults(run=_listen)

    devices = commands.add_parser("devices", help="list the microphones")
    devices.add_argument("--json", action="store_true", help="one JSON object a line")
    devices.set_defaults(run=_devices)

    measure = commands.add_parser("bench", parents=[model], help="measure speed and memory")
    measure.add_argument("--json", action="store_true", help="one JSON object")
    measure.add_argument("--streams", type=_count, default=1, metavar="N", help="microphones at once (default: 1)")
    measure.add_argument("--seconds", type=_positive, default=60.0, metavar="S", help="sound for each (default: 60)")
    measure.set_defaults(run=_bench)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
