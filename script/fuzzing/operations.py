"""Tiny .tflite files, one for each operation that the NumPy executor knows: hardly a byte in them is a weight."""

from collections.abc import Mapping, Sequence
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Recipe = tuple[Sequence[tuple[int, ...] | Array], int, str, Mapping[str, object]]
"""Inputs (a shape, or a constant), how many axes the results have, the class of the options, and the options."""

TYPES = {"float32": 0, "float16": 1, "int32": 2, "int64": 4, "bool": 6}

IMAGE = (1, 4, 6, 2)
STRIDES: Mapping[str, object] = {"strideW": 1, "strideH": 1}


def _ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def _whole(*numbers: object) -> Array:
    return np.array(numbers, np.int32)


RECIPES: Mapping[str, Recipe] = {
    "CONV_2D": ((IMAGE, _ones(3, 2, 3, 2), _ones(3)), 4, "Conv2DOptions", STRIDES),
    "DEPTHWISE_CONV_2D": (
        (IMAGE, _ones(1, 2, 3, 4), _ones(4)),
        4,
        "DepthwiseConv2DOptions",
        {**STRIDES, "depthMultiplier": 2, "fusedActivationFunction": 1},
    ),
    "TRANSPOSE_CONV": (
        (_whole(1, 8, 12, 3), _ones(3, 2, 2, 2), IMAGE),
        4,
        "TransposeConvOptions",
        {"strideW": 2, "strideH": 2},
    ),
    "FULLY_CONNECTED": (((3, 4), _ones(5, 4), _ones(5)), 2, "FullyConnectedOptions", {"fusedActivationFunction": 3}),
    "BATCH_MATMUL": (((2, 3, 4), (2, 5, 4)), 3, "BatchMatMulOptions", {"adjY": True}),
    **{name: (((2, 3), (1, 3)), 2, f"{name.title()}Options", {}) for name in ("ADD", "SUB", "MUL", "DIV")},
    **{name: (((2, 3), _ones(3)), 2, "MaximumMinimumOptions", {}) for name in ("MAXIMUM", "MINIMUM")},
    "POW": (((2, 3), _ones(1)), 2, "PowOptions", {}),
    **{
        name: (((2, 3),), 2, "", {})
        for name in "ABS EXP LOG SQRT RSQRT SQUARE NEG TANH LOGISTIC RELU RELU6 HARD_SWISH".split()
    },
    "LEAKY_RELU": (((2, 3),), 2, "LeakyReluOptions", {"alpha": 0.1}),
    "SOFTMAX": (((2, 3),), 2, "SoftmaxOptions", {"beta": 1.0}),
    **{
        name: (((2, 3, 4), _whole(0, -1)), 3, "ReducerOptions", {"keepDims": True})
        for name in ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN")
    },
    "BROADCAST_TO": (((1, 3), _whole(4, 3)), 2, "BroadcastToOptions", {}),
    "CAST": (((2, 3),), 2, "CastOptions", {}),
    "CONCATENATION": (((2, 3), (2, 5)), 2, "ConcatenationOptions", {"axis": 1}),
    "DEQUANTIZE": ((np.ones((2, 3), np.float16),), 2, "DequantizeOptions", {}),
    "EXPAND_DIMS": (((2, 3), _whole(1)), 3, "ExpandDimsOptions", {}),
    "FILL": ((_whole(2, 3), np.array(7, np.float32)), 2, "FillOptions", {}),
    "GATHER": (((4, 3), _whole(3, 0, 1)), 2, "GatherOptions", {"axis": 0}),
    "PACK": (((2, 3), (2, 3)), 3, "PackOptions", {"valuesCount": 2, "axis": 1}),
    "PAD": (((2, 3), _whole([1, 1], [0, 2])), 2, "PadOptions", {}),
    "PADV2": (((2, 3), _whole([1, 1], [0, 2]), _ones(1)), 2, "PadV2Options", {}),
    "RESHAPE": (((2, 6), _whole(3, -1)), 2, "ReshapeOptions", {}),
    "REVERSE_V2": (((2, 3), _whole(1)), 2, "ReverseV2Options", {}),
    "SHAPE": (((2, 3),), 1, "ShapeOptions", {"outType": 2}),
    "SLICE": (((4, 6), _whole(1, 2), _whole(2, -1)), 2, "SliceOptions", {}),
    "SPLIT": ((_whole(1), (2, 6)), 2, "SplitOptions", {"numSplits": 3}),
    "SPLIT_V": (((2, 6), _whole(1, 2, 3), _whole(1)), 2, "SplitVOptions", {"numSplits": 3}),
    "SQUEEZE": (((1, 6, 1),), 1, "SqueezeOptions", {"squeezeDims": [0, 2]}),
    "STRIDED_SLICE": (
        ((4, 6), _whole(0, 1), _whole(4, 5), _whole(2, 1)),
        2,
        "StridedSliceOptions",
        {"beginMask": 1, "endMask": 2},
    ),
    "TILE": (((2, 3), _whole(2, 1)), 2, "TileOptions", {}),
    "TRANSPOSE": (((2, 3, 4), _whole(2, 0, 1)), 3, "TransposeOptions", {}),
    "UNPACK": (((3, 2),), 1, "UnpackOptions", {"num": 3, "axis": 0}),
    **{
        name: ((IMAGE,), 4, "Pool2DOptions", {**STRIDES, "filterWidth": 2, "filterHeight": 3})
        for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    },
    "RESIZE_BILINEAR": ((IMAGE, _whole(7, 5)), 4, "ResizeBilinearOptions", {"halfPixelCenters": True}),
    "RESIZE_NEAREST_NEIGHBOR": ((IMAGE, _whole(7, 5)), 4, "ResizeNearestNeighborOptions", {}),
}


def model_of(name: str, recipe: Recipe) -> bytes:
    """Return a .tflite file that does one operation."""
    inputs, axes, options, settings = recipe
    graph, operation, code, model = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 2 if name == "BROADCAST_TO" else 1
    graph.tensors, graph.inputs, graph.operators = [], [], [operation]
    for number, each in enumerate(inputs):
        tensor = schema.TensorT()
        tensor.name = f"x{number}"
        if isinstance(each, np.ndarray):
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(each.tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.shape, tensor.type, tensor.buffer = list(each.shape), TYPES[each.dtype.name], len(model.buffers) - 1
        else:
            tensor.shape = list(each)
            graph.inputs.append(number)
        graph.tensors.append(tensor)
    results = {"SPLIT": 3, "SPLIT_V": 3, "UNPACK": 3}.get(name, 1)
    for number in range(results):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.shapeSignature = f"y{number}", [1] * axes, [-1] * axes
        tensor.type = TYPES["int32" if name == "SHAPE" else "float32"]
        graph.tensors.append(tensor)
    operation.inputs = list(range(len(inputs)))
    graph.outputs = operation.outputs = list(range(len(inputs), len(inputs) + results))
    if options:
        operation.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        operation.builtinOptions = getattr(schema, f"{options}T")()
        vars(operation.builtinOptions).update(settings)
    builder = flatbuffers.Builder(1_024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def samples() -> list[bytes]:
    """Return one file for each operation."""
    return [model_of(name, recipe) for name, recipe in RECIPES.items()]
