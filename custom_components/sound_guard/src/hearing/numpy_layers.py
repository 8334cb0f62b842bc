"""Convolutions and matrix products of a .tflite graph, as NumPy calls."""

import math
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .flatbuffer import DAMAGED, ModelFormatError
from .numpy_math import activate, add_bias, run_length
from .numpy_node import Kernel, Node
from .numpy_windows import MAX_TAPS, axes, image, padded, windows
from .tflite_file import Array

COLUMNS_ELEMENTS: Final = 1 << 16
"""Windows are laid out for the matrix product in pieces of about this size, which stay in the processor's cache."""


def _conv_2d(node: Node) -> Array:
    array, weights = image(node), node.constant(1)
    channels_out, *taps, channels = weights.shape
    if channels != array.shape[3]:
        raise ModelFormatError("CONV_2D in groups of channels is not supported")
    high, wide = axes(node, array, taps, (node.options.integer(5, 1), node.options.integer(4, 1)))
    result = node.new((len(array), high.count, wide.count, channels_out))
    rows = weights.reshape(channels_out, -1).T
    matrix = node.lasting(rows.shape, rows)
    if taps == [1, 1] and high.stride == wide.stride == 1:
        node.multiply(node.shaped(array, (-1, channels)), matrix, result.reshape(-1, channels_out))
    else:
        view = windows(padded(node, array, high, wide), high, wide)
        height = min(high.count, max(1, COLUMNS_ELEMENTS // (wide.count * len(matrix))))
        columns = node.new((height * wide.count * len(matrix),))
        for number, start in np.ndindex(len(array), -(-high.count // height)):
            piece = slice(start * height, (start + 1) * height)
            _multiply_windows(node, view[number, piece], matrix, result[number, piece], columns)
    add_bias(node, result, 2)
    activate(node, result, node.options.byte(3))
    return result


def _multiply_windows(node: Node, view: Array, matrix: Array, result: Array, columns: Array) -> None:
    """Add the product of windows (rows, columns, height, width, channels) with a matrix, by way of a scratch array."""
    rows, wide, *place = view.shape
    flat, columns = result.reshape(rows * wide, -1), columns[: view.size]
    # What lies together in the image should be copied together: the places of a window, or one place of all windows.
    if place[1] * place[2] >= wide:
        node.step(np.copyto, columns.reshape(view.shape), view)
        node.multiply(columns.reshape(len(flat), -1), matrix, flat)
    else:
        node.step(np.copyto, columns.reshape(*place, rows, wide), view.transpose(2, 3, 4, 0, 1))
        node.multiply(columns.reshape(-1, len(flat)).T, matrix, flat)


def _depthwise_conv_2d(node: Node) -> Array:
    array, weights = image(node), node.constant(1)
    _, *taps, channels = weights.shape
    high, wide = axes(node, array, taps, (node.options.integer(6, 1), node.options.integer(5, 1)))
    array = _repeated(node, padded(node, array, high, wide), channels)
    result = node.new((len(array), high.count, wide.count, channels))
    # Neighbouring positions are treated as one with more channels, so that the sums run over long rows.
    run = run_length(wide.count, channels) if wide.stride == 1 else 1
    length, dilation = run * channels, wide.dilation * channels
    rows = node.shaped(array, (len(array), array.shape[1], -1))
    spans = sliding_window_view(rows, (wide.taps - 1) * dilation + length, axis=2)[:, :, :: length * wide.stride]
    places = sliding_window_view(spans, length, axis=3)[:, :, :, ::dilation]
    places = sliding_window_view(places, high.span, axis=1)[:, :: high.stride, ..., :: high.dilation]
    sums = result.reshape(*result.shape[:2], -1, length)
    node.work(8 * result.size * high.taps * wide.taps)  # without the speed of a matrix product
    tiled = node.lasting((*taps, length), np.tile(weights[0], run))
    node.step(np.einsum, "nrbwci,iwc->nrbc", places, tiled, out=sums)
    add_bias(node, result, 2)
    activate(node, result, node.options.byte(4))
    return result


def _repeated(node: Node, array: Array, channels: int) -> Array:
    """Return the image with each channel repeated to make `channels` of them."""
    repeats = channels // array.shape[3]
    if repeats * array.shape[3] != channels:
        raise ModelFormatError(f"{DAMAGED}: the weights of {node.name} do not fit its input")
    if repeats == 1:
        return array
    result = node.new((*array.shape, repeats))
    node.step(np.copyto, result, array[..., None])
    return result.reshape(*array.shape[:3], channels)


def _transpose_conv(node: Node) -> Array:
    array, weights, shape = image(node, 2), node.constant(1), node.integers(0)
    channels_out, *taps, channels = weights.shape
    result = node.new(shape)
    # The convolution that this one turns around tells where each product goes.
    high, wide = axes(node, result, taps)
    if (*array.shape[:3], channels_out) != (shape[0], high.count, wide.count, shape[3]) or math.prod(taps) > MAX_TAPS:
        raise ModelFormatError(f"{DAMAGED}: the shapes of {node.name} do not fit together")
    frame = node.new((shape[0], shape[1] + high.missing, shape[2] + wide.missing, shape[3]))
    product = node.new((*array.shape[:3], channels_out))
    node.step(frame.fill, 0.0)
    view, rows = windows(frame, high, wide, writeable=True), node.shaped(array, (-1, channels))
    for row, column in np.ndindex(*taps):
        matrix = node.lasting((channels, channels_out), weights[:, row, column].T)
        node.multiply(rows, matrix, product.reshape(-1, channels_out))
        place = view[..., row, column, :]
        node.step(np.add, place, product, out=place)
    node.step(np.copyto, result, frame[:, high.inside, wide.inside])
    add_bias(node, result, 3)
    activate(node, result, node.options.byte(3))
    return result


def _fully_connected(node: Node) -> Array:
    array, weights = node.input(0), node.input(1)
    outputs, inputs = weights.shape
    rows = node.shaped(array, (-1, inputs))
    result = node.new((*array.shape[:-1], outputs) if node.options.flag(2) else (len(rows), outputs))
    matrix = node.lasting((inputs, outputs), weights.T) if node.is_constant(1) else weights.T
    node.multiply(rows, matrix, result.reshape(-1, outputs))
    add_bias(node, result, 2)
    activate(node, result, node.options.byte(0))
    return result


def _batch_matmul(node: Node) -> Array:
    left, right = node.inputs
    left = left.swapaxes(-1, -2) if node.options.flag(0) else left
    right = right.swapaxes(-1, -2) if node.options.flag(1) else right
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    result = node.new((*batch, left.shape[-2], right.shape[-1]))
    node.work(result.size * left.shape[-1])
    node.step(np.matmul, left, right, out=result)
    return result


KERNELS: dict[str, Kernel] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
}
