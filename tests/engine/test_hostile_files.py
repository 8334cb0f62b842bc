"""Files that were made to do harm: each of these once did, or would have."""

import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest

from fuzzing.operations import IMAGE, RECIPES, STRIDES, Array, Recipe, model_of
from hearing.card import ATTENTION_CARD, CardError, ModelCard
from hearing.features import FeatureConfig
from hearing.feedback import COLUMNS, MANIFEST, SUBTYPE, export_false_alarms
from hearing.rcrnn_card import RegionConfig
from hearing.tflite import ModelFormatError, open_interpreter
from hearing.wav import WavHeader

HUGE = 1 << 30


def whole(*numbers: int) -> Array:
    return np.array(numbers, np.int32)


def ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def refusal_of(content: bytes) -> str:
    """Return why a model is refused, which takes no time worth mentioning."""
    started_s = time.process_time()
    with pytest.raises(ModelFormatError) as caught:
        open_interpreter(content)
    assert time.process_time() - started_s < 1
    return str(caught.value)


def edited(content: bytes, edit: Callable[[Any], None]) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    edit(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class TestModel:
    @pytest.mark.parametrize(
        ("name", "recipe", "what"),
        [
            ("RESIZE_BILINEAR", ((IMAGE, whole(HUGE, 5)), 4, "ResizeBilinearOptions", {}), "to a size of"),
            ("RESIZE_NEAREST_NEIGHBOR", ((IMAGE, whole(5, HUGE)), 4, "ResizeNearestNeighborOptions", {}), "to a size"),
            ("RELU", (((1, 1 << 23),), 2, "", {}), "too large"),
            ("RELU", (((0, 1 << 30, 1 << 30, 1 << 30),), 4, "", {}), "too large"),
            ("RELU", (((1,) * 9,), 9, "", {}), "no size"),
            ("TILE", (((2, 3), whole(HUGE, HUGE)), 2, "TileOptions", {}), "too large"),
            ("BATCH_MATMUL", (((2_000, 2_000), (2_000, 2_000)), 2, "BatchMatMulOptions", {}), "too long to run"),
            ("FULLY_CONNECTED", (((1_000_000, 4), ones(5_000, 4)), 2, "FullyConnectedOptions", {}), "too large"),
            (
                "AVERAGE_POOL_2D",
                (((1, 1_500, 1_500, 1),), 4, "Pool2DOptions", {**STRIDES, "filterWidth": 64, "filterHeight": 64}),
                "too long to run",
            ),
            (
                "DEPTHWISE_CONV_2D",
                (((1, 2_000, 2_000, 1), ones(1, 31, 31, 1)), 4, "DepthwiseConv2DOptions", STRIDES),
                "too long to run",
            ),
            ("CONV_2D", (((60_000, 4, 4, 1), ones(1, 2, 2, 1)), 4, "Conv2DOptions", STRIDES), "too many steps"),
            ("SPLIT", ((whole(1), (2, 6)), 2, "SplitVOptions", {"numSplits": 3}), "those of another operation"),
        ],
    )
    def test_it_takes_neither_time_nor_memory_before_it_is_refused(self, name: str, recipe: Recipe, what: str) -> None:
        assert what in refusal_of(model_of(name, recipe))

    def test_weights_that_many_operations_share_are_counted_as_often(self) -> None:
        def repeat(model: Any) -> None:
            graph = model.subgraphs[0]
            graph.operators = graph.operators * 1_200

        once = model_of("FULLY_CONNECTED", (((1, 300), ones(200, 300)), 2, "FullyConnectedOptions", {}))
        assert open_interpreter(once).runtime == "litert"
        assert "too much memory" in refusal_of(edited(once, repeat))

    # LiteRT wants more than half-width weights that nobody uses.
    @pytest.mark.parametrize("name", sorted(set(RECIPES) - {"DEQUANTIZE"}))
    def test_every_operation_runs_alike_on_both_runtimes(self, name: str) -> None:
        content = model_of(name, RECIPES[name])
        one, other = (open_interpreter(content, runtime) for runtime in ("litert", "numpy"))
        assert one.shapes("serving_default") == other.shapes("serving_default")
        draw = np.random.default_rng(1)
        shapes, _ = one.shapes("serving_default")
        inputs = {key: draw.uniform(0.5, 1.5, shape).astype(np.float32) for key, shape in shapes.items()}
        expected, found = one.run("serving_default", **inputs), other.run("serving_default", **inputs)
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, atol=1e-5)


