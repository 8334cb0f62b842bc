"""What a .tflite file says: its graphs, their tensors and operations, and the signatures that name them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .flatbuffer import DAMAGED, Flatbuffer, ModelFormatError, Table

Array = NDArray[Any]
Shapes = dict[str, tuple[int, ...]]

DEFAULT_SIGNATURE = "serving_default"
"""What the only signature is called in a file that names none."""

ABSENT = -1
"""Stands for an operand that an operation does without."""

MAX_AXES = 8
"""Of one tensor: more than any operation of the format takes."""

# By number, as the format's schema counts them; only used to name what cannot be run.
OPERATIONS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D
CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE
VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
""".split()

_OPTIONS = """
CONV_2D 1 DEPTHWISE_CONV_2D 2 AVERAGE_POOL_2D 5 MAX_POOL_2D 5 FULLY_CONNECTED 8 SOFTMAX 9 CONCATENATION 10 ADD 11
RESIZE_BILINEAR 15 RESHAPE 17 MUL 21 PAD 22 GATHER 23 TRANSPOSE 26 SUM 27 MEAN 27 REDUCE_MAX 27 REDUCE_MIN 27 SUB 28
DIV 29 SQUEEZE 30 STRIDED_SLICE 32 SPLIT 35 CAST 37 DEQUANTIZE 38 MAXIMUM 39 MINIMUM 39 PADV2 43 SLICE 48
TRANSPOSE_CONV 49 TILE 51 EXPAND_DIMS 52 SHAPE 55 POW 56 PACK 59 UNPACK 64 FILL 68 RESIZE_NEAREST_NEIGHBOR 74
LEAKY_RELU 75 SPLIT_V 79 REVERSE_V2 81 BATCH_MATMUL 101 BROADCAST_TO 104
""".split()
OPTIONS = dict(zip(_OPTIONS[::2], map(int, _OPTIONS[1::2]), strict=True))
"""The format's number for the settings of an operation. Others would be read as if they were these."""

