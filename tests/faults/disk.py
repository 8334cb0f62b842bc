"""A disk that can be filled up and locked: a real one of its own where mounting is allowed."""

import os
import resource
import subprocess
from pathlib import Path
from typing import Self

SMALL = "32k"
LARGE = "16m"


class Disk:
    """The disk under one folder. A context manager.

    Who may not mount, limits how long a file of this process may become, and puts a file in the folder's place.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        self._folder = folder
        self._away = folder.with_suffix(".away")
        self._mounted = False
        folder.mkdir(mode=0o700)

    def __enter__(self) -> Self:
        """Put the disk there, with room on it."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={LARGE},mode=700", "clips", str(self._folder)]
        self._mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self.put_right()
        if self._mounted:
            subprocess.run(["umount", str(self._folder)], check=True)

    @property
    def files(self) -> list[str]:
        """The names of what lies on it."""
        return sorted(path.name for path in self._folder.glob("*"))

    def fill(self) -> None:
        """Leave less room than a clip needs."""
        if self._mounted:
            self._remount(f"size={SMALL}")
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))

    def lock(self) -> None:
        """Let nothing be written."""
        if self._mounted:
            self._remount("ro")
        else:
            self._folder.rename(self._away)
            self._folder.touch()

    def put_right(self) -> None:
        """Make room, and let everything be written."""
        if self._mounted:
            self._remount(f"rw,size={LARGE}")
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if self._folder.is_file():
                self._folder.unlink()
                self._away.rename(self._folder)

    def _remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self._folder)], check=True)
