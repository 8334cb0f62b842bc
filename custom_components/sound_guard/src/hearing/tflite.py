"""The only file that knows which TFLite runtimes there are."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .flatbuffer import ModelFormatError
from .numpy_tflite import NumpyInterpreter
from .tflite_file import Shapes, Signature, check_inputs

__all__ = ["Interpreter", "ModelFormatError", "RuntimeMissingError", "open_interpreter"]

LIBRARIES: Final = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
"""Where LiteRT and its predecessor keep the same class, by the name they are shown under; the first found is taken."""


Runner = Callable[..., dict[str, NDArray[np.float32]]]


class RuntimeMissingError(Exception):
    """A runtime was asked for by name and is not installed."""


class Interpreter(Protocol):
    """A loaded model. Keeps nothing from one run to the next, but is not threadsafe."""

    runtime: str
    """Which TFLite runtime it is: litert, tflite-runtime or numpy."""

    def shapes(self, signature: str) -> tuple[Shapes, Shapes]:
        """Return the shapes of a signature's inputs and of its outputs, by name.

        Raises:
            ValueError: the model has no such signature.
        """
        ...

    def run(self, signature: str, **inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return a signature's outputs for the given inputs, by name.

        Raises:
            ValueError: there is no such signature, or an input is missing, unknown or of another shape.
        """
        ...


def open_interpreter(content: bytes, runtime: str = "auto") -> Interpreter:
    """Load the bytes of a .tflite file.

    `runtime` is "litert" (or its predecessor), "numpy", or "auto": the first of them that is installed.

    Raises:
        ModelFormatError: the bytes are not a model that the runtime can run.
        RuntimeMissingError: "litert" was asked for and is not installed.
        ValueError: there is no such runtime.
    """
    if runtime not in ("auto", "litert", "numpy"):
        raise ValueError(f"the runtime must be auto, litert or numpy, not {runtime!r}")
    library = None if runtime == "numpy" else _find_library()
    if library is not None:
        return _LibraryInterpreter(content, *library)
    if runtime == "litert":
        raise RuntimeMissingError("LiteRT is not installed; install ai-edge-litert or choose another runtime")
    return NumpyInterpreter(content)


def _find_library() -> tuple[str, ModuleType] | None:
    for name, module in LIBRARIES.items():
        try:
            return name, importlib.import_module(module)
        except (ImportError, OSError):  # OSError: installed, but its shared library does not load here
            continue
    return None


class _LibraryInterpreter:
    """A model run by LiteRT or tflite-runtime, on one thread."""

    def __init__(self, content: bytes, runtime: str, library: ModuleType) -> None:
        """Load the model and run every signature once, which finds what the library cannot run."""
        self.runtime = runtime
        # The library trusts a file: a damaged one can take the whole process down with it, or all the memory there is.
        # NumPy checks everything, in milliseconds; and what it cannot run would not run in most homes anyway.
        checked = NumpyInterpreter(content)
        self._shapes = {name: checked.shapes(name) for name in checked.signatures}
        try:
            interpreter = library.Interpreter(model_content=content, num_threads=1)
            self._runners = {name: _runner(interpreter, name, checked.signatures[name]) for name in checked.signatures}
            for name, runner in self._runners.items():
                runner(**{key: np.zeros(shape, np.float32) for key, shape in self._shapes[name][0].items()})
        except (MemoryError, RuntimeError, ValueError) as error:
            raise ModelFormatError(f"{runtime} cannot run the model: {error}") from error

    def shapes(self, signature: str) -> tuple[Shapes, Shapes]:
        """Return the shapes of a signature's inputs and of its outputs, by name."""
        if signature not in self._shapes:
            raise ValueError(f"the model has no signature {signature!r}")
        return self._shapes[signature]

    def run(self, signature: str, **inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return a signature's outputs for the given inputs, by name."""
        # Inputs of other shapes would make the library plan its memory anew and return results of other shapes.
        check_inputs(inputs, self.shapes(signature)[0])
        return self._runners[signature](**inputs)


def _runner(interpreter: Any, name: str, signature: Signature) -> Runner:
    """Return a call that runs one signature."""
    if name in interpreter.get_signature_list():
        named: Runner = interpreter.get_signature_runner(name)
        return named
    interpreter.allocate_tensors()

    def run(**inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        for key, value in inputs.items():
            interpreter.set_tensor(signature.inputs[key], value)
        interpreter.invoke()
        return {key: interpreter.get_tensor(number) for key, number in signature.outputs.items()}

    return run
