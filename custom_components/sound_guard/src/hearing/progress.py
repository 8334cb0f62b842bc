"""A progress bar for long scans."""

import shutil
from typing import TextIO

_MANY_FILES = 10
_BAR = 24
_ERASE = "\r\x1b[K"


class Progress:
    """How many files are done, on one line of a terminal. Silent with few files or where nobody looks."""

    def __init__(self, total: int, stream: TextIO) -> None:
        """Show nothing yet; `total` is the number of files."""
        self._total = total
        self._stream = stream
        self._enabled = total >= _MANY_FILES and stream.isatty()

    def show(self, done: int, name: str) -> None:
        """Draw the bar with the name of what is being read."""
        if self._enabled:
            filled = done * _BAR // self._total
            line = f"[{'#' * filled}{'.' * (_BAR - filled)}] {done}/{self._total} {name}"
            line = line[: shutil.get_terminal_size().columns - 1]
            # A file's name may hold anything, also what would steer the terminal.
            self._stream.write(_ERASE + "".join(c if c.isprintable() else "?" for c in line))
            self._stream.flush()

    def clear(self) -> None:
        """Erase the bar, so that something else can be printed."""
        if self._enabled:
            self._stream.write(_ERASE)
            self._stream.flush()
