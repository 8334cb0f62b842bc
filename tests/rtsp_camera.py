"""The sound of a network camera: as much of RTSP as a player needs, on loopback."""

import contextlib
import socket
import struct
from base64 import b64encode
from collections.abc import Iterator
from threading import Event, Thread
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

PACKET_SAMPLES = 320
RATE_HZ = 16_000

SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=camera
t=0 0
m=audio 0 RTP/AVP 97
a=rtpmap:97 L16/16000/1
a=control:audio
"""


class RtspCamera:
    """Sends sound in a loop, at real time, to one player after the other. A context manager."""

    def __init__(self, samples: NDArray[np.int16], *, credentials: str = "", location: str = "") -> None:
        """Take the sound (int16, 16 kHz), the "user:password" to ask for and where to send players instead, if any."""
        self.said_goodbye = Event()
        self._samples = samples.astype(">i2")
        self._credentials = b64encode(credentials.encode()).decode() if credentials else ""
        self._location = location
        self._stopping = Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Wakes accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def url(self, credentials: str = "") -> str:
        """Return the address; `credentials` is "user:password"."""
        at = "@" if credentials else ""
        return f"rtsp://{credentials}{at}127.0.0.1:{self._socket.getsockname()[1]}/live"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                player, _ = self._socket.accept()
                with player, player.makefile("rb") as requests, contextlib.suppress(ConnectionError):
                    self._talk(player, requests)

    def _talk(self, player: socket.socket, requests: BinaryIO) -> None:
        sender: Thread | None = None
        ended = Event()
        try:
            for method, headers in _read(requests):
                body, extra, status = "", "", "200 OK"
                if self._credentials and headers.get("authorization") != f"Basic {self._credentials}":
                    status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n'
                elif method == "DESCRIBE" and self._location:
                    status, extra = "302 Found", f"Location: {self._location}\r\n"
                elif method == "DESCRIBE":
                    body, extra = SDP.replace("\n", "\r\n"), "Content-Type: application/sdp\r\n"
                elif method == "SETUP":
                    extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
                extra += f"Content-Length: {len(body)}\r\n"
                player.sendall(f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\n{extra}\r\n{body}".encode())
                if method == "PLAY":
                    sender = Thread(target=self._send, args=(player, ended))
                    sender.start()
                if method == "TEARDOWN":
                    self.said_goodbye.set()
                    return
        finally:
            ended.set()
            if sender:
                sender.join()

    def _send(self, player: socket.socket, ended: Event) -> None:
        with contextlib.suppress(OSError):
            number = 0
            while not ended.wait(PACKET_SAMPLES / RATE_HZ) and not self._stopping.is_set():
                start = number * PACKET_SAMPLES % (self._samples.size - PACKET_SAMPLES + 1)
                sound = self._samples[start : start + PACKET_SAMPLES].tobytes()
                packet = struct.pack(">BBHII", 0x80, 97, number % 65_536, number * PACKET_SAMPLES, 1) + sound
                player.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                number += 1
            player.shutdown(socket.SHUT_RDWR)


def _read(requests: BinaryIO) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield method and headers of each request; what players report about the sound is skipped."""
    while first := requests.read(1):
        if first == b"$":
            (length,) = struct.unpack(">xH", requests.read(3))
            requests.read(length)
            continue
        method = (first + requests.readline()).decode().split()[0]
        headers = {}
        while line := requests.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        yield method, headers
