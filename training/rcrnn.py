"""The R-CRNN in Keras: residual convolutions, a recurrent layer both ways, region proposals, and their classifier.

After Kao, Wang, Sun, Wang (Interspeech 2018), trained end to end with one loss of many tasks. The teacher's classes are
learnt on the side and never exported.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from hearing.rcrnn import anchors_s

from .config import LABELS, RcrnnConfig
from .examples import REGION_FEATURES, REGIONS, SPANS, STEP_S

POSITIVE_OVERLAP = 0.5
"""An anchor that overlaps a sound so much (intersection over union) stands for it."""

NEGATIVE_OVERLAP = 0.3
"""One that overlaps less, and does not lie in it, stands for none."""

REGION_OVERLAP = 0.4
"""A proposal that overlaps a sound so much is to be classified as it."""

INSIDE = 0.5
"""A region of which more lies in a sound is no example of anything else."""

HARDEST = 48
"""So many of a clip's background anchors teach, those that look most like a sound."""

STEP_WEIGHT = 2.0
"""Weight of steps in which a label sounds; they are rarer than others."""

BACKGROUND = len(LABELS)
ANCHORS_S = anchors_s(REGIONS, STEP_S)


@dataclass(frozen=True, slots=True)
class Rcrnn:
    """The model and the parts of it that are exported."""

    model: keras.Model
    """Frames (batch, clip_frames, bands) to everything that the loss needs, flat: for training."""

    proposer: keras.Model
    """Frames to features, scores and deltas of the anchors."""

    classifier: keras.Model | None
    """Features and regions to logits and deltas; None where the proposals name the sound by themselves."""


def build(config: RcrnnConfig, taught: int, *, unroll: bool = False) -> Rcrnn:
    """Return a fresh model; `unroll` writes the recurrence out step by step, as the exported file needs it."""
    frames = keras.Input((REGIONS.clip_frames, REGION_FEATURES.mel_bands), name="frames")
    features = _features(frames, config, unroll=unroll)
    scores, deltas = _proposals(features, 1 if config.classifier else len(LABELS))
    proposer = keras.Model(frames, [features, scores, deltas], name="proposer")
    parts = [scores, deltas]
    classifier = None
    if config.classifier:
        classifier = _classifier(config, features.shape[-1])
        regions = Proposals(config.proposals)([scores, deltas])
        parts += [regions, *classifier([features, regions])]
    if config.steps:
        parts.append(layers.Dense(len(LABELS), name="steps")(features))
    if taught:
        parts.append(layers.Dense(taught, name="taught")(features))
    flat = layers.Concatenate()([layers.Flatten()(part) for part in parts])
    return Rcrnn(keras.Model(frames, flat), proposer, classifier)


