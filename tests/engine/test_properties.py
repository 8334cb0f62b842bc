"""What holds for any input at all, however it came about."""

import io
import json
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

from hearing.card import CardError, ModelCard
from hearing.flatbuffer import ModelFormatError
from hearing.numpy_tflite import NumpyInterpreter
from hearing.rcrnn_card import RcrnnCard
from hearing.source import Reason, SourceError, redact, redact_all
from hearing.sources import open_source
from hearing.verifier import Region, VerifierError
from hearing.wav import WavHeader
from hearing.wire import Answer, ClipError, ModelInfo, decode_clip, encode_clip

# The same examples every time: what is looked for by chance, script/fuzz looks for.
settings.register_profile("suite", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("suite")


def refusal_of[Refusal: Exception](kind: type[Refusal], attempt: Callable[[], object]) -> Refusal | None:
    """Return how an attempt was refused, None if it was not."""
    try:
        attempt()
    except kind as error:
        return error
    return None


WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORD, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def wav_files(draw: st.DrawFn) -> bytes:
    """Return something like a WAV file: chunks of any kind and length, whatever they say about it."""
    body = draw(st.sampled_from([b"RIFF", b"RIFX", b"RF64"])) + draw(st.binary(min_size=4, max_size=4)) + b"WAVE"
    for name in draw(st.lists(st.sampled_from([b"fmt ", b"data", b"LIST", b"fact", b"\0\0\0\0"]), max_size=5)):
        content = draw(st.binary(max_size=60))
        if name == b"fmt " and draw(st.booleans()):
            numbers = [draw(st.integers(0, 0xFFFF)) for _ in range(4)]
            content = struct.pack("<HHIIHH", 1, 1, *draw(st.sampled_from([(16_000, 32_000), (8_000, 0)])), *numbers[:2])
        length = draw(st.just(len(content)) | st.integers(0, 0xFFFF_FFFF))
        body += name + struct.pack("<I", length) + content
    return body


@given(wav_files())
def test_no_wav_file_has_more_sound_than_bytes(body: bytes) -> None:
    header = WavHeader.parse(io.BytesIO(body), len(body))
    if header is not None:
        assert 0 <= header.data_offset + header.present_bytes <= len(body)
        assert header.present_s <= header.declared_s


@given(wav_files() | st.binary(max_size=200))
def test_any_body_is_a_clip_or_is_refused_in_a_sentence(body: bytes) -> None:
    refusal = refusal_of(ClipError, lambda: decode_clip(body))
    if refusal is not None:
        assert str(refusal).endswith(".")
    else:
        assert 1_600 <= decode_clip(body).size <= 240_000


@given(st.integers(1_600, 4_000), st.integers(0, 1 << 32))
def test_any_sound_arrives_as_it_was_sent(samples: int, seed: int) -> None:
    sound = np.random.default_rng(seed).integers(-32_768, 32_768, samples).astype(np.int16)
    assert np.array_equal(decode_clip(encode_clip(sound)), sound)


@given(JSON | st.fixed_dictionaries({"model": JSON, "regions": JSON}))
def test_an_answer_of_anybody_else_is_refused(answer: Any) -> None:
    body = json.dumps(answer).encode()
    for read in (Answer.from_json, ModelInfo.from_json):
        assert str(refusal_of(VerifierError, partial(read, body)))


@given(st.text(st.sampled_from("abc XYZ09._-"), min_size=1), st.floats(0, 10), st.floats(0.001, 5), st.floats(0, 1))
def test_any_region_arrives_as_it_was_found(label: str, onset_s: float, length_s: float, confidence: float) -> None:
    found = Answer(ModelInfo("rcrnn", "1", "0" * 64), (Region(label, onset_s, onset_s + length_s, confidence),))
    assert Answer.from_json(found.to_json()) == found


@given(st.text(max_size=80) | st.tuples(st.sampled_from(["alsa", "pulse", "rtsp", "http"]), st.text()).map(":".join))
def test_any_name_is_a_source_or_is_refused(spec: str) -> None:
    redact_all(spec)
    refusal = refusal_of(SourceError, lambda: open_source(spec).close())
    assert refusal is None or refusal.reason is Reason.BAD_SOURCE


@given(
    st.sampled_from(["rtsp", "http", "https", "rtsps", "ftp"]),
    st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=12),
    st.sampled_from(["", "/", "/live", "/a@b", "?x=1", "/live?user=u#top"]),
)
def test_no_password_is_ever_shown(scheme: str, password: str, path: str) -> None:
    address = f"{scheme}://anna:{password}@camera.local:554{path}"
    assert password not in redact(address)
    assert password not in redact_all(f"cannot open {address}: no")


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\x08\0\0\0TFL3" + rest))
def test_any_bytes_are_refused_as_a_model(content: bytes) -> None:
    assert str(refusal_of(ModelFormatError, lambda: NumpyInterpreter(content)))


@given(
    JSON
    | st.fixed_dictionaries({"schema": st.just(1), "model": WORD, "sha256": JSON, "labels": JSON, "features": JSON})
)
def test_json_without_a_model_is_no_card(tmp_path_factory: Any, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "card.json"
    path.write_text(json.dumps(content))
    for load in (ModelCard.load, RcrnnCard.load):
        # There is no model that it could name.
        assert str(path.parent) in str(refusal_of(CardError, partial(load, path)))
