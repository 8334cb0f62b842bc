"""What a server of second looks does with clients that mean no good, or are many."""

import asyncio
import re
import time

import numpy as np
import pytest

from hearing.wire import VERIFY_PATH, Answer
from tests.engine.served import CLIP, HEADERS, MODEL, REGIONS, TOKEN, MadeUpVerifier, request, serve

BLOCK_SIZE = range(32, 34)
"""Bytes of a WAV header that say nothing new, and are not looked at."""


def fuzzed(rng: np.random.Generator) -> bytes:
    """Return a body that is no clip: noise, a part of a clip, or a clip with another header."""
    match rng.integers(4):
        case 0:
            return rng.bytes(int(rng.integers(0, 5_000)))
        case 1:
            return CLIP[: rng.integers(0, len(CLIP))]
        case 2:
            return b"RIFF" + rng.bytes(4) + b"WAVEfmt " + rng.bytes(int(rng.integers(0, 200)))
    damaged = bytearray(CLIP)
    places = [place for place in range(44) if place not in BLOCK_SIZE]
    for place in rng.choice(places, size=rng.integers(1, 6), replace=False):
        damaged[place] ^= int(rng.integers(1, 256))
    return bytes(damaged)


def fuzzed_request(rng: np.random.Generator) -> bytes:
    """Return a request with some bytes of its head changed, put in or left out."""
    sent = bytearray(request(b"x"))
    for _ in range(rng.integers(1, 8)):
        place = int(rng.integers(0, len(sent)))
        sent[place : place + int(rng.integers(0, 3))] = rng.bytes(int(rng.integers(0, 3)))
    return bytes(sent)


async def test_a_thousand_fuzzed_bodies_are_all_refused() -> None:
    rng = np.random.default_rng(2018)
    async with serve() as served:
        started_s = time.monotonic()
        for _ in range(1_000):
            reply = await served.ask(fuzzed(rng))
            assert 400 <= reply.status < 500
            assert reply.error in {"not_audio", "wrong_format", "too_short"}
        assert time.monotonic() - started_s < 30
        assert served.verifier.clips == []
        assert not [line for line in served.log if "failure" in line]
        assert (await served.ask()).status == 200


async def test_fuzzed_request_heads_never_break_it(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(2018)
    async with serve(idle_s=1, body_s=1) as served:
        # In parallel: some wait for more that never comes, until the server closes.
        answers = await asyncio.gather(*(served.send(fuzzed_request(rng)) for _ in range(300)))
        assert all(not answer or re.match(rb"HTTP/\d\.\d 4", answer) for answer in answers)
        assert not any(b"Traceback" in answer or TOKEN.encode() in answer for answer in answers)
        assert sum(1 for answer in answers if answer) > 200
        assert (await served.ask()).status == 200
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/verify HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\0" * 20_000,
    ],
    ids=["TLS", "SSH", "many headers", "long address", "negative length", "two lengths", "zeros"],
)
async def test_what_is_no_http_is_refused_in_the_same_form(garbage: bytes) -> None:
    async with serve(idle_s=0.5) as served:
        answer = await served.send(garbage)
        assert answer.startswith(b"HTTP/1.0 400 ")
        assert answer.endswith(b'{"error": "not_http", "message": "This is no valid HTTP request."}')
        assert (await served.ask()).status == 200


async def test_a_body_that_trickles_in_is_refused_and_nobody_else_waits_for_it() -> None:
    async with serve(body_s=1, in_flight=2) as served:
        head, body = request(b"", length=len(CLIP)), CLIP
        started_s = time.monotonic()
        slow = asyncio.create_task(served.send(head, *(body[n : n + 1] for n in range(40)), pause_s=0.05))
        await asyncio.sleep(0.1)
        assert (await served.ask()).status == 200
        answer = await slow
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"too_slow"' in answer
        assert time.monotonic() - started_s < 8
        assert (await served.ask()).status == 200


async def test_a_head_that_trickles_in_is_cut_off() -> None:
    async with serve(idle_s=0.5) as served:
        started_s = time.monotonic()
        head = request()
        answer = await served.send(*(head[n : n + 1] for n in range(40)), pause_s=0.05)
        assert answer == b""
        assert time.monotonic() - started_s < 8
        assert (await served.ask()).status == 200


async def test_a_slow_body_without_the_token_is_refused_at_once() -> None:
    async with serve() as served:
        started_s = time.monotonic()
        answer = await served.send(request(b"x", length=len(CLIP), token="wrong"))
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert time.monotonic() - started_s < 4


async def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind() -> None:
    async with serve(in_flight=2) as served:
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(request(b"half", length=len(CLIP)))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.2)
        assert [reply.status for reply in await asyncio.gather(served.ask(), served.ask())] == [200, 200]
        assert not [line for line in served.log if "failure" in line]


async def test_many_half_open_connections_do_not_keep_a_house_waiting() -> None:
    async with serve(idle_s=3) as served:
        waiting = [asyncio.create_task(served.send(b"POST /v1/verify HTTP/1.1\r\n")) for _ in range(200)]
        await asyncio.sleep(0.2)
        started_s = time.monotonic()
        assert (await served.ask()).status == 200
        assert time.monotonic() - started_s < 2
        assert await asyncio.gather(*waiting) == [b""] * 200


async def test_sixteen_clients_lose_no_answer() -> None:
    async with serve(MadeUpVerifier(look_s=0.002)) as served:

        async def client() -> list[bytes]:
            bodies = []
            for _ in range(38):
                url = f"http://127.0.0.1:{served.port}{VERIFY_PATH}"
                async with served.session.post(url, data=CLIP, headers=HEADERS) as response:
                    assert response.status == 200
                    bodies.append(await response.read())
            return bodies

        answers = [body for bodies in await asyncio.gather(*(client() for _ in range(16))) for body in bodies]
        assert len(answers) == len(served.log) == len(served.verifier.clips) == 608
        assert set(answers) == {Answer(MODEL, REGIONS).to_json()}
