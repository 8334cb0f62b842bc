"""The NumPy executor against LiteRT, on models that TensorFlow itself converted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from hearing.numpy_tflite import KERNELS
from hearing.tflite import Interpreter, ModelFormatError, open_interpreter
from hearing.tflite_file import DEFAULT_SIGNATURE, TfliteFile

Function = Callable[..., Any]
Shape = tuple[int | None, ...]

TOLERANCE = 1e-5


def weights(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(0, 0.3, shape).astype(np.float32)


def convert(function: Function, *shapes: Shape, weight_types: Sequence[tf.DType] | None = None) -> bytes:
    """Return a function of float arrays as the bytes of a .tflite file.

    `weight_types` compresses the weights: [tf.float16] to half, [] to what TensorFlow chooses, 8-bit integers.
    """
    specs = [tf.TensorSpec(shape, tf.float32, name=f"x{number}") for number, shape in enumerate(shapes)]
    traced = tf.function(function, input_signature=specs, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], traced)
    if weight_types is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = weight_types
    return bytes(converter.convert())


def operations(content: bytes) -> set[str]:
    return {operation.name for graph in TfliteFile.parse(content).graphs for operation in graph.operations}


def random_inputs(interpreter: Interpreter, signature: str, seed: int) -> dict[str, NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    return {
        name: draw.normal(0, 1, shape).astype(np.float32) for name, shape in interpreter.shapes(signature)[0].items()
    }


def assert_both_agree(content: bytes, tolerance: float = TOLERANCE) -> None:
    """Run LiteRT and NumPy on the same inputs, twice: nothing of the first run may be left in the second."""
    litert, numpy = open_interpreter(content, "litert"), open_interpreter(content, "numpy")
    for signature in TfliteFile.parse(content).signatures:
        assert litert.shapes(signature) == numpy.shapes(signature)
        for seed in (1, 2):
            inputs = random_inputs(numpy, signature, seed)
            expected, found = litert.run(signature, **inputs), numpy.run(signature, **inputs)
            assert expected.keys() == found.keys()
            for name, value in expected.items():
                assert found[name].dtype == value.dtype
                np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


IMAGE = (1, 13, 10, 6)
ROWS = (2, 7, 12)

CASES: list[tuple[str, Function, list[Shape]]] = [
    ("CONV_2D", lambda x: tf.nn.relu(tf.nn.conv2d(x, weights(5, 5, 6, 8), 2, "SAME") + weights(8)), [IMAGE]),
    ("CONV_2D", lambda x: tf.nn.relu6(9 * tf.nn.conv2d(x, weights(3, 4, 6, 8), 1, "VALID")), [(2, 13, 10, 6)]),
    ("CONV_2D", lambda x: tf.nn.conv2d(x, weights(3, 3, 1, 4), 1, "SAME"), [(1, 40, 30, 1)]),
    ("CONV_2D", lambda x: tf.nn.conv2d(x, weights(1, 1, 6, 5), (2, 3), "VALID"), [IMAGE]),
    ("CONV_2D", lambda x: tf.nn.conv2d(x, weights(1, 1, 64, 96), 1, "VALID"), [(1, 1, 300, 64)]),
    ("CONV_2D", lambda x: tf.nn.conv2d(x, weights(3, 3, 32, 32), 1, "SAME"), [(1, 60, 40, 32)]),
    ("CONV_2D", lambda x: keras.ops.conv(x, weights(3, 3, 6, 5), padding="valid", dilation_rate=2), [IMAGE]),
    ("CONV_2D", lambda x: keras.ops.conv(x, weights(5, 12, 4), strides=2, padding="same"), [ROWS]),
    ("DEPTHWISE_CONV_2D", lambda x: tf.nn.relu(keras.ops.depthwise_conv(x, weights(3, 3, 6, 1), 1, "same")), [IMAGE]),
    ("DEPTHWISE_CONV_2D", lambda x: keras.ops.depthwise_conv(x, weights(3, 3, 6, 1), 2, "same") + weights(6), [IMAGE]),
    ("DEPTHWISE_CONV_2D", lambda x: keras.ops.depthwise_conv(x, weights(4, 3, 6, 1), 3, "valid"), [(2, 13, 10, 6)]),
    ("DEPTHWISE_CONV_2D", lambda x: keras.ops.depthwise_conv(x, weights(2, 3, 6, 3), 1, "same"), [IMAGE]),
    ("DEPTHWISE_CONV_2D", lambda x: keras.ops.depthwise_conv(x, weights(9, 96, 1), 1, "same"), [(1, 112, 96)]),
    ("DEPTHWISE_CONV_2D", lambda x: keras.ops.depthwise_conv(x, weights(3, 3, 6, 1), 1, "valid", None, 2), [IMAGE]),
    ("TRANSPOSE_CONV", lambda x: tf.nn.conv2d_transpose(x, weights(3, 3, 4, 6), (1, 26, 20, 4), 2), [IMAGE]),
    (
        "TRANSPOSE_CONV",
        lambda x: tf.nn.conv2d_transpose(x, weights(3, 2, 4, 6), (1, 15, 11, 4), 1, "VALID") + weights(4),
        [IMAGE],
    ),
    ("FULLY_CONNECTED", lambda x: tf.nn.relu(x @ weights(12, 5) + weights(5)), [(3, 12)]),
    ("FULLY_CONNECTED", lambda x: keras.ops.matmul(x, weights(12, 5)), [ROWS]),
    ("BATCH_MATMUL", tf.matmul, [(2, 3, 7, 12), (2, 3, 12, 5)]),
    ("BATCH_MATMUL", lambda x, y: tf.matmul(x, y, transpose_a=True, transpose_b=True), [(2, 12, 7), (2, 5, 12)]),
    ("ADD", lambda x, y: tf.nn.relu(x + y), [ROWS, (12,)]),
    ("MUL", lambda x, y: x * y, [ROWS, (7, 1)]),
    ("SUB", lambda x, y: x - y, [ROWS, ROWS]),
    ("DIV", lambda x, y: x / (tf.abs(y) + 1), [ROWS, (1, 12)]),
    ("MAXIMUM", tf.maximum, [ROWS, (1, 12)]),
    ("MINIMUM", tf.minimum, [ROWS, ROWS]),
    ("POW", lambda x, y: tf.pow(tf.abs(x) + 0.5, y), [ROWS, (12,)]),
    ("EXP", tf.exp, [ROWS]),
    ("LOG", lambda x: tf.math.log(tf.abs(x) + 0.1), [ROWS]),
    ("SQRT", lambda x: tf.sqrt(tf.abs(x)), [ROWS]),
    ("RSQRT", lambda x: tf.math.rsqrt(tf.abs(x) + 0.1), [ROWS]),
    ("SQUARE", tf.square, [ROWS]),
    ("NEG", tf.negative, [ROWS]),
    ("ABS", tf.abs, [ROWS]),
    ("TANH", tf.tanh, [ROWS]),
    ("LOGISTIC", lambda x: tf.sigmoid(60 * x), [ROWS]),
    ("RELU", tf.nn.relu, [ROWS]),
    ("RELU6", lambda x: tf.nn.relu6(tf.exp(2 * x)), [ROWS]),
    ("LEAKY_RELU", lambda x: tf.nn.leaky_relu(x, 0.1), [ROWS]),
    ("HARD_SWISH", lambda x: x * tf.nn.relu6(x + 3) / 6, [IMAGE]),
    ("SOFTMAX", tf.nn.softmax, [ROWS]),
    ("SOFTMAX", lambda x: keras.ops.softmax(90 * x, axis=1), [ROWS]),
    ("SUM", lambda x: tf.reduce_sum(x, 1), [ROWS]),
    ("MEAN", lambda x: tf.reduce_mean(x, (1, 2), keepdims=True), [IMAGE]),
    ("MEAN", lambda x: tf.reduce_mean(x, -1), [ROWS]),
    ("REDUCE_MAX", lambda x: tf.reduce_max(x, 2), [ROWS]),
    ("REDUCE_MIN", lambda x: tf.reduce_min(x, 0), [ROWS]),
    ("AVERAGE_POOL_2D", lambda x: tf.nn.avg_pool2d(x, (3, 2), 2, "SAME"), [IMAGE]),
    ("AVERAGE_POOL_2D", lambda x: keras.ops.average_pool(x, 2), [ROWS]),
    ("MAX_POOL_2D", lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), [IMAGE]),
    ("MAX_POOL_2D", lambda x: tf.nn.max_pool2d(x, (1, 4), (1, 4), "VALID"), [IMAGE]),
    ("RESIZE_NEAREST_NEIGHBOR", lambda x: tf.image.resize(x, (26, 7), "nearest"), [IMAGE]),
    (
        "RESIZE_NEAREST_NEIGHBOR",
        lambda x: tf.compat.v1.image.resize_nearest_neighbor(x, (31, 17), align_corners=True),
        [IMAGE],
    ),
    ("RESIZE_BILINEAR", lambda x: tf.image.resize(x, (26, 7)), [IMAGE]),
    ("RESIZE_BILINEAR", lambda x: tf.compat.v1.image.resize_bilinear(x, (31, 10), align_corners=True), [IMAGE]),
    ("RESIZE_BILINEAR", lambda x: tf.compat.v1.image.resize_bilinear(x, (13, 25)), [(2, 13, 10, 6)]),
    ("CONCATENATION", lambda x, y: tf.concat([x, y, x], -1), [ROWS, (2, 7, 3)]),
    ("RESHAPE", lambda x: tf.reshape(tf.transpose(x, (0, 2, 1)), (4, -1)), [ROWS]),
    ("TRANSPOSE", lambda x: tf.transpose(x, (3, 1, 0, 2)) + 1, [(2, 3, 4, 5)]),
    ("PAD", lambda x: tf.pad(x, ((0, 0), (2, 1), (0, 3))), [ROWS]),
    ("PADV2", lambda x: tf.pad(x, ((0, 0), (2, 1), (0, 3)), constant_values=-1.5), [ROWS]),
    ("STRIDED_SLICE", lambda x: x[:, ::-2, 1:-1:3], [ROWS]),
    ("STRIDED_SLICE", lambda x: x[0, ..., tf.newaxis, -1] * 2, [IMAGE]),
    ("SLICE", lambda x: tf.slice(x, (0, 2, 3), (1, -1, 4)), [ROWS]),
    ("SPLIT", lambda x: tf.split(x, 3, -1), [ROWS]),
    ("SPLIT_V", lambda x: tf.split(x, (2, 7, 3), -1), [ROWS]),
    ("UNPACK", lambda x: tf.unstack(x, axis=1), [(2, 3, 4)]),
    ("PACK", lambda x, y: tf.stack([x, y], 1), [ROWS, ROWS]),
    ("GATHER", lambda x: tf.gather(x, (3, 1, 1), axis=2), [ROWS]),
    ("GATHER", lambda x: tf.gather(x, tf.cast(tf.abs(x[0, 0, :2]), tf.int32), axis=1), [ROWS]),
    ("SQUEEZE", lambda x: tf.squeeze(x, 1) * 2, [(None, 1, None)]),
    ("EXPAND_DIMS", lambda x: tf.expand_dims(x, 1) + tf.zeros((2, 3, 7, 12)), [(None, 7, 12)]),
    ("TILE", lambda x: tf.tile(x, (1, 2, 3)), [ROWS]),
    ("BROADCAST_TO", lambda x: tf.broadcast_to(x, (2, 7, 12)), [(7, 1)]),
    ("SHAPE", lambda x: tf.reshape(x, (tf.shape(x)[0], -1)), [(None, 7, 12)]),
    ("FILL", lambda x: tf.fill(tf.shape(x)[:2], 2.5) + tf.reduce_sum(x, 2), [(None, 7, 12)]),
    ("CAST", lambda x: tf.cast(tf.cast(3 * x, tf.int32), tf.float32), [ROWS]),
    ("REVERSE_V2", lambda x: tf.reverse(x, (1,)), [ROWS]),
]


@pytest.mark.parametrize(("operation", "function", "shapes"), CASES, ids=[case[0] for case in CASES])
def test_an_operation_gives_what_litert_gives(operation: str, function: Function, shapes: list[Shape]) -> None:
    content = convert(function, *shapes)
    assert operation in operations(content)
    assert_both_agree(content)


def test_every_operation_is_compared() -> None:
    compressed_only = {"DEQUANTIZE"}
    assert set(KERNELS) == {operation for operation, _, _ in CASES} | compressed_only


def compressible(x: tf.Tensor) -> tf.Tensor:
    hidden = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 6, 64), 1, "SAME") + weights(64))
    hidden = keras.ops.depthwise_conv(hidden, weights(3, 3, 64, 1), 1, "same")
    return tf.reduce_mean(hidden, (1, 2)) @ weights(64, 32)


def test_half_precision_weights_are_widened() -> None:
    content = convert(compressible, IMAGE, weight_types=[tf.float16])
    assert "DEQUANTIZE" in operations(content)
    assert len(content) < 0.6 * len(convert(compressible, IMAGE))
    assert_both_agree(content)


def test_weights_stored_as_small_integers_are_widened() -> None:
    content, full = convert(compressible, IMAGE, weight_types=[]), convert(compressible, IMAGE)
    assert len(content) < 0.6 * len(full)
    # LiteRT rounds the activations as well in such a model, so the uncompressed one is what to compare with.
    inputs = random_inputs(open_interpreter(full, "numpy"), DEFAULT_SIGNATURE, 1)
    (found,), (expected,) = (
        open_interpreter(each, "numpy").run(DEFAULT_SIGNATURE, **inputs).values() for each in (content, full)
    )
    assert 0 < np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def test_an_unrolled_recurrent_layer_agrees() -> None:
    layer = keras.layers.Bidirectional(keras.layers.GRU(16, return_sequences=True, unroll=True))
    assert_both_agree(convert(layer, (1, 9, 12)))


def test_an_operation_without_a_kernel_is_named_when_the_model_is_loaded() -> None:
    with pytest.raises(ModelFormatError, match="FLOOR_MOD, which is not supported"):
        open_interpreter(convert(lambda x: x % 3, ROWS), "numpy")


def encoder() -> keras.Model:
    """Return the shape of an attention model's front: convolutions that are valid in time, then frequency folded in."""
    layers = keras.layers
    image = keras.Input((41, 64, 1))
    hidden = layers.ZeroPadding2D(((0, 0), (1, 2)))(image)
    hidden = layers.Conv2D(16, 5, strides=2, use_bias=False)(hidden)
    hidden = layers.ReLU(6.0)(layers.BatchNormalization()(hidden))
    for width in (32, 48):
        hidden = layers.ZeroPadding2D(((0, 0), (1, 1)))(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, use_bias=False)(hidden)))
        hidden = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(hidden)))
        hidden = layers.AveragePooling2D((1, 2))(hidden)
    hidden = layers.Reshape((hidden.shape[1], hidden.shape[2] * hidden.shape[3]))(hidden)
    return keras.Model(image, layers.Conv1D(64, 1, activation="relu")(hidden))


