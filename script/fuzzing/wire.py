"""Requests to the server that takes second looks for other machines, as they come over the network."""

import asyncio
import json
import socket
from collections.abc import Mapping
from threading import Thread

import numpy as np

from hearing.access_token import AccessToken
from hearing.features import Block
from hearing.limits import Limits
from hearing.server import VerifierServer
from hearing.verifier import Region
from hearing.wire import ModelInfo, encode_clip

from .damage import damaged
from .target import Target

TOKEN = "a-token-of-at-least-16-letters"  # noqa: S105  of no server but this one
MODEL = ModelInfo("rcrnn", "1", "0" * 64)
GENEROUS = Limits(rate_per_s=1e9, at_once=1e9, body_s=0.5, look_s=5.0, linger_s=0.2)
ALLOWED = {100, 200, 400, 401, 404, 405, 408, 411, 413, 415, 417, 422, 503}
WAIT_S = 20.0


class _Deaf:
    """A verifier that finds the same in everything."""

    def verify(self, samples: Block) -> tuple[Region, ...]:
        return (Region("glass_break", 0.0, min(1.0, samples.size / 16_000), 0.9),)


def request_samples() -> list[bytes]:
    """Return whole HTTP requests."""
    clip = encode_clip(np.zeros(2_000, np.int16))
    shown = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    post = f"POST /v1/verify HTTP/1.1\r\n{shown}Content-Type: audio/wav\r\n"
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(clip), clip)
    return [
        f"{post}Content-Length: {len(clip)}\r\n\r\n".encode() + clip,
        f"{post}Content-Length: {len(clip)}\r\nConnection: close\r\n\r\n".encode() + clip,
        f"{post}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks,
        f"{post}Expect: 100-continue\r\nContent-Length: {len(clip)}\r\n\r\n".encode() + clip,
        f"{post}Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n".encode() + b"\x1f\x8b" + bytes(18),
        f"GET /v1/model HTTP/1.1\r\n{shown}\r\n".encode(),
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/verify?a=b HTTP/1.0\r\nAuthorization: Basic YTpi\r\n\r\n",
    ]


def request() -> Target:
    """Whole HTTP requests, and what is none."""
    samples = request_samples()
    failures: list[object] = []

    def log(record: Mapping[str, object]) -> None:
        if "failure" in record:
            failures.append(record["failure"])

    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    server = VerifierServer(_Deaf(), MODEL, AccessToken(TOKEN), log, GENEROUS)
    port = asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result()

    def feed(content: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while piece := connection.recv(65_536):
                    answer += piece
            except ConnectionResetError:
                pass
        assert not failures, f"fails: {failures.pop()}"
        check(answer)

    def check(answer: bytes) -> None:
        """Refuse an answer that is none of ours."""
        if not answer:
            return
        assert TOKEN.encode() not in answer, "tells its token"
        version, status, _ = answer.split(b" ", 2)
        assert version.startswith(b"HTTP/"), f"answers {answer[:80]!r}"
        assert int(status) in ALLOWED, f"answers {answer[:80]!r}"
        _, _, body = answer.partition(b"\r\n\r\n")
        # Several requests in one are answered one after the other.
        if int(status) >= 400 and b"HTTP/" not in body:
            assert set(json.loads(body)) == {"error", "message"}, f"refuses with {body[:80]!r}"

    return Target("request", lambda draw: damaged(draw, samples), feed)
