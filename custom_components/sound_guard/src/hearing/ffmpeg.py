"""Sound through an ffmpeg child process: files, PulseAudio, ALSA, network streams. The only file that meets ffmpeg."""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from threading import Event, Lock
from typing import Self

import numpy as np

from .features import Block
from .haste import Haste
from .intake import Intake
from .source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, STALL_S, Backlog, Reason, SourceError, redact_all

_BLOCK_BYTES = 2 * BLOCK_SAMPLES
_READ_BYTES = 65_536
_STDERR_BYTES = 8_192
"""How much of what ffmpeg says last is kept."""

_STOP_S = 0.5
"""Time for a polite goodbye, which frees the session at a camera; then ffmpeg is killed."""

_KILL_S = 5.0
_LIST_S = 5.0

_ROLL_CALL_S = 50.0
"""How often the sound server is asked whether it still has the microphone. When one is unplugged, PulseAudio goes on
with another one, as if nothing had happened, and stays with it. To ask takes 50 ms of a processor; a microphone that is
gone has to be seen within a minute."""


class FfmpegSource:
    """Sound decoded by an ffmpeg child. Iterate in one thread; close() may come from any thread."""

    def __init__(self, intake: Intake, *, ffmpeg: str = "ffmpeg", stall_s: float = STALL_S) -> None:
        """Remember what to open; the child starts on entering."""
        self.description = intake.description
        self._intake = intake
        self._stall_s = stall_s
        self._command = [ffmpeg, "-nostdin", "-hide_banner", "-v", "error", *intake.options, "-i", intake.name]
        self._command += ["-map", "0:a:0", "-ac", "1", "-ar", str(SAMPLE_RATE_HZ)]
        self._command += ["-f", "s16le", "-flush_packets", "1", "pipe:1"]
        # Held while the child starts and while its pipes are waited for, so that close() cannot pull them away.
        self._lock = Lock()
        self._closed = False
        self._ended = Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._poll = select.poll()
        self._said = b""
        self._unheard_bytes = 0
        """Read from the pipe, but not yet yielded."""
        self._roll_call_s = time.monotonic() + _ROLL_CALL_S

    @property
    def backlog(self) -> Backlog:
        """What waits in the pipe. What ffmpeg and the sound server may lose they keep to themselves."""
        with self._lock:
            if self._closed or self._child is None or self._child.stdout is None:
                return Backlog()
            (piped,) = struct.unpack("i", fcntl.ioctl(self._child.stdout, termios.FIONREAD, bytes(4)))
        return Backlog((self._unheard_bytes + piped) / (2 * SAMPLE_RATE_HZ))

    def __enter__(self) -> Self:
        """Start ffmpeg.

        Raises:
            SourceError: ffmpeg is not installed or cannot be run.
        """
        with self._lock:
            if not self._closed:
                self._child = _start(self._command)
                for pipe in (self._child.stdout, self._child.stderr):
                    assert pipe is not None
                    self._poll.register(pipe, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop ffmpeg."""
        self.close()

    def __iter__(self) -> Iterator[Block]:
        """Yield int16 blocks as ffmpeg delivers them.

        Raises:
            SourceError: it cannot be opened, ended unexpectedly or has stalled.
        """
        pending = b""
        heard = False
        haste = Haste()
        while data := self._read():
            self._call_roll()
            if self._intake.is_live and (wait_s := haste.wait_s(len(data) // 2, time.monotonic())):
                self._ended.wait(wait_s)
            pending += data
            whole = len(pending) // _BLOCK_BYTES * _BLOCK_BYTES
            for start in range(0, whole, _BLOCK_BYTES):
                heard = True
                self._unheard_bytes = len(pending) - start - _BLOCK_BYTES
                yield np.frombuffer(pending[start : start + _BLOCK_BYTES], "<i2")
            pending = pending[whole:]
        if len(pending) > 1:
            heard = True
            yield np.frombuffer(pending[: len(pending) // 2 * 2], "<i2")
        if not self._closed:
            self._check_end(heard=heard)

    def close(self) -> None:
        """Stop ffmpeg, reap it and end a running iteration."""
        self._closed = True
        self._ended.set()
        if self._child is not None:
            _stop(self._child)
        with self._lock:
            if self._child is not None:
                # It may have been starting a moment ago.
                _stop(self._child)
                for pipe in (self._child.stdout, self._child.stderr):
                    if pipe is not None:
                        pipe.close()

    def _read(self) -> bytes:
        """Return the next sound, or nothing at its end. What ffmpeg says meanwhile is kept."""
        deadline_s = time.monotonic() + self._stall_s
        with self._lock:
            while not self._closed:
                assert self._child is not None, "enter a source before iterating"
                assert self._child.stdout is not None
                ready = self._poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
                if not ready:
                    raise SourceError(Reason.STALLED, f"{self.description}: no sound came for {self._stall_s:g} s.")
                for pipe, _ in ready:
                    if pipe == self._child.stdout.fileno():
                        return os.read(pipe, _READ_BYTES)
                    self._listen_to(pipe)
        return b""

    def _call_roll(self) -> None:
        """Make sure, once in a while, that the microphone is there.

        Raises:
            SourceError: NO_DEVICE, it is not, so what is heard is another one.
        """
        if not self._intake.on_roll or time.monotonic() < self._roll_call_s:
            return
        self._roll_call_s = time.monotonic() + _ROLL_CALL_S
        there = [name for name, _ in list_sources("pulse", ffmpeg=self._command[0])]
        # Without an answer nothing is known.
        if there and self._intake.name not in there:
            raise SourceError(Reason.NO_DEVICE, f"{self.description}: the sound server has lost this microphone.")

    def _listen_to(self, stderr: int) -> None:
        words = os.read(stderr, _READ_BYTES)
        self._said = (self._said + words)[-_STDERR_BYTES:]
        if not words:
            self._poll.unregister(stderr)

    def _check_end(self, *, heard: bool) -> None:
        """Raise unless a file came to its natural end.

        Raises:
            SourceError: why there is no more sound.
        """
        with self._lock:
            if self._closed or self._child is None:
                return
            assert self._child.stderr is not None
            # The sound is over, so ffmpeg is as good as gone; one that lingers is stopped.
            code: int | None = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._child.wait(_STOP_S)
            _stop(self._child)
            self._poll = select.poll()
            self._poll.register(self._child.stderr, select.POLLIN)
            for _ in range(64):
                if not self._poll.poll(0) or not (words := os.read(self._child.stderr.fileno(), _READ_BYTES)):
                    break
                self._said = (self._said + words)[-_STDERR_BYTES:]
        if code == 0 and not self._intake.is_live:
            return
        if code is not None and code < 0:
            raise SourceError(Reason.LOST, f"{self.description}: ffmpeg was stopped from outside (signal {-code}).")
        if heard:
            raise SourceError(Reason.LOST, f"{self.description}: the sound ended unexpectedly.")
        raise self._explain()

    def _explain(self) -> SourceError:
        """Return why nothing was heard, judged by what ffmpeg said."""
        # Without the name that ffmpeg begins with: a path may look like an error.
        words = self._said.decode(errors="replace").replace(f"{self._intake.name}: ", "")
        for pattern, reason, sentence in self._intake.complaints:
            if re.search(pattern, words.lower()):
                return SourceError(reason, sentence.format(self.description))
        last = next((line for line in reversed(redact_all(words).splitlines()) if line.strip()), "nothing")
        # Some of it comes from the other end: nothing in it may paint over a terminal that shows a log.
        shown = "".join(filter(str.isprintable, last))[:200]
        return SourceError(Reason.LOST, f"{self.description}: no sound came; ffmpeg says: {shown}")


def list_sources(kind: str, *, ffmpeg: str = "ffmpeg") -> list[tuple[str, str]]:
    """Return (name, title) of the sources of "pulse" or "alsa"; nothing where ffmpeg or the server is missing."""
    command = [ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-sources", kind]
    try:
        listing = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = listing.stdout.decode(errors="replace").splitlines()
    found = [re.fullmatch(r"[* ] (\S+) \[(.*)\](?: \(.*\))?", line) for line in lines]
    return [(match[1], match[2]) for match in found if match]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    try:
        # A group of its own: Ctrl-C does not reach it, and stopping reaches what a wrapper script has started.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise SourceError(
            Reason.NO_FFMPEG, f"ffmpeg is needed for this, but {command[0]!r} is not installed or cannot be run."
        ) from error
    except (OSError, ValueError) as error:
        # A NUL in the name, or no memory or process left.
        raise SourceError(Reason.BAD_SOURCE, f"ffmpeg could not be started ({error}).") from error


def _stop(child: subprocess.Popen[bytes]) -> None:
    for sign, patience_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, _KILL_S)):
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(child.pid, sign)
                child.wait(patience_s)
