"""Windows that move over images: their geometry, pooling and resizing, as NumPy calls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .flatbuffer import DAMAGED, ModelFormatError
from .numpy_math import activate
from .numpy_node import Kernel, Node
from .tflite_file import Array

SAME: Final = 0
"""The format's number for the padding that makes the output as large as the input, divided by the stride; 1 is none."""

MAX_TAPS: Final = 4_096
"""Largest number of places in a window that takes a step each."""

MAX_SIDE: Final = 1 << 16
"""Longest side that an image is resized to."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How a window moves along the height or the width of an image."""

    size: int
    """Length of the image."""

    taps: int
    """Places in the window."""

    stride: int
    """Distance between window positions."""

    dilation: int
    """Distance between the places of a window."""

    same: bool
    """Whether zeros around the image let a window stand on every place of it."""

    def __post_init__(self) -> None:
        """Refuse what leaves no window.

        Raises:
            ModelFormatError: a number is not positive or the window is longer than the image.
        """
        if min(self.size, self.taps, self.stride, self.dilation) < 1 or self.count < 1:
            raise ModelFormatError(f"{DAMAGED}: a window does not fit its image: {self}")

    @property
    def span(self) -> int:
        """Distance from the first to one past the last place of a window."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def count(self) -> int:
        """Number of window positions."""
        return -(-self.size // self.stride) if self.same else (self.size - self.span) // self.stride + 1

    @property
    def missing(self) -> int:
        """Zeros to add at both ends together; the end gets the odd one."""
        return max(0, (self.count - 1) * self.stride + self.span - self.size) if self.same else 0

    @property
    def inside(self) -> slice:
        """Where the image lies once the zeros are added."""
        return slice(self.missing // 2, self.missing // 2 + self.size)


def image(node: Node, number: int = 0) -> Array:
    """Return an input of (images, height, width, channels).

    Raises:
        ModelFormatError: it has another number of axes.
    """
    array = node.input(number)
    if array.ndim != 4:
        raise ModelFormatError(f"{DAMAGED}: {node.name} works on {array.ndim} axes instead of 4")
    return array


def axes(node: Node, array: Array, taps: Sequence[int], dilation: Sequence[int] = (1, 1)) -> tuple[Axis, Axis]:
    """Return how windows of (height, width) places move over an image: padding and strides are the first settings."""
    if (padding := node.options.byte(0)) not in (SAME, 1):
        raise ModelFormatError(f"{DAMAGED}: {node.name} has the padding {padding}")
    same = padding == SAME
    high = Axis(array.shape[1], taps[0], node.options.integer(2), dilation[0], same)
    wide = Axis(array.shape[2], taps[1], node.options.integer(1), dilation[1], same)
    return high, wide


def padded(node: Node, array: Array, high: Axis, wide: Axis, value: float = 0.0) -> Array:
    """Return the image within a frame of `value`, if the windows need one."""
    if not high.missing and not wide.missing:
        return array
    count, height, width, channels = array.shape
    frame = node.lasting((count, height + high.missing, width + wide.missing, channels), value)
    node.step(np.copyto, frame[:, high.inside, wide.inside], array)
    return frame


def windows(array: Array, high: Axis, wide: Axis, *, writeable: bool = False) -> Array:
    """Return a view (images, rows, columns, height, width, channels) of all windows of a padded image."""
    rows = sliding_window_view(array, high.span, axis=1, writeable=writeable)
    places = sliding_window_view(rows, wide.span, axis=2, writeable=writeable)
    view: Array = places[:, :: high.stride, :: wide.stride, :, :: high.dilation, :: wide.dilation]
    return view.transpose(0, 1, 2, 4, 5, 3)


def _pool_2d(function: np.ufunc, outside: float) -> Kernel:
    def kernel(node: Node) -> Array:
        array, taps = image(node), (node.options.integer(4), node.options.integer(3))
        high, wide = axes(node, array, taps)
        if math.prod(taps) > MAX_TAPS:
            raise ModelFormatError(f"{node.name} over {taps} places is too large")
        view = windows(padded(node, array, high, wide, outside), high, wide)
        result = node.new((len(array), high.count, wide.count, array.shape[3]))
        node.work(result.size * math.prod(taps))
        first, *others = (view[..., row, column, :] for row, column in np.ndindex(taps))
        if not others:
            node.step(np.copyto, result, first)
        for place in others:
            node.step(function, first, place, out=result)
            first = result
        if function is np.add and others:
            node.step(np.multiply, result, _shares(array, high, wide), out=result)
        activate(node, result, node.options.byte(5))
        return result

    return kernel


def _shares(array: Array, high: Axis, wide: Axis) -> Array:
    """Return what to multiply each window's sum with to get its mean; places outside the image do not count."""
    if not high.missing and not wide.missing:
        return np.array(1 / (high.taps * wide.taps), np.float32)
    frame = np.zeros((1, array.shape[1] + high.missing, array.shape[2] + wide.missing, 1), np.float32)
    frame[:, high.inside, wide.inside] = 1
    counts: Array = windows(frame, high, wide).sum(axis=(3, 4))
    return 1 / counts


