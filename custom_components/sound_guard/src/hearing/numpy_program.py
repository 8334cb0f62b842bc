"""A graph of a .tflite file as a flat list of NumPy calls on fixed arrays: running it costs little more than those."""

from collections.abc import Mapping, Sequence

import numpy as np

from .flatbuffer import DAMAGED, ModelFormatError
from .numpy_node import FOREVER, MAX_ARRAY_ELEMENTS, Arena, Kernel, Node, Step, computable
from .tflite_file import ABSENT, Array, Graph, Operation, Tensor


class Program:
    """A graph ready to run. Not threadsafe."""

    def __init__(self, graph: Graph, kernels: Mapping[str, Kernel]) -> None:
        """Compile the graph, running every step once on the way.

        Raises:
            ModelFormatError: an operation is unknown or does not fit what it works on; an input takes no real numbers.
        """
        self._graph = graph
        self._kernels = kernels
        self._arena = Arena()
        self._steps: list[Step] = []
        self._constants: set[int] = set()
        self.arrays: dict[int, Array] = {}
        """The array of each tensor that is known, by tensor number: inputs to fill, outputs to read."""
        for number in graph.inputs:
            tensor = graph.tensors[number]
            if (dtype := computable(tensor)).kind != "f":
                raise ModelFormatError(f"the input {tensor.name} takes {dtype}; only real numbers are supported")
            self.arrays[number] = self._arena.new(tensor.shape, dtype, FOREVER)
            self.arrays[number][...] = 0
        with np.errstate(all="ignore"):
            self._compile()

    def run(self) -> None:
        """Compute the outputs from what the input arrays hold."""
        for step in self._steps:
            step()

    def _compile(self) -> None:
        operations = self._graph.operations
        last_use = {number: position for position, each in enumerate(operations) for number in each.inputs}
        last_use |= dict.fromkeys(self._graph.outputs, FOREVER)
        for position, operation in enumerate(operations):
            try:
                self._add(operation, position, last_use)
            except ModelFormatError:
                raise
            except (ArithmeticError, IndexError, MemoryError, TypeError, ValueError) as error:
                raise ModelFormatError(f"{DAMAGED}: {operation.name} does not fit its inputs ({error})") from error
            self._arena.release(position)
        for number in self._graph.outputs:
            self._array(number)

    def _add(self, operation: Operation, position: int, last_use: Mapping[int, int]) -> None:
        if operation.name not in self._kernels:
            raise ModelFormatError(f"the model uses the operation {operation.name}, which is not supported")
        if not set(operation.outputs).isdisjoint(self._graph.inputs):
            raise ModelFormatError(f"{DAMAGED}: {operation.name} makes what is to come from outside")
        inputs = [None if number == ABSENT else self._array(number) for number in operation.inputs]
        constant = [number == ABSENT or number in self._constants for number in operation.inputs]
        outputs = [self._graph.tensors[number] for number in operation.outputs]
        # Every shape is known here, so whatever depends on constants and shapes alone is computed now, once.
        fixed = operation.name == "SHAPE" or all(constant)
        node = Node(operation, inputs, constant, outputs, self._arena, FOREVER if fixed else position)
        made = self._kernels[operation.name](node)
        arrays = [made] if isinstance(made, np.ndarray) else made
        _check(arrays, outputs, operation.name)
        for step in node.steps:
            step()
        if fixed:
            self._constants.update(operation.outputs)
        else:
            self._steps += node.steps
        for number, array in zip(operation.outputs, arrays, strict=True):
            self.arrays[number] = array
            self._arena.keep(array, last_use.get(number, position))

    def _array(self, number: int) -> Array:
        if number not in self.arrays:
            tensor = self._graph.tensors[number]
            if (constant := tensor.constant()) is None:
                raise ModelFormatError(f"{DAMAGED}: the tensor {tensor.name} is used before it is computed")
            if constant is not tensor.stored:
                # Many tensors may share what the file holds once, but not what becomes of it here.
                self._arena.take(constant.nbytes)
            self.arrays[number] = constant
            self._constants.add(number)
        return self.arrays[number]


def _check(arrays: Sequence[Array], outputs: Sequence[Tensor], name: str) -> None:
    """Compare what an operation was compiled to with what the file says of it."""
    if len(arrays) != len(outputs) or any(array.size > MAX_ARRAY_ELEMENTS for array in arrays):
        raise ModelFormatError(f"{DAMAGED}: {name} has the wrong number or size of results")
    for array, tensor in zip(arrays, outputs, strict=True):
        if not tensor.allows(array.shape):
            raise ModelFormatError(f"{DAMAGED}: {name} makes {array.shape}, not {tensor.open_shape}")
