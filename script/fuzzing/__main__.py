"""The command script/fuzz."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hearing.progress import Progress

from .feeding import Feeding, Figures
from .plan import PLAN, TOTAL, shares

HEADLINE = f"{'target':18} {'inputs':>9} {'accepted':>9} {'seconds':>8} {'slowest ms':>10} {'memory MB':>9} findings"

RESULTS = Path(__file__).parents[2] / ".cache" / "fuzz"


def main() -> int:
    """Feed the targets and print what came of it; return 1 if anything was found."""
    parser = argparse.ArgumentParser(
        prog="script/fuzz",
        description="Feeds damaged input to everything that takes input from outside. Every input follows from its "
        "target, the seed and its number: the same ones come again, and a run can go on where another has ended.",
    )
    parser.add_argument(
        "--target", nargs="+", choices=list(PLAN), default=list(PLAN), metavar="NAME", help=", ".join(PLAN)
    )
    parser.add_argument("--count", type=int, metavar="N", help=f"inputs in all (default: as planned, {TOTAL:,} of all)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed makes other inputs (default: 1)")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="number of the first input (default: 0)")
    parser.add_argument("--json", action="store_true", help="one JSON object for each target")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    counts = shares(arguments.target, arguments.count)
    progress, began_s = Progress(len(counts), sys.stderr), time.monotonic()
    if not arguments.json:
        print(HEADLINE, flush=True)
    found = []
    for number, (name, count) in enumerate(counts.items()):
        progress.show(number, name)
        found.append(Feeding(PLAN[name][0], name, arguments.seed, RESULTS).run(arguments.start, count))
        progress.clear()
        print(json.dumps(asdict(found[-1])) if arguments.json else row(found[-1]), flush=True)
    if not arguments.json:
        show(found, arguments.seed, time.monotonic() - began_s)
    return int(any(figures.findings for figures in found))


def row(each: Figures) -> str:
    """Return the figures of one target, below the headline."""
    return (
        f"{each.target:18} {each.inputs:9,} {each.accepted:9,} {each.seconds:8.1f} {1000 * each.slowest_s:10.0f} "
        f"{each.peak_mb:9.0f} {len(each.findings):8}"
    )


def show(found: Sequence[Figures], seed: int, wall_s: float) -> None:
    """Print the sums, and how to see each finding again."""
    inputs, findings = sum(each.inputs for each in found), sum(len(each.findings) for each in found)
    print(f"{inputs:,} inputs in {wall_s:.0f} s, {findings} findings")
    for each in found:
        for number, what in each.findings:
            print(f"script/fuzz --target {each.target} --seed {seed} --start {number} --count 1: {what}")


if __name__ == "__main__":
    sys.exit(main())