class TestCard:
    @pytest.fixture
    def card(self, tmp_path: Path) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(ATTENTION_CARD.read_text())
        (tmp_path / content["model"]).symlink_to(ATTENTION_CARD.with_name(content["model"]))
        return content

    def refusal_of(self, path: Path, text: str) -> str:
        path.write_text(text)
        with pytest.raises(CardError) as caught:
            ModelCard.load(path)
        return str(caught.value)

    @pytest.mark.parametrize(
        ("part", "field", "value"),
        [
            ("features", "fft_size", 1 << 28),
            ("features", "mel_bands", 1 << 20),
            ("features", "mel_bands", 2_000),
            ("features", "group_frames", 100_000),
            ("features", "hop_samples", 10**400),
            ("features", "hop_samples", 368.0),
            ("features", "hop_samples", True),
            ("features", "floor", float("nan")),
            ("features", "floor", "1e-9"),
            ("features", "floor", 1e-320),
            ("features", "window_samples", 1),
            ("window", "window_steps", 1 << 40),
            ("window", "context_frames", 1 << 40),
            ("window", "chunk_frames", None),
            ("decoder", "release_s", float("inf")),
            ("decoder", "release_s", 10**400),
            ("decoder", "pooling", ["max"]),
        ],
    )
    def test_a_number_that_would_take_all_memory_or_is_none_is_refused(
        self, tmp_path: Path, card: dict[str, Any], part: str, field: str, value: object
    ) -> None:
        card[part][field] = value
        assert "is damaged" in self.refusal_of(tmp_path / "card.json", json.dumps(card))

    @pytest.mark.parametrize("value", [10**400, float("nan"), [], {}, None, "high"])
    def test_a_threshold_that_is_no_share_is_refused(self, tmp_path: Path, card: dict[str, Any], value: object) -> None:
        card["thresholds"][card["labels"][0]]["low"] = value
        assert "is damaged" in self.refusal_of(tmp_path / "card.json", json.dumps(card))

    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    def test_a_card_that_is_nested_deeper_than_anybody_reads_is_refused(self, tmp_path: Path, opening: str) -> None:
        assert "not valid JSON" in self.refusal_of(tmp_path / "card.json", opening * 100_000)

    def test_a_card_of_an_endless_second_makes_no_front_end(self) -> None:
        with pytest.raises(ValueError, match="too large"):
            FeatureConfig(sample_rate_hz=1 << 40)

    @pytest.mark.parametrize(
        "wrong",
        [{"clip_frames": 1 << 40}, {"proposals": 1 << 20}, {"anchors_s": (1e308,)}, {"anchors_s": (1.0,) * 65}],
    )
    def test_regions_that_would_take_all_memory_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="too long"):
            RegionConfig(**wrong)


def test_a_wav_file_of_empty_pieces_keeps_nobody_busy() -> None:
    body = b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 1_000_000
    started_s = time.process_time()
    assert WavHeader.parse(io.BytesIO(body), len(body)) is None
    assert time.process_time() - started_s < 0.2


class TestExport:
    ROW = f"negative,{SUBTYPE},a.wav,,,a,,own recording"

    @pytest.mark.parametrize(
        "rows",
        [
            ["\xff"],
            [f"{ROW},more"],
            ["negative"],
            [ROW.replace("a.wav", "../a.wav")],
            [ROW.replace("a.wav", '"' + "x" * 200_000 + '"')],
            [ROW + "\0", '"'],
        ],
    )
    def test_a_list_that_is_not_ours_is_left_alone(self, tmp_path: Path, rows: Sequence[str]) -> None:
        manifest = tmp_path / MANIFEST
        manifest.write_text("\n".join([",".join(COLUMNS), *rows]), encoding="latin-1")
        before = manifest.read_bytes()
        with pytest.raises(FileExistsError):
            export_false_alarms(tmp_path, {})
        assert manifest.read_bytes() == before

    def test_a_list_that_a_power_cut_left_empty_begins_anew(self, tmp_path: Path) -> None:
        sound = tmp_path / "sound.wav"
        sound.write_bytes(b"RIFF")
        folder = tmp_path / "export"
        folder.mkdir()
        (folder / MANIFEST).touch()
        assert export_false_alarms(folder, {"b" * 32: sound}) == 1