# Number types that occur in models run here; others are only an error where they are used.
TYPES: Mapping[int, np.dtype[np.generic]] = {
    number: np.dtype(name) for number, name in enumerate("f4 f2 i4 u1 i8 - ? i2 - i1 f8".split()) if name != "-"
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One array of a graph."""

    name: str
    shape: tuple[int, ...]
    """Where the file leaves a size open, 1."""

    open_shape: tuple[int, ...]
    """The same with -1 where the file leaves a size open; empty where it says nothing."""

    dtype: np.dtype[np.generic] | None
    """None: a type that this package does not know."""

    stored: Array | None
    """The value as the file holds it, read-only; None where it comes from outside or from an operation."""

    scales: Array
    """What integers that stand for real numbers are multiplied with, one or one per channel; empty: plain numbers."""

    zero_points: Array
    """The integers that stand for 0.0, as many as scales."""

    channel_axis: int
    """The axis along which there is one scale per channel."""

    def allows(self, shape: tuple[int, ...]) -> bool:
        """Return whether the file lets the tensor have this shape."""
        expected = [
            size if declared == -1 else declared for declared, size in zip(self.open_shape, shape, strict=False)
        ]
        return not self.open_shape or (len(self.open_shape) == len(shape) and tuple(expected) == shape)

    def constant(self) -> Array | None:
        """Return the stored value, compressed weights (float16, scaled integers) as float32.

        Raises:
            ModelFormatError: the scales do not fit the value.
        """
        if self.stored is None:
            return None
        if self.stored.dtype == np.float16:
            return self.stored.astype(np.float32)
        if self.stored.dtype.kind not in "iu" or not self.scales.size:
            return self.stored
        value = self.stored.astype(np.float32)
        along = [1] * value.ndim
        if self.scales.size > 1:
            if not 0 <= self.channel_axis < value.ndim or value.shape[self.channel_axis] != self.scales.size:
                raise ModelFormatError(f"{DAMAGED}: the scales of {self.name} do not fit its shape")
            along[self.channel_axis] = self.scales.size
        if self.zero_points.size:
            value -= self.zero_points.astype(np.float32).reshape(along)
        value *= self.scales.astype(np.float32).reshape(along)
        return value


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a graph. Tensors are named by their number in it."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table
    """The settings; absent ones have the format's defaults."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Operations in the order in which they run."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """One thing the model can do: a graph and names for what goes in and comes out (tensor numbers)."""

    graph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TfliteFile:
    """A whole file, checked: every number in it points at something that is there."""

    graphs: tuple[Graph, ...]
    signatures: Mapping[str, Signature]
    """By name; a file that names none has the one DEFAULT_SIGNATURE."""

    @classmethod
    def parse(cls, content: bytes) -> "TfliteFile":
        """Read the bytes of a .tflite file.

        Raises:
            ModelFormatError: they are not one, or it is damaged.
        """
        root = Flatbuffer(content, b"TFL3").root
        operations = [_operation_name(code) for code in root.tables(1)]
        buffers = [buffer.array(0, np.uint8) for buffer in root.tables(4)]
        graphs = tuple(_graph(table, operations, buffers) for table in root.tables(2))
        if not graphs:
            raise ModelFormatError(f"{DAMAGED}: there is no graph in it")
        named = {table.text(2): _signature(table, graphs) for table in root.tables(7)}
        return cls(graphs, named or {DEFAULT_SIGNATURE: _default_signature(graphs[0])})


def check_inputs(inputs: Mapping[str, Array], shapes: Shapes) -> None:
    """Refuse inputs that are not the ones a signature asks for.

    Raises:
        ValueError: a name or a shape differs.
    """
    given = {name: value.shape for name, value in inputs.items()}
    if given != shapes:
        raise ValueError(f"the model takes {shapes}, not {given}")


def _operation_name(code: Table) -> str:
    # The first field is from the time when there were fewer than 128 operations.
    number = max(code.byte(0), code.integer(3))
    if number == OPERATIONS.index("CUSTOM"):
        return f"CUSTOM {code.text(1)}"
    return OPERATIONS[number] if 0 <= number < len(OPERATIONS) else f"number {number}"


def _graph(table: Table, names: list[str], buffers: list[Array]) -> Graph:
    tensors = tuple(_tensor(tensor, buffers) for tensor in table.tables(0))
    operations = []
    for operation in table.tables(3):
        code = operation.integer(0, layout="<I")
        if code >= len(names):
            raise ModelFormatError(f"{DAMAGED}: an operation has no name")
        inputs, outputs = operation.integers(1), operation.integers(2)
        _check_tensors((*(number for number in inputs if number != ABSENT), *outputs), tensors)
        if 4 in operation and names[code] in OPTIONS and operation.byte(3) != OPTIONS[names[code]]:
            raise ModelFormatError(f"{DAMAGED}: the settings of {names[code]} are those of another operation")
        operations.append(Operation(names[code], inputs, outputs, operation.table(4)))
    graph = Graph(tensors, table.integers(1), table.integers(2), tuple(operations))
    _check_tensors(graph.inputs + graph.outputs, tensors)
    return graph


def _tensor(table: Table, buffers: list[Array]) -> Tensor:
    name, shape, dtype = table.text(3), table.integers(0), TYPES.get(table.byte(1))
    buffer = table.integer(2, layout="<I")
    if buffer >= len(buffers) or any(size < 0 for size in shape) or len(shape) > MAX_AXES:
        raise ModelFormatError(f"{DAMAGED}: the tensor {name} has no place or no size")
    stored: Array | None = None
    # Buffer 0 means "none". Sparse values and unknown types stay unread, which is an error only where they are used.
    if buffer and buffers[buffer].size and dtype is not None and 6 not in table:
        if math.prod(shape) * dtype.itemsize != buffers[buffer].size:
            raise ModelFormatError(f"{DAMAGED}: the tensor {name} does not fill its shape")
        stored = buffers[buffer].view(dtype.newbyteorder("<")).reshape(shape)
    scaling = table.table(4)
    scales, zero_points, channel_axis = scaling.array(2, np.float32), scaling.array(3, np.int64), scaling.integer(6)
    return Tensor(name, shape, table.integers(7) or shape, dtype, stored, scales, zero_points, channel_axis)


def _signature(table: Table, graphs: tuple[Graph, ...]) -> Signature:
    index = table.integer(4, layout="<I")
    if index >= len(graphs):
        raise ModelFormatError(f"{DAMAGED}: a signature has no graph")
    graph = graphs[index]
    inputs = {entry.text(0): entry.integer(1, layout="<I") for entry in table.tables(0)}
    outputs = {entry.text(0): entry.integer(1, layout="<I") for entry in table.tables(1)}
    if sorted(inputs.values()) != sorted(graph.inputs) or not set(outputs.values()) <= set(graph.outputs):
        raise ModelFormatError(f"{DAMAGED}: a signature does not name what goes into its graph and comes out of it")
    return Signature(index, inputs, outputs)


def _default_signature(graph: Graph) -> Signature:
    def named(numbers: tuple[int, ...]) -> dict[str, int]:
        return {graph.tensors[number].name: number for number in numbers}

    return Signature(0, named(graph.inputs), named(graph.outputs))


def _check_tensors(numbers: tuple[int, ...], tensors: tuple[Tensor, ...]) -> None:
    if any(not 0 <= number < len(tensors) for number in numbers):
        raise ModelFormatError(f"{DAMAGED}: a tensor is missing")