def _features(frames: Any, config: RcrnnConfig, *, unroll: bool) -> Any:
    """Return features of every step, (batch, steps, 2 * units)."""
    first, *others = config.channels
    x = layers.Reshape((REGIONS.clip_frames, REGION_FEATURES.mel_bands, 1))(frames)
    x = _active(layers.Conv2D(first, 5, strides=2, padding="same", use_bias=False)(x))
    for number, channels in enumerate(others):
        x = _residual(x, channels, strides=(2 if number == 0 else 1, 2))
    x = layers.AveragePooling2D((REGIONS.frames_per_step // 4, 1))(x)
    x = layers.Reshape((REGIONS.steps, x.shape[2] * x.shape[3]))(x)  # frequency becomes channels
    x = _active(layers.Dense(config.depth, use_bias=False)(x))
    x = layers.Dropout(0.2)(x)
    return layers.Bidirectional(layers.GRU(config.units, return_sequences=True, unroll=unroll))(x)


def _residual(x: Any, channels: int, strides: tuple[int, int]) -> Any:
    y = _active(layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False)(x))
    y = layers.BatchNormalization()(layers.Conv2D(channels, 3, padding="same", use_bias=False)(y))
    x = layers.BatchNormalization()(layers.Conv2D(channels, 1, strides=strides, use_bias=False)(x))
    return layers.ReLU()(layers.Add()([x, y]))


def _proposals(features: Any, count: int) -> tuple[Any, Any]:
    """Return logits (batch, anchors, count) and deltas (batch, anchors, 2) of the regions around every step."""
    lengths = len(REGIONS.anchors_s)
    x = layers.Conv1D(128, 3, padding="same", activation="relu")(features)
    bias = keras.initializers.Constant(-3.0)  # nearly all anchors hold nothing
    scores = layers.Dense(lengths * count, bias_initializer=bias)(x)
    deltas = layers.Dense(lengths * 2, kernel_initializer="zeros")(x)
    return layers.Reshape((REGIONS.anchors, count))(scores), layers.Reshape((REGIONS.anchors, 2))(deltas)


def _classifier(config: RcrnnConfig, width: int) -> keras.Model:
    features = keras.Input((REGIONS.steps, width), name="features")
    regions = keras.Input((None, 2), name="regions")
    x = Pooled(config.bins)([features, regions])
    x = layers.Dropout(0.3)(layers.Dense(config.hidden, activation="relu")(x))
    logits = layers.Dense(len(LABELS) + 1)(x)
    deltas = layers.Dense(2, kernel_initializer="zeros")(x)
    return keras.Model([features, regions], [logits, deltas], name="classifier")


def _active(x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(x))


@keras.saving.register_keras_serializable("sound_guard")
class Pooled(layers.Layer):  # type: ignore[misc]
    """The mean of the features in equal pieces of every region: (batch, regions, pieces * width)."""

    def __init__(self, bins: int, **kwargs: Any) -> None:
        """Divide every region into so many pieces."""
        super().__init__(**kwargs)
        self.bins = bins

    def get_config(self) -> dict[str, Any]:
        """Return what makes the layer again."""
        return {**super().get_config(), "bins": self.bins}

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return (batch, regions, pieces * width)."""
        features, regions = input_shape
        return (features[0], regions[1], self.bins * features[2])

    def call(self, inputs: Any) -> Any:
        """Weigh every step by how much of it lies in the piece; regions count in steps, and may reach outside."""
        features, regions = inputs
        steps, width = features.shape[1], features.shape[2]
        onset, offset = regions[..., :1], regions[..., 1:]
        piece = ops.maximum(offset - onset, 0.1) / self.bins
        left = onset + piece * np.arange(self.bins, dtype=np.float32)
        grid = np.arange(steps, dtype=np.float32)
        begin = ops.maximum(ops.expand_dims(left, -1), grid)
        end = ops.minimum(ops.expand_dims(left + piece, -1), grid + 1)
        weights = ops.maximum(end - begin, 0.0) / ops.expand_dims(piece, -1)
        count = regions.shape[1] if regions.shape[1] is not None else ops.shape(regions)[1]
        pooled = ops.matmul(ops.reshape(weights, (-1, count * self.bins, steps)), features)
        return ops.reshape(pooled, (-1, count, self.bins * width))


@keras.saving.register_keras_serializable("sound_guard")
class Proposals(layers.Layer):  # type: ignore[misc]
    """The regions that training classifies, (batch, proposals, 2) in steps: the best after suppression."""

    def __init__(self, count: int, **kwargs: Any) -> None:
        """Propose so many."""
        super().__init__(**kwargs)
        self.count = count

    def get_config(self) -> dict[str, Any]:
        """Return what makes the layer again."""
        return {**super().get_config(), "count": self.count}

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return (batch, proposals, 2)."""
        return (input_shape[0][0], self.count, 2)

    def call(self, inputs: Any) -> Any:
        """Suppress as the engine does; proposals are examples here, nothing is learnt through their borders."""
        scores, deltas = (tf.stop_gradient(each) for each in inputs)
        spans = _refined(ANCHORS_S, deltas)
        boxes = tf.stack((spans[..., 0], tf.zeros_like(spans[..., 0]), spans[..., 1], tf.ones_like(spans[..., 0])), -1)
        found = tf.image.combined_non_max_suppression(
            boxes[:, :, None],
            tf.sigmoid(scores),
            max_output_size_per_class=self.count,
            max_total_size=self.count,
            iou_threshold=REGIONS.proposal_overlap,
            score_threshold=0.0,
            clip_boxes=False,
        )
        return tf.stop_gradient(tf.stack((found.nmsed_boxes[..., 0], found.nmsed_boxes[..., 2]), -1) / STEP_S)


def loss(config: RcrnnConfig, taught: int, teacher_weight: float) -> Any:
    """Return the loss: which anchors hold a sound, which proposals which one, the borders of both, and the lessons."""
    count = 1 if config.classifier else len(LABELS)
    sizes = [REGIONS.anchors * count, REGIONS.anchors * 2]
    if config.classifier:
        sizes += [config.proposals * 2, config.proposals * (len(LABELS) + 1), config.proposals * 2]
    sizes += [REGIONS.steps * (len(LABELS) if config.steps else 0), REGIONS.steps * taught]

    def rcrnn_loss(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        spans = tf.reshape(targets[:, : SPANS * 4], (-1, SPANS, 4))
        scores, deltas, *judged, sounding, lessons = tf.split(outputs, sizes, axis=1)
        anchors = tf.tile(ANCHORS_S[None], (tf.shape(spans)[0], 1, 1))
        marks = _marks(anchors, spans, POSITIVE_OVERLAP, NEGATIVE_OVERLAP)
        # Every sound has an anchor that stands for it, however badly it fits.
        fits = marks.overlap >= tf.maximum(tf.reduce_max(marks.overlap, axis=1, keepdims=True), 0.15)
        positive = marks.positive | tf.reduce_any(fits, axis=2)
        scores = tf.reshape(scores, (-1, REGIONS.anchors, count))
        there = tf.cast(positive, tf.float32)[..., None]
        wanted = there if count == 1 else there * tf.one_hot(marks.label, count)
        blamed = tf.cast(marks.negative & ~positive, tf.float32)[..., None]
        if count > 1:  # a place of one sound is no place of the others
            blamed = blamed + there * (1 - tf.one_hot(marks.label, count))
        error = tf.nn.sigmoid_cross_entropy_with_logits(tf.stop_gradient(wanted), scores)
        total = _mean(error, wanted) + tf.add_n(
            [_hardest(error[..., i] * blamed[..., i], HARDEST) for i in range(count)]
        )
        total += _borders(anchors, tf.reshape(deltas, (-1, REGIONS.anchors, 2)), marks, positive)
        if judged:
            regions, logits, borders = judged
            total += _classified(spans, regions, logits, borders, config.proposals)
        _, known, wisdom = tf.split(targets, [SPANS * 4, REGIONS.steps * len(LABELS), REGIONS.steps * taught], axis=1)
        if config.steps:
            error = tf.nn.weighted_cross_entropy_with_logits(known, sounding, STEP_WEIGHT)
            total += config.steps * tf.reduce_mean(error)
        if taught:
            total += teacher_weight * tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wisdom, lessons))
        return total

    return rcrnn_loss