def head() -> keras.Model:
    """Return the shape of its back: residual blocks at three time resolutions, fused into scores and attention."""
    layers = keras.layers

    def block(frames: Any) -> Any:
        hidden = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(96, 1, use_bias=False)(frames)))
        hidden = layers.DepthwiseConv1D(9, padding="same", use_bias=False)(hidden)
        hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
        return layers.Add()([frames, layers.BatchNormalization()(layers.Conv1D(64, 1, use_bias=False)(hidden))])

    frames = keras.Input((112, 64))
    whole = block(frames)
    half = block(layers.AveragePooling1D(2)(whole))
    quarter = block(layers.AveragePooling1D(2)(half))
    fused = layers.Concatenate()([whole, layers.UpSampling1D(2)(half), layers.UpSampling1D(4)(quarter)])
    scores = layers.Conv1D(3, 1)(fused)
    attention = layers.Softmax(axis=1)(scores)
    probability = keras.ops.sum(keras.ops.sigmoid(scores) * attention, axis=1)
    return keras.Model(frames, {"attention": attention, "probability": probability})


def hearing_only(model: keras.Model) -> Function:
    return lambda inputs: model(inputs, training=False)


def test_two_keras_models_in_one_file_agree_with_both_runtimes(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    models = {"encode": encoder(), "attend": head()}
    archive = keras.export.ExportArchive()
    for name, model in models.items():
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):  # as if trained
                layer.set_weights([np.random.default_rng(4).uniform(0.5, 1.5, each.shape) for each in layer.weights])
        archive.track(model)
        spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="inputs")
        archive.add_endpoint(name, hearing_only(model), input_signature=[spec])
    archive.write_out(tmp_path, verbose=False)
    content = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=[*models]).convert()

    interpreters = [open_interpreter(content, runtime) for runtime in ("litert", "numpy")]
    assert_both_agree(content, tolerance=1e-4)
    for name, model in models.items():
        inputs = random_inputs(interpreters[0], name, 5)
        expected = model(inputs["inputs"], training=False)
        expected = expected if isinstance(expected, dict) else {"output_0": expected}
        for interpreter in interpreters:
            found = interpreter.run(name, **inputs)
            assert found.keys() == expected.keys()
            for key, value in expected.items():
                np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-4)
