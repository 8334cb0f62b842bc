"""A web server on loopback that sends sound as radios and cameras do: at its own pace, for ever, or badly."""

import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Self

CHUNKS_PER_S = 20


@dataclass(frozen=True)
class Reply:
    """What is sent for one path."""

    body: bytes = b""
    status: int = 200
    content_type: str = "audio/wav"
    bytes_per_s: float = float("inf")
    hangs: bool = False
    """Whether the connection stays open and silent after the body."""
    location: str = ""
    """Where a redirect leads."""


class StreamServer:
    """Serves replies by path, several at once. A context manager."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self._stopping = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str, *, credentials: str = "") -> str:
        """Return the address of a path; `credentials` is "user:password"."""
        host = f"127.0.0.1:{self._server.server_port}"
        return f"http://{credentials}{'@' if credentials else ''}{host}{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        replies, stopping = self.replies, self._stopping

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                reply = replies.get(self.path.partition("?")[0], Reply(status=404))
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", reply.content_type)
                    if reply.location:
                        self.send_header("Location", reply.location)
                    if not reply.hangs and reply.bytes_per_s == float("inf"):
                        self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self._send(reply)
                except (BrokenPipeError, ConnectionResetError):
                    return
                if reply.hangs:
                    stopping.wait()

            def _send(self, reply: Reply) -> None:
                if reply.bytes_per_s == float("inf"):
                    self.wfile.write(reply.body)
                    return
                size = int(reply.bytes_per_s / CHUNKS_PER_S)
                started = time.monotonic()
                for number, start in enumerate(range(0, len(reply.body), size), 1):
                    self.wfile.write(reply.body[start : start + size])
                    if stopping.wait(max(0, started + number / CHUNKS_PER_S - time.monotonic())):
                        return

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
