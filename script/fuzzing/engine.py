"""What the engine takes from outside: sound files, names of sources, models and their cards, clips and answers."""

import io
import json
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from hearing.card import ATTENTION_CARD, CardError, ModelCard, Sensitivity
from hearing.features import Block, LogMel
from hearing.feedback import COLUMNS, MANIFEST, SUBTYPE, export_false_alarms
from hearing.flatbuffer import ModelFormatError
from hearing.listener import Listener
from hearing.numpy_tflite import NumpyInterpreter
from hearing.rcrnn import anchors_s
from hearing.rcrnn_card import RcrnnCard
from hearing.source import SourceError, redact, redact_all
from hearing.sources import open_file, open_source
from hearing.tflite import Interpreter, open_interpreter
from hearing.verifier import Region, VerifierError
from hearing.wav import WavHeader
from hearing.wire import Answer, ClipError, ModelInfo, Refusal, decode_clip

from .damage import damaged, damaged_json, damaged_text
from .operations import samples as operation_samples
from .samples import encoded_sounds, wav_samples
from .specs import SPEC_PIECES, SPECS
from .target import Target
from .wire import request
from .workplace import workplace

SECOND = np.zeros(16_000, np.int16)

SMALL = Path(__file__).parents[2] / "tests" / "engine" / "data" / "two_signatures.tflite"


