import asyncio
import threading
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from hearing.verifier import VerifierError
from hearing.wire import MOST_CLIP_BYTES, Answer, ModelInfo, decode_clip, encode_clip
from tests.engine.served import CLIP, HEADERS, MODEL, REGIONS, TOKEN, MadeUpVerifier, Served, request, serve
from tests.sounds import tone


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as running:
        yield running


class TestAnswers:
    async def test_a_clip_is_looked_at_and_what_is_in_it_comes_back(self, served: Served) -> None:
        sound = tone(3.0)
        async with served.session.post(
            f"http://127.0.0.1:{served.port}/v1/verify", data=encode_clip(sound), headers=HEADERS
        ) as response:
            assert response.status == 200
            assert response.content_type == "application/json"
            assert Answer.from_json(await response.read()) == Answer(MODEL, REGIONS)
        assert np.array_equal(served.verifier.clips[0], sound)

    async def test_the_model_can_be_asked_for(self, served: Served) -> None:
        url = f"http://127.0.0.1:{served.port}/v1/model"
        async with served.session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
            assert ModelInfo.from_json(await response.read()) == MODEL

    async def test_anybody_may_ask_whether_it_is_well(self, served: Served) -> None:
        reply = await served.ask(None, method="GET", path="/health", headers={})
        assert (reply.status, reply.body) == (200, {"status": "ok"})

    async def test_a_connection_serves_many_requests(self, served: Served) -> None:
        for _ in range(5):
            assert (await served.ask()).status == 200
        assert len(served.session.connector._conns) == 1  # type: ignore[union-attr]

    async def test_the_model_looks_in_one_thread_beside_the_loop(self, served: Served) -> None:
        replies = await asyncio.gather(*(served.ask() for _ in range(8)))
        assert {reply.status for reply in replies} == {200}
        assert len(served.verifier.threads) == 1
        assert threading.get_ident() not in served.verifier.threads

    async def test_which_software_answers_is_not_told(self, served: Served) -> None:
        assert (await served.ask()).headers["Server"] == "sound-guard"


class TestRefusals:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": f"Bearer {TOKEN}x"},
        ],
    )
    @pytest.mark.parametrize(("method", "path"), [("POST", "/v1/verify"), ("GET", "/v1/model")])
    async def test_without_the_token_nothing_is_answered(
        self, served: Served, method: str, path: str, headers: dict[str, str]
    ) -> None:
        reply = await served.ask(method=method, path=path, headers={"Content-Type": "audio/wav"} | headers)
        assert (reply.status, reply.error, reply.headers["WWW-Authenticate"]) == (401, "unauthorized", "Bearer")
        assert served.verifier.clips == []

    @pytest.mark.parametrize(
        "path", ["/", "/v1", "/v1/verify/", "/v2/verify", "/v1/verify%00", "//v1/verify", "/..%2f"]
    )
    async def test_other_addresses_do_not_exist(self, served: Served, path: str) -> None:
        reply = await served.ask(path=path)
        assert (reply.status, reply.error) == (404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/v1/verify", "POST"),
            ("PUT", "/v1/verify", "POST"),
            ("POST", "/v1/model", "GET"),
            ("DELETE", "/health", "GET"),
            ("OPTIONS", "/v1/verify", "POST"),
        ],
    )
    async def test_other_methods_are_refused(self, served: Served, method: str, path: str, allowed: str) -> None:
        reply = await served.ask(None, method=method, path=path)
        assert (reply.status, reply.error, reply.headers["Allow"]) == (405, "wrong_method", allowed)

    @pytest.mark.parametrize("kind", ["audio/mpeg", "application/octet-stream", "application/json", "nonsense", ""])
    async def test_another_type_is_refused(self, served: Served, kind: str) -> None:
        reply = await served.ask(headers=HEADERS | {"Content-Type": kind})
        assert (reply.status, reply.error) == (415, "wrong_type")

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "whatever"])
    async def test_a_compressed_body_is_refused_unread(self, served: Served, coding: str) -> None:
        answer = await served.send(request(b"x", extra=f"Content-Encoding: {coding}\r\n"))
        assert answer.startswith(b"HTTP/1.1 415 ")

    async def test_a_body_of_unknown_length_is_refused(self, served: Served) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield CLIP

        reply = await served.ask(parts())
        assert (reply.status, reply.error) == (411, "no_length")

    async def test_a_body_that_is_too_long_is_refused_before_it_comes(self, served: Served) -> None:
        started_s = time.monotonic()
        answer = await served.send(request(b"", length=MOST_CLIP_BYTES + 1))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"too_long"' in answer
        assert time.monotonic() - started_s < 5

    async def test_a_huge_body_is_refused_while_it_is_being_sent(self, served: Served) -> None:
        reply = await served.ask(bytes(1_000_000))
        assert (reply.status, reply.error) == (413, "too_long")

    async def test_a_clip_that_is_too_long_is_refused(self, served: Served) -> None:
        reply = await served.ask(encode_clip(tone(15.05)))
        assert (reply.status, reply.error) == (413, "too_long")

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"", "not_audio"),
            (b"hello", "not_audio"),
            (CLIP[:-100], "not_audio"),
            (CLIP[:24] + (44_100).to_bytes(4, "little") + CLIP[28:], "wrong_format"),
            (CLIP[:22] + b"\2\0" + CLIP[24:], "wrong_format"),
            (encode_clip(tone(0.05)), "too_short"),
        ],
    )
    async def test_what_is_no_clip_is_refused(self, served: Served, body: bytes, error: str) -> None:
        reply = await served.ask(body)
        assert (reply.status, reply.error) == (422, error)
        assert served.verifier.clips == []

    async def test_who_asks_too_often_is_told_when_to_come_back(self) -> None:
        async with serve(rate_per_s=0.01, at_once=2) as served:
            replies = [await served.ask() for _ in range(3)]
            assert [reply.status for reply in replies] == [200, 200, 429]
            assert replies[2].error == "too_often"
            assert 80 <= int(replies[2].headers["Retry-After"]) <= 100

    async def test_guessing_tokens_is_limited_as_well(self) -> None:
        async with serve(rate_per_s=0.01, at_once=2) as served:
            guesses = [await served.ask(headers={"Authorization": f"Bearer {guess}"}) for guess in range(3)]
            assert [reply.status for reply in guesses] == [401, 401, 429]

    async def test_more_clips_than_may_wait_are_sent_away_and_the_others_answered(self) -> None:
        async with serve(in_flight=3) as served:
            served.verifier.may_look.clear()
            waiting = [asyncio.create_task(served.ask()) for _ in range(3)]
            await asyncio.sleep(0.5)
            reply = await served.ask()
            assert (reply.status, reply.error, reply.headers["Retry-After"]) == (503, "busy", "1")
            assert (await served.ask(None, method="GET", path="/v1/model")).status == 200
            served.verifier.may_look.set()
            assert [(await each).status for each in waiting] == [200] * 3
            assert (await served.ask()).status == 200

    async def test_a_clip_that_waits_too_long_is_sent_away(self) -> None:
        async with serve(look_s=0.5) as served:
            served.verifier.may_look.clear()
            reply = await served.ask()
            assert (reply.status, reply.error) == (503, "busy")
            served.verifier.may_look.set()
            await asyncio.sleep(0.1)
            assert (await served.ask()).status == 200

    @pytest.mark.parametrize("failure", [VerifierError("the model is tired"), ValueError("shapes"), MemoryError()])
    async def test_a_look_that_fails_is_told_to_the_owner_only(self, failure: Exception) -> None:
        async with serve(MadeUpVerifier(failure=failure)) as served:
            reply = await served.ask()
            assert (reply.status, reply.error) == (500, "failed")
            assert "tired" not in str(reply.body)
            assert served.log[-1]["failure"] == f"{type(failure).__name__}: {failure}"
            served.verifier.failure = None
            assert (await served.ask()).status == 200


