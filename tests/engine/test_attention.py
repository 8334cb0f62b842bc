"""The attention model on the stream: only new sound is encoded, and the shapes are checked before anything is heard."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing.attention import AttentionModel
from hearing.card import CardError, ModelCard, Sensitivity, WindowConfig
from hearing.features import FeatureConfig

WINDOW = WindowConfig(chunk_frames=8, context_frames=3, frames_per_step=4, window_steps=6)
FEATURES = FeatureConfig(mel_bands=4)
type Shapes = dict[str, tuple[int, ...]]
LEVELS = dict.fromkeys(Sensitivity, 0.5)
CARD = ModelCard(
    path=Path("x.json"),
    name="x",
    version="1",
    model="x.tflite",
    labels=("glass_break",),
    thresholds={"glass_break": LEVELS},
    content=b"",
    features=FEATURES,
    window=WINDOW,
)


class FakeInterpreter:
    """Encodes a step as its newest frame, and scores a step by its first band."""

    runtime = "fake"

    def __init__(self, depth: int = 4) -> None:
        self.depth = depth
        self.encoded_frames = 0

    def shapes(self, signature: str) -> tuple[Shapes, Shapes]:
        inputs: Shapes = {"frames": (1, 11, 4)} if signature == "encode" else {"embeddings": (1, 6, self.depth)}
        outputs: Shapes = {"embedding": (1, 2, self.depth)} if signature == "encode" else {"logits": (1, 6, 1)}
        return inputs, outputs

    def run(self, signature: str, **inputs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if signature == "encode":
            assert inputs["frames"].shape == (1, 11, 4)
            self.encoded_frames += inputs["frames"].shape[1]
            return {"embedding": inputs["frames"][:, [6, 10]]}
        return {"logits": inputs["embeddings"][..., :1]}


def frames(count: int) -> NDArray[np.float32]:
    return np.arange(count, dtype=np.float32)[:, None] + np.zeros((1, 4), np.float32)


def test_each_chunk_gives_scores_over_the_whole_window() -> None:
    model = AttentionModel(CARD, FakeInterpreter())
    scores = model.push(frames(24))
    assert len(scores) == 3
    assert scores[-1].logits[:, 0].tolist() == [3, 7, 11, 15, 19, 23]
    assert scores[-1].step_s == pytest.approx(4 * 0.023)
    assert scores[-1].end_s == pytest.approx((24 - 1.5) * 0.023)


def test_before_the_stream_there_is_silence() -> None:
    scores = AttentionModel(CARD, FakeInterpreter()).push(frames(8))
    assert scores[0].logits[:4, 0].tolist() == pytest.approx([FEATURES.silence] * 4)


def test_only_new_sound_is_encoded() -> None:
    interpreter = FakeInterpreter()
    model = AttentionModel(CARD, interpreter)
    interpreter.encoded_frames = 0
    for _ in range(10):
        model.push(frames(8))
    assert interpreter.encoded_frames == 10 * (8 + 3)


def test_frames_wait_until_a_chunk_is_whole() -> None:
    model = AttentionModel(CARD, FakeInterpreter())
    assert model.push(frames(7)) == []
    assert len(model.push(frames(1))) == 1


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (replace(CARD, labels=("glass_break", "smoke_alarm")), "the tensors of 'attend' are"),
        (replace(CARD, features=FeatureConfig(mel_bands=8)), "the tensors of 'encode' are"),
        (replace(CARD, window=WindowConfig(8, 3, 4, 8)), "the tensors of 'attend' are"),
    ],
)
def test_a_model_that_does_not_fit_its_card_is_refused(card: ModelCard, reason: str) -> None:
    with pytest.raises(CardError, match=rf"x\.tflite: {reason}"):
        AttentionModel(card, FakeInterpreter())


def test_a_model_of_another_kind_is_refused() -> None:
    class Other(FakeInterpreter):
        def shapes(self, signature: str) -> tuple[Shapes, Shapes]:
            raise KeyError(signature)

    with pytest.raises(CardError, match="is no attention model"):
        AttentionModel(CARD, Other())
