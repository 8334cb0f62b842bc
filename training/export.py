"""From trained weights to what ships: the .tflite file, checked on both runtimes, and its card."""

import hashlib
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from hearing.card import ModelCard, Sensitivity
from hearing.tflite import open_interpreter

from . import attention
from .config import LABELS, Config, ConfigError
from .dataset import library_of
from .examples import FEATURES, WINDOW, WINDOW_FRAMES, taught_classes
from .recordings import Library
from .thresholds import calibrate
from .train import run_folder, weights_of

TOLERANCE = 1e-4
"""Largest difference between Keras and either runtime."""

LIMITATIONS = (
    "Trained on few recordings: glass that breaks in unfamiliar ways, or under other sound, is often missed.",
    "Breaking glass needs sound above 4 kHz: through an 8 kHz camera it is not heard.",
    "Carbon-monoxide alarms were built from the beeps of real smoke alarms; of real ones two single groups are known, "
    "one of which was in the training.",
    "An alarm that sounds for less than two seconds, or in a rhythm of its own, may be missed.",
    "Bedside monitors and other beepers may be taken for a smoke alarm, drums and clinking dishes for breaking glass.",
    "Nobody has listened to all recordings; labels were measured and checked by programs.",
    "Not a replacement for certified alarms.",
)


def export(config: Config, card_path: Path) -> ModelCard:
    """Convert the weights of a finished run, choose the thresholds on validation recordings, and save model and card.

    Raises:
        ConfigError: the run has not been trained yet.
        ValueError: Keras and a runtime disagree.
    """
    weights = weights_of(config)
    if not weights.is_file():
        raise ConfigError(f"{weights}: no such file; train first: python -m training train --config {config.name}")
    parts = attention.build(config.attention, taught_classes(config))
    parts.model.load_weights(weights)
    content = convert(parts.encoder, parts.head)
    worst = max(difference(parts, content, runtime) for runtime in ("litert", "numpy"))
    if worst > TOLERANCE:
        raise ValueError(f"Keras and .tflite differ by {worst:.1e}, more than {TOLERANCE:.0e}")
    library = library_of(config)
    card = ModelCard(
        path=card_path,
        name="attention",
        version=datetime.now(UTC).strftime("%Y.%m.%d"),
        model=card_path.with_suffix(".tflite").name,
        labels=LABELS,
        thresholds={label: dict.fromkeys(Sensitivity, 0.5) for label in LABELS},
        content=content,
        features=FEATURES,
        window=WINDOW,
        training=provenance(config, library),
        limitations=LIMITATIONS,
    )
    choice = calibrate(card, library, config.mixtures.workers)
    card = replace(card, decoder=replace(card.decoder, pooling=choice.pooling), thresholds=choice.thresholds)
    card_path.parent.mkdir(parents=True, exist_ok=True)
    card.save()
    parameters = parts.encoder.count_params() + parts.head.count_params()
    size_kb = len(content) / 1e3
    print(f"{card_path}: {size_kb:.0f} kB, {parameters} parameters, differs from Keras by {worst:.1e}")
    return card


def convert(encoder: keras.Model, head: keras.Model) -> bytes:
    """Return one float .tflite file with the signatures "encode" and "attend"."""
    chunk = WINDOW.chunk_frames + WINDOW.context_frames
    archive = keras.export.ExportArchive()
    archive.track(encoder)
    archive.track(head)

    def encode(frames: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": encoder(frames, training=False)}

    def attend(embeddings: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": head(embeddings, training=False)}

    frames = tf.TensorSpec((1, chunk, FEATURES.mel_bands), tf.float32, name="frames")
    embeddings = tf.TensorSpec((1, WINDOW.window_steps, head.input_shape[-1]), tf.float32, name="embeddings")
    archive.add_endpoint("encode", encode, [frames])
    archive.add_endpoint("attend", attend, [embeddings])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["encode", "attend"])
        content: bytes = converter.convert()
    return content


def difference(parts: attention.Attention, content: bytes, runtime: str, windows: int = 4) -> float:
    """Return the largest difference of a logit between the whole Keras model and the chunked .tflite file."""
    interpreter = open_interpreter(content, runtime)
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(windows):
        frames = rng.normal(0, 1, (WINDOW_FRAMES, FEATURES.mel_bands)).astype(np.float32)
        chunk = WINDOW.chunk_frames + WINDOW.context_frames
        starts = range(0, WINDOW_FRAMES - chunk + 1, WINDOW.chunk_frames)
        encoded = [interpreter.run("encode", frames=frames[None, s : s + chunk])["embedding"][0] for s in starts]
        logits = interpreter.run("attend", embeddings=np.concatenate(encoded)[None])["logits"]
        whole = parts.model(frames[None], training=False).numpy()[..., : len(LABELS)]
        worst = max(worst, float(np.abs(whole - logits).max()))
    return worst


def provenance(config: Config, library: Library) -> dict[str, Any]:
    """Return from what a run's model was made, as its card says."""
    used = [r for r in library.recordings if r.split == "train" and not r.doubtful]
    sources: dict[str, int] = {}
    for recording in used:
        sources[recording.kind] = sources.get(recording.kind, 0) + 1
    licences: dict[str, int] = {}
    for recording in used:
        licences[_licence(recording.licence)] = licences.get(_licence(recording.licence), 0) + 1
    return {
        "seed": config.seed,
        "config_sha256": config.sha256,
        "begins_with": _first_round(config),
        "teacher": Path(config.teacher.model).stem or None,
        "recordings_sha256": library.sha256,
        "split_sha256": hashlib.sha256((run_folder(config) / "split.csv").read_bytes()).hexdigest(),
        "date": datetime.now(UTC).date().isoformat(),
        "sources": sources,
        "licences": dict(sorted(licences.items(), key=lambda item: -item[1])),
    }


def _first_round(config: Config) -> dict[str, str] | None:
    """Name the configuration whose weights this run went on from, if it did."""
    if not config.train.begin_with:
        return None
    first = Config.load(config.train.begin_with)
    return {"name": first.name, "config_sha256": first.sha256}


def _licence(text: str) -> str:
    """Sum a row's licence up in a word or two."""
    for name in ("CC0", "CC BY-NC", "CC BY-SA", "CC BY", "ODbL", "MIT", "GPL", "Apache"):
        if name.lower().replace(" ", "-") in text.lower().replace(" ", "-"):
            return name
    return "other or not stated"
