"""Arithmetic, activations and reductions of a .tflite graph, as NumPy calls."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .flatbuffer import DAMAGED, ModelFormatError
from .numpy_node import Kernel, Node
from .tflite_file import Array

# Arrays without dimensions: a Python number would be converted at every call.
ZERO, ONE, THREE, SIX = (np.array(value, np.float32) for value in (0, 1, 3, 6))

RELU: Final = 1
RELU6: Final = 3
"""The format's numbers for the activations it fuses with other operations; 0 is none."""

TILE_ELEMENTS: Final = 1_024
"""Length that short vectors are repeated to: NumPy is slow where its innermost loop is short."""


def activate(node: Node, result: Array, activation: int) -> None:
    """Apply the activation that the format fuses with an operation, by its number, in place.

    Raises:
        ModelFormatError: it is not supported.
    """
    if activation == 0:
        return
    if activation not in (RELU, RELU6):
        raise ModelFormatError(f"{node.name} with the activation {activation} is not supported")
    node.step(np.maximum, result, ZERO, out=result)
    if activation == RELU6:
        node.step(np.minimum, result, SIX, out=result)


def add_bias(node: Node, result: Array, number: int) -> None:
    """Add an input that is a constant vector, if it is there, to the last axis of a contiguous array, in place."""
    if node.optional(number) is None:
        return
    bias = node.constant(number)
    if bias.shape != result.shape[-1:]:
        raise ModelFormatError(f"{DAMAGED}: {node.name} adds {bias.shape} numbers to {result.shape}")
    repeats = run_length(result.size // bias.size, bias.size)
    rows = result.reshape(-1, repeats * bias.size)
    node.step(np.add, rows, np.tile(bias, repeats), out=rows)


def run_length(rows: int, width: int) -> int:
    """Return how many of `rows` rows to treat as one: a divisor of it that makes about TILE_ELEMENTS."""
    return max((count for count in range(1, TILE_ELEMENTS // max(1, width) + 1) if rows % count == 0), default=1)


def _binary(function: np.ufunc, whole: np.ufunc | None = None) -> Kernel:
    def kernel(node: Node) -> Array:
        left, right = node.inputs
        result = node.new(np.broadcast_shapes(left.shape, right.shape), left.dtype)
        real = left.dtype.kind == "f"
        node.step(function if real or whole is None else whole, left, right, out=result)
        if real and node.name in ("ADD", "DIV", "MUL", "SUB"):
            activate(node, result, node.options.byte(0))
        return result

    return kernel


def _unary(*functions: Callable[..., object]) -> Kernel:
    def kernel(node: Node) -> Array:
        source = node.input(0)
        result = node.new(source.shape, source.dtype)
        for function in functions:
            node.step(function, source, out=result)
            source = result
        return result

    return kernel


def _relu(activation: int) -> Kernel:
    def kernel(node: Node) -> Array:
        result = node.new(node.input(0).shape)
        node.step(np.maximum, node.input(0), ZERO, out=result)
        if activation == RELU6:
            node.step(np.minimum, result, SIX, out=result)
        return result

    return kernel


def _leaky_relu(node: Node) -> Array:
    source = node.input(0)
    result, below = node.new(source.shape), node.new(source.shape)
    node.step(np.minimum, source, ZERO, out=below)
    node.step(np.multiply, below, np.array(node.options.real(0), np.float32), out=below)
    node.step(np.maximum, source, ZERO, out=result)
    node.step(np.add, result, below, out=result)
    return result


def _hard_swish(node: Node) -> Array:
    source = node.input(0)
    result = node.new(source.shape)
    node.step(np.add, source, THREE, out=result)
    node.step(np.maximum, result, ZERO, out=result)
    node.step(np.minimum, result, SIX, out=result)
    node.step(np.multiply, result, source, out=result)
    node.step(np.divide, result, SIX, out=result)
    return result


def _logistic(node: Node) -> Array:
    result = node.new(node.input(0).shape)
    node.step(np.negative, node.input(0), out=result)
    node.step(np.exp, result, out=result)  # overflows to infinity, whose reciprocal is the right 0
    node.step(np.add, result, ONE, out=result)
    node.step(np.reciprocal, result, out=result)
    return result


def _softmax(node: Node) -> Array:
    source = node.input(0)
    result, row = node.new(source.shape), node.new((*source.shape[:-1], 1))
    node.step(np.maximum.reduce, source, axis=-1, out=row, keepdims=True)
    node.step(np.subtract, source, row, out=result)
    if (beta := node.options.real(0)) != 1:
        node.step(np.multiply, result, np.array(beta, np.float32), out=result)
    node.step(np.exp, result, out=result)
    node.step(np.add.reduce, result, axis=-1, out=row, keepdims=True)
    node.step(np.divide, result, row, out=result)
    return result


def _reduce(function: Any, mean: bool = False) -> Kernel:
    def kernel(node: Node) -> Array:
        source = node.input(0)
        axes = tuple({range(source.ndim)[axis] for axis in node.integers(1)})
        sizes = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
        result = node.new(sizes, source.dtype)
        node.step(function.reduce, source, axis=axes, out=result, keepdims=True)
        if mean:
            node.step(np.multiply, result, np.array(result.size / source.size, np.float32), out=result)
        return result if node.options.flag(0) else result.squeeze(axes)

    return kernel


KERNELS: dict[str, Kernel] = {
    "ADD": _binary(np.add),
    "SUB": _binary(np.subtract),
    "MUL": _binary(np.multiply),
    "DIV": _binary(np.divide, whole=np.floor_divide),
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "POW": _binary(np.power),
    "EXP": _unary(np.exp),
    "LOG": _unary(np.log),
    "SQRT": _unary(np.sqrt),
    "RSQRT": _unary(np.sqrt, np.reciprocal),
    "SQUARE": _unary(np.square),
    "NEG": _unary(np.negative),
    "ABS": _unary(np.absolute),
    "TANH": _unary(np.tanh),
    "LOGISTIC": _logistic,
    "RELU": _relu(RELU),
    "RELU6": _relu(RELU6),
    "LEAKY_RELU": _leaky_relu,
    "HARD_SWISH": _hard_swish,
    "SOFTMAX": _softmax,
    "SUM": _reduce(np.add),
    "MEAN": _reduce(np.add, mean=True),
    "REDUCE_MAX": _reduce(np.maximum),
    "REDUCE_MIN": _reduce(np.minimum),
}
