"""One operation of a .tflite graph while it becomes NumPy calls, and the memory those calls work in."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

from .flatbuffer import DAMAGED, ModelFormatError
from .tflite_file import Array, Operation, Tensor

MAX_ARRAY_ELEMENTS: Final = 1 << 22
"""Largest array; a damaged file must not take a home server's memory."""

MAX_PROGRAM_BYTES: Final = 1 << 28
"""Memory that all steps of a program together may write to."""

MAX_STEPS: Final = 10_000
"""Calls that one operation may become."""

MAX_MULTIPLICATIONS: Final = 1 << 32
"""Multiplications that a program may take, those of matrices and windows alone: about half a second's work."""

ONE_THREAD_MULTIPLICATIONS: Final = 1 << 18
"""Size of a matrix product up to which OpenBLAS stays in one thread. More threads than one per microphone would cost a
home server more than they save, so larger products are cut into pieces of this size."""

MIN_ROWS: Final = 16
"""Fewest rows in such a piece: below, most of the time would go into preparing the other matrix."""

FOREVER: Final = 1 << 62
"""A step number that never comes."""

NUMBERS = frozenset((np.float32, np.int32, np.int64, np.bool))
"""Types that can be computed with."""

Step = Callable[[], object]
Made = Array | Sequence[Array]


class Arena:
    """The memory of a program, and what it may do with it. What no later step reads is handed to the next one."""

    def __init__(self) -> None:
        """Start without memory."""
        self._multiplications = 0
        self._free: list[Array] = []
        self._lent: dict[int, tuple[Array, int]] = {}
        self._bytes = 0

    def new(self, shape: Sequence[int], dtype: DTypeLike, until: int) -> Array:
        """Return an array of unknown content, in use up to the step number `until`.

        FOREVER gives memory that no step before or after shares, for what is written once and must stay.

        Raises:
            ModelFormatError: it is too large, or all of them together are.
        """
        elements = math.prod(shape)
        size_bytes = max(1, elements * np.dtype(dtype).itemsize)
        # An empty array takes no memory, but even its axes can be too long for NumPy.
        spread = math.prod(max(1, size) for size in shape)
        if min(shape, default=1) < 0 or spread > MAX_ARRAY_ELEMENTS:
            raise ModelFormatError(f"the model needs an array of {tuple(shape)}, which is too large")
        self.take(size_bytes)
        fitting = (block for block in self._free if until != FOREVER and size_bytes <= block.size)
        block = min(fitting, key=np.size, default=None)
        if block is None:
            block = np.empty(size_bytes, np.uint8)
        else:
            self._free = [other for other in self._free if other is not block]
        self._lent[id(block)] = block, until
        return block[: elements * np.dtype(dtype).itemsize].view(dtype).reshape(shape)

    def take(self, size_bytes: int) -> None:
        """Count memory that is taken.

        Raises:
            ModelFormatError: all of it together would be too much.
        """
        self._bytes += size_bytes
        if self._bytes > MAX_PROGRAM_BYTES:
            raise ModelFormatError("the model is too large: it takes too much memory")

    def work(self, multiplications: int) -> None:
        """Count work that a step will do at every run.

        Raises:
            ModelFormatError: all of it together would take too long.
        """
        self._multiplications += multiplications
        if self._multiplications > MAX_MULTIPLICATIONS:
            raise ModelFormatError("the model takes too long to run")

    def keep(self, array: Array, until: int) -> None:
        """Note that a step as late as `until` reads the array, which may be a view of another one."""
        owner: Any = array
        while getattr(owner, "base", None) is not None:
            owner = owner.base
        if id(owner) in self._lent:
            self._lent[id(owner)] = owner, max(until, self._lent[id(owner)][1])

    def release(self, step: int) -> None:
        """Take back what no step after this one reads."""
        over = [key for key, (_, until) in self._lent.items() if until <= step]
        self._free += [self._lent.pop(key)[0] for key in over]


