"""A network microphone that breaks in every way: live sound over HTTP, on loopback, at the pace of time."""

import os
import struct
import time
from contextlib import suppress
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Self

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
BLOCK_SAMPLES = 1_600
BLOCK_S = BLOCK_SAMPLES / RATE_HZ
NOISE = np.random.default_rng(0).normal(0, 60, 10 * RATE_HZ)
"""The room while nothing is played."""

# Sun's AU format, 16 bit, endless: ffmpeg knows it by its header.
HEADER = struct.pack(">4s5I", b".snd", 24, 0xFFFF_FFFF, 3, RATE_HZ, 1)


class Manner(Enum):
    """How it answers."""

    WELL = auto()
    SLOWLY = auto()
    """With half of the sound, at half the pace."""
    WITH_GARBAGE = auto()
    """With random bytes instead of a file."""
    IN_CIRCLES = auto()
    """With a redirect to itself, each time under another name."""


class Radio:
    """Plays to one listener at a time. A context manager; play() and the rest may be called by any thread."""

    def __init__(self) -> None:
        """Get ready; it is on the air after entering."""
        self.manner = Manner.WELL
        self.connections = 0
        """So many so far."""
        self._playing: NDArray[np.float64] = np.zeros(0)
        self._lock = Lock()
        self._began_s = time.monotonic()
        self._off = Event()
        """Set while it is off; never the same one twice."""
        self._forgotten = Event()
        """Set for connections that hear nothing any more, and are not told."""
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread = Thread()

    def __enter__(self) -> Self:
        """Switch it on."""
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self.switch_off()

    @property
    def url(self) -> str:
        """Where it can be heard."""
        return f"http://127.0.0.1:{self._port}/live"

    def switch_on(self) -> None:
        """Go on the air, at the same address as before."""
        self._off = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = False
        self._port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="radio")
        self._thread.start()

    def switch_off(self) -> None:
        """Hang up on everybody, and refuse everybody else."""
        self._off.set()
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def hang_up(self) -> None:
        """End all connections; whoever comes back is heard."""
        self.switch_off()
        self.switch_on()

    def forget(self) -> None:
        """Send nothing more over the connections there are, and leave them open."""
        self._forgotten.set()
        self._forgotten = Event()

    def play(self, samples: NDArray[np.int16]) -> None:
        """Play 16 kHz sound from now on."""
        with self._lock:
            self._playing = samples.astype(np.float64)

    def _next(self, number: int) -> bytes:
        """Return a block: the room's noise, and what is played."""
        noise = np.take(NOISE, np.arange(number * BLOCK_SAMPLES, (number + 1) * BLOCK_SAMPLES), mode="wrap")
        with self._lock:
            played, self._playing = self._playing[:BLOCK_SAMPLES], self._playing[BLOCK_SAMPLES:]
        noise[: played.size] += played
        return np.clip(np.rint(noise), -32_768, 32_767).astype(">i2").tobytes()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        radio = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                radio.connections += 1
                with suppress(ConnectionError):
                    if radio.manner is Manner.IN_CIRCLES:
                        self.send_response(302)
                        self.send_header("Location", f"/live/{radio.connections}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    self.send_response(200)
                    self.send_header("Content-Type", "audio/basic")
                    self.end_headers()
                    self._send(radio._off, radio._forgotten)

            def _send(self, off: Event, forgotten: Event) -> None:
                if radio.manner is Manner.WITH_GARBAGE:
                    while not off.wait(0.01):
                        self.wfile.write(os.urandom(8_192))
                    return
                self.wfile.write(HEADER)
                pace_s = BLOCK_S * (2 if radio.manner is Manner.SLOWLY else 1)
                began_s, number = time.monotonic(), 0
                while not off.wait(max(0.0, began_s + number * pace_s - time.monotonic())):
                    if forgotten.is_set():
                        off.wait()
                        return
                    self.wfile.write(radio._next(number))
                    number += 1

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
