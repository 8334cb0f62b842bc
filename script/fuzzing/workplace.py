"""Where inputs that have to be files are written."""

import tempfile
from pathlib import Path


def workplace() -> Path:
    """Return a new folder, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    return Path(tempfile.mkdtemp(prefix="fuzz", dir=memory if memory.is_dir() else None))
