"""Several machines that train one model: each mixes and hears its own part of every batch, and they agree on each step.

They find each other by TF_CONFIG (https://www.tensorflow.org/guide/distributed_training) and speak through TensorFlow's
MultiWorkerMirroredStrategy. Each holds an ordinary Keras model; only gradients and batch statistics travel, so that a
step with many machines is the step that one alone would make of the whole batch.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

Step = Callable[[Any, Any], Any]
"""Frames and targets of one worker to the loss over all of them; the model has learnt from them."""


class Workers:
    """The machines that train together, without TF_CONFIG this one alone; made before TensorFlow does anything else."""

    def __init__(self) -> None:
        """Meet the other workers; waits for them.

        Raises:
            ValueError: TF_CONFIG names a task that is not in its cluster.
        """
        settings = json.loads(os.environ.get("TF_CONFIG") or "{}")
        cluster = settings.get("cluster", {})
        tasks = [(kind, number) for kind in ("chief", "worker") for number in range(len(cluster.get(kind, ())))]
        self.count = max(1, len(tasks))
        self.index = 0
        self._strategy = tf.distribute.get_strategy()
        if self.count > 1:
            self.index = tasks.index((settings["task"]["type"], int(settings["task"]["index"])))
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def first(self) -> bool:
        """Whether this worker keeps the checkpoints and what comes of them."""
        return self.index == 0

    def begin_alike(self, model: keras.Model) -> None:
        """Give every worker the first one's weights and state of the optimizer."""
        model.optimizer.build(model.trainable_variables)
        if self.count == 1:
            return
        for layer in _layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
        variables = [*model.variables, *model.optimizer.variables]
        for variable, value in zip(
            variables, self._of_first([tf.convert_to_tensor(v) for v in variables]), strict=True
        ):
            variable.assign(value)

    def meet(self) -> None:
        """Wait for all workers: one that leaves early would end the others."""
        if self.count > 1:
            self._of_first([tf.zeros(())])

    def training_step(self, model: keras.Model, loss: Callable[[Any, Any], Any]) -> Step:
        """Return the function that learns from one batch, of which each worker gives an equally large part."""

        def gradients(frames: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                value = loss(targets, model(frames, training=True))
            found = [value, *tape.gradient(value, model.trainable_variables)]
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, found)

        def learn(frames: Any, targets: Any) -> Any:
            value, *found = self._run(gradients, frames, targets)
            model.optimizer.apply(found)
            return value

        step: Step = tf.function(learn, autograph=False)
        return step

    def _of_first(self, values: list[Any]) -> Any:
        """Return the first worker's values, on every worker."""

        def shared() -> Any:
            given = values if self.first else [tf.zeros_like(value) for value in values]
            context = tf.distribute.get_replica_context()
            return [context.all_reduce(tf.distribute.ReduceOp.SUM, value) for value in given]  # each of its own type

        return tf.function(lambda: self._run(shared), autograph=False)()

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function as one of the workers; a machine with several GPUs is one worker for each."""
        return self._strategy.run(tf.autograph.experimental.do_not_convert(function), args=arguments)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
