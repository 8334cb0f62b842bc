import json
import struct
from pathlib import Path

import numpy as np
import pytest

from hearing.verifier import Region, VerifierError
from hearing.wire import MOST_CLIP_BYTES, Answer, ClipError, ModelInfo, Refusal, decode_clip, encode_clip
from tests.sounds import tone, write_wav

SOUND = tone(1.0)
MODEL = ModelInfo("rcrnn", "1.0", "0f" * 32)
ANSWER = Answer(MODEL, (Region("smoke_alarm", 0.123456789, 10.24, 0.987654321), Region("co_alarm", 0.0, 0.5, 0.01)))


class TestClip:
    def test_every_sample_arrives_as_it_was(self) -> None:
        samples = np.random.default_rng(4).integers(-32_768, 32_768, 163_840).astype(np.int16)
        arrived = decode_clip(encode_clip(samples))
        assert arrived.dtype == np.int16
        assert np.array_equal(arrived, samples)

    def test_it_is_the_wav_file_that_everybody_writes(self, tmp_path: Path) -> None:
        assert encode_clip(SOUND) == write_wav(tmp_path / "a.wav", SOUND).read_bytes()

    def test_the_longest_clip_is_within_the_limit_of_bytes(self) -> None:
        clip = encode_clip(tone(15.0))
        assert decode_clip(clip).size == 240_000
        assert len(clip) <= MOST_CLIP_BYTES

    def test_what_other_programs_write_beside_the_sound_does_no_harm(self) -> None:
        body = encode_clip(SOUND)
        comment = b"LIST" + struct.pack("<I", 5) + b"hello\0"
        longer = body[:4] + struct.pack("<I", len(body) - 8 + len(comment)) + body[8:36] + comment + body[36:]
        assert np.array_equal(decode_clip(longer), SOUND)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "not_audio"),
            (b"RIFF", "not_audio"),
            (b"ID3\x04" + bytes(5_000), "not_audio"),
            (encode_clip(SOUND)[:-1], "not_audio"),
            (encode_clip(SOUND)[:-2], "not_audio"),
            (encode_clip(SOUND) + b"\0\0", "not_audio"),
            (encode_clip(SOUND)[:40] + (31_998).to_bytes(4, "little") + encode_clip(SOUND)[44:], "not_audio"),
            (encode_clip(SOUND)[:44], "not_audio"),
            (encode_clip(SOUND)[:30], "not_audio"),
            (encode_clip(np.empty(0, np.int16)), "too_short"),
            (encode_clip(tone(0.09)), "too_short"),
            (encode_clip(tone(15.01)), "too_long"),
        ],
    )
    def test_anything_else_is_refused(self, body: bytes, code: str) -> None:
        with pytest.raises(ClipError) as refused:
            decode_clip(body)
        assert refused.value.code == code
        assert str(refused.value).endswith(".")

    @pytest.mark.parametrize(
        ("offset", "form", "value"),
        [(20, "<H", 3), (22, "<H", 2), (24, "<I", 44_100), (28, "<I", 16_000), (34, "<H", 8)],
        ids=["encoding", "channels", "rate", "bytes a second", "bits"],
    )
    def test_another_form_of_sound_is_refused(self, offset: int, form: str, value: int) -> None:
        body = bytearray(encode_clip(SOUND))
        struct.pack_into(form, body, offset, value)
        with pytest.raises(ClipError) as refused:
            decode_clip(bytes(body))
        assert refused.value.code == "wrong_format"

    def test_a_length_that_only_a_pipe_would_claim_is_refused(self) -> None:
        body = bytearray(encode_clip(SOUND))
        struct.pack_into("<I", body, 4, 0xFFFF_FFFF)
        struct.pack_into("<I", body, 40, 0xFFFF_FFFF)
        with pytest.raises(ClipError, match="not as long as it says"):
            decode_clip(bytes(body))


class TestAnswer:
    def test_every_digit_arrives(self) -> None:
        assert Answer.from_json(ANSWER.to_json()) == ANSWER

    def test_nothing_found_is_an_answer_too(self) -> None:
        assert Answer.from_json(Answer(MODEL, ()).to_json()).regions == ()

    def test_the_model_can_be_read_alone(self) -> None:
        assert ModelInfo.from_json(MODEL.to_json()) == ModelInfo.from_json(ANSWER.to_json()) == MODEL

    def test_it_looks_as_documented(self) -> None:
        answer = json.loads(Answer(MODEL, ANSWER.regions[1:]).to_json())
        assert answer == {
            "model": {"name": "rcrnn", "version": "1.0", "sha256": "0f" * 32},
            "regions": [{"label": "co_alarm", "onset_s": 0.0, "offset_s": 0.5, "confidence": 0.01}],
        }

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>Hello</html>",
            b"\xff\xfe\x00",
            b"[" * 100_000,
            b"null",
            b"[]",
            b"{}",
            b'"regions"',
            b'{"regions": []}',
            b'{"model": null, "regions": []}',
            b'{"model": {"name": "a", "version": "1"}, "regions": []}',
            b'{"model": {"name": "a", "version": 1, "sha256": "b"}, "regions": []}',
            b'{"model": {"name": "a\\u001b[2J", "version": "1", "sha256": "b"}, "regions": []}',
            b'{"model": {"name": "a", "version": "1", "sha256": "b"}, "regions": null}',
            b'{"model": {"name": "a", "version": "1", "sha256": "b"}, "regions": ["smoke_alarm"]}',
            b'{"model": {"name": "a", "version": "1", "sha256": "b"}}',
        ],
    )
    def test_what_comes_from_some_other_server_is_told_as_such(self, body: bytes) -> None:
        with pytest.raises(VerifierError, match="did not come from a second look"):
            Answer.from_json(body)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("onset_s", -0.1),
            ("onset_s", 2.0),
            ("onset_s", "0"),
            ("onset_s", None),
            ("offset_s", 15.1),
            ("offset_s", float("nan")),
            ("offset_s", float("inf")),
            ("confidence", 1.1),
            ("confidence", -0.1),
            ("confidence", True),
            ("confidence", float("nan")),
            ("confidence", 10**400),
            ("label", ""),
            ("label", 3),
            ("label", "x" * 1_000),
        ],
    )
    def test_an_impossible_region_is_refused(self, field: str, value: object) -> None:
        region = {"label": "smoke_alarm", "onset_s": 1.0, "offset_s": 2.0, "confidence": 0.5} | {field: value}
        model = {"name": "rcrnn", "version": "1.0", "sha256": "0f" * 32}
        with pytest.raises(VerifierError):
            Answer.from_json(json.dumps({"model": model, "regions": [region]}).encode())


class TestRefusal:
    def test_it_arrives(self) -> None:
        refusal = Refusal("busy", "Too many sounds are waiting.")
        assert Refusal.from_json(refusal.to_json()) == refusal

    @pytest.mark.parametrize("body", [b"", b"Bad Gateway", b'{"error": "busy"}', b'{"error": 1, "message": "a"}'])
    def test_another_servers_refusal_is_told_as_such(self, body: bytes) -> None:
        with pytest.raises(VerifierError):
            Refusal.from_json(body)