@dataclass(frozen=True, slots=True)
class _Marks:
    """How regions (batch, n) lie to the sounds (batch, n, SPANS)."""

    overlap: Any
    """Intersection over union with every sound that counts."""

    positive: Any
    negative: Any
    label: Any
    """Number of the label of the nearest sound."""

    nearest: Any
    """Onset and offset of the nearest sound, (batch, n, 2)."""


def _marks(regions: Any, spans: Any, positive: float, negative: float) -> _Marks:
    onset, offset = regions[..., :1], regions[..., 1:]
    shared = tf.maximum(0.0, tf.minimum(offset, spans[:, None, :, 2]) - tf.maximum(onset, spans[:, None, :, 1]))
    length = tf.maximum(offset - onset, 1e-3)
    union = length + (spans[:, None, :, 2] - spans[:, None, :, 1]) - shared
    there = tf.cast(spans[:, None, :, 0] >= 0, tf.float32)
    overlap = there * shared / tf.maximum(union, 1e-3)
    near = tf.reduce_any((overlap >= negative) | (there * shared / length >= INSIDE), axis=2)
    counted = overlap * tf.cast(spans[:, None, :, 3] > 0, tf.float32)
    which = tf.argmax(counted, axis=2)
    nearest = tf.gather(spans, which, batch_dims=1)
    good = tf.reduce_max(counted, axis=2) >= positive
    return _Marks(counted, good, ~near, tf.cast(nearest[..., 0], tf.int32), nearest[..., 1:3])


def _classified(spans: Any, regions: Any, logits: Any, deltas: Any, proposals: int) -> Any:
    """Return the loss of the classifier and of its borders."""
    regions = tf.reshape(regions, (-1, proposals, 2)) * STEP_S
    marks = _marks(regions, spans, REGION_OVERLAP, REGION_OVERLAP)
    real = tf.cast(regions[..., 1] - regions[..., 0] > 0.05, tf.float32)
    label = tf.where(marks.positive, marks.label, BACKGROUND)
    error = tf.nn.sparse_softmax_cross_entropy_with_logits(label, tf.reshape(logits, (-1, proposals, len(LABELS) + 1)))
    blamed = tf.cast(marks.negative & ~marks.positive, tf.float32) * real
    total = _mean(error, tf.cast(marks.positive, tf.float32)) + _hardest(error * blamed, proposals // 3)
    return total + _borders(regions, tf.reshape(deltas, (-1, proposals, 2)), marks, marks.positive)


def _borders(regions: Any, deltas: Any, marks: _Marks, chosen: Any) -> Any:
    """Return how far the borders of the chosen regions are off: a smooth L1 of shift and scale."""
    length = tf.maximum(regions[..., 1] - regions[..., 0], 0.05)
    sound_s = tf.maximum(marks.nearest[..., 1] - marks.nearest[..., 0], 0.05)
    shift = (tf.reduce_sum(marks.nearest, axis=-1) - tf.reduce_sum(regions, axis=-1)) / 2 / length
    wanted = tf.stop_gradient(tf.stack((shift, tf.math.log(sound_s / length)), -1))
    off = tf.abs(deltas - wanted)
    smooth = tf.reduce_sum(tf.where(off < 0.5, off**2, off - 0.25), axis=-1)
    return _mean(smooth, tf.cast(chosen, tf.float32))


def _refined(anchors: Any, deltas: Any) -> Any:
    """Return regions moved and scaled as `hearing.rcrnn.refined` does, for a whole batch."""
    length = anchors[:, 1] - anchors[:, 0]
    centre = (anchors[:, 0] + anchors[:, 1]) / 2 + deltas[..., 0] * length
    half = length * tf.exp(tf.clip_by_value(deltas[..., 1], -2.0, 2.0)) / 2
    return tf.stack((centre - half, centre + half), axis=-1)


def _mean(error: Any, weights: Any) -> Any:
    return tf.reduce_sum(error * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)


def _hardest(error: Any, count: int) -> Any:
    """Return the mean of the largest errors of every clip (batch, n)."""
    return tf.reduce_mean(tf.math.top_k(error, count).values)