def _resize_nearest(node: Node) -> Array:
    array = image(node)
    align_corners, half_pixels = node.options.flag(0), node.options.flag(1)
    for axis, size in zip((1, 2), _new_size(node, align_corners, half_pixels), strict=True):
        if size == array.shape[axis]:
            continue
        places = (np.arange(size, dtype=np.float32) + np.float32(half_pixels / 2)) * _scale(
            array.shape[axis], size, align_corners
        )
        nearest = np.floor(places + np.float32(align_corners / 2)).astype(np.intp)
        result = node.new((*array.shape[:axis], size, *array.shape[axis + 1 :]))
        node.step(array.take, nearest, axis, out=result, mode="clip")
        array = result
    return array


def _resize_bilinear(node: Node) -> Array:
    array = image(node)
    align_corners, half_pixels = node.options.flag(2), node.options.flag(3)
    for axis, size in zip((1, 2), _new_size(node, align_corners, half_pixels), strict=True):
        before = array.shape[axis]
        if size == before:
            continue
        scale, half = _scale(before, size, align_corners), np.float32(half_pixels / 2)
        places = (np.arange(size, dtype=np.float32) + half) * scale - half
        lower = np.clip(np.floor(places), 0, before - 1).astype(np.intp)
        upper = np.clip(np.ceil(places), 0, before - 1).astype(np.intp)
        matrix = node.lasting((size, before), 0)
        np.add.at(matrix, (np.arange(size), lower), 1 - (places - lower))
        np.add.at(matrix, (np.arange(size), upper), places - lower)
        count, height, width, channels = array.shape
        columns = node.shaped(array, (count, before, -1) if axis == 1 else (count, height, width, channels))
        result = node.new((*columns.shape[:-2], size, columns.shape[-1]))
        node.work(result.size * before)
        node.step(np.matmul, matrix, columns, out=result)
        array = result.reshape(*array.shape[:axis], size, *array.shape[axis + 1 :])
    return array


def _new_size(node: Node, align_corners: bool, half_pixels: bool) -> tuple[int, ...]:
    size = node.integers(1)
    if len(size) != 2 or not 1 <= min(size) <= max(size) <= MAX_SIDE or (align_corners and half_pixels):
        raise ModelFormatError(f"{DAMAGED}: {node.name} to a size of {size}, aligned in two ways")
    return size


def _scale(before: int, after: int, align_corners: bool) -> np.float32:
    if align_corners and after > 1:
        return np.float32((before - 1) / (after - 1))
    return np.float32(before / after)


KERNELS: dict[str, Kernel] = {
    "AVERAGE_POOL_2D": _pool_2d(np.add, 0.0),
    "MAX_POOL_2D": _pool_2d(np.maximum, -np.inf),
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest,
    "RESIZE_BILINEAR": _resize_bilinear,
}
