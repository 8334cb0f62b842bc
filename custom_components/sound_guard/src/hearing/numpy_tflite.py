"""Runs .tflite files with NumPy alone, for machines that have no TensorFlow Lite, such as Home Assistant OS."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import numpy_layers, numpy_math, numpy_views, numpy_windows
from .numpy_node import Kernel
from .numpy_program import Program
from .tflite_file import Shapes, Signature, TfliteFile, check_inputs

KERNELS: Final[dict[str, Kernel]] = (
    numpy_layers.KERNELS | numpy_math.KERNELS | numpy_views.KERNELS | numpy_windows.KERNELS
)


class NumpyInterpreter:
    """One loaded model. Not threadsafe."""

    runtime = "numpy"

    def __init__(self, content: bytes) -> None:
        """Read the bytes of a .tflite file and compile the graph of every signature.

        Raises:
            ModelFormatError: they are no model, damaged, or use an operation that is not supported.
        """
        file = TfliteFile.parse(content)
        self.signatures: Mapping[str, Signature] = file.signatures
        """What the model can do, by name."""
        graphs = {signature.graph for signature in file.signatures.values()}
        self._programs = {number: Program(file.graphs[number], KERNELS) for number in sorted(graphs)}

    def shapes(self, signature: str) -> tuple[Shapes, Shapes]:
        """Return the shapes of a signature's inputs and of its outputs, by name.

        Raises:
            ValueError: the model has no such signature.
        """
        known, program = self._find(signature)
        arrays = program.arrays
        return (
            {name: arrays[number].shape for name, number in known.inputs.items()},
            {name: arrays[number].shape for name, number in known.outputs.items()},
        )

    def run(self, signature: str, **inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return a signature's outputs for the given inputs, by name.

        Raises:
            ValueError: there is no such signature, or an input is missing, unknown or of another shape.
        """
        known, program = self._find(signature)
        check_inputs(inputs, {name: program.arrays[number].shape for name, number in known.inputs.items()})
        for name, value in inputs.items():
            np.copyto(program.arrays[known.inputs[name]], value, casting="same_kind")
        with np.errstate(all="ignore"):  # infinity and NaN are values here, as in TensorFlow Lite
            program.run()
        return {name: program.arrays[number].copy() for name, number in known.outputs.items()}

    def _find(self, signature: str) -> tuple[Signature, Program]:
        if signature not in self.signatures:
            raise ValueError(f"the model has no signature {signature!r}")
        known = self.signatures[signature]
        return known, self._programs[known.graph]
