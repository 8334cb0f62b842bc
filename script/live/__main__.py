"""The command behind `script/run`: a real Home Assistant with Sound Guard, to try out or to test itself."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .client import NotSeenError, RefusedError
from .demonstration import demonstrate
from .home import CHECKOUT, INTEGRATION, HomeError
from .installation import SetUpError
from .selftest import SelfTest

if TYPE_CHECKING:
    from collections.abc import Coroutine

FOLDER = CHECKOUT / "run"
SELFTEST_LOG = FOLDER / "selftest.log"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run; the exit code."""
    arguments = _arguments()
    if arguments.selftest:
        work, failed = _selftest(arguments.integration), f"Self-test failed (Home Assistant's log: {SELFTEST_LOG})"
    else:
        work, failed = demonstrate(FOLDER, arguments.port, fresh=arguments.fresh), "Not running"
    try:
        return asyncio.run(_until_asked_to_stop(work))
    except (HomeError, NotSeenError, RefusedError, SetUpError) as problem:
        print(f"{failed}: {problem}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/run", description="Starts a real Home Assistant with Sound Guard. Press Ctrl-C to stop it."
    )
    parser.add_argument("--port", type=int, default=8123, help="where the pages are (default: 8123)")
    parser.add_argument("--fresh", action="store_true", help="forget everything from earlier runs first")
    parser.add_argument("--selftest", action="store_true", help="no pages: play recordings, see that the guard reacts")
    parser.add_argument("--integration", type=Path, default=INTEGRATION, help=argparse.SUPPRESS)
    return parser.parse_args()


async def _until_asked_to_stop(work: Coroutine[None, None, None]) -> int:
    """Do `work` to its end, or until Ctrl-C or its like; either way everything is stopped in order."""
    task = asyncio.ensure_future(work)

    def stop() -> None:
        # Only once: whoever presses Ctrl-C again would cut the stopping short.
        if not task.cancelling():
            task.cancel()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


async def _selftest(integration: Path) -> None:
    test = SelfTest(integration, SELFTEST_LOG)
    try:
        await test.run()
    finally:
        print(json.dumps(test.timeline(), indent=1), flush=True)


if __name__ == "__main__":
    sys.exit(main())
