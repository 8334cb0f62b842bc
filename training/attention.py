"""The attention model in Keras: an encoder that sees new sound only, and a head that attends to the whole window.

After Wang, Kao, Wang (Interspeech 2018): residual features whose time resolution is halved several times, fused, and
one vector per sound that scores every step; clip loss and frame loss share it.
"""

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from .config import LABELS, AttentionConfig, TrainConfig
from .examples import FEATURES, WINDOW, WINDOW_FRAMES


@dataclass(frozen=True, slots=True)
class Attention:
    """The model and the parts of it that are exported."""

    model: keras.Model
    """Frames (batch, WINDOW_FRAMES, bands) to logits (batch, steps, labels + the teacher's classes): for training."""

    encoder: keras.Model
    """Frames to embeddings."""

    head: keras.Model
    """Embeddings to logits of our own labels."""


def build(config: AttentionConfig, taught: int) -> Attention:
    """Return a fresh model; `taught` classes of a teacher are learnt on the side and never exported."""
    encoder = _encoder(config)
    embeddings = keras.Input((WINDOW.window_steps, config.depth), name="embeddings")
    fused = _fused(embeddings, config)
    logits = _score(fused, len(LABELS), "event_vectors")
    head = keras.Model(embeddings, logits, name="head")
    both = layers.Concatenate()([logits, _score(fused, taught, "taught")]) if taught else logits
    frames = keras.Input((WINDOW_FRAMES, FEATURES.mel_bands), name="frames")
    return Attention(keras.Model(frames, keras.Model(embeddings, both)(encoder(frames))), encoder, head)


def _score(fused: Any, count: int, name: str) -> Any:
    """Score every step by one vector per sound."""
    return layers.Reshape((WINDOW.window_steps, count))(layers.Conv2D(count, 1, name=name)(fused))


def _encoder(config: AttentionConfig) -> keras.Model:
    """Frames to embeddings; no padding in time, so that a chunk with its context gives what the whole window gives."""
    first, second, third, fourth = config.channels
    frames = keras.Input((None, FEATURES.mel_bands), name="frames")
    x = layers.Reshape((-1, FEATURES.mel_bands, 1))(frames)
    x = layers.ZeroPadding2D(((0, 0), (1, 2)))(x)
    x = _active(layers.Conv2D(first, 5, strides=2, use_bias=False)(x))  # time halved, 46 ms
    x = layers.ZeroPadding2D(((0, 0), (0, 1)))(x)
    x = _active(layers.Conv2D(second, 3, strides=(1, 2), use_bias=False)(x))
    x = layers.ZeroPadding2D(((0, 0), (0, 1)))(x)
    x = _active(layers.Conv2D(third, 3, strides=2, use_bias=False)(x))  # time halved, 92 ms
    x = layers.ZeroPadding2D(((0, 0), (0, 1)))(x)
    x = _active(layers.Conv2D(fourth, (1, 3), strides=(1, 2), use_bias=False)(x))
    x = layers.Reshape((-1, x.shape[2] * fourth))(x)  # frequency becomes channels
    x = _active(layers.Dense(config.depth, use_bias=False)(x))
    return keras.Model(frames, x, name="encoder")


def _fused(embeddings: Any, config: AttentionConfig) -> Any:
    """Return features of every step, from several time resolutions fused: (batch, steps, 1, depth)."""
    x = layers.Reshape((WINDOW.window_steps, 1, config.depth))(embeddings)
    fused = []
    for level in range(config.levels):
        if level:
            x = layers.AveragePooling2D((2, 1))(x)  # time halved again
        for _ in range(1 if level == 0 else 2):
            x = _residual(x, config.depth, kernel=5 if level == 0 else 9)
        # Weighing each level before it is stretched gives what a convolution over all of them would, for less.
        weighed = layers.Conv2D(config.depth, 1, use_bias=False)(x)
        fused.append(layers.UpSampling2D((2**level, 1))(weighed) if level else weighed)
    return _active(layers.Add()(fused) if len(fused) > 1 else fused[0])


def _residual(x: Any, depth: int, kernel: int) -> Any:
    y = _active(layers.Conv2D(depth, 1, use_bias=False)(x))
    y = _active(layers.DepthwiseConv2D((kernel, 1), padding="same", use_bias=False)(y))
    y = layers.BatchNormalization()(layers.Conv2D(depth, 1, use_bias=False)(y))
    return layers.Add()([x, y])


def _active(x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(x))


def loss(config: TrainConfig, teacher_weight: float) -> Any:
    """Return the loss of the paper: frame loss plus clip loss over the attention-weighted and the highest logit.

    Unlike the paper the frame loss is taken on all clips: silence must stay silent. Behind the labels, targets and
    logits hold the teacher's classes, which count by their frame loss alone.
    """
    own = len(LABELS)

    def attention_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        taught, targets = targets[..., own:], targets[..., :own]
        taught_logits, logits = logits[..., own:], logits[..., :own]
        frame = ops.mean(tf.nn.weighted_cross_entropy_with_logits(targets, logits, config.positive_weight))
        present = ops.max(targets, axis=1)
        probabilities = ops.sigmoid(logits)
        attention = probabilities / (ops.sum(probabilities, axis=1, keepdims=True) + 1e-12)
        pooled = ops.sum(attention * logits, axis=1)
        clip = tf.nn.sigmoid_cross_entropy_with_logits(present, pooled)
        best = tf.nn.sigmoid_cross_entropy_with_logits(present, ops.max(logits, axis=1))
        looked = ops.mean(clip) + 0.5 * ops.mean(best) if config.attention else 1.5 * ops.mean(best)
        own_loss = frame + config.clip_loss * looked
        if not taught_logits.shape[-1]:
            return own_loss
        return own_loss + teacher_weight * ops.mean(tf.nn.sigmoid_cross_entropy_with_logits(taught, taught_logits))

    return attention_loss