class TestStopping:
    async def test_the_answer_under_way_is_still_given(self) -> None:
        async with serve(MadeUpVerifier(look_s=0.3)) as served:
            asked = asyncio.create_task(served.ask())
            await asyncio.sleep(0.1)
            await served.server.stop()
            assert (await asked).status == 200
            with pytest.raises(OSError, match="onnect"):
                await served.send(request())

    async def test_a_verifier_that_hangs_does_not_hold_it_up(self) -> None:
        async with serve(stop_s=0.2) as served:
            served.verifier.may_look.clear()
            asked = asyncio.create_task(served.send(request()))
            await asyncio.sleep(0.1)
            started_s = time.monotonic()
            await served.server.stop()
            assert time.monotonic() - started_s < 5
            assert await asked == b""

    async def test_idle_connections_do_not_hold_it_up(self) -> None:
        async with serve(stop_s=10) as served:
            await served.ask()
            idle = asyncio.create_task(served.send())
            await asyncio.sleep(0.1)
            started_s = time.monotonic()
            await served.server.stop()
            assert await idle == b""
            assert time.monotonic() - started_s < 5


class TestLog:
    async def test_every_request_is_one_line(self, served: Served) -> None:
        await served.ask()
        await served.ask(b"garbage")
        await served.ask(None, method="GET", path="/health", headers={})
        timeless = [{key: value for key, value in line.items() if key not in {"time", "ms"}} for line in served.log]
        regions = [{"label": "smoke_alarm", "confidence": 0.9}, {"label": "co_alarm", "confidence": 0.1}]
        common = {"address": "127.0.0.1", "path": "/v1/verify"}
        assert timeless == [
            common | {"status": 200, "bytes": len(CLIP), "regions": regions},
            common | {"status": 422, "bytes": 7, "error": "not_audio"},
            {"address": "127.0.0.1", "path": "/health", "status": 200, "bytes": 0},
        ]
        assert all(0 <= float(line["ms"]) < 10_000 for line in served.log)

    async def test_neither_sound_nor_token_nor_what_was_asked_for_is_in_it(
        self, served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(0)
        secret = "another-secret-of-the-owner"
        await served.ask()
        await served.ask(headers={"Authorization": f"Bearer {secret}"})
        await served.ask(path=f"/v1/verify?token={secret}")
        await served.ask(path=f"/{secret}")
        await served.ask(secret.encode())
        await served.send(f"GET / HTTP/1.1\r\nAuthorization: Bearer {secret}\0\r\nHost: x\r\n\r\n".encode())
        await served.send(f"{secret} / HTTP/9.9\r\n\r\n".encode())
        await served.send(f"GET /{secret}\x01 HTTP/1.1\r\n{secret}\r\n\r\n".encode())
        assert len(served.log) == 8
        told = str(served.log) + caplog.text + "".join(capfd.readouterr())
        assert TOKEN not in told
        assert secret not in told
        assert str(decode_clip(CLIP)[:3]) not in told

    async def test_a_client_that_gave_up_is_noted_and_its_clip_gets_no_look(self, served: Served) -> None:
        served.verifier.may_look.clear()
        first, second = (asyncio.create_task(served.ask()) for _ in range(2))
        await asyncio.sleep(0.4)
        second.cancel()
        await asyncio.sleep(0.4)
        assert [line["status"] for line in served.log] == [None]
        served.verifier.may_look.set()
        assert (await first).status == 200
        await served.ask()
        assert len(served.verifier.clips) == 2