class Node:
    """One operation while it is being compiled: what it works on, and the steps it becomes."""

    def __init__(
        self,
        operation: Operation,
        inputs: Sequence[Array | None],
        constant: Sequence[bool],
        outputs: Sequence[Tensor],
        arena: Arena,
        position: int,
    ) -> None:
        """Gather what a kernel may ask for. `constant` tells which inputs never change."""
        self.name = operation.name
        self.options = operation.options
        self.outputs = outputs
        self.steps: list[Step] = []
        self._inputs = inputs
        self._constant = constant
        self._arena = arena
        self._position = position

    @property
    def inputs(self) -> list[Array]:
        """All inputs.

        Raises:
            ModelFormatError: one is left out.
        """
        return [self.input(number) for number in range(len(self._inputs))]

    def optional(self, number: int) -> Array | None:
        """Return an input, or None where it is left out."""
        return self._inputs[number] if number < len(self._inputs) else None

    def input(self, number: int) -> Array:
        """Return an input.

        Raises:
            ModelFormatError: it is left out.
        """
        if (array := self.optional(number)) is None:
            raise ModelFormatError(f"{DAMAGED}: {self.name} lacks an input")
        return array

    def is_constant(self, number: int) -> bool:
        """Return whether an input never changes."""
        return self._constant[number]

    def constant(self, number: int) -> Array:
        """Return an input that never changes.

        Raises:
            ModelFormatError: it is left out or only known while the model runs.
        """
        array = self.input(number)
        if not self.is_constant(number):
            raise ModelFormatError(f"{self.name} with a computed input {number} is not supported")
        return array

    def integers(self, number: int) -> tuple[int, ...]:
        """Return an input that is a list of constant whole numbers, such as a shape or axes."""
        array = self.constant(number)
        if array.dtype.kind != "i":
            raise ModelFormatError(f"{DAMAGED}: input {number} of {self.name} is not made of whole numbers")
        return tuple(int(value) for value in array.reshape(-1))

    def step(self, function: Callable[..., object], *arguments: object, **named: object) -> None:
        """Add a call to the program.

        Raises:
            ModelFormatError: these are too many.
        """
        if len(self.steps) >= MAX_STEPS:
            raise ModelFormatError(f"{self.name} takes too many steps")
        self.steps.append(partial(function, *arguments, **named))

    def new(self, shape: Sequence[int], dtype: DTypeLike = np.float32) -> Array:
        """Return a contiguous array that the steps of this node must fill at every run."""
        return self._arena.new(shape, dtype, self._position)

    def lasting(self, shape: Sequence[int], value: Array | float, dtype: DTypeLike = np.float32) -> Array:
        """Return an array that holds `value` and that no other node writes to."""
        array = self._arena.new(shape, dtype, FOREVER)
        array[...] = value
        return array

    def work(self, multiplications: int) -> None:
        """Count the multiplications of matrices or windows that the steps of this node do."""
        self._arena.work(multiplications)

    def shaped(self, array: Array, shape: Sequence[int]) -> Array:
        """Return the array in another shape: a view where possible, else a contiguous copy made at every run."""
        try:
            return array.reshape(shape, copy=False)
        except ValueError:
            copy = self.new(array.shape, array.dtype)
            self.step(np.copyto, copy, array)
            return copy.reshape(shape)

    def multiply(self, rows: Array, matrix: Array, result: Array) -> None:
        """Add the product of two matrices, (m, k) and (k, n), written to `result` (m, n)."""
        self.work(rows.size * matrix.shape[1])
        count = max(MIN_ROWS, ONE_THREAD_MULTIPLICATIONS // max(1, matrix.size))
        for start in range(0, len(rows), count):
            piece = slice(start, start + count)
            self.step(np.matmul, rows[piece], matrix, out=result[piece])


Kernel = Callable[[Node], Made]
"""Adds the steps of one kind of operation to a node and returns the arrays they fill."""


def computable(tensor: Tensor) -> np.dtype[np.generic]:
    """Return the type of a tensor that is filled while the model runs.

    Raises:
        ModelFormatError: NumPy does not compute with such numbers here.
    """
    if tensor.dtype is None or tensor.dtype.type not in NUMBERS or tensor.scales.size:
        raise ModelFormatError(f"the tensor {tensor.name} holds a kind of number that is not supported")
    return tensor.dtype