def children_s() -> float:
    """Return the processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wav() -> Target:
    """Headers of WAV files."""
    samples = wav_samples()

    def feed(content: bytes) -> None:
        header = WavHeader.parse(io.BytesIO(content), len(content))
        if header is not None:
            assert 0 <= header.present_bytes <= len(content), "claims samples that are not there"
            assert header.present_s <= header.declared_s, "has more than it says"

    return Target("wav", lambda draw: damaged(draw, samples), feed)


def sound_file() -> Target:
    """Whole WAV files that need no ffmpeg, block by block."""
    samples, path = wav_samples(), workplace() / "sound.wav"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        with open_file(path, ffmpeg="/no/such/ffmpeg") as source:
            heard = sum(block.size for block in source)
        assert 2 * heard <= len(content), "makes sound out of nothing"

    return Target("sound-file", lambda draw: damaged(draw, samples), feed, (SourceError,))


def media() -> Target:
    """FLAC, MP3, Ogg and others, through ffmpeg."""
    folder = workplace()
    samples, path = encoded_sounds(folder), folder / "sound"

    def feed(content: bytes) -> None:
        path.write_bytes(content)
        with open_file(path) as source:
            for _ in source:
                pass

    return Target("media", lambda draw: damaged(draw, samples), feed, (SourceError,), clock=children_s)


def spec() -> Target:
    """Names of sources as people type them, and addresses of streams."""

    def feed(content: str) -> None:
        redact(content)
        redact_all(content)
        source = open_source(content)
        source.close()
        assert source.description.isprintable(), "shows what cannot be printed"

    def make(draw: Random) -> str:
        return damaged_text(draw, SPECS, SPEC_PIECES)

    return Target("spec", make, feed, (SourceError,), read=lambda kept: kept.decode(errors="surrogatepass"))


def clip() -> Target:
    """Bodies of requests to the second look on another machine."""
    samples = wav_samples() * 3 + [b"", b"RIFF", b"GET / HTTP/1.1\r\n\r\n"]

    def feed(content: bytes) -> None:
        sound: Block = decode_clip(content)
        assert 1_600 <= sound.size <= 240_000, "is shorter or longer than allowed"

    return Target("clip", lambda draw: damaged(draw, samples), feed, (ClipError,))


def answer() -> Target:
    """What a server says that is asked for a second look."""
    model = ModelInfo("rcrnn", "1.2.3", "0123456789abcdef" * 4)
    full = Answer(model, (Region("glass_break", 0.5, 1.25, 0.97), Region("smoke_alarm", 0.0, 10.0, 0.2)))
    kinds: tuple[type[Answer] | type[ModelInfo] | type[Refusal], ...] = (Answer, ModelInfo, Refusal)
    samples = [json.loads(each.to_json()) for each in (full, model, Refusal("busy", "Too many sounds are waiting."))]

    def make(draw: Random) -> tuple[int, bytes]:
        number = draw.choice((0, 0, 0, 1, 2))
        return number, damaged_json(draw, [samples[number]])

    def feed(content: tuple[int, bytes]) -> None:
        number, body = content
        read = kinds[number].from_json(body)
        if isinstance(read, Answer):
            assert all(0 <= region.onset_s < region.offset_s <= 15 for region in read.regions), "lies outside the clip"

    return Target("answer", make, feed, (VerifierError,), read=lambda kept: (0, kept))


def model_samples() -> list[bytes]:
    """Return small models: one for each operation, and one of two whole graphs, ten times."""
    return operation_samples() + [SMALL.read_bytes()] * 10


def run_all(interpreter: Interpreter, signatures: Mapping[str, Any]) -> None:
    """Run every signature on the same sort of numbers."""
    for name in signatures:
        shapes, _ = interpreter.shapes(name)
        interpreter.run(name, **{key: np.ones(shape, np.float32) for key, shape in shapes.items()})


def model() -> Target:
    """Files of models, read, compiled and run by NumPy."""
    samples = model_samples()

    def feed(content: bytes) -> None:
        interpreter = NumpyInterpreter(content)
        run_all(interpreter, interpreter.signatures)

    return Target("model", lambda draw: damaged(draw, samples), feed, (ModelFormatError,))


def litert() -> Target:
    """Damaged models that NumPy runs, run by LiteRT, which crashes rather than complains."""
    samples = model_samples()

    def feed(content: bytes) -> None:
        signatures = NumpyInterpreter(content).signatures
        run_all(open_interpreter(content, "litert"), signatures)

    return Target("litert", lambda draw: damaged(draw, samples), feed, (ModelFormatError,))


def card() -> Target:
    """Cards of attention models, with all that a listener makes of them."""
    content = json.loads(ATTENTION_CARD.read_text()) | {"training": {"seed": 1}, "metrics": {"a": [1]}}
    folder = workplace()
    (folder / content["model"]).symlink_to(ATTENTION_CARD.with_name(content["model"]))

    def feed(text: bytes) -> None:
        path = folder / "card.json"
        path.write_bytes(text)
        listener = Listener(ModelCard.load(path), runtime="numpy", sensitivity=Sensitivity.HIGH)
        listener.feed(SECOND)
        listener.flush()

    return Target("card", lambda draw: damaged_json(draw, [content]), feed, (CardError,))


def rcrnn_card() -> Target:
    """Cards of R-CRNNs."""
    folder = workplace()
    levels = {Sensitivity.LOW: 0.9, Sensitivity.BALANCED: 0.7, Sensitivity.HIGH: 0.5}
    path, labels = folder / "rcrnn.json", ("glass_break", "smoke_alarm")
    good = RcrnnCard(
        path=path,
        name="rcrnn",
        version="1",
        model="rcrnn.tflite",
        labels=labels,
        attention_sha256="0" * 64,
        suspicion=dict.fromkeys(labels, 0.2),
        thresholds=dict.fromkeys(labels, levels),
        weight=0.5,
        content=b"not really a model",
    )
    good.save()
    content = json.loads(path.read_text())

    def feed(text: bytes) -> None:
        path.write_bytes(text)
        loaded = RcrnnCard.load(path)
        LogMel(loaded.features).push(SECOND)
        anchors_s(loaded.regions, loaded.regions.frames_per_step * loaded.features.hop_s)
        assert 0 < loaded.clip_s < 100, "looks at no clip"
        for label in loaded.labels:
            loaded.confirms(label, Sensitivity.BALANCED, 0.5, 0.5)

    return Target("rcrnn-card", lambda draw: damaged_json(draw, [content]), feed, (CardError,))


def export() -> Target:
    """Lists of reported false alarms that somebody has edited since they were exported."""
    folder = workplace()
    (folder / "a.wav").touch()
    row = f"negative,{SUBTYPE},a.wav,,,a,,own recording\n"
    samples = [f"{','.join(COLUMNS)}\n{row * 3}".encode(), b""]

    def feed(text: bytes) -> None:
        (folder / MANIFEST).write_bytes(text)
        export_false_alarms(folder, {})

    return Target("export", lambda draw: damaged(draw, samples), feed, (OSError,))


TARGETS: Mapping[str, Callable[[], Target]] = {
    "wav": wav,
    "sound-file": sound_file,
    "media": media,
    "spec": spec,
    "clip": clip,
    "answer": answer,
    "request": request,
    "model": model,
    "litert": litert,
    "card": card,
    "rcrnn-card": rcrnn_card,
    "export": export,
}
