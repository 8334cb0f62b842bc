"""Operations of a .tflite graph that move values about without computing: mostly views, which cost nothing."""

from typing import Any

import numpy as np

from .flatbuffer import DAMAGED, ModelFormatError
from .numpy_node import Kernel, Node, computable
from .tflite_file import Array


def _dequantize(node: Node) -> Array:
    # Compressed constants are widened when they are loaded; here they only pass.
    if node.input(0).dtype != np.float32:
        raise ModelFormatError("quantised models are not supported, only float ones with compressed weights")
    return node.input(0)


def _reshape(node: Node) -> Array:
    shape = node.integers(1) if node.optional(1) is not None else node.options.integers(0)
    return node.shaped(node.input(0), shape)


def _squeeze(node: Node) -> Array:
    return node.input(0).squeeze(node.options.integers(0) or None)


def _expand_dims(node: Node) -> Array:
    return np.expand_dims(node.input(0), node.integers(1))


def _transpose(node: Node) -> Array:
    return node.input(0).transpose(node.integers(1))


def _reverse(node: Node) -> Array:
    return np.flip(node.input(0), node.integers(1))


def _broadcast_to(node: Node) -> Array:
    return np.broadcast_to(node.input(0), node.integers(1))


def _fill(node: Node) -> Array:
    return np.broadcast_to(node.input(1).reshape(()), node.integers(0))


def _shape(node: Node) -> Array:
    return np.array(node.input(0).shape, computable(node.outputs[0]))


def _cast(node: Node) -> Array:
    source, dtype = node.input(0), computable(node.outputs[0])
    if source.dtype == dtype:
        return source
    result = node.new(source.shape, dtype)
    node.step(np.copyto, result, source, casting="unsafe")
    return result


def _tile(node: Node) -> Array:
    source, repeats = node.input(0), node.integers(1)
    shape = [count * size for count, size in zip(repeats, source.shape, strict=True)]
    if all(count == 1 or size == 1 for count, size in zip(repeats, source.shape, strict=True)):
        return np.broadcast_to(source, shape)
    result = node.new(shape, source.dtype)
    pairs = [number for pair in zip(repeats, source.shape, strict=True) for number in pair]
    node.step(np.copyto, result.reshape(pairs), np.expand_dims(source, tuple(range(0, 2 * source.ndim, 2))))
    return result


def _slice(node: Node) -> Array:
    source, starts, sizes = node.input(0), node.integers(1), node.integers(2)
    ends = [full if size == -1 else start + size for full, start, size in zip(source.shape, starts, sizes, strict=True)]
    if any(not 0 <= start <= end <= full for start, end, full in zip(starts, ends, source.shape, strict=True)):
        raise ModelFormatError(f"{DAMAGED}: a slice reaches beyond its array")
    return source[tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))]


def _strided_slice(node: Node) -> Array:
    starts, ends, strides = (node.integers(number) for number in (1, 2, 3))
    free_start, free_end, all_between, new_axis, single = (node.options.integer(field) for field in range(5))
    ends_count_from_start = node.options.flag(5)
    index: list[Any] = []
    for number, (start, end, stride) in enumerate(zip(starts, ends, strides, strict=True)):
        bit = 1 << number
        if all_between & bit:
            index.append(...)
        elif new_axis & bit:
            index.append(None)
        elif single & bit:
            index.append(start)
        else:
            stop = end + start if ends_count_from_start else end
            index.append(slice(None if free_start & bit else start, None if free_end & bit else stop, stride))
    # Without the dots NumPy would turn a single element into a number, which is no view.
    return node.input(0)[(*index, ...) if ... not in index else tuple(index)]


def _counted(node: Node, count: int) -> int:
    """Return the number of pieces, which the first setting repeats."""
    if node.options.integer(0) != count:
        raise ModelFormatError(f"{DAMAGED}: {node.name} has {count} pieces instead of {node.options.integer(0)}")
    return count


def _split(node: Node) -> list[Array]:
    (axis,) = node.integers(0)
    return np.split(node.input(1), _counted(node, len(node.outputs)), axis)


def _split_v(node: Node) -> list[Array]:
    source, sizes, (axis,) = node.input(0), list(node.integers(1)), node.integers(2)
    _counted(node, len(sizes))
    if -1 in sizes:
        sizes[sizes.index(-1)] = source.shape[axis] - sum(sizes) - 1
    if min(sizes) < 0 or sum(sizes) != source.shape[axis]:
        raise ModelFormatError(f"{DAMAGED}: the pieces of {node.name} do not make up the whole")
    return np.split(source, np.cumsum(sizes)[:-1], axis)


def _unpack(node: Node) -> list[Array]:
    items = np.moveaxis(node.input(0), node.options.integer(1), 0)
    return [items[number, ...] for number in range(_counted(node, len(items)))]


def _pack(node: Node) -> Array:
    axis = node.options.integer(1)
    _counted(node, len(node.inputs))
    return _joined(node, [np.expand_dims(array, axis) for array in node.inputs], axis)


def _concatenation(node: Node) -> Array:
    if node.options.byte(1):
        raise ModelFormatError("CONCATENATION with an activation is not supported")
    return _joined(node, node.inputs, node.options.integer(0))


def _joined(node: Node, arrays: list[Array], axis: int) -> Array:
    sizes = [array.shape[axis] for array in arrays]
    shape = list(arrays[0].shape)
    shape[axis] = sum(sizes)
    result = node.new(shape, arrays[0].dtype)
    for place, array in zip(np.split(result, np.cumsum(sizes)[:-1], axis), arrays, strict=True):
        if place.shape != array.shape:
            raise ModelFormatError(f"{DAMAGED}: {node.name} of arrays that do not fit together")
        node.step(np.copyto, place, array)
    return result


def _gather(node: Node) -> Array:
    source, numbers = node.input(0), node.input(1)
    axis = range(source.ndim)[node.options.integer(0)]
    if node.options.integer(1):
        raise ModelFormatError("GATHER in batches is not supported")
    if node.is_constant(1):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < source.shape[axis]:
            raise ModelFormatError(f"{DAMAGED}: {node.name} reaches beyond its array")
        if not numbers.ndim:
            return np.moveaxis(source, axis, 0)[int(numbers), ...]
        numbers = numbers.astype(np.intp)
    result = node.new((*source.shape[:axis], *numbers.shape, *source.shape[axis + 1 :]), source.dtype)
    node.step(source.take, numbers, axis, out=result, mode="clip")
    return result


def _pad(node: Node) -> Array:
    source, around = node.input(0), node.constant(1).reshape(-1, 2).tolist()
    value = node.constant(2) if node.optional(2) is not None else np.zeros(1, source.dtype)
    if min(map(min, around)) < 0:
        raise ModelFormatError(f"{DAMAGED}: {node.name} by a negative number")
    shape = [before + size + after for size, (before, after) in zip(source.shape, around, strict=True)]
    result = node.lasting(shape, value.reshape(()), source.dtype)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(source.shape, around, strict=True))
    node.step(np.copyto, result[inside], source)
    return result


KERNELS: dict[str, Kernel] = {
    "BROADCAST_TO": _broadcast_to,
    "CAST": _cast,
    "CONCATENATION": _concatenation,
    "DEQUANTIZE": _dequantize,
    "EXPAND_DIMS": _expand_dims,
    "FILL": _fill,
    "GATHER": _gather,
    "PACK": _pack,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "REVERSE_V2": _reverse,
    "SHAPE": _shape,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
