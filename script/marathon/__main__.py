"""The command behind `script/soak`: lets hours of sound pass, says what happened, ends with 1 if something is wrong."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .clock import CLOCK, install_events

LEAST_HOURS = 0.05
"""The first and the last minute are calm."""


def main() -> int:
    """Run; the exit code."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = (_crowd if arguments.real_time else _soak)(arguments, Path(folder))
    print(json.dumps(found, indent=None if arguments.json else 1))
    for line in found["broken"]:
        print(f"soak: {line}", file=sys.stderr)
    return 1 if found["broken"] else 0


def _soak(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    # Whatever is imported from here on knows no other time.
    CLOCK.install()
    from .document import write
    from .soak import Soak
    from .sounds import make_elsewhere
    from .verdict import broken, figures

    install_events("custom_components.sound_guard", real_in="custom_components.sound_guard.src")
    make_elsewhere(folder)
    seconds = 3600 * arguments.hours
    soak = Soak(arguments.seed, arguments.microphones, seconds, _options(arguments))
    outcome = asyncio.run(soak.run(folder))
    found = {"seed": arguments.seed, **figures(outcome, seconds), "broken": broken(outcome)}
    if arguments.write is not None:
        write(arguments.write, found, sys.argv[1:])
    return found


def _crowd(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from .crowd import measure_crowd
    from .document import write_crowd

    seconds = 60 * arguments.minutes
    found = asyncio.run(measure_crowd(folder, arguments.microphones, seconds, _options(arguments)))
    if arguments.write is not None:
        write_crowd(arguments.write, found, sys.argv[1:])
    return found


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    return {} if arguments.second_look is None else {"second_look": arguments.second_look}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="sound for every microphone (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="decides on all that happens (default: 1)")
    parser.add_argument("--microphones", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument(
        "--second-look", choices=("local", "off"), help="where second looks are taken (default: the integration's own)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on one line")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the figures as a document, too")
    parser.add_argument(
        "--real-time", action="store_true", help="instead: real streams through ffmpeg, and what they take of the cores"
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long with --real-time (default: 1)")
    arguments = parser.parse_args()
    if arguments.hours < LEAST_HOURS:
        parser.error(f"nothing happens in less than {LEAST_HOURS} hours")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
