"""The `sound-guard` command: hear recordings or a microphone, list microphones, measure speed, serve other machines."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .access_token import TokenError, token_path
from .bench import bench
from .bench_cascade import bench_cascade
from .card import ATTENTION_CARD, CardError, ModelCard, Sensitivity
from .features import Block
from .limits import Limits
from .listen import Live
from .listener import Listener
from .progress import Progress
from .rcrnn import Rcrnn
from .rcrnn_card import RCRNN_CARD, RcrnnCard
from .report import JsonReport, TableReport
from .scan import UNREADABLE, Scan, find_files
from .second_look import LIMIT_S, OFFLINE_LIMIT_S, SecondLook
from .serve import DEFAULT_PORT, Door, ServeError, Service
from .source import SAMPLE_RATE_HZ, SourceError
from .sources import list_devices, open_file, open_source
from .tflite import RuntimeMissingError
from .wire import ModelInfo

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
        except (CardError, RuntimeMissingError, ServeError, SourceError, TokenError) as error:
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
    card = ModelCard.load(arguments.model)
    with _second_look(arguments, card, OFFLINE_LIMIT_S) as second_look:
        scan = Scan(_listeners(arguments, card, second_look, wait=True), report, scores=arguments.scores)
        try:
            return 0 if scan.run(files, progress.show) else UNREADABLE
        finally:
            progress.clear()


def _listen(arguments: argparse.Namespace) -> int:
    source = open_source(arguments.source)
    card = ModelCard.load(arguments.model)
    with _second_look(arguments, card, LIMIT_S) as second_look:
        listener = _listeners(arguments, card, second_look, wait=False)()
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
    if arguments.paths:
        return _bench_cascade(arguments, card)
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


def _bench_cascade(arguments: argparse.Namespace, card: ModelCard) -> int:
    verifier = RcrnnCard.load(RCRNN_CARD)

    def new_listener(second_look: SecondLook | None) -> Listener:
        return Listener(card, runtime=arguments.runtime, second_look=second_look, wait=True)

    def recordings() -> Iterator[Iterator[Block]]:
        for file in find_files(arguments.paths):
            with open_file(file) as source:
                yield iter(source)

    look = Rcrnn(verifier, runtime=arguments.runtime)
    with SecondLook(verifier, look, limit_s=OFFLINE_LIMIT_S) as second_look:
        figures = bench_cascade(recordings(), new_listener, second_look, SAMPLE_RATE_HZ)
    if arguments.json:
        print(json.dumps(asdict(figures)))
        return 0
    print(f"Attention model: {figures.alone_ms_per_audio_s:.2f} ms per second of sound ({figures.runtime})")
    print(f"Second looks:    {figures.both_ms_per_audio_s:.2f} ms with them, {figures.ratio:.2f} times as much")
    print(f"Asked:           {figures.looks} times in {figures.seconds:.0f} s of sound")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    card = RcrnnCard.load(arguments.model)
    token_file = arguments.token_file or token_path()
    door = Door(arguments.host, arguments.port, token_file, arguments.certificate, arguments.key)
    limits = Limits(in_flight=arguments.in_flight, rate_per_s=arguments.rate)
    model = ModelInfo(card.name, card.version, card.sha256)
    Service(door, limits, sys.stdout, sys.stderr).run(Rcrnn(card, runtime=arguments.runtime), model)
    return 0


def _listeners(
    arguments: argparse.Namespace, card: ModelCard, second_look: SecondLook | None, *, wait: bool
) -> Callable[[], Listener]:
    hearing = {"runtime": arguments.runtime, "sensitivity": arguments.sensitivity}
    return lambda: Listener(card, **hearing, second_look=second_look, wait=wait)


def _second_look(
    arguments: argparse.Namespace, card: ModelCard, limit_s: float
) -> contextlib.AbstractContextManager[SecondLook | None]:
    """Return what takes second looks; nothing if none are wanted, or by default if there is no model that fits."""
    path: Path = arguments.verifier or RCRNN_CARD
    asked = arguments.cascade or (arguments.cascade is None and arguments.verifier is not None)
    if not asked and (arguments.cascade is False or not path.exists()):
        return contextlib.nullcontext()
    verifier = RcrnnCard.load(path)
    if verifier.attention_sha256 == card.sha256:
        return SecondLook(verifier, Rcrnn(verifier, runtime=arguments.runtime), limit_s=limit_s)
    if asked:
        raise CardError(f"{path}: was made to check another model than {card.model_path}")
    return contextlib.nullcontext()


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

    runtime = argparse.ArgumentParser(add_help=False)
    runtime.add_argument(
        "--runtime",
        choices=["auto", "litert", "numpy"],
        default="auto",
        help="what runs the model: LiteRT, or NumPy, which is slower and everywhere (default: the fastest there is)",
    )
    model = argparse.ArgumentParser(add_help=False, parents=[runtime])
    model.add_argument("--model", type=Path, default=ATTENTION_CARD, metavar="CARD.json", help="use another model")
    hearing = argparse.ArgumentParser(add_help=False)
    hearing.add_argument(
        "--sensitivity",
        type=Sensitivity,
        choices=list(Sensitivity),
        default=Sensitivity.BALANCED,
        help="high hears more, low raises fewer false alarms (default: balanced)",
    )
    hearing.add_argument(
        "--cascade",
        action=argparse.BooleanOptionalAction,
        help="let a second, larger model look at what the first one suspects; both decide together what is told "
        "(default: where one is installed that was made for the first one)",
    )
    hearing.add_argument(
        "--verifier", type=Path, metavar="CARD.json", help="use another second model; --cascade goes without saying"
    )

    scan = commands.add_parser("scan", parents=[hearing, model], help="find sounds in recordings")
    scan.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a recording, or a folder of them")
    scan.add_argument("--json", action="store_true", help="one JSON object a line")
    scan.add_argument("--scores", action="store_true", help="also the highest score of every sound in every file")
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
    measure.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="recordings, to measure what second looks at them cost"
    )
    measure.add_argument("--json", action="store_true", help="one JSON object")
    measure.add_argument("--streams", type=_count, default=1, metavar="N", help="microphones at once (default: 1)")
    measure.add_argument("--seconds", type=_positive, default=60.0, metavar="S", help="sound for each (default: 60)")
    measure.set_defaults(run=_bench)

    serve = commands.add_parser("serve", parents=[runtime], help="take the second look for other machines of yours")
    serve.add_argument("--model", type=Path, default=RCRNN_CARD, metavar="CARD.json", help="use another model")
    serve.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="0.0.0.0 lets your network in (default: 127.0.0.1)"
    )
    serve.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"(default: {DEFAULT_PORT})")
    serve.add_argument("--certificate", type=Path, metavar="FILE.pem", help="encrypt with this certificate (TLS)")
    serve.add_argument("--key", type=Path, metavar="FILE.pem", help="its key, unless that is in the same file")
    serve.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="where the token is kept; the first start makes it (default: in this user's state folder)",
    )
    serve.add_argument(
        "--rate",
        type=_positive,
        default=Limits().rate_per_s,
        metavar="N",
        help="requests of one client a second (default: %(default)g)",
    )
    serve.add_argument(
        "--in-flight",
        type=_count,
        default=Limits().in_flight,
        metavar="N",
        help="sounds that may wait at once (default: %(default)s)",
    )
    serve.set_defaults(run=_serve)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
