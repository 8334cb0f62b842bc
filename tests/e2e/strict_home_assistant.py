"""Runs Home Assistant like its own command does, but reports what holds its event loop for longer than 50 ms.

asyncio's debug mode names the task that took long, and that is often Home Assistant's: a request, a set-up. So a thread
looks at what the loop is doing, and names the file of Sound Guard that is at work every time.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from types import FrameType

from homeassistant import runner
from homeassistant.__main__ import main

LIMIT_S = 0.05
LOOK_EVERY_S = 0.01
OURS = "/custom_components/sound_guard/"
HOME_ASSISTANT = "/site-packages/homeassistant/"

_LOGGER = logging.getLogger(__name__)
_configure = runner.configure_event_loop


def _configure_strictly(loop: asyncio.AbstractEventLoop, debug: bool = False) -> None:
    _configure(loop, debug)
    loop.slow_callback_duration = LIMIT_S
    threading.Thread(target=_watch, args=(threading.get_ident(),), name="strict", daemon=True).start()


def _watch(loop_thread: int) -> None:
    began_s = None
    while True:
        time.sleep(LOOK_EVERY_S)
        frame = sys._current_frames().get(loop_thread)
        if (file := _file_of_ours(frame)) is None:
            began_s = None
        elif began_s is None:
            began_s = time.monotonic()
        elif time.monotonic() - began_s > LIMIT_S:
            _LOGGER.warning("%s holds the event loop:\n%s", file, "".join(traceback.format_stack(frame)))
            began_s = None


def _file_of_ours(frame: FrameType | None) -> str | None:
    """The file of Sound Guard that is at work, by itself or in a library; None while Home Assistant is."""
    while frame is not None:
        file = frame.f_code.co_filename
        if OURS in file:
            return file
        if HOME_ASSISTANT in file:
            return None
        frame = frame.f_back
    return None


runner.configure_event_loop = _configure_strictly
sys.exit(main())
