"""The two networks, as training sees them: a model with one flat loss, by the configuration's choice."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hearing.attention import sigmoid
from hearing.rcrnn import softmax

from . import attention, rcrnn
from .config import LABELS, Config
from .examples import REGIONS, taught_classes


def build(config: Config) -> keras.Model:
    """Return a fresh model of what a configuration trains."""
    if config.network == "rcrnn":
        return rcrnn.build(config.rcrnn, taught_classes(config)).model
    return attention.build(config.attention, taught_classes(config)).model


def loss(config: Config) -> Any:
    """Return the loss, a function of targets and outputs."""
    if config.network == "rcrnn":
        return rcrnn.loss(config.rcrnn, taught_classes(config), config.teacher.weight)
    return attention.loss(config.train, config.teacher.weight)


def scores(config: Config, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the highest score of every label, (mixtures, labels), from a model's outputs."""
    if config.network == "attention":
        return np.asarray(outputs.max(axis=1), np.float32)
    settings, labels = config.rcrnn, len(LABELS)
    if not settings.classifier:
        return sigmoid(outputs[:, : REGIONS.anchors * labels]).reshape(len(outputs), -1, labels).max(axis=1)
    start = REGIONS.anchors * 3 + settings.proposals * 2
    judged = outputs[:, start : start + settings.proposals * (labels + 1)]
    return np.asarray(softmax(judged.reshape(len(outputs), -1, labels + 1))[..., :labels].max(axis=1), np.float32)
