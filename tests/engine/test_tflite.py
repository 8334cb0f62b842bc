"""Which runtime is taken, and that both do the same: on good models, wrong inputs and damaged files."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import ai_edge_litert.interpreter as litert
import ai_edge_litert.schema_py_generated as schema
import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.typing import NDArray

from hearing.card import MODELS
from hearing.tflite import Interpreter, ModelFormatError, RuntimeMissingError, open_interpreter
from hearing.tflite_file import TfliteFile

SMALL = Path(__file__).with_name("data") / "two_signatures.tflite"
SHIPPED = sorted(MODELS.glob("*.tflite"))
RUNTIMES = ("litert", "numpy")

both_runtimes = pytest.mark.parametrize("runtime", RUNTIMES)
every_model = pytest.mark.parametrize("model", [SMALL, *SHIPPED], ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def small() -> bytes:
    return SMALL.read_bytes()


def missing(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)


def random_inputs(interpreter: Interpreter, signature: str, seed: int) -> dict[str, NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    shapes, _ = interpreter.shapes(signature)
    return {name: draw.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    """Return a model file after a change to its parts, written anew by the format's own library."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    edit(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class TestChoice:
    def test_litert_is_taken_where_it_is_installed(self, small: bytes) -> None:
        assert open_interpreter(small).runtime == "litert"

    def test_its_predecessor_will_do(self, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        missing(monkeypatch, "ai_edge_litert")
        threads: list[int | None] = []

        class Predecessor(litert.Interpreter):  # type: ignore[misc]  # LiteRT has no type information
            def __init__(self, model_content: bytes, num_threads: int) -> None:
                threads.append(num_threads)
                super().__init__(model_content=model_content, num_threads=num_threads)

        module = ModuleType("tflite_runtime.interpreter")
        module.Interpreter = Predecessor  # type: ignore[attr-defined]  # a module made by hand
        monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
        monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)
        for runtime in ("auto", "litert"):
            assert open_interpreter(small, runtime).runtime == "tflite-runtime"
        assert threads == [1, 1]

    def test_numpy_is_taken_where_neither_is_installed(self, small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        missing(monkeypatch, "ai_edge_litert", "tflite_runtime")
        assert open_interpreter(small).runtime == "numpy"

    def test_numpy_is_taken_where_litert_does_not_load(
        self, small: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        package = tmp_path / "ai_edge_litert"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "interpreter.py").write_text("raise OSError('libgcc_s.so.1: cannot open shared object file')")
        for name in [name for name in sys.modules if name.partition(".")[0] == "ai_edge_litert"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(tmp_path)
        missing(monkeypatch, "tflite_runtime")
        assert open_interpreter(small).runtime == "numpy"

    def test_litert_by_name_is_an_error_where_it_is_not_installed(
        self, small: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        missing(monkeypatch, "ai_edge_litert", "tflite_runtime")
        with pytest.raises(RuntimeMissingError, match="install ai-edge-litert"):
            open_interpreter(small, "litert")

    def test_numpy_by_name_is_taken_even_beside_litert(self, small: bytes) -> None:
        assert open_interpreter(small, "numpy").runtime == "numpy"

    def test_an_unknown_name_is_refused(self, small: bytes) -> None:
        with pytest.raises(ValueError, match="auto, litert or numpy, not 'fast'"):
            open_interpreter(small, "fast")


class TestRun:
    @every_model
    def test_both_runtimes_agree_on_random_inputs(self, model: Path) -> None:
        content = model.read_bytes()
        one, other = (open_interpreter(content, runtime) for runtime in RUNTIMES)
        for signature in ("propose", "classify") if model.stem == "rcrnn" else ("encode", "attend"):
            assert one.shapes(signature) == other.shapes(signature)
            for seed in range(100):
                inputs = random_inputs(one, signature, seed)
                expected, found = one.run(signature, **inputs), other.run(signature, **inputs)
                assert expected.keys() == found.keys() == one.shapes(signature)[1].keys()
                for name, value in expected.items():
                    np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4)

    def test_a_model_that_names_no_signature_has_the_default_one(self, small: bytes) -> None:
        def unname(model: Any) -> None:
            model.signatureDefs = None

        content = edited(small, unname)
        one, other = (open_interpreter(content, runtime) for runtime in RUNTIMES)
        inputs = random_inputs(one, "serving_default", 1)
        expected, found = one.run("serving_default", **inputs), other.run("serving_default", **inputs)
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5)

    @both_runtimes
    def test_results_stay_as_they_are_when_the_model_runs_again(self, small: bytes, runtime: str) -> None:
        interpreter = open_interpreter(small, runtime)
        inputs = random_inputs(interpreter, "attend", 1)
        before = {name: value.copy() for name, value in inputs.items()}
        first = interpreter.run("attend", **inputs)
        kept = {name: value.copy() for name, value in first.items()}
        interpreter.run("attend", **random_inputs(interpreter, "attend", 2))
        again = interpreter.run("attend", **inputs)
        for name, value in kept.items():
            np.testing.assert_array_equal(first[name], value)
            np.testing.assert_array_equal(again[name], value)
        for name, value in before.items():
            np.testing.assert_array_equal(inputs[name], value)

    @both_runtimes
    def test_inputs_that_do_not_fit_are_refused(self, small: bytes, runtime: str) -> None:
        interpreter = open_interpreter(small, runtime)
        good = random_inputs(interpreter, "attend", 1)
        longer = np.zeros((1, 7, 4), np.float32)
        for wrong in ({}, {"features": longer}, good | {"more": longer}, {"feature": good["features"]}):
            with pytest.raises(ValueError, match="the model takes"):
                interpreter.run("attend", **wrong)
        with pytest.raises(ValueError, match="no signature 'listen'"):
            interpreter.run("listen", **good)
        with pytest.raises(ValueError, match="no signature 'listen'"):
            interpreter.shapes("listen")


class TestDamage:
    @both_runtimes
    @pytest.mark.parametrize(
        "content",
        [b"", b"TFL3", b"not a model at all, but text", b"\x08\x00\x00\x00TFL3", b"\xff\xff\xff\xffTFL3" + bytes(64)],
    )
    def test_what_is_no_model_is_refused(self, content: bytes, runtime: str) -> None:
        with pytest.raises(ModelFormatError):
            open_interpreter(content, runtime)

    @both_runtimes
    def test_a_truncated_model_is_refused(self, small: bytes, runtime: str) -> None:
        for length in range(0, len(small) - 8, 37):
            with pytest.raises(ModelFormatError):
                open_interpreter(small[:length], runtime)

    @both_runtimes
    @every_model
    def test_flipped_bytes_make_a_model_that_runs_or_is_refused(self, model: Path, runtime: str) -> None:
        content = np.frombuffer(model.read_bytes(), np.uint8)
        refused = 0
        for seed in range(60 if model in SHIPPED else 300):
            draw = np.random.default_rng(seed)
            damaged = content.copy()
            places = draw.integers(0, content.size, 1 + content.size // 5_000)
            damaged[places] ^= draw.integers(1, 256, places.size).astype(np.uint8)
            try:
                interpreter = open_interpreter(damaged.tobytes(), runtime)
            except ModelFormatError:
                refused += 1
                continue
            for signature in TfliteFile.parse(damaged.tobytes()).signatures:
                interpreter.run(signature, **random_inputs(interpreter, signature, seed))
        assert refused

    @both_runtimes
    def test_an_operation_that_numpy_lacks_is_named_whatever_the_runtime(self, small: bytes, runtime: str) -> None:
        def replace_softmax(model: Any) -> None:
            code = next(each for each in model.operatorCodes if each.builtinCode == schema.BuiltinOperator.SOFTMAX)
            code.builtinCode = schema.BuiltinOperator.LOG_SOFTMAX

        with pytest.raises(ModelFormatError, match="LOG_SOFTMAX, which is not supported"):
            open_interpreter(edited(small, replace_softmax), runtime)

    @both_runtimes
    def test_an_enormous_tensor_is_refused_before_memory_is_taken(self, small: bytes, runtime: str) -> None:
        def enlarge(model: Any) -> None:
            model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape = [1, 2**31 - 1, 4]

        with pytest.raises(ModelFormatError, match="too large"):
            open_interpreter(edited(small, enlarge), runtime)

    @both_runtimes
    def test_a_result_of_another_shape_than_declared_is_refused(self, small: bytes, runtime: str) -> None:
        def change(model: Any) -> None:
            output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]]
            output.shape = [size + 1 for size in output.shape]

        with pytest.raises(ModelFormatError, match="makes"):
            open_interpreter(edited(small, change), runtime)

    @both_runtimes
    @pytest.mark.parametrize("side", ["inputs", "outputs"])
    def test_a_signature_of_values_inside_the_graph_is_refused(self, small: bytes, runtime: str, side: str) -> None:
        def change(model: Any) -> None:
            signature = model.signatureDefs[0]
            inside = model.subgraphs[signature.subgraphIndex].operators[0].outputs[0]
            getattr(signature, side)[0].tensorIndex = inside

        with pytest.raises(ModelFormatError, match="a signature does not name"):
            open_interpreter(edited(small, change), runtime)

    def test_parts_that_refer_to_each_other_over_and_over_do_not_hang(self) -> None:
        builder = flatbuffers.Builder(100_000)

        def many(item: int) -> int:
            builder.StartVector(4, 5_000, 4)
            for _ in range(5_000):
                builder.PrependUOffsetTRelative(item)
            return int(builder.EndVector())

        def table(fields: int, **vectors: int) -> int:
            builder.StartObject(fields)
            for field, vector in vectors.items():
                builder.PrependUOffsetTRelativeSlot(int(field.removeprefix("field")), vector, 0)
            return int(builder.EndObject())

        tensors = many(table(4))
        graphs = many(table(5, field0=tensors))
        builder.Finish(table(5, field2=graphs, field4=many(table(1))), b"TFL3")
        started = time.perf_counter()
        with pytest.raises(ModelFormatError, match="overlap"):
            open_interpreter(bytes(builder.Output()))
        assert time.perf_counter() - started < 5
