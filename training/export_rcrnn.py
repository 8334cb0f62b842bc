"""From a trained R-CRNN to what ships: one .tflite file for every runtime, and its card."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from hearing import ModelCard, Sensitivity
from hearing.card import ATTENTION_CARD
from hearing.rcrnn_card import RcrnnCard, RegionConfig
from hearing.tflite import open_interpreter

from . import rcrnn
from .config import LABELS, Config, ConfigError
from .dataset import library_of
from .examples import REGION_FEATURES, REGIONS, taught_classes
from .export import provenance
from .suspicion import STEPS, calibrate
from .train import weights_of

TOLERANCE = 1e-3
"""Largest difference between Keras and either runtime."""

LIMITATIONS = (
    "Learnt from the same few recordings as the attention model: what neither has heard, neither knows.",
    "It only sees what the attention model suspects; a sound that the latter misses stays missed.",
    "Not a replacement for certified alarms.",
)


def export_rcrnn(
    config: Config, card_path: Path, attention_path: Path = ATTENTION_CARD, steps: Sequence[float] = STEPS
) -> RcrnnCard:
    """Convert the weights of a finished run, calibrate them behind an attention model, and save model and card.

    Raises:
        ConfigError: the run has not been trained yet.
        ValueError: Keras and a runtime disagree.
    """
    weights = weights_of(config)
    if not weights.is_file():
        raise ConfigError(f"{weights}: no such file; train first: python -m training train --config {config.name}")
    parts = rcrnn.build(config.rcrnn, taught_classes(config), unroll=True)
    parts.model.load_weights(weights)
    regions = replace(REGIONS, classifier=config.rcrnn.classifier)
    content = convert(parts, regions)
    worst = max(difference(parts, content, regions, runtime) for runtime in ("litert", "numpy"))
    if worst > TOLERANCE:
        raise ValueError(f"Keras and .tflite differ by {worst:.1e}, more than {TOLERANCE:.0e}")
    library, attention = library_of(config), ModelCard.load(attention_path)
    parameters = parts.proposer.count_params() + (parts.classifier.count_params() if parts.classifier else 0)
    card = RcrnnCard(
        path=card_path,
        name="rcrnn",
        version=datetime.now(UTC).strftime("%Y.%m.%d"),
        model=card_path.with_suffix(".tflite").name,
        labels=LABELS,
        attention_sha256=attention.sha256,
        suspicion={label: attention.thresholds[label][Sensitivity.HIGH] for label in LABELS},
        thresholds={label: dict.fromkeys(Sensitivity, 0.5) for label in LABELS},
        weight=0.5,
        content=content,
        features=REGION_FEATURES,
        regions=regions,
        training=provenance(config, library) | {"parameters": parameters},
        limitations=LIMITATIONS,
    )
    card = calibrate(card, attention, library, config.mixtures.workers, steps)
    card_path.parent.mkdir(parents=True, exist_ok=True)
    card.save()
    print(f"{card_path}: {len(content) / 1e3:.0f} kB, {parameters} parameters, differs from Keras by {worst:.1e}")
    return card


def convert(parts: rcrnn.Rcrnn, regions: RegionConfig) -> bytes:
    """Return one float .tflite file with the signatures "propose" and, where there is a classifier, "classify"."""
    archive = keras.export.ExportArchive()
    archive.track(parts.proposer)

    def propose(frames: tf.Tensor) -> dict[str, tf.Tensor]:
        features, scores, deltas = parts.proposer(frames, training=False)
        return {"features": features, "scores": scores, "deltas": deltas}

    frames = tf.TensorSpec((1, regions.clip_frames, REGION_FEATURES.mel_bands), tf.float32, name="frames")
    archive.add_endpoint("propose", propose, [frames])
    signatures = ["propose"]
    if (classifier := parts.classifier) is not None:
        archive.track(classifier)

        def classify(features: tf.Tensor, regions: tf.Tensor) -> dict[str, tf.Tensor]:
            logits, deltas = classifier([features, regions], training=False)
            return {"logits": logits, "deltas": deltas}

        width = parts.proposer.output_shape[0][-1]
        features = tf.TensorSpec((1, regions.steps, width), tf.float32, name="features")
        proposed = tf.TensorSpec((1, regions.proposals, 2), tf.float32, name="regions")
        archive.add_endpoint("classify", classify, [features, proposed])
        signatures.append("classify")
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=signatures)
        content: bytes = converter.convert()
    return content


def difference(parts: rcrnn.Rcrnn, content: bytes, regions: RegionConfig, runtime: str, clips: int = 4) -> float:
    """Return the largest difference of an output between the Keras models and the .tflite file."""
    interpreter = open_interpreter(content, runtime)
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(clips):
        frames = rng.normal(0, 1, (1, regions.clip_frames, REGION_FEATURES.mel_bands)).astype(np.float32)
        ours = interpreter.run("propose", frames=frames)
        for name, theirs in zip(("features", "scores", "deltas"), parts.proposer(frames, training=False), strict=True):
            worst = max(worst, float(np.abs(theirs.numpy() - ours[name]).max()))
        if parts.classifier is None:
            continue
        proposed = np.sort(rng.uniform(-5, regions.steps + 5, (1, regions.proposals, 2)), axis=2).astype(np.float32)
        judged = interpreter.run("classify", features=ours["features"], regions=proposed)
        expected = parts.classifier([ours["features"], proposed], training=False)
        for name, theirs in zip(("logits", "deltas"), expected, strict=True):
            worst = max(worst, float(np.abs(theirs.numpy() - judged[name]).max()))
    return worst
